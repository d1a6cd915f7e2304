/* drift.c: see drift.h. */
#include "model/drift.h"

#include <stdio.h>

#include "base/clock.h"

enum {
	READY,
	SET_HEALTH,
	SET_RESOURCES,
	GET_RESOURCES,
	COUNT,
	STRAYS,
	GET_STRAY,
	ADD_STRAY,
	DROP_STRAY,
	OWNER,
	JOBLESS,
};

#define STRAY_COLUMNS "SELECT namespace, store_id, uid, message, found_at FROM strays"
#define AT_WORK "SELECT 1 FROM jobs WHERE store_id = s.id AND state IN ('queued', 'retry', 'running')"

static const char *const statements[] = {
	[READY] = "SELECT id, slug, health_state, health_message FROM stores AS s"
		  " WHERE status = 'ready' AND NOT EXISTS (" AT_WORK ") ORDER BY slug",
	[SET_HEALTH] = "UPDATE stores SET health_state = :state, health_message = :message,"
		       " health_checked_at = :now WHERE id = :id AND status = 'ready'",
	[SET_RESOURCES] = "UPDATE stores SET resources = :text"
			  " WHERE id = :id AND resources IS NOT :text",
	[GET_RESOURCES] = "SELECT resources FROM stores WHERE id = :id",
	[COUNT] = "SELECT count(*) FROM stores WHERE status = 'ready' AND health_state = :state",
	[STRAYS] = STRAY_COLUMNS " ORDER BY namespace",
	[GET_STRAY] = STRAY_COLUMNS " WHERE namespace = :namespace",
	[ADD_STRAY] = "INSERT INTO strays (namespace, store_id, uid, message, found_at)"
		      " VALUES (:namespace, :id, :uid, :message, :now)"
		      " ON CONFLICT (namespace) DO UPDATE SET store_id = :id, uid = :uid,"
		      " message = :message, found_at = :now WHERE uid <> :uid OR message <> :message",
	[DROP_STRAY] = "DELETE FROM strays WHERE namespace = :namespace",
	[OWNER] = "SELECT status = 'deleted', slug FROM stores WHERE id = :id",
	/* Each order was queued in the transaction of its status: only a row's rest is ever without. */
	[JOBLESS] = "SELECT id, status <> 'provisioning' FROM stores AS s"
		    " WHERE (status IN ('provisioning', 'deleting')"
		    "   OR (status = 'failed' AND updated_at < :before AND 'delete' ="
		    "     (SELECT kind FROM jobs WHERE store_id = s.id ORDER BY id DESC LIMIT 1)))"
		    " AND NOT EXISTS (" AT_WORK ") LIMIT 1",
};
DB_TABLE(drift_sql, statements);

struct db_query *
drift_ready(struct db *db)
{
	return db_query(db, &drift_sql, READY);
}

int
drift_next(struct db_query *q, struct drift_store *ret, struct err *err)
{
	int r = db_step(q, err);

	if (r <= 0)
		return r;
	snprintf(ret->id, sizeof(ret->id), "%s", db_text(q, 0));
	snprintf(ret->slug, sizeof(ret->slug), "%s", db_text(q, 1));
	snprintf(ret->health, sizeof(ret->health), "%s", db_text(q, 2));
	snprintf(ret->message, sizeof(ret->message), "%s", db_text(q, 3));
	return 1;
}

int
drift_set_health(struct db *db, const char *id, enum store_health health, const char *message,
		 struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, SET_HEALTH);

	db_bind_text(q, ":id", id);
	db_bind_text(q, ":state", store_health_words[health]);
	db_bind_text(q, ":message", message);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err);
}

int
drift_set_resources(struct db *db, const char *id, const char *text, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, SET_RESOURCES);

	db_bind_text(q, ":id", id);
	db_bind_text(q, ":text", *text ? text : NULL);
	return db_run(q, err);
}

int
drift_get_resources(struct db *db, const char *id, char ret[DRIFT_RESOURCES], struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, GET_RESOURCES);

	db_bind_text(q, ":id", id);
	if (db_step(q, err) < 0)
		return -1;
	snprintf(ret, DRIFT_RESOURCES, "%s", db_text(q, 0));
	return 0;
}

int
drift_count(struct db *db, enum store_health health, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, COUNT);

	db_bind_text(q, ":state", store_health_words[health]);
	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
}

struct db_query *
drift_strays(struct db *db)
{
	return db_query(db, &drift_sql, STRAYS);
}

int
drift_next_stray(struct db_query *q, struct drift_stray *ret, struct err *err)
{
	int r = db_step(q, err);

	if (r <= 0)
		return r;
	*ret = (struct drift_stray){.found_at = db_int(q, 4)};
	snprintf(ret->namespace, sizeof(ret->namespace), "%s", db_text(q, 0));
	snprintf(ret->store_id, sizeof(ret->store_id), "%s", db_text(q, 1));
	snprintf(ret->uid, sizeof(ret->uid), "%s", db_text(q, 2));
	snprintf(ret->message, sizeof(ret->message), "%s", db_text(q, 3));
	return 1;
}

int
drift_get_stray(struct db *db, const char *namespace, struct drift_stray *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, GET_STRAY);

	db_bind_text(q, ":namespace", namespace);
	return drift_next_stray(q, ret, err);
}

int
drift_add_stray(struct db *db, const struct drift_stray *s, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, ADD_STRAY);

	db_bind_text(q, ":namespace", s->namespace);
	db_bind_text(q, ":id", s->store_id);
	db_bind_text(q, ":uid", s->uid);
	db_bind_text(q, ":message", s->message);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err);
}

int
drift_drop_stray(struct db *db, const char *namespace, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, DROP_STRAY);

	db_bind_text(q, ":namespace", namespace);
	return db_run(q, err) < 0 ? -1 : 0;
}

int
drift_owner(struct db *db, const char *id, bool *ret_deleted, char ret_slug[VALID_SLUG_BYTES],
	    struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, OWNER);
	int r;

	db_bind_text(q, ":id", id);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	*ret_deleted = db_int(q, 0) != 0;
	snprintf(ret_slug, VALID_SLUG_BYTES, "%s", db_text(q, 1));
	return 1;
}

int
drift_jobless(struct db *db, char ret_id[VALID_UUID_BYTES], enum job_kind *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &drift_sql, JOBLESS);
	int r;

	db_bind_int(q, ":before", clock_wall_ms() - DRIFT_DELETE_AGAIN_MS);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	snprintf(ret_id, VALID_UUID_BYTES, "%s", db_text(q, 0));
	*ret = db_int(q, 1) ? JOB_DELETE : JOB_PROVISION;
	return 1;
}
