/*
 * diagnose.h: collects from the cluster what cause.h judges.
 */
#ifndef CLUSTER_DIAGNOSE_H
#define CLUSTER_DIAGNOSE_H

#include "cluster/cause.h"
#include "cluster/kube.h"

struct diagnose_part {
	const char *namespace;
	const char *component;	/* label of the part's pods */
	const char *part;	/* what people call it */
	int64_t since;		/* wall clock: warnings before it are of an earlier attempt */
	const char *secrets[2]; /* Secrets whose passwords no quoted log may show */
};

/* workload: the part's StatefulSet, Deployment or Job; NULL if it is missing. */
MUST_CHECK int diagnose(struct kube *kube, const struct diagnose_part *part,
			const struct json *workload, struct cause *ret, struct err *err);

/*
 * Whether the pod is one of the workload and not on its way out. A Job of an
 * older revision has pods with the same labels.
 */
bool diagnose_owns(const struct json *workload, const struct json *pod);

#endif
