/*
 * session.h: logins of browsers. A row has the keyed hash of the cookie alone.
 * A session ends when nobody has used it for a while, when it is old, when it
 * is logged out, and with its user's password or role.
 */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

#include "model/user.h"

#define SESSION_IDLE_MS (12 * 3600 * INT64_C(1000))
#define SESSION_MAX_MS (7 * 24 * 3600 * INT64_C(1000))

extern const struct db_table session_sql;

MUST_CHECK int session_insert(struct db *db, const char *hash, const char *user_id, int64_t now,
			      struct err *err);
/*
 * 1: ret is the user of a session that lives; 0: there is none, -1. That it
 * was used is written at most once a minute, so that reading stays reading.
 */
MUST_CHECK int session_find(struct db *db, const char *hash, int64_t now, struct user *ret,
			    struct err *err);
MUST_CHECK int session_end(struct db *db, const char *hash, struct err *err);
/* Forgets those that have ended by themselves. */
MUST_CHECK int session_prune(struct db *db, int64_t now, struct err *err);

#endif
