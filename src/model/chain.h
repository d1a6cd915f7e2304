/*
 * chain.h: the chain of the audit log. Each row has a digest of itself and of
 * the digest before it, so one that is changed, taken out or put in later
 * breaks the chain from there on. Triggers forbid all of that; the chain tells
 * of who has gone past them.
 */
#ifndef MODEL_CHAIN_H
#define MODEL_CHAIN_H

#include "io/db.h"
#include "io/seal.h"

enum { CHAIN_HASH = SEAL_DIGEST, CHAIN_TEXTS = 6 };

/* A row as the chain sees it; NULL and "" are two things. */
struct chain_row {
	int64_t id, created_at;
	const char *before;		/* the digest of the row before; "": there is none */
	const char *texts[CHAIN_TEXTS]; /* store, action, details, actor, address, request */
};

/* What chain_verify() has found. */
struct chain {
	int64_t rows;
	int64_t unhashed;      /* at the beginning, from before there was a chain */
	int64_t broken_at;     /* 0: nowhere */
	const char *how;       /* what is the matter with that row */
	char head[CHAIN_HASH]; /* of the newest row: who notes it elsewhere sees a forgery of all */
};

void chain_hash(const struct chain_row *row, char ret[CHAIN_HASH]);
/* Reads the whole log; in one transaction. */
MUST_CHECK int chain_verify(struct db *db, struct chain *ret, struct err *err);

#endif
