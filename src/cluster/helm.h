/*
 * helm.h: the helm program, run by argv without a shell, with values as JSON
 * on its standard input and an environment of its own. What it achieved is not
 * told here: the caller reads the release record afterwards (release.h).
 */
#ifndef CLUSTER_HELM_H
#define CLUSTER_HELM_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct helm {
	const char *program;
	const char *chart;
	const char *values_file; /* "": none */
	const char *kubeconfig;	 /* "": the pod's service account */
	const char *home;	 /* folder for helm's caches and settings */
	int timeout;		 /* seconds, for one run */
	int64_t deadline;	 /* monotonic; the shorter of both counts */
	int stop_fd;		 /* readable: helm gets TERM */
	int lock_fd;		 /* kept open by helm as descriptor 3, so that the lock outlives us */
};

enum { HELM_VERSION = 48 };

/*
 * The version ("3.22.0") if this helm is one that the platform is tested with;
 * ERR_HELM_UNUSABLE with the reason and the remedy otherwise.
 */
MUST_CHECK int helm_version(const struct helm *helm, char ret[HELM_VERSION], struct err *err);

/* The rule behind it: NULL if the version may be used, else what is wrong with it. */
const char *helm_refuse_version(const char *version);

/*
 * `upgrade --install`. -1 with the end of helm's own words (ERR_HELM_FAILED),
 * ERR_STOPPED, ERR_DEADLINE, or ERR_HELM_UNUSABLE if it could not be started.
 */
MUST_CHECK int helm_upgrade(const struct helm *helm, const char *release, const char *namespace,
			    const char *values, const char *digest, struct err *err);

/* Renders the chart without a cluster: 1; 0: chart or values are at fault, as err says; -1. */
MUST_CHECK int helm_render(const struct helm *helm, const char *release, const char *namespace,
			   const char *values, struct err *err);

MUST_CHECK int helm_uninstall(const struct helm *helm, const char *release, const char *namespace,
			      struct err *err);

#endif
