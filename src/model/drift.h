/*
 * drift.h: where cluster and rows differ, as the reconciling look finds it:
 * the health of ready stores, namespaces of the platform that no store has, and
 * stores whose job is missing. Writes belong into the caller's transaction.
 */
#ifndef MODEL_DRIFT_H
#define MODEL_DRIFT_H

#include "model/jobrow.h"
#include "model/store.h"

extern const struct db_table drift_sql;

/* A ready store that no job works on, with the last finding about it. */
struct drift_store {
	char id[VALID_UUID_BYTES];
	char slug[VALID_SLUG_BYTES];
	char health[STORE_WORD];
	char message[ERR_TEXT_MAX];
};

/* All of them, by slug: drift_next() until it returns 0, then db_done(). */
struct db_query *drift_ready(struct db *db);
MUST_CHECK int drift_next(struct db_query *q, struct drift_store *ret, struct err *err);

/* The finding about a store: 1; 0 if it is ready no more, -1. */
MUST_CHECK int drift_set_health(struct db *db, const char *id, enum store_health health,
				const char *message, struct err *err);
enum { DRIFT_RESOURCES = 256 };

/*
 * What the store has taken of its quota, a JSON object; "": not known. Of set, 1: it is
 * news, 0: it was known, -1; of get, 0 or -1.
 */
MUST_CHECK int drift_set_resources(struct db *db, const char *id, const char *text,
				   struct err *err);
MUST_CHECK int drift_get_resources(struct db *db, const char *id,
				   char ret[DRIFT_RESOURCES], struct err *err);
MUST_CHECK int drift_count(struct db *db, enum store_health health, int64_t *ret, struct err *err);

/* A namespace with the platform's label and no store. */
struct drift_stray {
	char namespace[NAMES_OBJECT];
	char store_id[VALID_UUID_BYTES]; /* "": its label is none */
	char uid[VALID_UUID_BYTES];
	char message[ERR_TEXT_MAX];
	int64_t found_at;
};

/* All that are known, by name. */
struct db_query *drift_strays(struct db *db);
MUST_CHECK int drift_next_stray(struct db_query *q, struct drift_stray *ret, struct err *err);
/* 1: found, 0: there is none of that name, -1. */
MUST_CHECK int drift_get_stray(struct db *db, const char *namespace, struct drift_stray *ret,
			       struct err *err);
/* 1: it was not known, 0: it was, -1. */
MUST_CHECK int drift_add_stray(struct db *db, const struct drift_stray *s, struct err *err);
MUST_CHECK int drift_drop_stray(struct db *db, const char *namespace, struct err *err);

/* Whose id it is: 1, with the slug of the row and whether it is of a deleted store; 0, -1. */
MUST_CHECK int drift_owner(struct db *db, const char *id, bool *ret_deleted,
			   char ret_slug[VALID_SLUG_BYTES], struct err *err);

/* A removal that was given up is taken up again after an hour: somebody asked for it. */
enum { DRIFT_DELETE_AGAIN_MS = 3600 * 1000 };

/*
 * A store that is on its way, or whose removal was given up that long ago, while
 * no job of it waits or runs: 1 with its id and the kind of the job that is
 * missing, 0: there is none, -1.
 */
MUST_CHECK int drift_jobless(struct db *db, char ret_id[VALID_UUID_BYTES], enum job_kind *ret,
			     struct err *err);

#endif
