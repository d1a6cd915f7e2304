/* test_route.c: what a URL, its query, its headers and its caller are taken for. */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/cache.h"
#include "api/guard.h"
#include "api/page.h"
#include "api/query.h"
#include "api/route.h"

#define ID "0b5e2a3c-1d4f-4e6a-8b7c-9d0e1f2a3b4c"

static void
finds_routes(void **state)
{
	static const struct {
		const char *method, *path, *want, *id;
	} cases[] = {
		{"GET", "/api/stores", "/api/stores", ""},
		{"GET", "/api/stores/", "/api/stores", ""},
		{"HEAD", "/api/stores", "/api/stores", ""},
		{"POST", "/api/v1/stores", "/api/stores", ""},
		{"POST", "/api/v1/stores/", "/api/stores", ""},
		{"GET", "/api/stores/" ID, "/api/stores/:id", ID},
		{"GET", "/api/v1/stores/" ID "/", "/api/stores/:id", ID},
		{"DELETE", "/api/stores/" ID, "/api/stores/:id", ID},
		{"POST", "/api/stores/" ID "/retry", "/api/stores/:id/retry", ID},
		{"GET", "/api/stores/" ID "/events", "/api/stores/:id/events", ID},
		{"GET", "/api/stores/audit/log", "/api/stores/audit/log", ""},
		{"GET", "/api/v1/stores/audit/log/", "/api/stores/audit/log", ""},
		{"GET", "/api/metrics", "/api/metrics", ""},
		{"GET", "/metrics", "/metrics", ""},
		{"GET", "/api/health", "/api/health", ""},
		{"HEAD", "/api/v1/ready", "/api/ready", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct route_match m;

		if (route_find(cases[i].method, cases[i].path, &m, E) < 0)
			fail_msg("%s: %s", cases[i].path, tool_err.text);
		assert_non_null(m.route);
		assert_string_equal(m.route->path, cases[i].want);
		assert_string_equal(m.id, cases[i].id);
		assert_string_equal(m.route->method,
				    strcmp(cases[i].method, "HEAD") ? cases[i].method : "GET");
	}
}

static void
refuses_addresses(void **state)
{
	static const struct {
		const char *method, *path;
		enum err_code want;
	} cases[] = {
		{"GET", "/", ERR_ROUTE_NOT_FOUND},
		{"GET", "", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/v1", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/v1/", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/v1/v1/stores", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/v2/stores", ERR_ROUTE_NOT_FOUND},
		{"GET", "/v1/metrics", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/store", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/storesx", ERR_ROUTE_NOT_FOUND},
		{"GET", "/API/stores", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/stores//", ERR_ROUTE_NOT_FOUND},
		{"GET", "//api/stores", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api//stores", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/stores//events", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/stores/" ID "/events/1", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/stores/" ID "/nothing", ERR_ROUTE_NOT_FOUND},
		{"OPTIONS", "/api/nothing", ERR_ROUTE_NOT_FOUND},
		{"GET", "/api/stores/audit", ERR_STORE_NOT_FOUND},
		{"GET", "/api/stores/1", ERR_STORE_NOT_FOUND},
		{"GET", "/api/stores/" ID "0", ERR_STORE_NOT_FOUND},
		{"GET", "/api/stores/0B5E2A3C-1d4f-4e6a-8b7c-9d0e1f2a3b4c", ERR_STORE_NOT_FOUND},
		{"DELETE", "/api/stores/' OR 1=1", ERR_STORE_NOT_FOUND},
		{"GET", "/api/stores/" ID ID ID ID ID "/events", ERR_STORE_NOT_FOUND},
		{"DELETE", "/api/stores", ERR_METHOD_NOT_ALLOWED},
		{"PUT", "/api/stores/" ID, ERR_METHOD_NOT_ALLOWED},
		{"PUT", "/api/stores/1", ERR_METHOD_NOT_ALLOWED},
		{"POST", "/api/stores/audit/log", ERR_METHOD_NOT_ALLOWED},
		{"get", "/api/stores", ERR_METHOD_NOT_ALLOWED},
		{"HEAD", "/api/stores/" ID "/retry", ERR_METHOD_NOT_ALLOWED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct route_match m;

		if (route_find(cases[i].method, cases[i].path, &m, E) == 0)
			fail_msg("%s %s is found", cases[i].method, cases[i].path);
		if (tool_err.code != cases[i].want)
			fail_msg("%s %s: %s", cases[i].method, cases[i].path, tool_err.text);
		assert_null(m.id[0] ? m.id : NULL);
	}
}

static void
refuses_endless_paths(void **state)
{
	char path[4 * REQ_PATH];
	struct route_match m;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memcpy(path, "/api/stores/", 12);
	REFUSED(route_find("GET", path, &m, E), ERR_ROUTE_NOT_FOUND);
}

static void
names_what_is_allowed(void **state)
{
	static const struct {
		const char *path, *allow;
	} cases[] = {
		{"/api/stores", "GET, HEAD, POST, OPTIONS"},
		{"/api/v1/stores/", "GET, HEAD, POST, OPTIONS"},
		{"/api/stores/" ID, "GET, HEAD, DELETE, OPTIONS"},
		{"/api/stores/" ID "/retry", "POST, OPTIONS"},
		{"/api/stores/audit/log", "GET, HEAD, OPTIONS"},
		{"/metrics", "GET, HEAD, OPTIONS"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct route_match m;

		OK(route_find("OPTIONS", cases[i].path, &m, E));
		assert_null(m.route);
		assert_string_equal(m.allow, cases[i].allow);
		REFUSED(route_find("PATCH", cases[i].path, &m, E), ERR_METHOD_NOT_ALLOWED);
		assert_string_equal(m.allow, cases[i].allow);
		assert_contains(tool_err.text, cases[i].allow);
	}
}

/* Whether there is an address that both patterns fit. */
static bool
overlap(const char *a, const char *b)
{
	while (*a && *b) {
		size_t m = strcspn(a + 1, "/"), n = strcspn(b + 1, "/");

		if (a[1] != ':' && b[1] != ':' && (m != n || memcmp(a + 1, b + 1, n) != 0))
			return false;
		a += 1 + m;
		b += 1 + n;
	}
	return !*a && !*b;
}

static void
has_no_address_of_two_patterns(void **state)
{
	const struct route *a, *b;

	(void)state;
	assert_true(overlap("/api/:id", "/api/me"));
	for (size_t i = 0; (a = route_at(i)); i++)
		for (size_t j = 0; (b = route_at(j)); j++)
			if (strcmp(a->path, b->path) != 0 && overlap(a->path, b->path))
				fail_msg("%s and %s", a->path, b->path);
}

static const char *const keys[] = {"limit", "q", NULL};

static void
reads_queries(void **state)
{
	struct query q;

	(void)state;
	OK(query_parse(&q, "", keys, E));
	assert_int_equal(q.count, 0);
	OK(query_parse(&q, "", NULL, E));
	OK(query_parse(&q, "&limit=5&&q=a%20b+c%c3%a9&", keys, E));
	assert_int_equal(q.count, 2);
	assert_string_equal(query_get(&q, "limit"), "5");
	assert_string_equal(query_get(&q, "q"), "a b cé");
	assert_null(query_get(&q, "status"));
	OK(query_parse(&q, "q", keys, E));
	assert_string_equal(query_get(&q, "q"), "");
	OK(query_parse(&q, "q=a=b", keys, E));
	assert_string_equal(query_get(&q, "q"), "a=b");
	OK(query_parse(&q, "%71=1", keys, E));
	assert_string_equal(query_get(&q, "q"), "1");
}

static void
refuses_queries(void **state)
{
	static const char *const bad[] = {
		"x=1",	 "limit=1&limit=2", "Limit=1", "lim=1",	 "=1",	"q=%",	 "q=%4",  "q=%zz",
		"q=%00", "q=%0a",	    "q=%ff",   "q=\xff", "%=1", "q=1&x", "q=1&q", "q=%c3",
	};
	char text[2 * QUERY_VALUE];
	struct query q;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (query_parse(&q, bad[i], keys, E) == 0)
			fail_msg("%s is taken", bad[i]);
		assert_int_equal(tool_err.code, ERR_BAD_REQUEST);
	}
	REFUSED(query_parse(&q, "q=1", NULL, E), ERR_BAD_REQUEST);
	memset(text, 'a', sizeof(text));
	memcpy(text, "q=", 2);
	text[2 + QUERY_VALUE - 1] = '\0';
	OK(query_parse(&q, text, keys, E));
	text[2 + QUERY_VALUE - 1] = 'a';
	text[2 + QUERY_VALUE] = '\0';
	REFUSED(query_parse(&q, text, keys, E), ERR_BAD_REQUEST);
}

static void
guards_callers(void **state)
{
	static const struct {
		const char *method, *remote, *host, *site;
		enum err_code want;
	} cases[] = {
		{"GET", "127.0.0.1", "", "", ERR_NONE},
		{"GET", "127.9.8.7", "localhost", "", ERR_NONE},
		{"POST", "::1", "[::1]", "same-origin", ERR_NONE},
		{"DELETE", "::ffff:127.0.0.1", "127.0.0.1", "none", ERR_NONE},
		{"GET", "127.0.0.1", "127.0.0.1", "cross-site", ERR_NONE},
		{"GET", "", "", "", ERR_LOOPBACK_ONLY},
		/* By the web server's socket, which is this machine under the same rules. */
		{"GET", "unix:", "localhost", "", ERR_NONE},
		{"GET", "unix:", "evil.example", "", ERR_LOOPBACK_ONLY},
		{"POST", "unix:", "localhost", "cross-site", ERR_CROSS_SITE},
		{"GET", "unix:/run/x", "localhost", "", ERR_LOOPBACK_ONLY},
		{"GET", "unix", "localhost", "", ERR_LOOPBACK_ONLY},
		{"GET", "10.0.0.1", "127.0.0.1", "", ERR_LOOPBACK_ONLY},
		{"GET", "127.0.0.1", "evil.example", "", ERR_LOOPBACK_ONLY},
		{"GET", "127.0.0.1", "localhost.evil.example", "", ERR_LOOPBACK_ONLY},
		{"GET", "127.0.0.1", "127.0.0.1.evil.example", "", ERR_LOOPBACK_ONLY},
		{"POST", "127.0.0.1", "127.0.0.1", "cross-site", ERR_CROSS_SITE},
		{"DELETE", "127.0.0.1", "127.0.0.1", "same-site", ERR_CROSS_SITE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct req req = {.body = NULL};
		enum err_code got = ERR_NONE;

		strcpy(req.method, cases[i].method);
		strcpy(req.remote, cases[i].remote);
		strcpy(req.host, cases[i].host);
		strcpy(req.fetch_site, cases[i].site);
		if (guard_machine(&req, E) < 0)
			got = tool_err.code;
		if (got != cases[i].want)
			fail_msg("%s from %s to %s: %s", cases[i].method, cases[i].remote,
				 cases[i].host, err_word(got));
	}
}

static void
guards_bodies(void **state)
{
	static const struct {
		const char *type;
		size_t len;
		bool takes;
		enum err_code want;
	} cases[] = {
		{"application/json", 2, true, ERR_NONE},
		{"application/json; charset=utf-8", 2, true, ERR_NONE},
		{"Application/JSON", 2, true, ERR_NONE},
		{"", 0, true, ERR_NONE},
		{"text/plain", 0, false, ERR_NONE},
		{"", 2, true, ERR_MEDIA_TYPE},
		{"text/plain", 2, true, ERR_MEDIA_TYPE},
		{"application/jsonp", 2, true, ERR_MEDIA_TYPE},
		{"application/x-www-form-urlencoded", 2, true, ERR_MEDIA_TYPE},
		{"application/json", 2, false, ERR_BAD_REQUEST},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct route route = {.takes_body = cases[i].takes};
		struct req req = {.body_len = cases[i].len};
		enum err_code got = ERR_NONE;

		strcpy(req.type, cases[i].type);
		if (guard_body(&req, &route, E) < 0)
			got = tool_err.code;
		if (got != cases[i].want)
			fail_msg("%s: %s", cases[i].type, err_word(got));
	}
}

static void
compares_tags(void **state)
{
	static const char tag[] = "\"e.1-aa\"";

	(void)state;
	assert_true(cache_same("\"e.1-aa\"", tag));
	assert_true(cache_same("W/\"e.1-aa\"", tag));
	assert_true(cache_same("\"x\", \"e.1-aa\" , \"y\"", tag));
	assert_true(cache_same("*", tag));
	assert_false(cache_same("", tag));
	assert_false(cache_same("\"e.1-aab\"", tag));
	assert_false(cache_same("e.1-aa", tag));
	assert_false(cache_same("\"x e.1-aa\"", tag));
	assert_false(cache_same("\"e.1-aa\"x", tag));
	assert_false(cache_same(", ,", tag));
}

static void
keeps_answers_of_one_generation(void **state)
{
	static const struct conf conf = {.store_port = 443};
	char key[SEAL_DIGEST], other[SEAL_DIGEST], big[SEAL_DIGEST];
	struct cache *c = calloc(1, sizeof(*c));
	struct answer one = {.link = "<x>", .total = 3}, huge = ANSWER_INIT;

	(void)state;
	assert_non_null(c);
	cache_open(c, &conf);
	cache_key(c, "/a", "b", "", "local", key);
	cache_key(c, "/a", "", "b", "local", other);
	assert_string_not_equal(key, other);
	buf_str(&one.body, "one");
	cache_keep(c, "e.1", key, &one);
	assert_non_null(cache_find(c, "e.1", key));
	assert_string_equal(buf_text(&cache_find(c, "e.1", key)->body), "one");
	assert_string_equal(cache_find(c, "e.1", key)->link, "<x>");
	assert_int_equal(cache_find(c, "e.1", key)->total, 3);
	assert_null(cache_find(c, "e.1", other));
	assert_null(cache_find(c, "e.2", key));
	assert_null(cache_find(c, "e.1", key)); /* what was dropped does not come back */

	/* It stays within its bounds, and what does not fit is left out. */
	for (size_t i = 0; i < CACHE_BODY; i += 1024)
		buf_printf(&huge.body, "%1024s", "x");
	for (int i = 0; i < 3 * CACHE_ENTRIES; i++) {
		snprintf(big, sizeof(big), "%d", i);
		cache_keep(c, "e.3", big, &huge);
		assert_non_null(cache_find(c, "e.3", big));
		assert_true(c->bytes <= CACHE_BYTES);
	}
	buf_str(&huge.body, "x");
	cache_keep(c, "e.3", key, &huge);
	assert_null(cache_find(c, "e.3", key));
	cache_drop(c);
	assert_int_equal(c->bytes, 0);
	answer_free(&huge);
	answer_free(&one);
	free(c);
}

static void
reads_parts_of_lists(void **state)
{
	static const char *const of_list[] = {"limit", "cursor", "q", NULL};
	static const char *const bad[] = {
		"",  "0",  "x",	   "00000000000000050b5e2a3c1d4f4e6a8b7c9d0e1f2a3b4",
		"-", "%00", "0000000000000005", "00000000000000050b5e2a3c1d4f4e6a8b7c9d0e1f2a3b4cc",
		"80000000000000050b5e2a3c1d4f4e6a8b7c9d0e1f2a3b4c",
		"00000000000000050B5e2a3c1d4f4e6a8b7c9d0e1f2a3b4c",
	};
	char cursor[PAGE_CURSOR], link[ANSWER_LINK], text[QUERY_VALUE];
	struct query q;
	struct page p;

	(void)state;
	OK(query_parse(&q, "", of_list, E));
	OK(page_read(&q, 0, true, &p, E));
	assert_true(p.limit == 0 && p.at == INT64_MAX);
	page_cursor(INT64_MAX - 5, ID, cursor);
	snprintf(text, sizeof(text), "q=a%%26b+%%c3%%a9&cursor=%s&limit=500", cursor);
	OK(query_parse(&q, text, of_list, E));
	OK(page_read(&q, 50, true, &p, E));
	assert_true(p.limit == 500 && p.at == INT64_MAX - 5);
	assert_string_equal(p.id, ID);
	page_link("/api/stores", &q, "c", link);
	assert_string_equal(link, "</api/stores?q=a%26b%20%C3%A9&limit=500&cursor=c>; rel=\"next\"");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		q = (struct query){.count = 1, .items = {{.key = "cursor"}}};
		snprintf(q.items[0].value, QUERY_VALUE, "%s", bad[i]);
		REFUSED(page_read(&q, 0, true, &p, E), ERR_BAD_CURSOR);
	}
	page_cursor(7, "", cursor);
	snprintf(q.items[0].value, QUERY_VALUE, "%s", cursor);
	OK(page_read(&q, 0, false, &p, E));
	assert_int_equal(p.at, 7);
	REFUSED(page_read(&q, 0, true, &p, E), ERR_BAD_CURSOR);
}

int
main(void)
{
	const struct CMUnitTest route[] = {
		cmocka_unit_test(finds_routes),
		cmocka_unit_test(refuses_addresses),
		cmocka_unit_test(refuses_endless_paths),
		cmocka_unit_test(names_what_is_allowed),
		cmocka_unit_test(has_no_address_of_two_patterns),
		cmocka_unit_test(reads_queries),
		cmocka_unit_test(refuses_queries),
		cmocka_unit_test(guards_callers),
		cmocka_unit_test(guards_bodies),
		cmocka_unit_test(compares_tags),
		cmocka_unit_test(keeps_answers_of_one_generation),
		cmocka_unit_test(reads_parts_of_lists),
	};

	return TOOL_RUN(route);
}
