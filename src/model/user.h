/*
 * user.h: accounts. Writes belong into the caller's transaction, together with
 * the audit row that tells of them. There is always an admin once there is a
 * user: the last one is neither removed nor given another role.
 */
#ifndef MODEL_USER_H
#define MODEL_USER_H

#include "io/db.h"
#include "io/json.h"
#include "io/secret.h"
#include "model/jobrow.h"

/* In the order of what they may do. */
enum user_role { ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN, USER_ROLES };

extern const char *const user_role_words[USER_ROLES];

enum {
	USER_NAME_MIN = 2,
	USER_NAME_MAX = 40,
	USER_NAME = USER_NAME_MAX + 1,
	USER_PASSWORD_MIN = 12,
	USER_PASSWORD_MAX = 128,
	USER_PASSWORD = USER_PASSWORD_MAX * 4 + 1,
};

struct user {
	char id[VALID_UUID_BYTES];
	char name[USER_NAME];
	enum user_role role;
	char password[SECRET_HASH];
	int64_t created_at, updated_at;
	int64_t last_login_at; /* 0: never */
};

extern const struct db_table user_sql;

/* false leaves *ret alone. */
bool user_role_of(const char *word, enum user_role *ret);
/* Lower-case letters, digits, . _ @ and -, and none of the words that the audit log has itself. */
bool user_name_ok(const char *name);

/* ERR_DUPLICATE_USER if the name is taken. */
MUST_CHECK int user_insert(struct db *db, const struct user *u, struct err *err);
/* 1: found, 0: there is none, -1. */
MUST_CHECK int user_get(struct db *db, const char *id, struct user *ret, struct err *err);
MUST_CHECK int user_find(struct db *db, const char *name, struct user *ret, struct err *err);
/* By name: user_next() until it returns 0, then db_done(). */
struct db_query *user_list(struct db *db);
MUST_CHECK int user_next(struct db_query *q, struct user *ret, struct err *err);
/* What everybody may see of it who may see accounts. */
struct json *user_json(const struct user *u);
/* How many have the role; of all with USER_ROLES. */
MUST_CHECK int user_count(struct db *db, enum user_role role, int64_t *ret, struct err *err);

/* Both end all sessions of the user. ERR_LAST_ADMIN. */
MUST_CHECK int user_set_role(struct db *db, const struct user *u, enum user_role role,
			     struct err *err);
MUST_CHECK int user_set_password(struct db *db, const struct user *u, const char *hash,
				 struct err *err);
MUST_CHECK int user_set_login(struct db *db, const char *id, int64_t now, struct err *err);
MUST_CHECK int user_end_sessions(struct db *db, const char *id, struct err *err);
/* Its sessions and tokens go along, its stores stay without an owner. ERR_LAST_ADMIN. */
MUST_CHECK int user_delete(struct db *db, const struct user *u, struct err *err);

#endif
