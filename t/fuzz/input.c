/*
 * input.c: a libFuzzer target, and what t/unit/test_fuzz replays: everything that
 * takes apart what strangers send. Nothing is asked of the results but that they
 * keep to their bounds; the sanitizers ask the rest.
 *
 * The first byte says who gets the rest: b body, q query, t token, p path, e list
 * of tags, a address, l text for the log. The corpus is t/fixtures/corpus.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cache.h"
#include "api/fields.h"
#include "api/page.h"
#include "api/query.h"
#include "api/route.h"
#include "model/attempt.h"
#include "model/token.h"

enum { INPUT = 4096 };

static struct err err;

static void
give_body(const char *text, size_t len)
{
	CLEANUP(json_freep) struct json *body = NULL;
	CLEANUP(json_freep) struct json *details = json_new_array();
	struct fields fields;
	struct buf again = BUF_INIT;

	if (json_parse(&body, text, len, &err) < 0)
		return;
	json_write(body, &again);
	CHECK(!again.failed);
	buf_free(&again);
	if (fields_read(body, &fields, details, &err) == 0) {
		CHECK(valid_slug(fields.slug));
		CHECK(valid_text(fields.name) >= VALID_NAME_MIN);
		CHECK(valid_admin_user(fields.admin_user));
	}
	CHECK(json_count(details) <= 32);
}

static void
give_query(const char *text, size_t len)
{
	static const char *const keys[] = {"status", "q", "limit", "cursor", NULL};
	char cursor[PAGE_CURSOR], link[ANSWER_LINK];
	struct query q;
	struct page p;

	(void)len;
	if (query_parse(&q, text, keys, &err) < 0)
		return;
	for (int i = 0; i < q.count; i++)
		CHECK(valid_text(q.items[i].value) >= 0);
	if (page_read(&q, 0, true, &p, &err) < 0)
		return;
	CHECK(p.limit >= 0 && p.limit <= PAGE_MAX && p.at >= 0);
	page_cursor(p.at, p.id, cursor);
	if (query_get(&q, "cursor"))
		CHECK(strcmp(cursor, query_get(&q, "cursor")) == 0);
	page_link("/api/stores", &q, cursor, link);
	CHECK(!strpbrk(link, "\r\n"));
}

static void
give_token(const char *text, size_t len)
{
	char key[TOKEN_KEY];

	(void)len;
	if (token_parse(text, key))
		CHECK(strlen(key) == TOKEN_KEY - 1);
}

static void
give_path(const char *text, size_t len)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"};
	struct route_match m;

	(void)len;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (route_find(methods[i], text, &m, &err) == 0 && m.id[0])
			CHECK(valid_uuid(m.id));
}

static void
give_tags(const char *text, size_t len)
{
	(void)len;
	(void)!cache_same(text, "\"generation.1-0123456789abcdef\"");
}

static void
give_address(const char *text, size_t len)
{
	char network[ATTEMPT_NETWORK];

	(void)len;
	attempt_network(text, network);
	CHECK(strlen(network) < ATTEMPT_NETWORK);
	(void)!valid_loopback(text);
}

static void
give_text(const char *text, size_t len)
{
	char clean[INPUT + 1], slug[VALID_SLUG_BYTES];

	snprintf(clean, sizeof(clean), "%s", text);
	valid_clean(clean);
	CHECK(valid_text(clean) >= 0);
	err_set(&err, ERR_INTERNAL, "%s", text);
	CHECK(valid_text(err.text) >= 0);
	if (valid_utf8(text, len))
		CHECK(valid_make_slug(text, slug) <= VALID_SLUG_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct {
		char kind;
		void (*to)(const char *text, size_t len);
	} takers[] = {{'b', give_body}, {'q', give_query},   {'t', give_token}, {'p', give_path},
		      {'e', give_tags}, {'a', give_address}, {'l', give_text}};
	char *copy;

	if (len == 0 || len > INPUT)
		return 0;
	/* As long as it is, so that a byte beyond is seen. */
	copy = malloc(len);
	CHECK(copy);
	memcpy(copy, data + 1, len - 1);
	copy[len - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		if (takers[i].kind == (char)data[0])
			takers[i].to(copy, len - 1);
	free(copy);
	return 0;
}
