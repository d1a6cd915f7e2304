/* page.c: see page.h. */
#include "api/page.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_DIGITS = 16, ID_DIGITS = 32 };

void
page_cursor(int64_t at, const char *id, char ret[PAGE_CURSOR])
{
	int n = snprintf(ret, PAGE_CURSOR, "%0*llx", AT_DIGITS, (long long)at);

	for (; *id && n < PAGE_CURSOR - 1; id++)
		if (*id != '-')
			ret[n++] = *id;
	ret[n] = '\0';
}

static bool
read_cursor(const char *text, bool uuids, struct page *ret)
{
	size_t len = AT_DIGITS + (uuids ? ID_DIGITS : 0);
	const char *id = text + AT_DIGITS;
	char at[AT_DIGITS + 1];

	/* The first digit is below 8, so that the number has no sign. */
	if (strlen(text) != len || strspn(text, "0123456789abcdef") != len || text[0] > '7')
		return false;
	snprintf(at, sizeof(at), "%.*s", AT_DIGITS, text);
	ret->at = strtoll(at, NULL, 16);
	if (uuids)
		snprintf(ret->id, sizeof(ret->id), "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12,
			 id + 16, id + 20);
	return true;
}

int
page_read(const struct query *q, int limit, bool uuids, struct page *ret, struct err *err)
{
	const char *text = query_get(q, "limit"), *cursor = query_get(q, "cursor");
	int64_t n = limit;

	*ret = (struct page){.at = INT64_MAX};
	if (text && !valid_int(text, 1, PAGE_MAX, &n))
		return err_set(err, ERR_BAD_REQUEST, "limit has to be a number from 1 to %d.",
			       PAGE_MAX);
	ret->limit = (int)n;
	if (cursor && !read_cursor(cursor, uuids, ret))
		return err_set(err, ERR_BAD_CURSOR,
			       "This cursor is none of this list; begin without one, and follow "
			       "the header Link.");
	return 0;
}

/* A value of a query, with everything but letters, digits and a few signs in %XX. */
static void
encode(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (isalnum((unsigned char)*s) || strchr("-._~", *s))
			buf_add(out, s, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*s);
}

void
page_link(const char *path, const struct query *q, const char *cursor, char ret[ANSWER_LINK])
{
	struct buf link = {.max = ANSWER_LINK - 1};

	buf_printf(&link, "<%s?", path);
	for (int i = 0; i < q->count; i++)
		if (strcmp(q->items[i].key, "cursor") != 0) {
			buf_printf(&link, "%s=", q->items[i].key);
			encode(&link, q->items[i].value);
			buf_str(&link, "&");
		}
	buf_printf(&link, "cursor=%s>; rel=\"next\"", cursor);
	snprintf(ret, ANSWER_LINK, "%s", link.failed ? "" : buf_text(&link));
	buf_free(&link);
}
