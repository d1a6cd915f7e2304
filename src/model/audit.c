/* audit.c: see audit.h. */
#include "model/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/chain.h"

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
	[AUDIT_STORE_DEGRADED] = "store_degraded",
	[AUDIT_STORE_MENDED] = "store_mended",
	[AUDIT_JOB_RESUMED] = "job_resumed",
	[AUDIT_STRAY_FOUND] = "namespace_found",
	[AUDIT_STRAY_GONE] = "namespace_gone",
	[AUDIT_STRAY_ADOPTED] = "namespace_adopted",
	[AUDIT_STRAY_REMOVED] = "namespace_removed",
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
	[AUDIT_IMPORT] = "import",
	[AUDIT_KEY_ROTATE] = "key_rotate",
};

/* Actions that tell of something that was not done; all others were. */
static const struct {
	enum audit_action action;
	const char *outcome;
} outcomes[] = {
	{AUDIT_PROVISION_FAILED, "failed"}, {AUDIT_PROVISION_STUCK, "failed"},
	{AUDIT_DELETE_FAILED, "failed"},    {AUDIT_DELETE_STUCK, "failed"},
	{AUDIT_LEASE_LOST, "failed"},	    {AUDIT_LOGIN_FAILED, "refused"},
	{AUDIT_LOGIN_LOCKED, "refused"},    {AUDIT_REFUSED, "refused"},
};

enum { ADD, LAST, LIST, LIST_OF_STORE, FROM, SEQUENCE, COUNT };

#define SELECT_ROWS                                                                                \
	"SELECT a.id, a.store_id, a.action, a.details, a.actor, a.ip_address, a.request_id,"       \
	" a.created_at, a.hash, s.name"                                                            \
	" FROM audit_log a LEFT JOIN stores s ON s.id = a.store_id WHERE "
#define NEWEST                                                                                     \
	" AND (:actor IS NULL OR a.actor = :actor"                                                 \
	" OR substr(a.actor, 1, length(:actor) + 1) = :actor || '#')"                              \
	" AND a.created_at >= :since AND a.id < :before ORDER BY a.id DESC LIMIT :limit"

static const char *const statements[] = {
	[ADD] = "INSERT INTO audit_log (id, store_id, action, details, actor, ip_address,"
		" request_id, created_at, hash) VALUES (:id, :store, :action, :details, :actor,"
		" :ip, :request, :now, :hash)",
	[LAST] = "SELECT id, hash FROM audit_log ORDER BY id DESC LIMIT 1",
	[LIST] = SELECT_ROWS "(:action IS NULL OR a.action = :action)" NEWEST,
	[LIST_OF_STORE] =
		SELECT_ROWS "a.store_id = :store AND (:action IS NULL OR a.action = :action)" NEWEST,
	[FROM] = SELECT_ROWS "a.id > :after ORDER BY a.id",
	[SEQUENCE] = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'audit_log'",
	[COUNT] = "SELECT count(*) FROM audit_log WHERE action = :action",
};
DB_TABLE(audit_sql, statements);

enum audit_action
audit_action_of(const char *word)
{
	int a = 0;

	while (a < AUDIT_ACTIONS && strcmp(audit_action_words[a], word) != 0)
		a++;
	return (enum audit_action)a;
}

static int
last_row(struct db *db, int64_t *ret_id, char ret_hash[CHAIN_HASH], struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &audit_sql, LAST);
	int r = db_step(q, err);

	*ret_id = r > 0 ? db_int(q, 0) : 0;
	snprintf(ret_hash, CHAIN_HASH, "%s", r > 0 ? db_text(q, 1) : "");
	return r < 0 ? -1 : 0;
}

static int
insert(struct db *db, const struct chain_row *l, const char *hash, struct err *err)
{
	static const char *const names[] = {":store", ":action", ":details",
					    ":actor", ":ip",	 ":request"};
	CLEANUP(db_donep) struct db_query *q = db_query(db, &audit_sql, ADD);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		db_bind_text(q, names[i], l->texts[i]);
	db_bind_int(q, ":id", l->id);
	db_bind_int(q, ":now", l->created_at);
	db_bind_text(q, ":hash", hash);
	return db_run(q, err) < 0 ? -1 : 0;
}

int
audit_add(struct db *db, const struct audit_entry *e, struct json *details, struct err *err)
{
	char before[CHAIN_HASH], hash[CHAIN_HASH];
	struct buf text = BUF_INIT;
	struct chain_row l;
	int64_t last;
	int r;

	json_write(details, &text);
	json_free(details);
	r = last_row(db, &last, before, err);
	l = (struct chain_row){last + 1,
			       e->at ? e->at : clock_wall_ms(),
			       before,
			       {e->store_id, audit_action_words[e->action], buf_text(&text),
				e->actor, e->ip, e->request_id}};
	chain_hash(&l, hash);
	if (r == 0)
		r = text.failed ? err_set(err, ERR_INTERNAL, "out of memory")
				: insert(db, &l, hash, err);
	buf_free(&text);
	return r;
}

static const char *
nullable(struct db_query *q, int column)
{
	return db_null(q, column) ? NULL : db_text(q, column);
}

static const char *
outcome_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (strcmp(audit_action_words[outcomes[i].action], word) == 0)
			return outcomes[i].outcome;
	return "done";
}

static int
read_row(struct db_query *q, struct json **ret, struct err *err)
{
	struct json *details = NULL, *row;
	const char *text = db_text(q, 3);

	if (json_parse(&details, text, strlen(text), err) < 0)
		return err_prefix(err, "audit row %lld", (long long)db_int(q, 0));
	row = json_new_object();
	json_set_int(row, "id", db_int(q, 0));
	json_set_text(row, "store_id", nullable(q, 1));
	json_set_text(row, "store_name", nullable(q, 9));
	json_set_text(row, "action", db_text(q, 2));
	json_set_text(row, "outcome", outcome_of(db_text(q, 2)));
	json_set(row, "details", details);
	json_set_text(row, "actor", db_text(q, 4));
	json_set_text(row, "ip_address", nullable(q, 5));
	json_set_text(row, "request_id", nullable(q, 6));
	json_set_time(row, "created_at", db_int(q, 7));
	json_set_text(row, "hash", nullable(q, 8));
	*ret = row;
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
	while ((r = db_step(q, err)) > 0) {
		struct json *row;

		if (read_row(q, &row, err) < 0)
			return -1;
		json_add(array, row);
	}
	return r;
}

struct db_query *
audit_from(struct db *db, int64_t after)
{
	struct db_query *q = db_query(db, &audit_sql, FROM);

	db_bind_int(q, ":after", after);
	return q;
}

int
audit_next(struct db_query *q, struct json **ret, struct err *err)
{
	int r = db_step(q, err);

	return r > 0 && read_row(q, ret, err) < 0 ? -1 : r;
}

int
audit_highest(struct db *db, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &audit_sql, SEQUENCE);

	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
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
