/*
 * jump.h: what waits in the queue does so until a point of wall time; deadlines
 * do not, they are monotonic. When the wall clock is put back, what waits is put
 * back with it, so that a pause of seconds does not become one of hours.
 */
#ifndef PROVISIONER_JUMP_H
#define PROVISIONER_JUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "io/db.h"

struct jump {
	bool known;
	int64_t offset; /* wall clock minus monotonic clock, as last seen */
};

/* At the first time, what was written while the clock was ahead becomes due. */
void jump_tick(struct jump *j, struct db *db);

#endif
