/* create.c: see create.h. */
#include "api/create.h"

#include <stdio.h>
#include <string.h>

#include "api/fields.h"
#include "api/replay.h"
#include "api/stores.h"
#include "base/clock.h"
#include "base/crash.h"
#include "io/seal.h"
#include "io/wake.h"

enum { PASSWORD_CHARS = 20 };

/* Each limit says its number, and what can be done. */
static int
check_limits(const struct call *call, struct err *err)
{
	const struct conf *conf = call->conf;
	int64_t all, own = 0;

	if (store_count(call->db, NULL, &all, err) < 0 ||
	    (call->caller.user_id[0] && store_count(call->db, call->caller.user_id, &own, err) < 0))
		return -1;
	if (all >= conf->max_stores)
		return err_set(
			err, ERR_STORE_LIMIT,
			"There are %lld stores already, and MAX_STORES is %d; delete a store "
			"or raise the limit.",
			(long long)all, conf->max_stores);
	if (own >= conf->max_stores_per_user)
		return err_set(
			err, ERR_USER_LIMIT,
			"You have %lld stores already, and MAX_STORES_PER_USER is %d; delete "
			"one of them, or ask an admin to raise the limit.",
			(long long)own, conf->max_stores_per_user);
	return 0;
}

static int
write_audit(const struct call *call, const struct store *s, bool generated, struct err *err)
{
	struct json *details = json_new_object();

	json_set_text(details, "type", s->type);
	json_set_text(details, "plan", s->plan);
	json_set_text(details, "admin_user", s->admin_user);
	json_set_text(details, "admin_password", generated ? "generated" : "given");
	return stores_audit(call, s, AUDIT_CREATE, details, err);
}

/* For the provisioner, unless box is sealed to its key of now already. */
static int
seal(const struct call *call, const char *password, struct store_box *box, struct err *err)
{
	struct seal_key key;

	_Static_assert(sizeof(box->data) >= SEAL_BOX, "a sealed password fits");
	if (seal_load_public(&key, call->conf->provisioner_dir, err) < 0)
		return -1;
	if (box->len > 0 && strcmp(key.id, box->key_id) == 0)
		return 0;
	box->len = SEAL_BOX;
	snprintf(box->key_id, sizeof(box->key_id), "%s", key.id);
	return seal_close(&key, password, box->data, err);
}

/* 1: the answer is that of an earlier request with this key; 0: *ret is the new row; -1. */
static int
write_new(const struct call *call, const struct store *s, const char *password, bool generated,
	  struct answer *replayed, struct json **ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	CLEANUP(json_freep) struct json *row = NULL;
	struct store_box box = {.len = 0};
	int r;

	/*
	 * Before the lock, for it takes longer than the rest of the transaction's work; and
	 * again with it, for only then nobody changes the key any more.
	 */
	if (seal(call, password, &box, err) < 0)
		return -1;
	r = db_begin(db, err);
	if (r == 0)
		r = replay_find(call, replayed, err);
	if (r != 0)
		return r;
	if (check_limits(call, err) < 0 || seal(call, password, &box, err) < 0 ||
	    store_insert(db, s, &box, err) < 0 ||
	    stores_queue(call, s, JOB_PROVISION, err) < 0 ||
	    write_audit(call, s, generated, err) < 0 || stores_show(call, s->id, &row, err) < 0)
		return -1;
	json_set_bool(row, "admin_password_available", false);
	if (replay_keep(call, row, err) < 0)
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

static int
create(const struct call *call, struct fields *f, struct answer *ret, struct err *err)
{
	bool generated = !f->admin_password[0];
	struct store store;
	struct json *row;
	int r;

	if (generated)
		seal_password(f->admin_password, PASSWORD_CHARS);
	fill_store(call, f, &store);
	r = write_new(call, &store, f->admin_password, generated, ret, &row, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	wake_ring(call->conf->wake_socket);
	json_set_bool(row, "admin_password_available", generated);
	if (generated)
		json_set_text(row, "admin_password", f->admin_password);
	snprintf(ret->location, sizeof(ret->location), "/api/stores/%s", store.id);
	return answer_json(ret, 201, row, err);
}

int
create_store(const struct call *call, struct answer *ret, struct err *err)
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
