/* test_guard.c: who may do what: every route by every kind of caller, and from which page. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "api/guard.h"
#include "base/buf.h"

static const struct caller callers[] = {
	{.kind = CALLER_NOBODY},
	{.kind = CALLER_SESSION, .role = ROLE_VIEWER},
	{.kind = CALLER_SESSION, .role = ROLE_OPERATOR},
	{.kind = CALLER_SESSION, .role = ROLE_ADMIN},
	{.kind = CALLER_TOKEN, .role = ROLE_ADMIN},
	{.kind = CALLER_LOCAL, .role = ROLE_ADMIN},
};

/*
 * Promise 6.1, the whole policy, one line a route: nobody, viewer, operator, admin, admin's
 * token, AUTH=off; then nobody from elsewhere. A new route is a new line here.
 */
static const char golden[] = "POST /api/setup: 200 200 200 200 200 200 / 200\n"
			     "POST /api/login: 200 200 200 200 200 200 / 200\n"
			     "POST /api/logout: 200 200 200 200 200 200 / 200\n"
			     "GET /api/me: 401 200 200 200 200 200 / 401\n"
			     "POST /api/me/password: 401 200 200 200 403 403 / 401\n"
			     "DELETE /api/me/sessions: 401 200 200 200 403 403 / 401\n"
			     "GET /api/users: 401 403 403 200 200 200 / 401\n"
			     "POST /api/users: 401 403 403 200 200 200 / 401\n"
			     "PATCH /api/users/:id: 401 403 403 200 200 200 / 401\n"
			     "DELETE /api/users/:id: 401 403 403 200 200 200 / 401\n"
			     "GET /api/tokens: 401 403 403 200 200 200 / 401\n"
			     "POST /api/tokens: 401 403 403 200 200 200 / 401\n"
			     "DELETE /api/tokens/:id: 401 403 403 200 200 200 / 401\n"
			     "GET /api/stores: 401 200 200 200 200 200 / 401\n"
			     "POST /api/stores: 401 403 200 200 200 200 / 401\n"
			     "GET /api/stores/audit/log: 401 200 200 200 200 200 / 401\n"
			     "GET /api/stores/:id: 401 200 200 200 200 200 / 401\n"
			     "DELETE /api/stores/:id: 401 403 200 200 200 200 / 401\n"
			     "POST /api/stores/:id/retry: 401 403 200 200 200 200 / 401\n"
			     "GET /api/stores/:id/events: 401 200 200 200 200 200 / 401\n"
			     "GET /api/metrics: 401 200 200 200 200 200 / 401\n"
			     "GET /api/health: 200 200 200 200 200 200 / 200\n"
			     "GET /api/ready: 200 200 200 200 200 200 / 200\n"
			     "GET /metrics: 200 200 200 200 200 200 / 403\n";

static int
status(const struct req *req, const struct route *route, const struct caller *caller)
{
	return guard_rule(req, route, caller, E) < 0 ? err_http(tool_err.code) : 200;
}

static void
every_route_has_its_rule(void **state)
{
	static const struct req near = {.remote = "127.0.0.1"}, far = {.remote = "192.0.2.1"};
	struct buf table = BUF_INIT;
	const struct route *route;

	(void)state;
	for (size_t i = 0; (route = route_at(i)); i++) {
		if (route->rule <= RULE_NONE || route->rule >= ROUTE_RULES)
			fail_msg("%s %s has no rule", route->method, route->path);
		buf_printf(&table, "%s %s:", route->method, route->path);
		for (size_t c = 0; c < ARRAY_SIZE(callers); c++)
			buf_printf(&table, " %d", status(&near, route, &callers[c]));
		buf_printf(&table, " / %d\n", status(&far, route, &callers[0]));
	}
	assert_string_equal(buf_text(&table), golden);
	buf_free(&table);
}

