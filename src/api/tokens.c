/* tokens.c: see tokens.h. */
#include "api/tokens.h"

#include <stdio.h>
#include <string.h>

#include "api/accounts.h"
#include "base/clock.h"
#include "io/seal.h"
#include "model/token.h"

enum { SCOPE_WORD = 16, DAYS_DEFAULT = 90 };

#define DAY_MS (24 * 3600 * INT64_C(1000))

struct input {
	char name[TOKEN_NAME];
	char user[USER_NAME];
	char scope[SCOPE_WORD];
	int64_t days;
};

static const struct form_field fields[] = {
	{"name", FORM_TEXT, true, FORM_AT(struct input, name), 1, VALID_NAME_MAX},
	{"user", FORM_TEXT, false, FORM_AT(struct input, user), 1, USER_NAME_MAX},
	{"scope", FORM_TEXT, true, FORM_AT(struct input, scope), 1, SCOPE_WORD - 1},
	{"expires_in_days", FORM_NUMBER, false, FORM_AT(struct input, days), 1, TOKEN_DAYS_MAX},
};

static struct json *
view(const struct token *t)
{
	struct json *o = json_new_object();

	json_set_text(o, "id", t->id);
	json_set_text(o, "key", t->key);
	json_set_text(o, "name", t->name);
	json_set_text(o, "user", t->user_name);
	json_set_text(o, "scope", user_role_words[t->scope]);
	json_set_time(o, "created_at", t->created_at);
	json_set_time(o, "expires_at", t->expires_at);
	json_set_time(o, "last_used_at", t->last_used_at);
	json_set_time(o, "revoked_at", t->revoked_at);
	return o;
}

int
tokens_list(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *array = json_new_array();
	CLEANUP(db_donep) struct db_query *q = token_list(call->db);
	struct token t;
	int r;

	while ((r = token_next(q, &t, err)) > 0)
		json_add(array, view(&t));
	return r < 0 ? -1 : answer_json(ret, 200, json_ref(array), err);
}

static int
audit(const struct call *call, const struct token *t, enum audit_action action, struct err *err)
{
	struct json *details = json_new_object();

	json_set_text(details, "token_id", t->id);
	json_set_text(details, "token", t->name);
	json_set_text(details, "key", t->key);
	json_set_text(details, "user", t->user_name);
	json_set_text(details, "scope", user_role_words[t->scope]);
	return accounts_audit(call, action, call->caller.actor, details, err);
}

/* The user that the token is for; a name that is nobody's is a fault of the field. */
static int
write_token(const struct call *call, struct form *form, const char *text, struct token *t,
	    struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct user u;
	int r;

	if (db_begin(db, err) < 0)
		return -1;
	r = user_find(db, t->user_name, &u, err);
	if (r < 0)
		return -1;
	if (r == 0)
		form_fault(form, "user", "must be the name of a user.");
	else if (t->scope > u.role)
		form_fault(form, "scope", "must not be more than the user's role, which is %s.",
			   user_role_words[u.role]);
	if (form_close(form, ret, err) < 0)
		return -1;
	memcpy(t->user_id, u.id, sizeof(t->user_id));
	/* Nobody changes the key while we may write. */
	if (secret_refresh(call->keys, call->conf->api_dir, err) < 0)
		return -1;
	secret_mac(&call->keys->keys[0], "token", text, strlen(text), t->hash);
	memcpy(t->hash_key, call->keys->keys[0].id, sizeof(t->hash_key));
	if (token_insert(db, t, err) < 0 || audit(call, t, AUDIT_TOKEN_CREATE, err) < 0)
		return -1;
	return db_commit(db, err);
}

static int
create(const struct call *call, struct form *form, struct token *t, struct answer *ret,
       struct err *err)
{
	char text[TOKEN_TEXT];
	struct json *row;

	seal_uuid(t->id);
	token_make(text, t->key);
	if (write_token(call, form, text, t, ret, err) < 0) {
		seal_wipe(text, sizeof(text));
		return -1;
	}
	row = view(t);
	json_set_text(row, "token", text);
	seal_wipe(text, sizeof(text));
	snprintf(ret->location, sizeof(ret->location), "/api/tokens/%s", t->id);
	return answer_json(ret, 201, row, err);
}

int
tokens_create(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(form_freep) struct form *form = form_open(call, err);
	struct input in = {.days = DAYS_DEFAULT};
	struct token t = {.created_at = clock_wall_ms()};

	if (!form)
		return -1;
	snprintf(in.user, sizeof(in.user), "%s", call->caller.name);
	form_read(form, fields, ARRAY_SIZE(fields), &in);
	if (in.scope[0] && !user_role_of(in.scope, &t.scope))
		form_fault(form, "scope", "must be \"viewer\", \"operator\" or \"admin\".");
	if (form_close(form, ret, err) < 0)
		return -1;
	snprintf(t.name, sizeof(t.name), "%s", in.name);
	snprintf(t.user_name, sizeof(t.user_name), "%s", in.user);
	t.expires_at = t.created_at + in.days * DAY_MS;
	return create(call, form, &t, ret, err);
}

int
tokens_revoke(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct json *body;
	struct token t;
	int r;

	if (db_begin(db, err) < 0)
		return -1;
	r = token_get(db, call->id, &t, err);
	if (r <= 0)
		return r < 0 ? -1 : route_missing(call->route, err);
	if (!t.revoked_at &&
	    (token_revoke(db, t.id, err) < 0 || audit(call, &t, AUDIT_TOKEN_REVOKE, err) < 0))
		return -1;
	if (db_commit(db, err) < 0)
		return -1;
	body = json_new_object();
	json_set_text(body, "message", "Token revoked");
	json_set_text(body, "id", t.id);
	return answer_json(ret, 200, body, err);
}
