/*
 * access.h: the platform's own account in the cluster. What it is and what it may do
 * stands once, in charts/cluster-access.yaml: access_apply() gives it that, with an
 * administrator's credential, and access_check() asks with its own for each right.
 */
#ifndef CLUSTER_ACCESS_H
#define CLUSTER_ACCESS_H

#include <stdbool.h>

#include "cluster/kube.h"

#define ACCESS_FILE "cluster-access.yaml"
#define ACCESS_ISSUER "cluster-issuer.yaml"
#define ACCESS_CERT_MANAGER "cert-manager.io"

enum { ACCESS_TOKEN = 8192 };

/* Makes every object of the file, or makes it what the file says. */
MUST_CHECK int access_apply(struct kube *kube, const char *path, struct err *err);

/* The account's token, which the cluster makes a moment after its Secret. The caller wipes it. */
MUST_CHECK int access_token(struct kube *kube, char ret[ACCESS_TOKEN], struct err *err);

/* One right; namespace and name: NULL where it is not about one alone. */
struct access_right {
	const char *group, *resource, *verb, *namespace, *name;
};

/* Whether the credential that kube has gives it: 1, 0, -1. */
MUST_CHECK int access_may(struct kube *kube, const struct access_right *right, struct err *err);

struct access_found {
	int asked, missing;
	bool everything; /* it is an administrator's credential */
	char words[ERR_TEXT_MAX]; /* the rights that are missing: "create secrets, list pods" */
};

/*
 * Asks the cluster for each right that the file binds the account to, with the
 * credential that kube has, and reads the role that the account binds itself.
 */
MUST_CHECK int access_check(struct kube *kube, const char *path, struct access_found *ret,
			    struct err *err);

/* Whether the cluster has a group of resources, as "cert-manager.io": 1, 0, -1. */
MUST_CHECK int access_has_group(struct kube *kube, const char *name, struct err *err);

/* Makes cert-manager's issuer of the file at path, with that mail address. */
MUST_CHECK int access_issuer(struct kube *kube, const char *path, const char *email,
			     struct err *err);

#endif
