/*
 * audit.h: who did what to which store or account. Rows are only ever added,
 * each in the transaction of the change that it tells of, and each carries a
 * digest of itself and of the row before it (chain.h).
 */
#ifndef MODEL_AUDIT_H
#define MODEL_AUDIT_H

#include "io/db.h"
#include "io/json.h"
#include "model/auditaction.h"

/* AUDIT_ACTIONS: none has this word. */
enum audit_action audit_action_of(const char *word);

enum { AUDIT_LIMIT = 50 }; /* unless told */

struct audit_entry {
	enum audit_action action;
	const char *store_id; /* NULL: none */
	const char *actor;
	const char *ip;		/* NULL: none */
	const char *request_id; /* NULL: none */
	int64_t at;		/* 0: now */
};

struct audit_filter {
	const char *store_id; /* NULL: of all stores and of none */
	const char *action;   /* NULL: all */
	const char *actor;    /* and his tokens; NULL: everybody */
	int64_t since;	      /* not before that time; 0: all */
	int64_t before;	      /* rows with a lower number; INT64_MAX: all */
	int limit;
};

extern const struct db_table audit_sql;

/* In a transaction that writes. Takes over details, an object without secrets. */
MUST_CHECK int audit_add(struct db *db, const struct audit_entry *e, struct json *details,
			 struct err *err);

/* Appends the newest rows that fit to an array, newest first, as the API shows them. */
MUST_CHECK int audit_list(struct db *db, const struct audit_filter *filter, struct json *array,
			  struct err *err);
/* Oldest first, those behind a number: audit_next() until 0, then db_done(). */
struct db_query *audit_from(struct db *db, int64_t after);
MUST_CHECK int audit_next(struct db_query *q, struct json **ret, struct err *err);
/* The highest number that a row ever had. */
MUST_CHECK int audit_highest(struct db *db, int64_t *ret, struct err *err);
/* How many rows tell of an action. */
MUST_CHECK int audit_count(struct db *db, enum audit_action action, int64_t *ret, struct err *err);

#endif
