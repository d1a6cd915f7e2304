/*
 * route.h: the table of routes, and nothing else decides about URLs. A new
 * route is a row and a handler.
 *
 * /api/v1/... is /api/...; one slash at the end is ignored; HEAD is answered
 * wherever GET is; a route without a variable part wins over one with ":id".
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "api/answer.h"
#include "api/caller.h"
#include "api/query.h"
#include "api/req.h"
#include "io/conf.h"
#include "io/db.h"

/* What a handler has in its hands. */
struct call {
	const struct conf *conf;
	struct db *db;
	struct secret_ring *keys; /* the current one first */
	const struct counters *counters;
	const struct req *req;
	struct caller caller;
	const struct route *route;
	const char *id; /* the ":id" of the path, a UUID */
	struct query query;
};

/* Fills the answer, or err, which then becomes the answer. */
typedef int route_handler(const struct call *call, struct answer *ret, struct err *err);

enum route_access {
	ROUTE_PLAIN,  /* no transaction is held for it */
	ROUTE_READ,   /* runs in a read transaction */
	ROUTE_CACHED, /* the same, and its answer follows from the rows alone */
	ROUTE_WRITE,  /* changes something: makes its own transaction */
};

/* Who may: guard.c has the table of what each rule asks for. A route without one is no route. */
enum route_rule {
	RULE_NONE,
	RULE_OPEN,    /* everybody */
	RULE_MACHINE, /* everybody on this machine */
	RULE_READ,    /* every account */
	RULE_SESSION, /* every account, logged in by its password */
	RULE_OPERATE, /* operators and admins */
	RULE_OWN,     /* the same, the former on stores of their own: the handler asks */
	RULE_ADMIN,   /* admins */
	ROUTE_RULES
};

struct route {
	const char *method;
	const char *path;
	enum route_access access;
	enum route_rule rule;
	route_handler *run;
	const char *const *keys; /* of the query; NULL: none */
	bool takes_body;
};

struct route_match {
	const struct route *route; /* NULL: OPTIONS, which `allow` answers */
	char id[VALID_UUID_BYTES];
	char allow[ANSWER_ALLOW]; /* what a 405 and OPTIONS tell */
};

/* The i-th row of the table, NULL after the last. */
const struct route *route_at(size_t i);

/* Fails with the 404 of a route's ":id": the one place that knows its words. */
int route_missing(const struct route *route, struct err *err);

/* -1: 404 or 405; for the latter ret->allow is filled as well. */
MUST_CHECK int route_find(const char *method, const char *path, struct route_match *ret,
			  struct err *err);

#endif
