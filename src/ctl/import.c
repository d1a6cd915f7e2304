/* import.c: see import.h. */
#include "ctl/import.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/valid.h"
#include "ctl/place.h"
#include "model/audit.h"
#include "model/store.h"

enum { BUSY_MS = 10000 };

/* Its times are "2026-02-08 12:00:00", UTC. */
#define MS(column) "CAST(strftime('%s', " column ") AS INTEGER) * 1000"

enum { STORES, ROWS };

static const char *const theirs[] = {
	[STORES] = "SELECT id, name, slug, type, status, namespace, store_url, admin_url,"
		   " error_message, " MS("provision_started_at") ", " MS(
			   "provision_finished_at") ","
						    " " MS("created_at") ", " MS(
							    "updated_at") " FROM stores ORDER BY "
									  "created_at, id",
	[ROWS] = "SELECT action, details, ip_address, " MS(
		"created_at") " FROM audit_log"
			      " WHERE store_id = :store ORDER BY id",
};
static DB_TABLE(theirs_sql, theirs);

enum { KNOWN, INSERT };

static const char *const ours[] = {
	[KNOWN] = "SELECT EXISTS (SELECT 1 FROM stores WHERE id = :id),"
		  " EXISTS (SELECT 1 FROM stores WHERE slug = :slug AND status <> 'deleted')",
	[INSERT] = "INSERT INTO stores (id, name, slug, type, plan, status, namespace, store_url,"
		   " admin_url, admin_user, error_code, error_message, provision_started_at,"
		   " provision_finished_at, created_at, updated_at, deleted_at)"
		   " VALUES (:id, :name, :slug, :type, 'small', :status, :namespace, :store_url,"
		   " :admin_url, 'admin', :code, :message, :started, :finished, :created, :updated,"
		   " CASE :status WHEN 'deleted' THEN :updated END)",
};
static DB_TABLE(ours_sql, ours);

static const struct db_table *const their_tables[] = {&theirs_sql, NULL};
static const struct db_table *const our_tables[] = {&ours_sql, &audit_sql, NULL};

struct import {
	struct db *from, *to;
	int stores, rows, skipped;
};

static int
open_theirs(const char *path, struct db **ret, struct err *err)
{
	if (access(path, R_OK) < 0)
		return err_errno(err, "cannot read %s", path);
	if (db_open_read(ret, path, BUSY_MS, err) < 0 || db_prepare(*ret, their_tables, err) < 0) {
		if (err->code == ERR_DB_FAILED)
			err_set(err, ERR_DB_VERSION,
				"%s has no stores and audit log of the form that is imported.",
				path);
		return -1;
	}
	return 0;
}

/* Why a store is left out, NULL: it is taken. */
static const char *
reason(struct import *im, struct db_query *s, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(im->to, &ours_sql, KNOWN);
	bool deleted = strcmp(db_text(s, 4), "deleted") == 0;

	if (!valid_uuid(db_text(s, 0)))
		return "its id is no UUID";
	if (!valid_slug(db_text(s, 2)))
		return "its address name is none that this platform could have made";
	if (valid_text(db_text(s, 1)) < VALID_NAME_MIN || strlen(db_text(s, 1)) >= VALID_NAME_BYTES)
		return "its name is none that this platform takes";
	if (db_null(s, 11) || db_null(s, 12))
		return "its times cannot be read";
	db_bind_text(q, ":id", db_text(s, 0));
	db_bind_text(q, ":slug", db_text(s, 2));
	if (db_step(q, err) < 0)
		return err->text;
	if (db_int(q, 0))
		return "it is here already";
	return db_int(q, 1) && !deleted ? "another store here has its address name" : NULL;
}

static void
bind_time(struct db_query *q, const char *name, struct db_query *s, int column)
{
	if (db_null(s, column))
		db_bind_text(q, name, NULL);
	else
		db_bind_int(q, name, db_int(s, column));
}

