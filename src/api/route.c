/* route.c: see route.h. */
#include "api/route.h"

#include <stdio.h>
#include <string.h>

#include "api/accounts.h"
#include "api/activity.h"
#include "api/create.h"
#include "api/health.h"
#include "api/metrics.h"
#include "api/stores.h"
#include "api/tokens.h"
#include "api/users.h"

static const char *const audit_keys[] = {"limit", "cursor", "store_id", "action", "actor", "since", NULL};
static const char *const list_keys[] = {"status", "q", "limit", "cursor", NULL};

static const struct route routes[] = {
	{"POST", "/api/setup", ROUTE_WRITE, RULE_OPEN, accounts_setup, NULL, true},
	{"POST", "/api/login", ROUTE_WRITE, RULE_OPEN, accounts_login, NULL, true},
	{"POST", "/api/logout", ROUTE_WRITE, RULE_OPEN, accounts_logout, NULL, false},
	{"GET", "/api/me", ROUTE_PLAIN, RULE_READ, accounts_me, NULL, false},
	{"POST", "/api/me/password", ROUTE_WRITE, RULE_SESSION, accounts_password, NULL, true},
	{"DELETE", "/api/me/sessions", ROUTE_WRITE, RULE_SESSION, accounts_end_sessions, NULL, false},
	{"GET", "/api/users", ROUTE_CACHED, RULE_ADMIN, users_list, NULL, false},
	{"POST", "/api/users", ROUTE_WRITE, RULE_ADMIN, users_create, NULL, true},
	{"PATCH", "/api/users/:id", ROUTE_WRITE, RULE_ADMIN, users_change, NULL, true},
	{"DELETE", "/api/users/:id", ROUTE_WRITE, RULE_ADMIN, users_delete, NULL, false},
	{"GET", "/api/tokens", ROUTE_CACHED, RULE_ADMIN, tokens_list, NULL, false},
	{"POST", "/api/tokens", ROUTE_WRITE, RULE_ADMIN, tokens_create, NULL, true},
	{"DELETE", "/api/tokens/:id", ROUTE_WRITE, RULE_ADMIN, tokens_revoke, NULL, false},
	{"GET", "/api/stores", ROUTE_CACHED, RULE_READ, stores_list, list_keys, false},
	{"POST", "/api/stores", ROUTE_WRITE, RULE_OPERATE, create_store, NULL, true},
	{"GET", "/api/stores/audit/log", ROUTE_CACHED, RULE_READ, activity_log, audit_keys, false},
	{"GET", "/api/stores/:id", ROUTE_CACHED, RULE_READ, stores_get, NULL, false},
	{"DELETE", "/api/stores/:id", ROUTE_WRITE, RULE_OWN, stores_delete, NULL, false},
	{"POST", "/api/stores/:id/retry", ROUTE_WRITE, RULE_OWN, stores_retry, NULL, false},
	{"GET", "/api/stores/:id/events", ROUTE_CACHED, RULE_READ, activity_events, NULL, false},
	{"GET", "/api/metrics", ROUTE_CACHED, RULE_READ, metrics_json, NULL, false},
	{"GET", "/api/health", ROUTE_PLAIN, RULE_OPEN, health_alive, NULL, false},
	{"GET", "/api/ready", ROUTE_PLAIN, RULE_OPEN, health_ready, NULL, false},
	{"GET", "/metrics", ROUTE_READ, RULE_MACHINE, metrics_text, NULL, false},
};

/* What an id that is none was meant to be. */
static const struct {
	const char *below;
	enum err_code code;
	const char *sentence;
} missing[] = {
	{"/api/stores/", ERR_STORE_NOT_FOUND, "Store not found"},
	{"/api/users/", ERR_USER_NOT_FOUND, "There is no such user."},
	{"/api/tokens/", ERR_TOKEN_NOT_FOUND, "There is no such token."},
};

enum { PART_MAX = 64 };

/*
 * Whether path is of the pattern, part by part; what stands for ":id" goes to
 * id (any text: whether it is a UUID is asked later). A part that is too long
 * for a UUID is kept as "".
 */
static bool
fits(const char *pattern, const char *path, char id[PART_MAX])
{
	while (*pattern) {
		size_t have;

		if (*pattern != ':') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		have = strcspn(path, "/");
		if (have == 0)
			return false;
		if (have < PART_MAX)
			memcpy(id, path, have);
		id[have < PART_MAX ? have : 0] = '\0';
		pattern += strcspn(pattern, "/");
		path += have;
	}
	return !*path;
}

/* The path as the table writes it; false if it is too long for any route. */
static bool
canonical(const char *path, char out[REQ_PATH])
{
	static const char versioned[] = "/api/v1/";
	bool plain = strncmp(path, versioned, strlen(versioned)) != 0;
	size_t n = strlen(path);

	if (n >= REQ_PATH)
		return false;
	memcpy(out, path, n + 1);
	if (!plain) {
		n -= strlen("/v1");
		memcpy(out + strlen("/api"), path + strlen("/api/v1"), n + 1 - strlen("/api"));
	}
	if (n > 1 && out[n - 1] == '/')
		out[n - 1] = '\0';
	return true;
}

static void
allow(char list[ANSWER_ALLOW], const char *method)
{
	size_t n = strlen(list);

	snprintf(list + n, ANSWER_ALLOW - n, "%s%s%s", n ? ", " : "", method,
		 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/*
 * No address is of two patterns, since ":id" stands only where no other route has a
 * word. The methods of the address are listed only where this one is none of them.
 */
static bool
look(const char *method, const char *path, struct route_match *m, char id[PART_MAX])
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		const struct route *r = &routes[i];

		if (!fits(r->path, path, id))
			continue;
		if (strcmp(r->method, wanted) == 0) {
			m->route = r;
			m->allow[0] = '\0';
			return true;
		}
		allow(m->allow, r->method);
	}
	return m->allow[0] != '\0';
}

const struct route *
route_at(size_t i)
{
	return i < ARRAY_SIZE(routes) ? &routes[i] : NULL;
}

int
route_missing(const struct route *route, struct err *err)
{
	size_t i = 0;

	while (strncmp(route->path, missing[i].below, strlen(missing[i].below)) != 0)
		i++;
	return err_set(err, missing[i].code, "%s", missing[i].sentence);
}

int
route_find(const char *method, const char *path, struct route_match *ret, struct err *err)
{
	char clean[REQ_PATH], id[PART_MAX] = "";

	*ret = (struct route_match){.route = NULL};
	if (!canonical(path, clean) || !look(method, clean, ret, id))
		return err_set(err, ERR_ROUTE_NOT_FOUND, "There is nothing at this address.");
	if (!ret->route)
		allow(ret->allow, "OPTIONS");
	if (!ret->route && strcmp(method, "OPTIONS") == 0)
		return 0;
	if (!ret->route)
		return err_set(err, ERR_METHOD_NOT_ALLOWED, "This address answers %s only.",
			       ret->allow);
	if (strchr(ret->route->path, ':')) {
		if (!valid_uuid(id))
			return route_missing(ret->route, err);
		memcpy(ret->id, id, sizeof(ret->id));
	}
	return 0;
}
