/* buf.c: see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `more` bytes and the NUL; false (and failed) if that may not be. */
static bool
reserve(struct buf *b, size_t more)
{
	size_t max = b->max ? b->max : BUF_MAX;
	size_t want;
	char *p;

	if (b->failed || more > max || b->len > max - more) {
		b->failed = true;
		return false;
	}
	want = b->len + more + 1;
	if (want <= b->size)
		return true;
	want = want < 256 ? 256 : want + want / 2;
	p = realloc(b->data, want);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->data = p;
	b->size = want;
	return true;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	size_t room = 0;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	/* Most texts fit into what is there. */
	if (!b->failed && b->data)
		room = b->size - b->len;
	n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, ap);
	if (n < 0)
		b->failed = true;
	else if (reserve(b, (size_t)n)) {
		if ((size_t)n >= room)
			vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	if (room && b->failed)
		b->data[b->len] = '\0';
	va_end(again);
	va_end(ap);
}

void
buf_tail(struct buf *b, const void *data, size_t len, size_t keep)
{
	size_t drop;

	if (len > keep) {
		data = (const char *)data + (len - keep);
		len = keep;
	}
	if (b->len + len > keep) {
		drop = b->len + len - keep;
		memmove(b->data, b->data + drop, b->len - drop);
		b->len -= drop;
	}
	buf_add(b, data, len);
}

const char *
buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}
