/*
 * grant.h: the right to a store's Secrets. The platform's account has it in no
 * namespace by itself; it may bind one ClusterRole, which is called after the
 * account with "-store" behind, to itself, and does so in the namespaces of its
 * stores (charts/cluster-access.yaml, whose admission policy allows no other
 * binding). Who may read there already, as an administrator, needs no binding.
 */
#ifndef CLUSTER_GRANT_H
#define CLUSTER_GRANT_H

#include "cluster/kube.h"

#define GRANT_SUFFIX "-store"

/*
 * The namespace is there, and is one of our stores'. Binds the role where that
 * is needed, and comes back when the cluster goes by it. May be done again.
 * A namespace on its way out gives ERR_NAMESPACE_TERMINATING.
 */
MUST_CHECK int grant_secrets(struct kube *kube, const char *namespace, struct err *err);

#endif
