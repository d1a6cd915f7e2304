/*
 * health.h: what the last `inspect` saw, for /api/ready and for the gate that
 * keeps jobs queued while the cluster or helm cannot be used.
 */
#ifndef MODEL_HEALTH_H
#define MODEL_HEALTH_H

#include <stdbool.h>

#include "io/db.h"

enum health_component { HEALTH_CLUSTER, HEALTH_HELM, HEALTH_COMPONENTS };

/* An inspect is made every 30 s; one older than this is no heartbeat any more. */
enum { HEALTH_STALE_MS = 90 * 1000 };

extern const char *const health_words[HEALTH_COMPONENTS];

struct health {
	bool known; /* it was inspected at least once */
	bool ok;
	char sentence[ERR_TEXT_MAX];
	int64_t checked_at;
};

extern const struct db_table health_sql;

MUST_CHECK int health_set(struct db *db, enum health_component c, bool ok, const char *sentence,
			  struct err *err);
MUST_CHECK int health_get(struct db *db, struct health ret[HEALTH_COMPONENTS], struct err *err);

/* "epoch.n": stays the same as long as no visible column changes. */
enum { HEALTH_GENERATION = 48 };
MUST_CHECK int health_generation(struct db *db, char ret[HEALTH_GENERATION], struct err *err);

#endif
