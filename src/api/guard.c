/* guard.c: see guard.h. */
#include "api/guard.h"

#include <string.h>
#include <strings.h>

/* nginx tells the host without its port, in lower case. */
static bool
local_host(const char *host)
{
	return !*host || strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	       valid_loopback(host);
}

/* nginx says "unix:" of who came by its socket in the file system, and of nobody else. */
bool
guard_is_local(const struct req *req)
{
	return valid_loopback(req->remote) || strcmp(req->remote, "unix:") == 0;
}

static bool
only_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "OPTIONS") == 0;
}

static int
refuse_page(struct err *err)
{
	return err_set(err, ERR_CROSS_SITE,
		       "The browser says that a page of another site asks for this change.");
}

int
guard_machine(const struct req *req, struct err *err)
{
	const char *site = req->fetch_site;

	if (!guard_is_local(req))
		return err_set(err, ERR_LOOPBACK_ONLY,
			       "AUTH is off, so only requests from this machine are answered.");
	if (!local_host(req->host))
		return err_set(err, ERR_LOOPBACK_ONLY,
			       "AUTH is off, so only requests to localhost or 127.0.0.1 are "
			       "answered, not those under another host name.");
	if (!only_reads(req->method) && *site && strcmp(site, "same-origin") != 0 &&
	    strcmp(site, "none") != 0)
		return refuse_page(err);
	return 0;
}

static bool
is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = strlen(json);

	return strncasecmp(type, json, n) == 0 && strchr("; \t", type[n]);
}

/* The least role of each rule; a rule without a login has none to ask for. */
static const struct {
	bool login;
	enum user_role least;
} rules[ROUTE_RULES] = {
	[RULE_OPEN] = {false, ROLE_VIEWER},	[RULE_MACHINE] = {false, ROLE_VIEWER},
	[RULE_READ] = {true, ROLE_VIEWER},	[RULE_SESSION] = {true, ROLE_VIEWER},
	[RULE_OPERATE] = {true, ROLE_OPERATOR}, [RULE_OWN] = {true, ROLE_OPERATOR},
	[RULE_ADMIN] = {true, ROLE_ADMIN},
};

int
guard_rule(const struct req *req, const struct route *route, const struct caller *caller,
	   struct err *err)
{
	enum user_role least = rules[route->rule].least;

	if (route->rule == RULE_NONE)
		return err_set(err, ERR_INTERNAL, "%s has no rule of who may", route->path);
	if (route->rule == RULE_MACHINE && !guard_is_local(req))
		return err_set(err, ERR_LOOPBACK_ONLY, "This is for this machine alone.");
	if (!rules[route->rule].login)
		return 0;
	if (caller->kind == CALLER_NOBODY)
		return err_set(err, ERR_UNAUTHORIZED, "Log in, or send an API token.");
	if (route->rule == RULE_SESSION && caller->kind != CALLER_SESSION)
		return err_set(err, ERR_FORBIDDEN, "This is only for who has logged in.");
	if (caller->role < least)
		return err_set(err, ERR_FORBIDDEN, "This takes the role %s, and here you have %s.",
			       user_role_words[least], user_role_words[caller->role]);
	return 0;
}

int
guard_origin(const struct req *req, const struct route *route, const struct caller *caller,
	     struct err *err)
{
	bool cookie = caller->kind == CALLER_SESSION;
	bool login = route->rule == RULE_OPEN && caller->kind == CALLER_NOBODY;

	if (only_reads(req->method) || !(cookie || login))
		return 0;
	if (*req->fetch_site && strcmp(req->fetch_site, "same-origin") != 0)
		return refuse_page(err);
	if ((cookie || *req->origin) && strcmp(req->origin, req->own_origin) != 0)
		return err_set(err, ERR_CROSS_SITE,
			       "A change with a cookie needs the header Origin: %s",
			       req->own_origin);
	if (cookie && !is_json(req->type))
		return err_set(err, ERR_MEDIA_TYPE,
			       "A change with a cookie needs Content-Type: application/json.");
	return 0;
}

int
guard_body(const struct req *req, const struct route *route, struct err *err)
{
	if (!route->takes_body && req->body_len > 0)
		return err_set(err, ERR_BAD_REQUEST, "This request takes no body.");
	if (route->takes_body && req->body_len > 0 && !is_json(req->type))
		return err_set(err, ERR_MEDIA_TYPE,
			       "The body has to be JSON: send Content-Type: application/json.");
	return 0;
}

int
guard_owner(const struct caller *caller, const char *owner_id, struct err *err)
{
	if (caller->role == ROLE_ADMIN || (*owner_id && strcmp(caller->user_id, owner_id) == 0))
		return 0;
	return err_set(err, ERR_NOT_OWNER,
		       "This is another user's store; only its owner and admins may change it.");
}