/* What was on its way there is not on its way here: nobody works on it. */
static int
insert(struct import *im, struct db_query *s, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(im->to, &ours_sql, INSERT);
	static const char *const names[] = {":id", ":name",	 ":slug",      ":type",
					    NULL,  ":namespace", ":store_url", ":admin_url"};
	const char *status = db_text(s, 4), *message = db_null(s, 8) ? NULL : db_text(s, 8);

	for (int i = 0; i < (int)ARRAY_SIZE(names); i++)
		if (names[i])
			db_bind_text(q, names[i], db_text(s, i));
	if (strcmp(status, "ready") != 0 && strcmp(status, "deleted") != 0) {
		if (strcmp(status, "failed") != 0)
			message = "It was on its way when it was imported; look at it in the "
				  "platform that it comes from.";
		status = "failed";
		db_bind_text(q, ":code", "imported");
	}
	db_bind_text(q, ":status", status);
	db_bind_text(q, ":message", message);
	bind_time(q, ":started", s, 9);
	bind_time(q, ":finished", s, 10);
	db_bind_int(q, ":created", db_int(s, 11));
	db_bind_int(q, ":updated", db_int(s, 12));
	return db_run(q, err) < 0 ? -1 : 0;
}

/* Its rows of the audit log, with their times; details that are no object are kept as text. */
static int
take_rows(struct import *im, const char *store_id, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(im->from, &theirs_sql, ROWS);
	int r;

	db_bind_text(q, ":store", store_id);
	while ((r = db_step(q, err)) > 0) {
		struct audit_entry entry = {
			.action = audit_action_of(db_text(q, 0)),
			.store_id = store_id,
			.actor = "import",
			.ip = db_null(q, 2) ? NULL : db_text(q, 2),
			.at = db_int(q, 3),
		};
		struct json *details = NULL;
		struct err ignored = ERR_INIT;
		const char *text = db_text(q, 1);

		if (entry.action == AUDIT_ACTIONS)
			continue;
		if (json_parse(&details, text, strlen(text), &ignored) < 0 ||
		    json_kind(details) != JSON_OBJECT) {
			json_free(details);
			details = json_new_object();
			json_set_text(details, "text",
				      valid_utf8(text, strlen(text)) ? text : NULL);
		}
		if (audit_add(im->to, &entry, details, err) < 0)
			return -1;
		im->rows++;
	}
	return r;
}

static int
take_stores(struct import *im, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(im->from, &theirs_sql, STORES);
	int r;

	while ((r = db_step(q, err)) > 0) {
		char id[VALID_UUID_BYTES];
		const char *why = reason(im, q, err);

		if (err->code != ERR_NONE)
			return -1;
		if (why) {
			char name[VALID_NAME_BYTES];

			snprintf(name, sizeof(name), "%s", db_text(q, 1));
			valid_clean(name);
			printf("left out: %s: %s.\n", name, why);
			im->skipped++;
			continue;
		}
		snprintf(id, sizeof(id), "%s", db_text(q, 0));
		if (insert(im, q, err) < 0 || take_rows(im, id, err) < 0)
			return -1;
		im->stores++;
	}
	return r;
}

static int
note(const struct import *im, struct err *err)
{
	const struct audit_entry entry = {.action = AUDIT_IMPORT, .actor = "storectl"};
	struct json *details = json_new_object();

	json_set_int(details, "stores", im->stores);
	json_set_int(details, "rows", im->rows);
	json_set_int(details, "left_out", im->skipped);
	return audit_add(im->to, &entry, details, err);
}

int
import_run(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *from = NULL;
	CLEANUP(db_closep) struct db *to = NULL;
	struct import im = {.stores = 0};

	if (open_theirs(call->args[0], &from, err) < 0 ||
	    place_open(call, our_tables, &to, err) < 0)
		return -1;
	im.from = from;
	im.to = to;
	if (db_begin_read(from, err) < 0 || db_begin(to, err) < 0)
		return -1;
	if (take_stores(&im, err) < 0 || note(&im, err) < 0 || db_commit(to, err) < 0)
		return -1;
	printf("Imported %d stores and %d rows of the audit log; left out %d stores.\n", im.stores,
	       im.rows, im.skipped);
	return 0;
}
