/*
 * quota.h: what a shop's pods may use together and what they have taken of it,
 * as its ResourceQuota says. Pure functions of the object.
 */
#ifndef CLUSTER_QUOTA_H
#define CLUSTER_QUOTA_H

#include "io/json.h"

enum { QUOTA_TEXT = 256 };

/*
 * Writes {"pods": {"used", "limit"}, "memory_bytes": {...}, "cpu_millicores": {...}} of
 * the limits that the object states; "" if one of them is not stated (yet).
 */
void quota_text(const struct json *object, char ret[QUOTA_TEXT]);

/*
 * A quantity of Kubernetes ("1536Mi", "0.5", "250m", "1e3") in thousandths, rounded up
 * as Kubernetes does; -1 if it is none, or too large.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
int64_t quota_thousandths(const char *quantity);

#endif
