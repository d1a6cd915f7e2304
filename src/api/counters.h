/*
 * counters.h: how often each route was answered, with which status, and how
 * long it took, of all processes of the pool together: they share one file of
 * numbers (API_DIR/counters), and add to it without a lock. A file of another
 * layout is not used: its name has the digest of the layout.
 */
#ifndef API_COUNTERS_H
#define API_COUNTERS_H

#include "api/route.h"

enum { COUNTERS_ROUTES = 64, COUNTERS_STATUSES = 32, COUNTERS_BUCKETS = 10 };

struct counters;

/* Maps the file; it is made if it is not there. */
MUST_CHECK int counters_open(struct counters **ret, const char *dir, struct err *err);

/* route NULL: none was found. */
void counters_add(struct counters *c, const struct route *route, int status, int64_t took_us);

/* Appends requests and durations in the Prometheus text format. */
void counters_text(const struct counters *c, struct buf *out);

#endif
