/*
 * idem.h: answers to changes that were asked for with an Idempotency-Key. A
 * row is written in the transaction of its change, so that there is either
 * both or neither; it is kept for a day. Neither key nor request can be read
 * in it: both are keyed hashes, and the answer shows no password.
 */
#ifndef MODEL_IDEM_H
#define MODEL_IDEM_H

#include "base/buf.h"
#include "io/db.h"
#include "io/secret.h"

#define IDEM_KEEP_MS (24 * 3600 * INT64_C(1000))

extern const struct db_table idem_sql;

/* 1: ret_request is what the key was used for, answer what was said; 0: it is new; -1. */
MUST_CHECK int idem_find(struct db *db, const char *key, int64_t now, char ret_request[SECRET_MAC],
			 struct buf *answer, struct err *err);
/* Keeps an answer, and forgets those that are a day old. */
MUST_CHECK int idem_keep(struct db *db, const char *key, const char *request, const char *answer,
			 int64_t now, struct err *err);

#endif
