/*
 * kubeconfig.h: where the cluster is and who we are there, from a kubeconfig
 * file (its current context) or from a pod's service account. Certificates and
 * tokens may be embedded or in files; programs that make credentials (exec)
 * and unverified TLS are refused with a sentence.
 */
#ifndef CLUSTER_KUBECONFIG_H
#define CLUSTER_KUBECONFIG_H

#include "base/attr.h"
#include "base/err.h"

struct kubeconfig {
	char *server; /* https://host:port, without a slash at the end */
	char *ca;     /* PEM; NULL: the system's authorities */
	char *cert;
	char *key;
	char *token;
};

/* path "" means the pod's service account. */
MUST_CHECK int kubeconfig_load(struct kubeconfig *ret, const char *path, struct err *err);
void kubeconfig_free(struct kubeconfig *k);

#endif
