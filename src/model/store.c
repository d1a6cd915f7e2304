/* store.c: see store.h. */
#include "model/store.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const char *const store_status_words[STORE_STATUSES] = {"provisioning", "ready", "failed",
							"deleting", "deleted"};
const char *const store_health_words[STORE_HEALTHS] = {"unknown", "ok", "degraded"};

#define COLUMNS                                                                                    \
	"id, name, slug, type, plan, status, namespace, store_url, admin_url, admin_user,"         \
	" error_code, error_message, provision_started_at, provision_finished_at,"                 \
	" created_at, updated_at, health_state, health_message, health_checked_at, owner_id,"      \
	" (SELECT u.name FROM users u WHERE u.id = owner_id)"

/* A text is looked for as it is, and as an address would have it: without accents and case. */
#define FITS                                                                                       \
	"status <> 'deleted' AND (:status IS NULL OR status = :status)"                            \
	" AND (:text IS NULL OR instr(lower(name), lower(:text)) > 0"                              \
	"  OR (:slug <> '' AND instr(slug, :slug) > 0))"

enum {
	INSERT,
	TAKE,
	HOLDS,
	GET,
	LIST,
	MATCHING,
	COUNT,
	COUNT_OWN,
	COUNT_BY_STATUS,
	AVG_DURATION,
	SET_STATUS,
	SET_REASON,
	SET_STARTED,
	GET_BOX,
	WIPE_BOX,
	SET_RELEASE,
};

static const char *const statements[] = {
	[INSERT] = "INSERT INTO stores (id, name, slug, type, plan, status, namespace, store_url,"
		   " admin_url, admin_user, sealed_password, seal_key_id, owner_id, created_at,"
		   " updated_at)"
		   " VALUES (:id, :name, :slug, :type, :plan, :status, :namespace, :store_url,"
		   " :admin_url, :admin_user, :box, :key_id, :owner, :now, :now)",
	[TAKE] = "UPDATE stores SET type = :type, plan = :plan, namespace = :namespace,"
		 " store_url = :store_url, admin_url = :admin_url, admin_user = :admin_user"
		 " WHERE id = :id",
	[HOLDS] = "SELECT id, name, EXISTS (SELECT 1 FROM jobs WHERE store_id = s.id)"
		  " FROM stores AS s WHERE slug = :slug AND status <> 'deleted'",
	[GET] = "SELECT " COLUMNS " FROM stores WHERE id = :id AND status <> 'deleted'",
	[LIST] = "SELECT " COLUMNS " FROM stores WHERE " FITS
		 " AND (created_at, id) < (:before_at, :before_id)"
		 " ORDER BY created_at DESC, id DESC LIMIT :limit",
	[MATCHING] = "SELECT count(*) FROM stores WHERE " FITS,
	[COUNT] = "SELECT coalesce(sum(n), 0) FROM tallies WHERE what = 'store'"
		  " AND word <> 'deleted' AND (:status IS NULL OR word = :status)",
	[COUNT_OWN] = "SELECT count(*) FROM stores WHERE status <> 'deleted' AND owner_id = :owner",
	[COUNT_BY_STATUS] = "SELECT word, n FROM tallies WHERE what = 'store'",
	[AVG_DURATION] = "SELECT avg(provision_finished_at - provision_started_at) / 1000.0"
			 /* Not those whose clock was set meanwhile. */
			 " FROM stores WHERE provision_finished_at - provision_started_at"
			 "   BETWEEN 0 AND 86400000"
			 " AND status IN ('ready', 'deleting', 'deleted')",
	[SET_STATUS] = "UPDATE stores SET status = :status, error_code = :code,"
		       " error_message = :message, updated_at = :now,"
		       " deleted_at = CASE :status WHEN 'deleted' THEN :now END,"
		       " provision_finished_at = CASE :status WHEN 'ready' THEN :now"
		       "   WHEN 'provisioning' THEN NULL ELSE provision_finished_at END,"
		       " provision_started_at = CASE :status WHEN 'provisioning' THEN NULL"
		       "   ELSE provision_started_at END,"
		       " sealed_password = CASE :status WHEN 'deleted' THEN NULL"
		       "   ELSE sealed_password END,"
		       " seal_key_id = CASE :status WHEN 'deleted' THEN NULL ELSE seal_key_id END,"
		       /* A provision has seen every part a moment ago. */
		       " health_state = CASE :status WHEN 'ready' THEN 'ok' ELSE 'unknown' END,"
		       " health_message = '',"
		       " health_checked_at = CASE :status WHEN 'ready' THEN :now END"
		       " WHERE id = :id",
	[SET_REASON] = "UPDATE stores SET error_code = :code, error_message = :message,"
		       " updated_at = :now WHERE id = :id",
	[SET_STARTED] = "UPDATE stores SET provision_started_at = :now, updated_at = :now"
			" WHERE id = :id AND provision_started_at IS NULL",
	[GET_BOX] = "SELECT sealed_password, seal_key_id FROM stores WHERE id = :id",
	[WIPE_BOX] = "UPDATE stores SET sealed_password = NULL, seal_key_id = NULL WHERE id = :id",
	[SET_RELEASE] = "UPDATE stores SET release_values = :values, release_digest = :digest"
			" WHERE id = :id",
};
DB_TABLE(store_sql, statements);

