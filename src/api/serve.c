/* serve.c: see serve.h. */
#include "api/serve.h"

#include <stdio.h>
#include <string.h>

#include "api/guard.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/attempt.h"
#include "model/audit.h"
#include "model/drift.h"
#include "model/event.h"
#include "model/idem.h"
#include "model/job.h"
#include "model/keys.h"
#include "model/session.h"
#include "model/setup.h"
#include "model/store.h"
#include "model/token.h"

const struct db_table *const serve_tables[] = {
	&store_sql, &job_sql,	  &event_sql, &audit_sql,   &drift_sql, &health_sql, &user_sql,
	&session_sql, &token_sql, &attempt_sql, &setup_sql, &idem_sql, &keys_sql, NULL};

/* On whose behalf a row is shown: whoever may see it sees the same. */
static const char view[] = "all";

/* Made of the rows as they are now, and kept with their generation. */
static int
run_fresh(struct api *api, const struct call *call, const char *key, struct answer *ret,
	  struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = api->db;
	char generation[HEALTH_GENERATION];

	if (db_begin_read(db, err) < 0 || health_generation(db, generation, err) < 0 ||
	    call->route->run(call, ret, err) < 0)
		return -1;
	cache_keep(&api->cache, generation, key, ret);
	cache_etag(generation, key, ret->etag);
	return 0;
}

/*
 * Answers follow from the rows alone, so one that was made for these rows is given
 * again. To read their generation takes one statement, and no transaction around it.
 */
static int
run_cached(struct api *api, const struct call *call, struct answer *ret, struct err *err)
{
	char generation[HEALTH_GENERATION], key[SEAL_DIGEST];
	const struct cache_entry *kept;

	if (health_generation(api->db, generation, err) < 0)
		return -1;
	cache_key(&api->cache, call->route->path, call->id, call->req->query, view, key);
	cache_etag(generation, key, ret->etag);
	if (cache_same(call->req->if_none_match, ret->etag)) {
		ret->status = 304;
		return 0;
	}
	kept = cache_find(&api->cache, generation, key);
	if (!kept)
		return run_fresh(api, call, key, ret, err);
	ret->status = 200;
	ret->type = "application/json";
	memcpy(ret->link, kept->link, sizeof(ret->link));
	ret->total = kept->total;
	ret->kept = &kept->body;
	return 0;
}

/* An answer that does not follow from the rows alone is told apart by its bytes. */
static void
tag_body(const struct call *call, struct answer *ret)
{
	const void *parts[] = {buf_text(&ret->body)};
	char digest[SEAL_DIGEST];

	if (ret->status != 200 || ret->etag[0])
		return;
	seal_digest(digest, parts, &ret->body.len, 1);
	snprintf(ret->etag, sizeof(ret->etag), "\"%s\"", digest);
	if (cache_same(call->req->if_none_match, ret->etag))
		ret->status = 304;
}

static int
run(struct api *api, const struct call *call, const struct route *route, struct answer *ret,
    struct err *err)
{
	int r;

	if (route->access == ROUTE_WRITE)
		return route->run(call, ret, err);
	if (route->access == ROUTE_CACHED)
		return run_cached(api, call, ret, err);
	if (route->access == ROUTE_READ && db_begin_read(api->db, err) < 0)
		return -1;
	r = route->run(call, ret, err);
	db_rollback(api->db);
	if (r == 0)
		tag_body(call, ret);
	return r;
}

static bool
is_store(const struct route *route)
{
	static const char one[] = "/api/stores/:id";

	return strncmp(route->path, one, strlen(one)) == 0;
}

