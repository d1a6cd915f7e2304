/*
 * query.h: the part of a URL after the '?', by a list of the keys that the
 * route knows. An unknown, repeated or badly encoded key is refused: a filter
 * that is misspelt and so ignored gives an answer to another question.
 */
#ifndef API_QUERY_H
#define API_QUERY_H

#include "base/attr.h"
#include "base/err.h"

enum { QUERY_KEYS = 8, QUERY_VALUE = 256 };

struct query {
	int count;
	struct {
		const char *key; /* of the list */
		char value[QUERY_VALUE];
	} items[QUERY_KEYS];
};

/* keys: NULL-terminated, at most QUERY_KEYS; NULL: the route has none. */
MUST_CHECK int query_parse(struct query *ret, const char *text, const char *const *keys,
			   struct err *err);

/* NULL if the key was not given. */
const char *query_get(const struct query *q, const char *key);

#endif
