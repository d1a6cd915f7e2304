/*
 * checkpoint.h: the only place where the database's log is moved into its file
 * (io/db.h says why nobody else may), where old timelines are pruned and key
 * pairs that no row needs any more removed, and where the ballast beside the
 * database is kept.
 */
#ifndef PROVISIONER_CHECKPOINT_H
#define PROVISIONER_CHECKPOINT_H

#include "io/db.h"

struct checkpoint {
	const char *path;
	const char *keys;  /* folder of the key pair and those before it; NULL: none */
	struct db *db;	   /* makes the checkpoint */
	struct db *locker; /* holds the write lock meanwhile */
	int64_t next;	   /* monotonic */
	int64_t large_at;  /* monotonic: a large log is not moved sooner */
	int64_t prune_at;  /* monotonic */
};

/* Does what is due; failures are logged and tried again. */
void checkpoint_tick(struct checkpoint *c);

/* One last time, at the end of the program. */
void checkpoint_final(struct checkpoint *c);

#endif