static void
a_route_without_a_rule_is_closed(void **state)
{
	static const struct route route = {.method = "GET", .path = "/new"};
	static const struct req req = {.remote = "127.0.0.1"};

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(callers); c++)
		REFUSED(guard_rule(&req, &route, &callers[c], E), ERR_INTERNAL);
}

static void
changes_nothing_by_reading(void **state)
{
	const struct route *route;

	(void)state;
	for (size_t i = 0; (route = route_at(i)); i++)
		assert_true((strcmp(route->method, "GET") == 0) != (route->access == ROUTE_WRITE));
}

static void
owners_act_on_their_own(void **state)
{
	static const struct caller owner = {.role = ROLE_OPERATOR, .user_id = TOOL_ID_A};
	static const struct caller admin = {.role = ROLE_ADMIN, .user_id = TOOL_ID_A};
	static const struct caller stranger = {.role = ROLE_OPERATOR};

	(void)state;
	OK(guard_owner(&owner, TOOL_ID_A, E));
	REFUSED(guard_owner(&owner, TOOL_ID_B, E), ERR_NOT_OWNER);
	REFUSED(guard_owner(&owner, "", E), ERR_NOT_OWNER);
	REFUSED(guard_owner(&stranger, "", E), ERR_NOT_OWNER);
	OK(guard_owner(&admin, TOOL_ID_B, E));
	OK(guard_owner(&admin, "", E));
}

/* Promise 5.9, as far as it is a function of the request: by kind of caller, page and type. */
static void
pages_of_others_change_nothing(void **state)
{
	static const char *const origins[] = {
		"https://p.example",
		"https://evil.example",
		"https://shop.p.example",
		"http://p.example",
		"https://p.example:8443",
		"https://p.example.evil",
		"null",
		"",
	};
	static const char *const sites[] = {"", "same-origin", "same-site", "cross-site", "none"};
	static const char *const types[] = {"application/json", "text/plain",
					    "application/x-www-form-urlencoded", ""};
	static const struct route change = {.method = "POST", .rule = RULE_OPERATE};
	static const struct route login = {.method = "POST", .rule = RULE_OPEN};

	(void)state;
	for (size_t n = 0; n < ARRAY_SIZE(origins) * ARRAY_SIZE(sites) * ARRAY_SIZE(types); n++) {
		size_t o = n % ARRAY_SIZE(origins), s = n / ARRAY_SIZE(origins) % ARRAY_SIZE(sites);
		size_t t = n / ARRAY_SIZE(origins) / ARRAY_SIZE(sites);
		struct req req = {.method = "POST", .own_origin = "https://p.example"};
		bool ours;

		strcpy(req.origin, origins[o]);
		strcpy(req.fetch_site, sites[s]);
		strcpy(req.type, types[t]);
		ours = o == 0 && s <= 1 && t == 0;
		if ((guard_origin(&req, &change, &callers[2], E) == 0) != ours)
			fail_msg("cookie, \"%s\", \"%s\", \"%s\"", origins[o], sites[s], types[t]);
		/* A login: without a cookie there may be no Origin, and the body's type is told by
		 * 415. */
		ours = (o == 0 || !origins[o][0]) && s <= 1;
		if ((guard_origin(&req, &login, &callers[0], E) == 0) != ours)
			fail_msg("login, \"%s\", \"%s\"", origins[o], sites[s]);
		OK(guard_origin(&req, &change, &callers[4], E)); /* a token is sent by no browser */
		strcpy(req.method, "GET");
		OK(guard_origin(&req, &change, &callers[2], E));
	}
}

int
main(void)
{
	const struct CMUnitTest guard[] = {
		cmocka_unit_test(every_route_has_its_rule),
		cmocka_unit_test(a_route_without_a_rule_is_closed),
		cmocka_unit_test(changes_nothing_by_reading),
		cmocka_unit_test(owners_act_on_their_own),
		cmocka_unit_test(pages_of_others_change_nothing),
	};

	return TOOL_RUN(guard);
}
