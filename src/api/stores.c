/* stores.c: see stores.h. */
#include "api/stores.h"

#include <string.h>

#include "api/guard.h"
#include "api/page.h"
#include "api/replay.h"
#include "api/view.h"
#include "io/wake.h"
#include "model/audit.h"
#include "model/job.h"

static int
read_filter(const struct query *q, struct page *page, struct store_filter *ret, struct err *err)
{
	const char *status = query_get(q, "status"), *text = query_get(q, "q");
	bool known = !status;

	if (page_read(q, 0, true, page, err) < 0)
		return -1;
	for (int i = 0; i < STORE_DELETED; i++)
		known = known || strcmp(store_status_words[i], status) == 0;
	if (!known)
		return err_set(err, ERR_BAD_REQUEST,
			       "status has to be provisioning, ready, failed or deleting.");
	*ret = (struct store_filter){
		.status = status,
		.text = text && *text ? text : NULL,
		.before_at = page->at,
		.before_id = page->id,
	};
	return 0;
}

/* Fills array with the rows of a part, and the answer with what leads to the next one. */
static int
list(const struct call *call, const struct store_filter *filter, int limit, struct json *array,
     struct answer *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = store_list(call->db, filter);
	char cursor[PAGE_CURSOR] = "";
	struct store store;
	struct view view;
	int r, n = 0;

	if (view_open(&view, call->db, call->conf, err) < 0)
		return -1;
	while ((r = store_next(q, &store, err)) > 0) {
		struct json *row;

		if (limit && n++ == limit) { /* one more than asked for: there is a next part */
			page_link("/api/stores", &call->query, cursor, ret->link);
			return 0;
		}
		if (view_store(&view, &store, &row, err) < 0)
			return -1;
		json_add(array, row);
		page_cursor(store.created_at, store.id, cursor);
	}
	return r;
}

int
stores_list(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *array = json_new_array();
	struct store_filter filter;
	struct page page;
	int64_t total;

	if (read_filter(&call->query, &page, &filter, err) < 0 ||
	    store_matching(call->db, &filter, &total, err) < 0)
		return -1;
	filter.limit = page.limit ? page.limit + 1 : 0;
	if (list(call, &filter, page.limit, array, ret, err) < 0)
		return -1;
	ret->total = total + 1;
	return answer_json(ret, 200, json_ref(array), err);
}

static int
find(const struct call *call, struct store *ret, struct err *err)
{
	int r = store_get(call->db, call->id, ret, err);

	return r == 0 ? route_missing(call->route, err) : r < 0 ? -1 : 0;
}

/* The same, for who wants to change it. */
static int
find_own(const struct call *call, struct store *ret, struct err *err)
{
	return find(call, ret, err) < 0 ? -1 : guard_owner(&call->caller, ret->owner_id, err);
}

int
stores_get(const struct call *call, struct answer *ret, struct err *err)
{
	struct store store;
	struct view view;
	struct json *row;

	if (find(call, &store, err) < 0 || view_open(&view, call->db, call->conf, err) < 0 ||
	    view_store_whole(&view, &store, &row, err) < 0)
		return -1;
	return answer_json(ret, 200, row, err);
}

int
stores_audit(const struct call *call, const struct store *s, enum audit_action action,
	     struct json *details, struct err *err)
{
	struct audit_entry entry = {
		.action = action,
		.store_id = s->id,
		.actor = call->caller.actor,
		.ip = call->req->remote,
		.request_id = call->req->id,
	};

	json_set_text(details, "name", s->name);
	json_set_text(details, "slug", s->slug);
	return audit_add(call->db, &entry, details, err);
}

/* A set-up that only waits keeps others waiting; a removal always finds its place. */
static int
check_queue(const struct call *call, struct err *err)
{
	int most = call->conf->max_queued_provisions;
	int64_t waiting;

	if (job_count(call->db, JOB_PROVISION, JOB_QUEUED, &waiting, err) < 0)
		return -1;
	if (waiting < most)
		return 0;
	return err_set(err, ERR_QUEUE_LIMIT,
		       "%lld stores wait to be set up already, and MAX_QUEUED_PROVISIONS is %d; "
		       "try again when some of them are ready.",
		       (long long)waiting, most);
}

