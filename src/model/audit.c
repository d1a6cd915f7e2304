/* audit.c: see audit.h. */
#include "model/audit.h"

#include <string.h>

#include "base/clock.h"

const char *const audit_action_words[AUDIT_ACTIONS] = {
	[AUDIT_CREATE] = "create",
	[AUDIT_PROVISION_SUCCESS] = "provision_success",
	[AUDIT_PROVISION_FAILED] = "provision_failed",
	[AUDIT_PROVISION_STUCK] = "provision_stuck",
	[AUDIT_RETRY] = "retry",
	[AUDIT_DELETE_START] = "delete_start",
	[AUDIT_DELETE_SUCCESS] = "delete_success",
	[AUDIT_DELETE_FAILED] = "delete_failed",
	[AUDIT_DELETE_STUCK] = "delete_stuck",
	[AUDIT_LEASE_LOST] = "lease_lost",
	[AUDIT_SETUP] = "setup",
	[AUDIT_LOGIN] = "login",
	[AUDIT_LOGIN_FAILED] = "login_failed",
	[AUDIT_LOGIN_LOCKED] = "login_locked",
	[AUDIT_LOGOUT] = "logout",
	[AUDIT_PASSWORD_CHANGE] = "password_change",
	[AUDIT_USER_CREATE] = "user_create",
	[AUDIT_USER_CHANGE] = "user_change",
	[AUDIT_USER_DELETE] = "user_delete",
	[AUDIT_TOKEN_CREATE] = "token_create",
	[AUDIT_TOKEN_REVOKE] = "token_revoke",
	[AUDIT_REFUSED] = "refused",
};

enum { ADD, LIST, LIST_OF_STORE, COUNT };

#define SELECT_ROWS                                                                                \
	"SELECT a.id, a.store_id, a.action, a.details, a.actor, a.ip_address, a.request_id,"       \
	" a.created_at, s.name FROM audit_log a LEFT JOIN stores s ON s.id = a.store_id WHERE "
#define NEWEST                                                                                     \
	" AND (:actor IS NULL OR a.actor = :actor"                                                 \
	" OR substr(a.actor, 1, length(:actor) + 1) = :actor || '#')"                              \
	" AND a.created_at >= :since AND a.id < :before ORDER BY a.id DESC LIMIT :limit"

static const char *const statements[] = {
	[ADD] = "INSERT INTO audit_log (store_id, action, details, actor, ip_address, request_id,"
		" created_at) VALUES (:store, :action, :details, :actor, :ip, :request, :now)",
	[LIST] = SELECT_ROWS "(:action IS NULL OR a.action = :action)" NEWEST,
	[LIST_OF_STORE] =
		SELECT_ROWS "a.store_id = :store AND (:action IS NULL OR a.action = :action)" NEWEST,
	[COUNT] = "SELECT count(*) FROM audit_log WHERE action = :action",
};
DB_TABLE(audit_sql, statements);

int
audit_add(struct db *db, const struct audit_entry *e, struct json *details, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &audit_sql, ADD);
	struct buf text = BUF_INIT;
	int r;

	json_write(details, &text);
	json_free(details);
	db_bind_text(q, ":store", e->store_id);
	db_bind_text(q, ":action", audit_action_words[e->action]);
	db_bind_text(q, ":details", buf_text(&text));
	db_bind_text(q, ":actor", e->actor);
	db_bind_text(q, ":ip", e->ip);
	db_bind_text(q, ":request", e->request_id);
	db_bind_int(q, ":now", clock_wall_ms());
	r = text.failed ? err_set(err, ERR_INTERNAL, "out of memory") : db_run(q, err);
	buf_free(&text);
	return r < 0 ? -1 : 0;
}

static const char *
nullable(struct db_query *q, int column)
{
	return db_null(q, column) ? NULL : db_text(q, column);
}

static int
add_row(struct db_query *q, struct json *array, struct err *err)
{
	struct json *details = NULL, *row;
	const char *text = db_text(q, 3);

	if (json_parse(&details, text, strlen(text), err) < 0)
		return err_prefix(err, "audit row %lld", (long long)db_int(q, 0));
	row = json_new_object();
	json_set_int(row, "id", db_int(q, 0));
	json_set_text(row, "store_id", nullable(q, 1));
	json_set_text(row, "store_name", nullable(q, 8));
	json_set_text(row, "action", db_text(q, 2));
	json_set(row, "details", details);
	json_set_text(row, "actor", db_text(q, 4));
	json_set_text(row, "ip_address", nullable(q, 5));
	json_set_text(row, "request_id", nullable(q, 6));
	json_set_time(row, "created_at", db_int(q, 7));
	json_add(array, row);
	return 0;
}

int
audit_list(struct db *db, const struct audit_filter *filter, struct json *array, struct err *err)
{
	CLEANUP(db_donep)
	struct db_query *q = db_query(db, &audit_sql, filter->store_id ? LIST_OF_STORE : LIST);
	int r;

	if (filter->store_id)
		db_bind_text(q, ":store", filter->store_id);
	db_bind_text(q, ":action", filter->action);
	db_bind_text(q, ":actor", filter->actor);
	db_bind_int(q, ":since", filter->since);
	db_bind_int(q, ":before", filter->before);
	db_bind_int(q, ":limit", filter->limit);
	while ((r = db_step(q, err)) > 0)
		if (add_row(q, array, err) < 0)
			return -1;
	return r;
}

int
audit_count(struct db *db, enum audit_action action, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &audit_sql, COUNT);

	db_bind_text(q, ":action", audit_action_words[action]);
	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
}
