/* checkpoint.c: see checkpoint.h. */
#include "provisioner/checkpoint.h"

#include "base/clock.h"
#include "base/log.h"
#include "io/ballast.h"
#include "model/event.h"
#include "model/keys.h"

enum {
	EVERY_MS = 10000,
	PRUNE_EVERY_MS = 3600 * 1000,
	LARGE_EVERY_MS = 1000,
	LARGE_BYTES = 64 * 1024 * 1024,
};

static const int64_t keep_ms = 90LL * 24 * 3600 * 1000;

static void
prune(struct checkpoint *c)
{
	struct err err = ERR_INIT;

	if (event_prune(c->db, clock_wall_ms() - keep_ms, &err) < 0)
		log_warn("old timelines cannot be pruned: %s", err.text);
}

static void
sweep_keys(struct checkpoint *c)
{
	struct err err = ERR_INIT;

	if (c->keys && keys_sweep(c->db, KEYS_SEAL, c->keys, &err) < 0)
		log_warn("keys that nobody needs cannot be removed: %s", err.text);
}

void
checkpoint_final(struct checkpoint *c)
{
	struct err err = ERR_INIT;

	if (db_wal_bytes(c->path) > 0 && db_checkpoint(c->db, c->locker, &err) < 0 &&
	    err.code != ERR_DB_BUSY)
		log_warn("checkpoint: %s", err.text);
}

void
checkpoint_tick(struct checkpoint *c)
{
	int64_t now = clock_mono_ms();
	bool due = now >= c->next;

	if (now >= c->prune_at) {
		c->prune_at = now + PRUNE_EVERY_MS;
		prune(c);
	}
	/* By size as well, so that whoever writes much does not meet the log's bound (io/db.h). */
	if (!due && (now < c->large_at || db_wal_bytes(c->path) <= LARGE_BYTES))
		return;
	c->large_at = now + LARGE_EVERY_MS;
	if (!due) {
		checkpoint_final(c);
		return;
	}
	c->next = now + EVERY_MS;
	ballast_keep(c->path);
	sweep_keys(c);
	checkpoint_final(c);
	/* A reader that never ends its transaction keeps the log from starting anew. */
	if (db_wal_bytes(c->path) > LARGE_BYTES)
		log_warn("the database's log has grown to %lld MiB; some process reads without end",
			 (long long)(db_wal_bytes(c->path) >> 20));
}