int
stores_queue(const struct call *call, const struct store *s, enum job_kind kind, struct err *err)
{
	if (kind == JOB_PROVISION && check_queue(call, err) < 0)
		return -1;
	return job_queue(call->db, s->id, kind, call->conf->provision_attempts, call->caller.actor,
			 call->req->id, err);
}

int
stores_show(const struct call *call, const char *id, struct json **ret, struct err *err)
{
	struct store store;
	struct view view;
	int r = store_get(call->db, id, &store, err);

	if (r == 0)
		return err_set(err, ERR_INTERNAL, "a store that was just written is not there");
	return r < 0 || view_open(&view, call->db, call->conf, err) < 0 ||
			       view_store(&view, &store, ret, err) < 0
		       ? -1
		       : 0;
}

/* The removal beats whatever else is going on with the store. */
static int
start_delete(const struct call *call, const struct store *s, struct err *err)
{
	int active = job_active(call->db, s->id, JOB_DELETE, err);
	struct json *details;

	if (active < 0 || job_cancel(call->db, s->id, JOB_PROVISION, err) < 0)
		return -1;
	if (s->status == STORE_DELETING && active)
		return 0;
	if (store_set_status(call->db, s->id, STORE_DELETING, NULL, NULL, err) < 0 ||
	    (!active && stores_queue(call, s, JOB_DELETE, err) < 0))
		return -1;
	details = json_new_object();
	json_set_text(details, "status_before", store_status_words[s->status]);
	return stores_audit(call, s, AUDIT_DELETE_START, details, err);
}

int
stores_delete(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	CLEANUP(json_freep) struct json *body = json_new_object();
	struct store store;
	int r = db_begin(db, err);

	if (r == 0)
		r = replay_find(call, ret, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (find_own(call, &store, err) < 0 || start_delete(call, &store, err) < 0)
		return -1;
	json_set_text(body, "message", "Store deletion initiated");
	json_set_text(body, "id", store.id);
	json_set_text(body, "status", store_status_words[STORE_DELETING]);
	if (replay_keep(call, body, err) < 0 || db_commit(db, err) < 0)
		return -1;
	wake_ring(call->conf->wake_socket);
	return answer_json(ret, 200, json_ref(body), err);
}

/* What failed is done again: the newest job says whether that was the set-up or the removal. */
static int
start_again(const struct call *call, const struct store *s, struct err *err)
{
	struct json *details;
	struct job job;
	int r = job_of_store(call->db, s->id, &job, err);
	enum job_kind kind = r > 0 ? job.kind : JOB_PROVISION;

	if (r < 0)
		return -1;
	if (s->status != STORE_FAILED)
		return err_set(err, ERR_NOT_FAILED,
			       "Only a failed store can be tried again; this one is %s.",
			       store_status_words[s->status]);
	if (store_set_status(call->db, s->id,
			     kind == JOB_DELETE ? STORE_DELETING : STORE_PROVISIONING, NULL, NULL,
			     err) < 0 ||
	    stores_queue(call, s, kind, err) < 0)
		return -1;
	details = json_new_object();
	json_set_text(details, "kind", job_kind_words[kind]);
	json_set_text(details, "error_code_before", s->error_code);
	return stores_audit(call, s, AUDIT_RETRY, details, err);
}

int
stores_retry(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	CLEANUP(json_freep) struct json *row = NULL;
	struct store store;
	int r = db_begin(db, err);

	if (r == 0)
		r = replay_find(call, ret, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (find_own(call, &store, err) < 0 || start_again(call, &store, err) < 0 ||
	    stores_show(call, store.id, &row, err) < 0 || replay_keep(call, row, err) < 0 ||
	    db_commit(db, err) < 0)
		return -1;
	wake_ring(call->conf->wake_socket);
	return answer_json(ret, 200, json_ref(row), err);
}
