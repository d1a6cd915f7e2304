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

static bool
only_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "OPTIONS") == 0;
}

int
guard_caller(const struct req *req, struct err *err)
{
	const char *site = req->fetch_site;

	if (!valid_loopback(req->remote))
		return err_set(err, ERR_LOOPBACK_ONLY,
			       "AUTH is off, so only requests from this machine are answered.");
	if (!local_host(req->host))
		return err_set(err, ERR_LOOPBACK_ONLY,
			       "AUTH is off, so only requests to localhost or 127.0.0.1 are "
			       "answered, not those under another host name.");
	if (!only_reads(req->method) && *site && strcmp(site, "same-origin") != 0 &&
	    strcmp(site, "none") != 0)
		return err_set(
			err, ERR_CROSS_SITE,
			"The browser says that a page of another site asks for this change.");
	return 0;
}

static bool
is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = strlen(json);

	return strncasecmp(type, json, n) == 0 && strchr("; \t", type[n]);
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
