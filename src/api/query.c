/* query.c: see query.h. */
#include "api/query.h"

#include <stdbool.h>
#include <string.h>

#include "base/valid.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes [s, end) into out; false if it is badly encoded, too long or not plain text. */
static bool
decode(const char *s, const char *end, char out[QUERY_VALUE])
{
	size_t n = 0;

	for (; s < end; s++) {
		int c = (unsigned char)*s;

		if (c == '+')
			c = ' ';
		else if (c == '%') {
			if (end - s < 3 || hex(s[1]) < 0 || hex(s[2]) < 0)
				return false;
			c = hex(s[1]) * 16 + hex(s[2]);
			s += 2;
		}
		if (c == '\0' || n == QUERY_VALUE - 1)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return valid_text(out) >= 0;
}

static const char *
known(const char *const *keys, const char *key)
{
	for (; keys && *keys; keys++)
		if (strcmp(*keys, key) == 0)
			return *keys;
	return NULL;
}

static int
add_item(struct query *q, const char *s, const char *end, const char *const *keys, struct err *err)
{
	const char *eq = memchr(s, '=', (size_t)(end - s));
	char key[QUERY_VALUE];
	const char *found;

	if (!decode(s, eq ? eq : end, key) ||
	    !decode(eq ? eq + 1 : end, end, q->items[q->count].value))
		return err_set(err, ERR_BAD_REQUEST, "The query of the URL is badly encoded.");
	found = known(keys, key);
	if (!found)
		return err_set(err, ERR_BAD_REQUEST,
			       "The query has a parameter that is not known here: %s", key);
	if (query_get(q, key))
		return err_set(err, ERR_BAD_REQUEST, "The query has %s twice.", key);
	q->items[q->count++].key = found;
	return 0;
}

int
query_parse(struct query *ret, const char *text, const char *const *keys, struct err *err)
{
	ret->count = 0;
	while (*text) {
		size_t len = strcspn(text, "&");

		if (ret->count == QUERY_KEYS)
			return err_set(err, ERR_BAD_REQUEST, "The query has too many parameters.");
		if (len > 0 && add_item(ret, text, text + len, keys, err) < 0)
			return -1;
		text += len + (text[len] == '&');
	}
	return 0;
}

const char *
query_get(const struct query *q, const char *key)
{
	for (int i = 0; i < q->count; i++)
		if (strcmp(q->items[i].key, key) == 0)
			return q->items[i].value;
	return NULL;
}
