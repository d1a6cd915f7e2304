/* stores.c: see stores.h. */
#include "api/stores.h"

#include <stdio.h>
#include <string.h>

#include "api/fields.h"
#include "api/guard.h"
#include "api/view.h"
#include "base/clock.h"
#include "base/crash.h"
#include "io/seal.h"
#include "io/wake.h"
#include "model/audit.h"
#include "model/job.h"

enum { PASSWORD_CHARS = 20 };

int
stores_list(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *array = json_new_array();
	CLEANUP(db_donep) struct db_query *q = NULL;
	struct store store;
	struct view view;
	int r;

	if (view_open(&view, call->db, err) < 0)
		return -1;
	q = store_list(call->db);
	while ((r = store_next(q, &store, err)) > 0) {
		struct json *row;

		if (view_store(&view, &store, &row, err) < 0)
			return -1;
		json_add(array, row);
	}
	return r < 0 ? -1 : answer_json(ret, 200, json_ref(array), err);
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

	if (find(call, &store, err) < 0 || view_open(&view, call->db, err) < 0 ||
	    view_store_whole(&view, &store, &row, err) < 0)
		return -1;
	return answer_json(ret, 200, row, err);
}

static int
audit(const struct call *call, const struct store *s, enum audit_action action,
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

static int
queue(const struct call *call, const struct store *s, enum job_kind kind, struct err *err)
{
	return job_queue(call->db, s->id, kind, call->conf->provision_attempts,
			 call->caller.actor, call->req->id, err);
}

/* A row that was changed in this transaction, as the answer to the change. */
static int
show(const struct call *call, const char *id, struct json **ret, struct err *err)
{
	struct store store;
	struct view view;
	int r = store_get(call->db, id, &store, err);

	if (r == 0)
		return err_set(err, ERR_INTERNAL, "a store that was just written is not there");
	return r < 0 || view_open(&view, call->db, err) < 0 ||
			       view_store(&view, &store, ret, err) < 0
		       ? -1
		       : 0;
}

static int
check_limit(const struct call *call, struct err *err)
{
	int64_t count;

	if (store_count(call->db, &count, err) < 0)
		return -1;
	if (count < call->conf->max_stores)
		return 0;
	return err_set(err, ERR_STORE_LIMIT,
		       "There are %lld stores already, and MAX_STORES is %d; delete a store or "
		       "raise the limit.",
		       (long long)count, call->conf->max_stores);
}

static int
write_new(const struct call *call, const struct store *s, const struct store_box *box,
	  bool generated, struct json **ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	CLEANUP(json_freep) struct json *row = NULL;
	struct json *details;

	if (db_begin(db, err) < 0 || check_limit(call, err) < 0 ||
	    store_insert(db, s, box, err) < 0 || queue(call, s, JOB_PROVISION, err) < 0)
		return -1;
	details = json_new_object();
	json_set_text(details, "type", s->type);
	json_set_text(details, "plan", s->plan);
	json_set_text(details, "admin_user", s->admin_user);
	json_set_text(details, "admin_password", generated ? "generated" : "given");
	if (audit(call, s, AUDIT_CREATE, details, err) < 0 || show(call, s->id, &row, err) < 0)
		return -1;
	crash_point("create-uncommitted");
	if (db_commit(db, err) < 0)
		return -1;
	crash_point("create-committed");
	*ret = row;
	row = NULL;
	return 0;
}

static void
fill_store(const struct call *call, const struct fields *f, struct store *s)
{
	const struct conf *conf = call->conf;
	struct names names;

	names_of(&names, f->slug, conf->base_domain, conf->store_port, conf_https(conf));
	*s = (struct store){.status = STORE_PROVISIONING, .created_at = clock_wall_ms()};
	seal_uuid(s->id);
	snprintf(s->name, sizeof(s->name), "%s", f->name);
	snprintf(s->slug, sizeof(s->slug), "%s", f->slug);
	snprintf(s->type, sizeof(s->type), "%s", f->type);
	snprintf(s->plan, sizeof(s->plan), "%s", f->plan);
	snprintf(s->namespace, sizeof(s->namespace), "%s", names.namespace);
	snprintf(s->store_url, sizeof(s->store_url), "%s", names.url);
	snprintf(s->admin_url, sizeof(s->admin_url), "%s", names.admin_url);
	snprintf(s->admin_user, sizeof(s->admin_user), "%s", f->admin_user);
	snprintf(s->owner_id, sizeof(s->owner_id), "%s", call->caller.user_id);
}

/* Makes a password if none was given, and seals it for the provisioner. */
static int
seal(const struct call *call, struct fields *f, struct store_box *box, struct err *err)
{
	struct seal_key key;

	_Static_assert(sizeof(box->data) >= SEAL_BOX, "a sealed password fits");
	*box = (struct store_box){.len = SEAL_BOX};
	if (seal_load_public(&key, call->conf->provisioner_dir, err) < 0)
		return -1;
	if (!f->admin_password[0])
		seal_password(f->admin_password, PASSWORD_CHARS);
	snprintf(box->key_id, sizeof(box->key_id), "%s", key.id);
	return seal_close(&key, f->admin_password, box->data, err);
}

static int
create(const struct call *call, struct fields *f, struct answer *ret, struct err *err)
{
	bool generated = !f->admin_password[0];
	struct store_box box;
	struct store store;
	struct json *row;

	if (seal(call, f, &box, err) < 0)
		return -1;
	fill_store(call, f, &store);
	if (write_new(call, &store, &box, generated, &row, err) < 0)
		return -1;
	wake_ring(call->conf->wake_socket);
	if (generated)
		json_set_text(row, "admin_password", f->admin_password);
	snprintf(ret->location, sizeof(ret->location), "/api/stores/%s", store.id);
	return answer_json(ret, 201, row, err);
}

int
stores_create(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *body = NULL;
	struct fields fields;
	int r;

	if (json_parse(&body, call->req->body ? call->req->body : "", call->req->body_len, err) < 0)
		return -1;
	ret->details = json_new_array();
	r = fields_read(body, &fields, ret->details, err);
	if (r == 0 || err->code != ERR_VALIDATION) {
		json_free(ret->details);
		ret->details = NULL;
	}
	if (r == 0)
		r = create(call, &fields, ret, err);
	seal_wipe(&fields, sizeof(fields));
	return r;
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
	    (!active && queue(call, s, JOB_DELETE, err) < 0))
		return -1;
	details = json_new_object();
	json_set_text(details, "status_before", store_status_words[s->status]);
	return audit(call, s, AUDIT_DELETE_START, details, err);
}

int
stores_delete(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct store store;
	struct json *body;

	if (db_begin(db, err) < 0 || find_own(call, &store, err) < 0 ||
	    start_delete(call, &store, err) < 0 || db_commit(db, err) < 0)
		return -1;
	wake_ring(call->conf->wake_socket);
	body = json_new_object();
	json_set_text(body, "message", "Store deletion initiated");
	json_set_text(body, "id", store.id);
	json_set_text(body, "status", store_status_words[STORE_DELETING]);
	return answer_json(ret, 200, body, err);
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
	    queue(call, s, kind, err) < 0)
		return -1;
	details = json_new_object();
	json_set_text(details, "kind", job_kind_words[kind]);
	json_set_text(details, "error_code_before", s->error_code);
	return audit(call, s, AUDIT_RETRY, details, err);
}

int
stores_retry(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	CLEANUP(json_freep) struct json *row = NULL;
	struct store store;

	if (db_begin(db, err) < 0 || find_own(call, &store, err) < 0 ||
	    start_again(call, &store, err) < 0 || show(call, store.id, &row, err) < 0 ||
	    db_commit(db, err) < 0)
		return -1;
	wake_ring(call->conf->wake_socket);
	return answer_json(ret, 200, json_ref(row), err);
}