/* A refusal of somebody whom we know is a row of the log; strangers cannot make it grow. */
static int
note_refusal(struct call *call, const struct err *why, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct json *details = json_new_object();
	const struct audit_entry entry = {
		.action = AUDIT_REFUSED,
		.store_id = is_store(call->route) ? call->id : NULL,
		.actor = call->caller.actor,
		.ip = call->req->remote,
		.request_id = call->req->id,
	};

	json_set_text(details, "method", call->req->method);
	json_set_text(details, "route", call->route->path);
	json_set_text(details, "code", err_word(why->code));
	json_set_text(details, "id", *call->id ? call->id : NULL);
	return db_begin(db, err) < 0 || audit_add(db, &entry, details, err) < 0 ||
			       db_commit(db, err) < 0
		       ? -1
		       : 0;
}

/*
 * What everybody may read is answered to whoever asks while the database cannot say
 * who that is: /api/ready has to tell of just this.
 */
static int
find_caller(struct api *api, struct call *call, struct err *err)
{
	bool for_all = call->route->rule == RULE_OPEN && strcmp(call->route->method, "GET") == 0;

	if (caller_find(api->db, api->conf, &api->keys, call->req, &call->caller, err) == 0)
		return 0;
	if (!for_all || err_http(err->code) < 500)
		return -1;
	call->caller = (struct caller){.kind = CALLER_NOBODY, .actor = "nobody"};
	*err = (struct err)ERR_INIT;
	return 0;
}

/* Who asks, whether he may, and what he asks for. */
static int
admit(struct api *api, struct call *call, struct err *err)
{
	const struct req *req = call->req;

	if (secret_refresh(&api->keys, api->conf->api_dir, err) < 0 ||
	    find_caller(api, call, err) < 0 || guard_rule(req, call->route, &call->caller, err) < 0 ||
	    guard_origin(req, call->route, &call->caller, err) < 0 ||
	    guard_body(req, call->route, err) < 0)
		return -1;
	return query_parse(&call->query, req->query, call->route->keys, err);
}

static int
answer_call(struct api *api, struct call *call, struct answer *ret, struct err *err)
{
	struct err why = ERR_INIT;

	if (admit(api, call, err) == 0 && run(api, call, call->route, ret, err) == 0)
		return 0;
	/* After the handler's transaction: what it began is undone. */
	if (err_http(err->code) == 403 && call->caller.user_id[0] &&
	    note_refusal(call, err, &why) < 0)
		*err = why;
	return -1;
}

/* *ret_route: NULL while none is found. */
static int
respond(struct api *api, const struct req *req, const struct err *fault,
	const struct route **ret_route, struct answer *ret, struct err *err)
{
	struct call call = {
		.conf = api->conf,
		.db = api->db,
		.keys = &api->keys,
		.counters = api->counters,
		.req = req,
	};
	struct route_match match;
	int r;

	if (strcmp(api->conf->auth, "off") == 0 && guard_machine(req, err) < 0)
		return -1;
	if (fault->code != ERR_NONE) {
		*err = *fault;
		return -1;
	}
	r = route_find(req->method, req->path, &match, err);
	*ret_route = match.route;
	if (r == 0 && !match.route)
		ret->status = 204;
	if (!match.route)
		memcpy(ret->allow, match.allow, sizeof(ret->allow));
	if (r < 0 || !match.route)
		return r;
	call.id = match.id;
	call.route = match.route;
	log_bind(LOG_STORE, is_store(match.route) ? match.id : NULL);
	return answer_call(api, &call, ret, err);
}

void
serve(struct api *api, const struct req *req, const struct err *fault, struct answer *ret)
{
	int64_t since = clock_mono_us(), took;
	const struct route *route = NULL;
	struct err err = ERR_INIT;

	log_bind(LOG_REQUEST, req->id);
	if (respond(api, req, fault, &route, ret, &err) < 0) {
		api->outdated = err.code == ERR_DB_VERSION;
		if (err_http(err.code) >= 500)
			log_error("%s: %s", err_word(err.code), err.text);
		answer_error(ret, &err, req->id);
	}
	took = clock_mono_us() - since;
	counters_add(api->counters, route, ret->status, took);
	log_info("%s %s %d %lld ms", req->method, req->path, ret->status, (long long)took / 1000);
	log_bind(LOG_REQUEST, NULL);
	log_bind(LOG_STORE, NULL);
}