static enum store_status
status_of(const char *word)
{
	for (int i = 0; i < STORE_STATUSES; i++)
		if (strcmp(store_status_words[i], word) == 0)
			return (enum store_status)i;
	return STORE_FAILED; /* the column's CHECK forbids any other word */
}

int
store_insert(struct db *db, const struct store *s, const struct store_box *box, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, INSERT);

	db_bind_text(q, ":id", s->id);
	db_bind_text(q, ":name", s->name);
	db_bind_text(q, ":slug", s->slug);
	db_bind_text(q, ":type", s->type);
	db_bind_text(q, ":plan", s->plan);
	db_bind_text(q, ":status", store_status_words[s->status]);
	db_bind_text(q, ":namespace", s->namespace);
	db_bind_text(q, ":store_url", s->store_url);
	db_bind_text(q, ":admin_url", s->admin_url);
	db_bind_text(q, ":admin_user", s->admin_user);
	db_bind_blob(q, ":box", box ? box->data : NULL, box ? box->len : 0);
	db_bind_text(q, ":key_id", box ? box->key_id : NULL);
	db_bind_text(q, ":owner", s->owner_id[0] ? s->owner_id : NULL);
	db_bind_int(q, ":now", s->created_at);
	if (db_run(q, err) >= 0)
		return 0;
	if (err->code == ERR_DB_CONSTRAINT && strstr(err->text, "stores.slug"))
		return err_set(err, ERR_DUPLICATE_NAME,
			       "A store with the address name \"%s\" exists already; choose "
			       "another name.",
			       s->slug);
	return -1;
}

int
store_take(struct db *db, const struct store *s, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, TAKE);

	db_bind_text(q, ":id", s->id);
	db_bind_text(q, ":type", s->type);
	db_bind_text(q, ":plan", s->plan);
	db_bind_text(q, ":namespace", s->namespace);
	db_bind_text(q, ":store_url", s->store_url);
	db_bind_text(q, ":admin_url", s->admin_url);
	db_bind_text(q, ":admin_user", s->admin_user);
	return store_set_status(db, s->id, s->status, NULL, NULL, err) < 0 || db_run(q, err) < 0
		       ? -1
		       : 0;
}

int
store_holds(struct db *db, const char *slug, struct store_holder *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, HOLDS);
	int r;

	db_bind_text(q, ":slug", slug);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	*ret = (struct store_holder){.had_jobs = db_int(q, 2) != 0};
	snprintf(ret->id, sizeof(ret->id), "%s", db_text(q, 0));
	snprintf(ret->name, sizeof(ret->name), "%s", db_text(q, 1));
	return 1;
}

static enum store_health
health_of(const char *word)
{
	for (int i = 0; i < STORE_HEALTHS; i++)
		if (strcmp(store_health_words[i], word) == 0)
			return (enum store_health)i;
	return STORE_UNKNOWN; /* the column's CHECK forbids any other word */
}

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static void
read_row(struct db_query *q, struct store *s)
{
	*s = (struct store){.status = status_of(db_text(q, 5))};
	copy(s->id, sizeof(s->id), db_text(q, 0));
	copy(s->name, sizeof(s->name), db_text(q, 1));
	copy(s->slug, sizeof(s->slug), db_text(q, 2));
	copy(s->type, sizeof(s->type), db_text(q, 3));
	copy(s->plan, sizeof(s->plan), db_text(q, 4));
	copy(s->namespace, sizeof(s->namespace), db_text(q, 6));
	copy(s->store_url, sizeof(s->store_url), db_text(q, 7));
	copy(s->admin_url, sizeof(s->admin_url), db_text(q, 8));
	copy(s->admin_user, sizeof(s->admin_user), db_text(q, 9));
	copy(s->error_code, sizeof(s->error_code), db_text(q, 10));
	copy(s->error_message, sizeof(s->error_message), db_text(q, 11));
	s->provision_started_at = db_int(q, 12);
	s->provision_finished_at = db_int(q, 13);
	s->created_at = db_int(q, 14);
	s->updated_at = db_int(q, 15);
	s->health = health_of(db_text(q, 16));
	copy(s->health_message, sizeof(s->health_message), db_text(q, 17));
	s->health_checked_at = db_int(q, 18);
	copy(s->owner_id, sizeof(s->owner_id), db_text(q, 19));
	copy(s->owner, sizeof(s->owner), db_text(q, 20));
}

