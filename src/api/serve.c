/* serve.c: see serve.h. */
#include "api/serve.h"

#include <string.h>

#include "api/guard.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/audit.h"
#include "model/drift.h"
#include "model/event.h"
#include "model/job.h"
#include "model/store.h"

const struct db_table *const serve_tables[] = {&store_sql, &job_sql,	&event_sql,
					       &audit_sql, &drift_sql, &health_sql, NULL};

/* On whose behalf a row is shown; with AUTH=off there is one view only. */
static const char view[] = "local";

/* Answers follow from the rows alone, so one that was made for these rows is given again. */
static int
run_cached(struct api *api, const struct call *call, const struct route *route, struct answer *ret,
	   struct err *err)
{
	char generation[HEALTH_GENERATION], key[SEAL_DIGEST], etag[ANSWER_ETAG];
	const struct buf *kept;

	if (health_generation(api->db, generation, err) < 0)
		return -1;
	cache_key(&api->cache, route->path, call->id, call->req->query, view, key);
	cache_etag(generation, key, etag);
	kept = cache_find(&api->cache, generation, key);
	if (cache_same(call->req->if_none_match, etag)) {
		ret->status = 304;
	} else if (kept) {
		ret->status = 200;
		ret->type = "application/json";
		buf_add(&ret->body, kept->data, kept->len);
		if (ret->body.failed)
			return err_set(err, ERR_INTERNAL, "out of memory");
	} else {
		if (route->run(call, ret, err) < 0)
			return -1;
		cache_keep(&api->cache, generation, key, &ret->body);
	}
	memcpy(ret->etag, etag, sizeof(etag));
	return 0;
}

static int
run(struct api *api, const struct call *call, const struct route *route, struct answer *ret,
    struct err *err)
{
	int r;

	if (route->access == ROUTE_PLAIN || route->access == ROUTE_WRITE)
		return route->run(call, ret, err);
	if (db_begin_read(api->db, err) < 0)
		return -1;
	r = route->access == ROUTE_CACHED ? run_cached(api, call, route, ret, err)
					  : route->run(call, ret, err);
	db_rollback(api->db);
	return r;
}

static int
respond(struct api *api, const struct req *req, const struct err *fault, struct answer *ret,
	struct err *err)
{
	struct call call = {.conf = api->conf, .db = api->db, .req = req};
	struct route_match match;
	int r;

	if (guard_caller(req, err) < 0)
		return -1;
	if (fault->code != ERR_NONE) {
		*err = *fault;
		return -1;
	}
	r = route_find(req->method, req->path, &match, err);
	if (r == 0 && !match.route)
		ret->status = 204;
	if (!match.route)
		memcpy(ret->allow, match.allow, sizeof(ret->allow));
	if (r < 0 || !match.route)
		return r;
	call.id = match.id;
	if (guard_body(req, match.route, err) < 0 ||
	    query_parse(&call.query, req->query, match.route->keys, err) < 0)
		return -1;
	return run(api, &call, match.route, ret, err);
}

void
serve(struct api *api, const struct req *req, const struct err *fault, struct answer *ret)
{
	int64_t since = clock_mono_ms();
	struct err err = ERR_INIT;

	log_bind(LOG_REQUEST, req->id);
	if (respond(api, req, fault, ret, &err) < 0) {
		if (err_http(err.code) >= 500)
			log_error("%s: %s", err_word(err.code), err.text);
		answer_error(ret, &err, req->id);
	}
	log_info("%s %s %d %lld ms", req->method, req->path, ret->status,
		 (long long)(clock_mono_ms() - since));
	log_bind(LOG_REQUEST, NULL);
}
