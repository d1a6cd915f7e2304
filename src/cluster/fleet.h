/*
 * fleet.h: what the cluster has of all stores at once: one list a kind of
 * object, in pages. Only helm's records take a call a store, as they are Secrets,
 * which the platform may read in its stores' namespaces alone (grant.h). What a
 * store lacks is a pure rule.
 */
#ifndef CLUSTER_FLEET_H
#define CLUSTER_FLEET_H

#include <stdbool.h>

#include "base/names.h"
#include "cluster/kube.h"
#include "cluster/quota.h"
#include "cluster/release.h"

/* What a page of a list said about an object. */
enum fleet_found {
	FLEET_MISSING,
	FLEET_BAD,    /* a workload is not ready, a volume not bound */
	FLEET_ZERO,   /* a workload is scaled to nothing */
	FLEET_ENDING, /* somebody deletes it */
	FLEET_THERE,
};

enum { FLEET_CLAIMS = 2, FLEET_CLAIM_NAME = NAMES_OBJECT + 24 };

struct fleet_member {
	char id[VALID_UUID_BYTES];
	struct names names;
	char claims[FLEET_CLAIMS][FLEET_CLAIM_NAME];
	enum fleet_found namespace, database, wordpress, claim[FLEET_CLAIMS];
	bool foreign; /* the namespace carries another store's id */
	bool locked;  /* its Secrets may not be read: release is not known */
	enum release_status release;
	int revision;
	char resources[QUOTA_TEXT]; /* "": not known */
};

/* A namespace with the platform's label. */
struct fleet_namespace {
	char name[NAMES_OBJECT];
	char uid[VALID_UUID_BYTES];
	char store_id[VALID_UUID_BYTES]; /* "": its label is no store's */
	char maker[SEAL_ID];		 /* "": it does not say */
	bool ending;
};

struct fleet {
	struct fleet_member *members; /* by namespace, ascending */
	size_t count;
	struct fleet_namespace *namespaces;
	size_t found;
};

/* Makes room for one store more; slug has to be valid, and greater than the last one. */
MUST_CHECK int fleet_add(struct fleet *fleet, const char *id, const char *slug, struct err *err);
void fleet_free(struct fleet *fleet);

/* Asks the cluster about all of them; -1 if one list is not whole, so that nothing is missed falsely. */
MUST_CHECK int fleet_look(struct kube *kube, struct fleet *fleet, struct err *err);

/* What is wrong with a store, with what to do; false and "" if nothing is. */
bool fleet_judge(const struct fleet_member *m, char ret[ERR_TEXT_MAX]);

#endif