int
store_get(struct db *db, const char *id, struct store *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, GET);

	db_bind_text(q, ":id", id);
	return store_next(q, ret, err);
}

static void
bind_filter(struct db_query *q, const struct store_filter *f)
{
	char slug[VALID_SLUG_BYTES] = "";

	if (f->text)
		valid_make_slug(f->text, slug);
	db_bind_text(q, ":status", f->status);
	db_bind_text(q, ":text", f->text);
	db_bind_text(q, ":slug", slug);
}

struct db_query *
store_list(struct db *db, const struct store_filter *filter)
{
	struct db_query *q = db_query(db, &store_sql, LIST);

	bind_filter(q, filter);
	db_bind_int(q, ":before_at", filter->before_at);
	db_bind_text(q, ":before_id", filter->before_id);
	db_bind_int(q, ":limit", filter->limit ? filter->limit : -1);
	return q;
}

int
store_matching(struct db *db, const struct store_filter *filter, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep)
	struct db_query *q = db_query(db, &store_sql, filter->text ? MATCHING : COUNT);

	if (filter->text)
		bind_filter(q, filter);
	else
		db_bind_text(q, ":status", filter->status);
	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
}

int
store_next(struct db_query *q, struct store *ret, struct err *err)
{
	int r = db_step(q, err);

	if (r > 0)
		read_row(q, ret);
	return r;
}

int
store_count(struct db *db, const char *owner_id, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep)
	struct db_query *q = db_query(db, &store_sql, owner_id ? COUNT_OWN : COUNT);

	if (owner_id)
		db_bind_text(q, ":owner", owner_id);
	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
}

int
store_totals(struct db *db, struct store_totals *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, COUNT_BY_STATUS);
	CLEANUP(db_donep) struct db_query *avg = db_query(db, &store_sql, AVG_DURATION);
	int r;

	*ret = (struct store_totals){.avg_provision_seconds = 0};
	while ((r = db_step(q, err)) > 0)
		ret->by_status[status_of(db_text(q, 0))] = db_int(q, 1);
	if (r < 0 || db_step(avg, err) < 0)
		return -1;
	ret->avg_provision_seconds = db_real(avg, 0);
	return 0;
}

int
store_set_status(struct db *db, const char *id, enum store_status status, const char *error_code,
		 const char *error_message, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, SET_STATUS);

	db_bind_text(q, ":id", id);
	db_bind_text(q, ":status", store_status_words[status]);
	db_bind_text(q, ":code", error_code);
	db_bind_text(q, ":message", error_message);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err) < 0 ? -1 : 0;
}

int
store_set_reason(struct db *db, const char *id, const char *error_code, const char *error_message,
		 struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, SET_REASON);

	db_bind_text(q, ":id", id);
	db_bind_text(q, ":code", error_code);
	db_bind_text(q, ":message", error_message);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err) < 0 ? -1 : 0;
}

int
store_set_started(struct db *db, const char *id, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, SET_STARTED);

	db_bind_text(q, ":id", id);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err) < 0 ? -1 : 0;
}

int
store_get_box(struct db *db, const char *id, struct store_box *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, GET_BOX);
	const void *data;
	int r;

	*ret = (struct store_box){.len = 0};
	db_bind_text(q, ":id", id);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	data = db_blob(q, 0, &ret->len);
	if (ret->len > sizeof(ret->data))
		return err_set(err, ERR_PASSWORD_LOST,
			       "The sealed password is damaged; set a new one.");
	if (data)
		memcpy(ret->data, data, ret->len);
	copy(ret->key_id, sizeof(ret->key_id), db_text(q, 1));
	return 0;
}

int
store_wipe_box(struct db *db, const char *id, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, WIPE_BOX);

	db_bind_text(q, ":id", id);
	return db_run(q, err) < 0 ? -1 : 0;
}

int
store_set_release(struct db *db, const char *id, const char *values, const char *digest,
		  struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, SET_RELEASE);

	db_bind_text(q, ":id", id);
	db_bind_text(q, ":values", values);
	db_bind_text(q, ":digest", digest);
	return db_run(q, err) < 0 ? -1 : 0;
}
