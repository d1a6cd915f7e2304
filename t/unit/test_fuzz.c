/*
 * test_fuzz.c: everything that takes apart what strangers send, given a kept
 * corpus and what becomes of it when bytes are changed, taken out, put in and
 * doubled. Nothing is asked of the results but that they keep to their bounds;
 * the sanitizers' build asks the rest. The mutations are the same in every run.
 *
 * A file's first byte says who gets the rest: b body, q query, t token, p path,
 * e list of tags, a address, l text for the log. The corpus is t/fixtures/corpus.
 */
#include "tool.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cache.h"
#include "api/fields.h"
#include "api/page.h"
#include "api/query.h"
#include "api/route.h"
#include "io/seal.h"
#include "model/attempt.h"
#include "model/token.h"

enum { INPUT = 4096, ROUNDS = 20000 };

static void
give_body(const char *text, size_t len)
{
	CLEANUP(json_freep) struct json *body = NULL;
	CLEANUP(json_freep) struct json *details = json_new_array();
	struct fields fields;
	struct buf again = BUF_INIT;

	if (json_parse(&body, text, len, E) < 0)
		return;
	json_write(body, &again);
	assert_false(again.failed);
	buf_free(&again);
	if (fields_read(body, &fields, details, E) == 0) {
		assert_true(valid_slug(fields.slug));
		assert_true(valid_text(fields.name) >= VALID_NAME_MIN);
		assert_true(valid_admin_user(fields.admin_user));
	}
	assert_true(json_count(details) <= 32);
}

static void
give_query(const char *text, size_t len)
{
	static const char *const keys[] = {"status", "q", "limit", "cursor", NULL};
	char cursor[PAGE_CURSOR], link[ANSWER_LINK];
	struct query q;
	struct page p;

	(void)len;
	if (query_parse(&q, text, keys, E) < 0)
		return;
	for (int i = 0; i < q.count; i++)
		assert_true(valid_text(q.items[i].value) >= 0);
	if (page_read(&q, 0, true, &p, E) < 0)
		return;
	assert_true(p.limit >= 0 && p.limit <= PAGE_MAX && p.at >= 0);
	page_cursor(p.at, p.id, cursor);
	if (query_get(&q, "cursor"))
		assert_string_equal(cursor, query_get(&q, "cursor"));
	page_link("/api/stores", &q, cursor, link);
	assert_null(strpbrk(link, "\r\n"));
}

static void
give_token(const char *text, size_t len)
{
	char key[TOKEN_KEY];

	(void)len;
	if (token_parse(text, key))
		assert_int_equal(strlen(key), TOKEN_KEY - 1);
}

static void
give_path(const char *text, size_t len)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"};
	struct route_match m;

	(void)len;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (route_find(methods[i], text, &m, E) == 0 && m.id[0])
			assert_true(valid_uuid(m.id));
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
	assert_true(strlen(network) < ATTEMPT_NETWORK);
	(void)!valid_loopback(text);
}

static void
give_text(const char *text, size_t len)
{
	char clean[INPUT + 1], slug[VALID_SLUG_BYTES];

	snprintf(clean, sizeof(clean), "%s", text);
	valid_clean(clean);
	assert_true(valid_text(clean) >= 0);
	err_set(E, ERR_INTERNAL, "%s", text);
	assert_true(valid_text(tool_err.text) >= 0);
	if (valid_utf8(text, len))
		assert_true(valid_make_slug(text, slug) <= VALID_SLUG_MAX);
}

static void
give(const char *data, size_t len)
{
	static const struct {
		char kind;
		void (*to)(const char *text, size_t len);
	} takers[] = {{'b', give_body}, {'q', give_query},   {'t', give_token}, {'p', give_path},
		      {'e', give_tags}, {'a', give_address}, {'l', give_text}};
	char *copy;

	if (len == 0)
		return;
	/* As long as it is, so that a byte beyond is seen. */
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, data + 1, len - 1);
	copy[len - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		if (takers[i].kind == data[0])
			takers[i].to(copy, len - 1);
	free(copy);
}

/* xorshift: the same numbers in every run. */
static uint32_t
dice(uint32_t sides)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % sides;
}

/* Changes data a little, and keeps its first byte. */
static size_t
mutate(char *data, size_t len)
{
	static const char *const words[] = {"\xff\xff",
					    "%00",
					    "\\u0000",
					    "\"",
					    "{",
					    "}",
					    "[",
					    ",",
					    "&",
					    "=",
					    "9223372036854775808",
					    "-1",
					    "../",
					    "%2f",
					    "\xc3",
					    "\xed\xa0\x80"};
	size_t at = 1 + dice((uint32_t)len), more;
	const char *word;

	if (at >= len)
		at = len - 1 ? len - 1 : 1;
	switch (dice(4)) {
	case 0:
		if (at < len)
			data[at] = (char)dice(256);
		return len;
	case 1: /* take out */
		more = 1 + dice(8);
		if (at + more >= len)
			return at;
		memmove(data + at, data + at + more, len - at - more);
		return len - more;
	case 2: /* put in */
		word = words[dice(ARRAY_SIZE(words))];
		more = strlen(word);
		if (len + more >= INPUT)
			return len;
		memmove(data + at + more, data + at, len - at);
		memcpy(data + at, word, more);
		return len + more;
	default: /* double the end */
		more = len - at;
		if (len + more >= INPUT)
			return len;
		memcpy(data + len, data + at, more);
		return len + more;
	}
}

static size_t
read_input(const char *folder, const char *name, char data[INPUT])
{
	char path[1024];
	size_t len;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "re");
	assert_non_null(in);
	len = fread(data, 1, INPUT, in);
	fclose(in);
	return len;
}

static void
replays_the_corpus(void **state)
{
	const char *srcdir = getenv("srcdir");
	char folder[512], data[INPUT];
	int files = 0;
	DIR *dir;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/t/fixtures/corpus", srcdir ? srcdir : "../..");
	dir = opendir(folder);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		size_t whole, len;

		if (e->d_name[0] == '.')
			continue;
		files++;
		whole = read_input(folder, e->d_name, data);
		give(data, whole);
		len = whole;
		for (int i = 0; i < ROUNDS; i++) {
			if (i % 16 ==
			    0) /* begin again: what has changed too much is nothing any more */
				len = read_input(folder, e->d_name, data);
			len = mutate(data, len);
			give(data, len);
		}
	}
	closedir(dir);
	assert_true(files >= 20);
}

int
main(void)
{
	const struct CMUnitTest fuzz[] = {
		cmocka_unit_test(replays_the_corpus),
	};

	return seal_init(E) < 0 ? 1 : TOOL_RUN(fuzz);
}
