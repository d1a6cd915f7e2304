/*
 * page.h: a part of a list: how many rows, from where on, and the link to the
 * next part. A cursor says behind which row the part begins, by what the list
 * is ordered by; so rows that come and go meanwhile move nothing.
 */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "api/answer.h"
#include "api/query.h"
#include "base/valid.h"

enum { PAGE_MAX = 500, PAGE_CURSOR = 16 + 32 + 1 };

struct page {
	int limit;		   /* 0: all */
	int64_t at;		   /* rows below (at, id); INT64_MAX: from the newest on */
	char id[VALID_UUID_BYTES]; /* "" in a list that is ordered by numbers */
};

/* ERR_BAD_REQUEST, or ERR_BAD_CURSOR. uuids: the list is ordered by a time and an id. */
MUST_CHECK int page_read(const struct query *q, int limit, bool uuids, struct page *ret,
			 struct err *err);

/* The opaque text of a row's place. */
void page_cursor(int64_t at, const char *id, char ret[PAGE_CURSOR]);

/* Link: rel="next", to the same path and query behind that place. */
void page_link(const char *path, const struct query *q, const char *cursor, char ret[ANSWER_LINK]);

#endif
