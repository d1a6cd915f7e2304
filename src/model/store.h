/*
 * store.h: the rows of `stores`. Writes belong into the caller's transaction
 * with the audit row that tells of them.
 */
#ifndef MODEL_STORE_H
#define MODEL_STORE_H

#include "base/names.h"
#include "model/user.h"

enum { STORE_WORD = 32 };

enum store_status {
	STORE_PROVISIONING,
	STORE_READY,
	STORE_FAILED,
	STORE_DELETING,
	STORE_DELETED,
	STORE_STATUSES
};

extern const char *const store_status_words[STORE_STATUSES];

struct store {
	char id[VALID_UUID_BYTES];
	char name[VALID_NAME_BYTES];
	char slug[VALID_SLUG_BYTES];
	char type[STORE_WORD], plan[STORE_WORD];
	enum store_status status;
	char namespace[NAMES_OBJECT];
	char store_url[NAMES_URL], admin_url[NAMES_URL];
	char admin_user[VALID_USER_BYTES];
	char owner_id[VALID_UUID_BYTES], owner[USER_NAME]; /* "": none */
	char error_code[STORE_WORD];
	char error_message[ERR_TEXT_MAX];
	int64_t provision_started_at, provision_finished_at;
	int64_t created_at, updated_at;
};

struct store_box {
	unsigned char data[512];
	size_t len; /* 0: there is none any more */
	char key_id[STORE_WORD];
};

struct store_totals {
	int64_t by_status[STORE_STATUSES]; /* deleted ones included */
	double avg_provision_seconds;	   /* 0 without history */
};

extern const struct db_table store_sql;

/* ERR_DUPLICATE_NAME if a store that is not deleted has the slug. */
MUST_CHECK int store_insert(struct db *db, const struct store *s, const struct store_box *box,
			    struct err *err);
/* 1: found (deleted ones are not), 0, -1. */
MUST_CHECK int store_get(struct db *db, const char *id, struct store *ret, struct err *err);
/* Those not deleted, newest first: store_next() until it returns 0; then db_done(). */
struct db_query *store_list(struct db *db);
MUST_CHECK int store_next(struct db_query *q, struct store *ret, struct err *err);
/* Stores that are not deleted: what MAX_STORES counts. */
MUST_CHECK int store_count(struct db *db, int64_t *ret, struct err *err);
MUST_CHECK int store_totals(struct db *db, struct store_totals *ret, struct err *err);

/* A NULL code clears the reason. */
MUST_CHECK int store_set_status(struct db *db, const char *id, enum store_status status,
				const char *error_code, const char *error_message, struct err *err);
/* Says why a store is stuck while its status stays; NULL: it is no more. */
MUST_CHECK int store_set_reason(struct db *db, const char *id, const char *error_code,
				const char *error_message, struct err *err);
/* Stamps the begin of the work, unless an earlier attempt has. */
MUST_CHECK int store_set_started(struct db *db, const char *id, struct err *err);
MUST_CHECK int store_get_box(struct db *db, const char *id, struct store_box *ret, struct err *err);
MUST_CHECK int store_wipe_box(struct db *db, const char *id, struct err *err);

/* The values last given to helm, and the digest of them and the chart. */
MUST_CHECK int store_set_release(struct db *db, const char *id, const char *values,
				 const char *digest, struct err *err);

#endif
