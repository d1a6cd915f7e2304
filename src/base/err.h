/*
 * err.h: one failure, told twice: a code for machines, a sentence for people.
 *
 * A function that can fail takes a `struct err *` as its last argument and
 * returns -1 after filling it. Out-parameters (ret_...) are untouched then.
 * The table in err.c gives every code its word in the API, its HTTP status,
 * and its class, which is all that decides whether a job is tried again.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"
#include "base/errcode.h"

enum err_class {
	ERR_TERMINAL,	 /* trying again changes nothing: fail with the sentence */
	ERR_TRANSIENT,	 /* try again after a pause; costs an attempt */
	ERR_OUTAGE,	 /* the platform's own surroundings are down: wait, costs no attempt */
	ERR_INTERRUPTED, /* we were told to stop: hand the job back as it was */
};

enum { ERR_TEXT_MAX = 768 };

struct err {
	enum err_code code;
	int retry_after; /* seconds that the other side asked for; 0: none */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT {.code = ERR_NONE}

/*
 * Fills err and returns -1, so that `return err_set(...)` is one statement. The
 * sentence is one line of valid UTF-8, whatever the arguments were.
 */
PRINTF(3, 4) int err_set(struct err *err, enum err_code code, const char *fmt, ...);

/* Puts "context: " before the sentence; keeps code and class. Returns -1. */
PRINTF(2, 3) int err_prefix(struct err *err, const char *fmt, ...);

/* Fills err from errno as ERR_SYSTEM: "what: No such file or directory". Returns -1. */
PRINTF(2, 3) int err_errno(struct err *err, const char *fmt, ...);

const char *err_word(enum err_code code);
int err_http(enum err_code code);
enum err_class err_class(enum err_code code);

#endif
