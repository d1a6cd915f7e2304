/*
 * store.h: the rows of `stores`. Writes belong into the caller's transaction
 * with the audit row that tells of them.
 */
#ifndef MODEL_STORE_H
#define MODEL_STORE_H

#include "model/storerow.h"

struct store_filter {
	const char *status, *text; /* NULL: any; deleted ones never fit */
	int limit;		   /* 0: none */
	int64_t before_at;	   /* below (before_at, before_id); INT64_MAX: all */
	const char *before_id;
};

struct store_totals {
	int64_t by_status[STORE_STATUSES]; /* deleted ones included */
	double avg_provision_seconds;	   /* 0 without history */
};

/* The store that has an address name now. */
struct store_holder {
	char id[VALID_UUID_BYTES];
	char name[VALID_NAME_BYTES];
	bool had_jobs; /* else it was imported, and nobody has worked on it */
};

extern const struct db_table store_sql;

/* ERR_DUPLICATE_NAME if a store that is not deleted has the slug. box NULL: no password waits. */
MUST_CHECK int store_insert(struct db *db, const struct store *s, const struct store_box *box,
			    struct err *err);
/* A row that was imported becomes one of a shop of ours: all but id, name and history. */
MUST_CHECK int store_take(struct db *db, const struct store *s, struct err *err);
/* 1: found (deleted ones are not), 0, -1. */
MUST_CHECK int store_get(struct db *db, const char *id, struct store *ret, struct err *err);
/* 1: found, 0: the name is free, -1. */
MUST_CHECK int store_holds(struct db *db, const char *slug, struct store_holder *ret,
			   struct err *err);
/* Those that fit, newest first: store_next() until it returns 0; then db_done(). */
struct db_query *store_list(struct db *db, const struct store_filter *filter);
MUST_CHECK int store_matching(struct db *db, const struct store_filter *filter, int64_t *ret,
			      struct err *err);
MUST_CHECK int store_next(struct db_query *q, struct store *ret, struct err *err);
/* Those not deleted, of one owner or (NULL) of all: what the limits count. */
MUST_CHECK int store_count(struct db *db, const char *owner_id, int64_t *ret, struct err *err);
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
