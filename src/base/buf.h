/*
 * buf.h: a growing byte buffer with a ceiling. Appending never fails at the
 * call; a buffer that met its ceiling or ran out of memory is `failed`, and
 * the owner looks once, at the end. The content is always NUL-terminated.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf {
	char *data;
	size_t len;
	size_t size; /* bytes allocated */
	size_t max;  /* most bytes of content; 0: BUF_MAX */
	bool failed;
};

enum { BUF_MAX = 64 * 1024 * 1024 };

#define BUF_INIT {.data = NULL}

void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
PRINTF(2, 3) void buf_printf(struct buf *b, const char *fmt, ...);

/* Appends, then drops from the front what exceeds `keep`: the last bytes of a flood. */
void buf_tail(struct buf *b, const void *data, size_t len, size_t keep);

/* The content as a string, "" when empty. */
const char *buf_text(const struct buf *b);

/* Empties it and keeps the memory. */
void buf_reset(struct buf *b);
void buf_free(struct buf *b);

#endif
