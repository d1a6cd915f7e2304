/*
 * placing.h: the rules of cause.h for a part whose pod is not there or stands
 * nowhere yet: the cluster refuses it, or its volume or room is missing. Each
 * writes its sentence into out (ERR_TEXT_MAX bytes) if it applies.
 */
#ifndef CLUSTER_PLACING_H
#define CLUSTER_PLACING_H

#include "cluster/cause.h"

bool placing_quota(const struct evidence *e, char *out);
bool placing_pod_security(const struct evidence *e, char *out);
bool placing_refused(const struct evidence *e, char *out);
bool placing_claim(const struct evidence *e, char *out);
bool placing_claim_waits(const struct evidence *e, char *out);
bool placing_no_room(const struct evidence *e, char *out);
bool placing_unschedulable(const struct evidence *e, char *out);
bool placing_evicted(const struct evidence *e, char *out);

#endif
