/*
 * blocker.h: what holds something back that is being deleted: pure rules over
 * what the cluster shows. Nothing here lets it go: finalizers are somebody's
 * promise, and are never stripped.
 */
#ifndef CLUSTER_BLOCKER_H
#define CLUSTER_BLOCKER_H

#include "base/err.h"
#include "io/json.h"

/* Why a namespace that is being deleted is still there, in the cluster's words; "" if unknown. */
void blocker_namespace(const struct json *namespace, char ret[ERR_TEXT_MAX]);

/*
 * Whether a list of PersistentVolumes has one of a claim of the namespace: ret
 * names it then, and says why it stays where that can be seen.
 */
bool blocker_volume(const struct json *list, const char *namespace, char ret[ERR_TEXT_MAX]);

#endif
