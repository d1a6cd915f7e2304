/*
 * answer.h: what goes back to a client, whole, before a byte of it is sent: so
 * a request that fails half-way has one answer, and never half of one.
 */
#ifndef API_ANSWER_H
#define API_ANSWER_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "io/json.h"

enum {
	ANSWER_ETAG = 96,
	ANSWER_PLACE = 64,
	ANSWER_ALLOW = 64,
	ANSWER_COOKIE = 160,
	ANSWER_LINK = 1024
};

struct answer {
	int status;
	const char *type; /* of the body, a literal */
	char etag[ANSWER_ETAG];
	char location[ANSWER_PLACE];
	char allow[ANSWER_ALLOW];
	char cookie[ANSWER_COOKIE]; /* of a login, or to forget it */
	char link[ANSWER_LINK];	    /* to the next part of a list */
	int64_t total;		    /* rows of the whole list, plus one; 0: not told */
	int retry_after;	    /* seconds; 0: the header is left out */
	struct json *details;	    /* what an error's body lists, if it lists anything */
	struct buf body;
	const struct buf *kept; /* sent in place of body: the cache's own, until its next use */
};

#define ANSWER_INIT                                                                                \
	{                                                                                          \
		.status = 0                                                                        \
	}

/* Wipes body and cookie as well: they may show a secret. */
void answer_free(struct answer *a);

/* What is sent: body, or what the cache keeps. */
const struct buf *answer_body(const struct answer *a);

/* Both overwrite what the answer was before. answer_json() takes over body. */
MUST_CHECK int answer_json(struct answer *a, int status, struct json *body, struct err *err);
void answer_error(struct answer *a, const struct err *why, const char *request_id);

#endif
