/*
 * serve.h: the way of a request: guard, route, form, transaction, handler.
 * It knows no FastCGI, so that it is the same for every door.
 */
#ifndef API_SERVE_H
#define API_SERVE_H

#include "api/answer.h"
#include "api/cache.h"
#include "api/counters.h"
#include "api/req.h"
#include "io/conf.h"
#include "io/db.h"
#include "io/secret.h"

/* What a process has for all of its requests. */
struct api {
	const struct conf *conf;
	struct db *db;
	struct secret_ring keys;
	struct counters *counters;
	struct cache cache;
	bool outdated; /* the database is a newer program's: this one has to end */
};

/* The rooms of model/ whose statements the handlers use, for db_prepare(). */
extern const struct db_table *const serve_tables[];

/*
 * Always fills the answer. fault: what req_next() found wrong with the request.
 * The line in the log tells method, path, status and time, never a body.
 */
void serve(struct api *api, const struct req *req, const struct err *fault, struct answer *ret);

#endif
