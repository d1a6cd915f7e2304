/*
 * guard.h: who may ask, and in which form. Until accounts exist the one rule
 * is AUTH=off: everybody on this machine may do everything, nobody else
 * anything. A page of a stranger in this machine's browser is a stranger too:
 * it comes under a foreign host name (rebound by DNS), or says of itself that
 * it is cross-site.
 */
#ifndef API_GUARD_H
#define API_GUARD_H

#include "api/req.h"
#include "api/route.h"

/* 403 loopback_only or cross_site. */
MUST_CHECK int guard_caller(const struct req *req, struct err *err);

/* A body has to be JSON (415), and a route that takes none gets none (400). */
MUST_CHECK int guard_body(const struct req *req, const struct route *route, struct err *err);

#endif
