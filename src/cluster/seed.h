/*
 * seed.h: a shop that was made by the platform that this one grew out of, or by
 * hand with a chart of its layout: how it is known, and what has to be done to
 * it before it can be one of ours. Each of these things may be done again.
 */
#ifndef CLUSTER_SEED_H
#define CLUSTER_SEED_H

#include "base/names.h"
#include "cluster/chart.h"
#include "cluster/kube.h"

/* On the namespace: the values (chart.h) that its data does not let the chart choose. */
#define SEED_KEPT "store-platform.io/kept"

enum { SEED_CHART = 128, SEED_PLAN = 16, SEED_VERSION = 32 };

struct seed {
	char chart[SEED_CHART];		 /* "woocommerce-store 1.0.0" */
	char title[VALID_NAME_BYTES];	 /* what it calls the shop; "": nothing */
	char host[NAMES_HOST];		 /* where it answers now */
	char plan[SEED_PLAN];		 /* the smallest that has what its quota has */
	char admin_user[VALID_USER_BYTES];
	char store_id[VALID_UUID_BYTES]; /* of a try before this one; "": none */
	char maker[SEAL_ID];		 /* likewise */
	char version[SEED_VERSION];	 /* of the namespace object that was looked at */
	struct chart_kept kept;
};

/*
 * What its namespace says, and no more. 1; 0: there is none of that name, as err
 * says; -1: it is on its way out, or the cluster did not answer.
 */
MUST_CHECK int seed_find(struct kube *kube, const struct names *names, struct seed *ret,
			 struct err *err);

/*
 * Reads the rest of what was found, and changes nothing but our own right to do
 * so. 1: it is such a shop, whole and at rest; 0: it is none, as err says; -1: it
 * is one that cannot be taken over as it is, or the cluster did not answer.
 */
MUST_CHECK int seed_look(struct kube *kube, const struct names *names, struct seed *seed,
			 struct err *err);

/* Its Secrets outlive the next upgrade, and its old init Job goes. */
MUST_CHECK int seed_keep(struct kube *kube, const struct names *names, const char *store_id,
			 struct err *err);

/* Its namespace becomes ours, unless somebody changed it since the look. */
MUST_CHECK int seed_label(struct kube *kube, const struct names *names, const struct seed *seed,
			  const char *store_id, const char *maker, struct err *err);

/* 1: the namespace says what has to be kept; 0: it does not, -1: it cannot be read. */
MUST_CHECK int seed_kept(const struct json *namespace, struct chart_kept *ret, struct err *err);

#endif
