/*
 * token.h: API tokens, the credentials of programs:
 *
 *	spt_<key 10>_<secret 30>_<crc 6>	regex:
 *spt_[0-9A-Za-z]{10}_[0-9A-Za-z]{30}_[0-9A-Za-z]{6}
 *
 * The key finds the row, the secret (178 bits) proves it, and the CRC-32 of
 * all before it lets a scanner or a typing error be told without a database.
 * A token may do what its scope allows, and never more than its user.
 */
#ifndef MODEL_TOKEN_H
#define MODEL_TOKEN_H

#include "model/user.h"

enum {
	TOKEN_KEY = 11,
	TOKEN_TEXT = 4 + 10 + 1 + 30 + 1 + 6 + 1,
	TOKEN_NAME = VALID_NAME_BYTES,
	TOKEN_DAYS_MAX = 365,
};

struct token {
	char id[VALID_UUID_BYTES];
	char key[TOKEN_KEY];
	char user_id[VALID_UUID_BYTES], user_name[USER_NAME];
	char name[TOKEN_NAME];
	enum user_role scope;
	char hash[SECRET_MAC], hash_key[KEYRING_ID]; /* and the key of it; "": the first */
	int64_t created_at, expires_at;
	int64_t last_used_at, revoked_at; /* 0: not yet */
};

extern const struct db_table token_sql;

/* A new one: its text, and the key in it. The caller wipes ret. */
void token_make(char ret[TOKEN_TEXT], char key[TOKEN_KEY]);
/* Whether a text has the form and the sum of a token; its key then. */
bool token_parse(const char *text, char key[TOKEN_KEY]);

MUST_CHECK int token_insert(struct db *db, const struct token *t, struct err *err);
/* 1: found, 0: there is none, -1. */
MUST_CHECK int token_get(struct db *db, const char *id, struct token *ret, struct err *err);
MUST_CHECK int token_find(struct db *db, const char *key, struct token *ret, struct err *err);
/* Newest first: token_next() until it returns 0, then db_done(). */
struct db_query *token_list(struct db *db);
MUST_CHECK int token_next(struct db_query *q, struct token *ret, struct err *err);
MUST_CHECK int token_revoke(struct db *db, const char *id, struct err *err);
/* Its hash is by another key now; what fails there is made good the next time. */
void token_rehash(struct db *db, const struct token *t);
/* Writes that it was used, at most once a minute; what fails there is of no matter. */
void token_touch(struct db *db, const struct token *t, int64_t now);

#endif
