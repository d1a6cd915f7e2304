/*
 * setup.h: the token that makes the first account, for who has no shell on the
 * machine but can read its log. It holds for one hour of this boot, once, and
 * only while there is no user.
 */
#ifndef MODEL_SETUP_H
#define MODEL_SETUP_H

#include "model/user.h"

#define SETUP_TTL_MS (3600 * INT64_C(1000))

extern const struct db_table setup_sql;

/*
 * 1: hash is now that of the one token, which the caller may print; 0: there
 * is a user, or a token that still holds; -1. In a transaction of its own.
 */
MUST_CHECK int setup_offer(struct db *db, const char *hash, int64_t now, struct err *err);
/* ERR_SETUP_REFUSED if this is not the token, or there is a user. To take it also removes it. */
MUST_CHECK int setup_check(struct db *db, const char *hash, int64_t now, struct err *err);
MUST_CHECK int setup_take(struct db *db, const char *hash, int64_t now, struct err *err);

#endif
