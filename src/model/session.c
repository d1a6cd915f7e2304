/* session.c: see session.h. */
#include "model/session.h"

#include <stdio.h>

enum { TOUCH_MS = 60 * 1000 };

enum { INSERT, FIND, TOUCH, END, PRUNE };

/* A time of the future was written while the clock was ahead; it counts from now on only. */
#define LIVES "seen_at > :now - :idle AND created_at > :now - :max AND created_at <= :now + :idle"

static const char *const statements[] = {
	[INSERT] = "INSERT INTO sessions (hash, user_id, created_at, seen_at)"
		   " VALUES (:hash, :user, :now, :now)",
	[FIND] = "SELECT user_id, seen_at FROM sessions WHERE hash = :hash AND " LIVES,
	[TOUCH] = "UPDATE sessions SET seen_at = :now WHERE hash = :hash",
	[END] = "DELETE FROM sessions WHERE hash = :hash",
	[PRUNE] = "DELETE FROM sessions WHERE NOT (" LIVES ")",
};
DB_TABLE(session_sql, statements);

int
session_insert(struct db *db, const char *hash, const char *user_id, int64_t now, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &session_sql, INSERT);

	db_bind_text(q, ":hash", hash);
	db_bind_text(q, ":user", user_id);
	db_bind_int(q, ":now", now);
	return db_run(q, err) < 0 ? -1 : 0;
}

static void
bind_lives(struct db_query *q, int64_t now)
{
	db_bind_int(q, ":now", now);
	db_bind_int(q, ":idle", SESSION_IDLE_MS);
	db_bind_int(q, ":max", SESSION_MAX_MS);
}

/* 1 and whose it is, 0, -1. */
static int
look(struct db *db, const char *hash, int64_t now, char user_id[VALID_UUID_BYTES],
     int64_t *ret_seen_at, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &session_sql, FIND);
	int r;

	db_bind_text(q, ":hash", hash);
	bind_lives(q, now);
	r = db_step(q, err);
	if (r > 0) {
		snprintf(user_id, VALID_UUID_BYTES, "%s", db_text(q, 0));
		*ret_seen_at = db_int(q, 1);
	}
	return r;
}

int
session_find(struct db *db, const char *hash, int64_t now, struct user *ret, struct err *err)
{
	char user_id[VALID_UUID_BYTES];
	struct err ignored = ERR_INIT;
	int64_t seen_at;
	int r = look(db, hash, now, user_id, &seen_at, err);

	if (r > 0)
		r = user_get(db, user_id, ret, err);
	if (r > 0 && (now - seen_at > TOUCH_MS || seen_at > now)) {
		CLEANUP(db_donep) struct db_query *q = db_query(db, &session_sql, TOUCH);

		/* A database that cannot be written is no reason not to read it. */
		db_bind_text(q, ":hash", hash);
		db_bind_int(q, ":now", now);
		(void)!db_run(q, &ignored);
	}
	return r;
}

int
session_end(struct db *db, const char *hash, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &session_sql, END);

	db_bind_text(q, ":hash", hash);
	return db_run(q, err) < 0 ? -1 : 0;
}

int
session_prune(struct db *db, int64_t now, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &session_sql, PRUNE);

	bind_lives(q, now);
	return db_run(q, err) < 0 ? -1 : 0;
}
