/*
 * guard.h: who may ask, and in which form. All of it follows from the request,
 * the row of the route and the caller, so it is a function of these alone; only
 * whose a store is, is asked by its handler.
 *
 * A page of a stranger in somebody's browser is a stranger too. With AUTH=off
 * it comes under a foreign host name (rebound by DNS), or says of itself that
 * it is of another site. With accounts the browser sends the cookie along even
 * for a shop's page, whose owner runs code on a sibling host name: so what a
 * cookie is to change needs the exact origin, and a type that no form can send.
 */
#ifndef API_GUARD_H
#define API_GUARD_H

#include "api/caller.h"
#include "api/req.h"
#include "api/route.h"

/* Whether it came from this machine: over loopback, or by nginx's socket in the file system. */
bool guard_is_local(const struct req *req);

/* With AUTH=off: 403 loopback_only or cross_site. */
MUST_CHECK int guard_machine(const struct req *req, struct err *err);

/* 401 unauthorized, 403 forbidden or loopback_only: what the route's rule says of the caller. */
MUST_CHECK int guard_rule(const struct req *req, const struct route *route,
			  const struct caller *caller, struct err *err);

/* 403 cross_site: a change that another page asks for in the caller's name, or to log him in. */
MUST_CHECK int guard_origin(const struct req *req, const struct route *route,
			    const struct caller *caller, struct err *err);

/* A body has to be JSON (415), and a route that takes none gets none (400). */
MUST_CHECK int guard_body(const struct req *req, const struct route *route, struct err *err);

/* 403 not_owner: an operator acts on stores of his own alone. */
MUST_CHECK int guard_owner(const struct caller *caller, const char *owner_id, struct err *err);

#endif
