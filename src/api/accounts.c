/*
 * accounts.c: see accounts.h. A password is hashed or compared outside of any
 * transaction, since that takes a tenth of a second; what it was for is then
 * looked at again inside one.
 */
#include "api/accounts.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/names.h"
#include "io/seal.h"
#include "model/attempt.h"
#include "model/session.h"
#include "model/setup.h"

void
accounts_check_name(struct form *f, const char *field, const char *name)
{
	if (!f->faults && !user_name_ok(name))
		form_fault(f, field,
			   "must have %d to %d lower-case letters, digits, . _ @ or -, begin with "
			   "a letter or digit, and not be a reserved word.",
			   USER_NAME_MIN, USER_NAME_MAX);
}

int
accounts_audit(const struct call *call, enum audit_action action, const char *actor,
	       struct json *details, struct err *err)
{
	const struct audit_entry entry = {
		.action = action,
		.actor = actor,
		.ip = call->req->remote,
		.request_id = call->req->id,
	};

	return audit_add(call->db, &entry, details, err);
}

int
accounts_add(const struct call *call, struct user *u, const char *actor, enum audit_action action,
	     struct err *err)
{
	struct json *details = json_new_object();

	seal_uuid(u->id);
	u->created_at = u->updated_at = clock_wall_ms();
	json_set_text(details, "user_id", u->id);
	json_set_text(details, "user", u->name);
	json_set_text(details, "role", user_role_words[u->role]);
	if (user_insert(call->db, u, err) < 0) {
		json_free(details);
		return -1;
	}
	return accounts_audit(call, action, actor, details, err);
}

void
accounts_key(const struct call *call, const char *name, char ret[SECRET_MAC])
{
	secret_mac(&call->keys->keys[0], "account", name, strlen(name), ret);
}

/* A session for the answer to carry; the one that the request came with has ended. */
static int
begin_session(const struct call *call, const struct user *u, struct answer *ret, struct err *err)
{
	char proof[CALLER_PROOF], hash[SECRET_MAC];
	int64_t now = clock_wall_ms();
	int r;

	/* Nobody changes the key while we may write. */
	if (secret_refresh(call->keys, call->conf->api_dir, err) < 0)
		return -1;
	caller_new_proof(&call->keys->keys[0], proof, hash);
	caller_cookie(proof, ret->cookie, sizeof(ret->cookie));
	seal_wipe(proof, sizeof(proof));
	r = *call->caller.session ? session_end(call->db, call->caller.session, err) : 0;
	if (r < 0 || session_prune(call->db, now, err) < 0 ||
	    session_insert(call->db, hash, u->id, now, err) < 0)
		return -1;
	return user_set_login(call->db, u->id, now, err);
}

static int
answer_session(const struct user *u, int status, struct answer *ret, struct err *err)
{
	struct json *body = json_new_object();

	json_set(body, "user", user_json(u));
	json_set_time(body, "expires_at", clock_wall_ms() + SESSION_MAX_MS);
	return answer_json(ret, status, body, err);
}

/* --- login -------------------------------------------------------------------- */

struct login {
	char name[USER_NAME];
	char password[USER_PASSWORD];
};

static const struct form_field login_fields[] = {
	{"name", FORM_TEXT, true, FORM_AT(struct login, name), 1, USER_NAME_MAX},
	{"password", FORM_TEXT, true, FORM_AT(struct login, password), 1, USER_PASSWORD_MAX},
};

/* What is known of a login while it goes on. */
struct trial {
	struct attempt attempt;
	char network[ATTEMPT_NETWORK], account[SECRET_MAC];
	struct user user; /* password "": there is none of that name */
	bool locks;
};

/* Finds the account, and counts the attempt. */
static int
begin_trial(const struct call *call, const char *name, struct trial *t, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	int r;

	*t = (struct trial){.locks = false};
	attempt_network(call->req->remote, t->network);
	accounts_key(call, name, t->account);
	t->attempt = (struct attempt){t->network, t->account, NULL, clock_wall_ms()};
	if (db_begin(db, err) < 0)
		return -1;
	r = user_find(db, name, &t->user, err);
	if (r > 0)
		t->attempt.user = &t->user;
	if (r < 0 || attempt_begin(db, &t->attempt, &t->locks, err) < 0)
		return -1;
	return db_commit(db, err);
}

/* Nothing was compared, so nothing was tried. */
static void
undo_trial(const struct call *call, const struct trial *t)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct err ignored = ERR_INIT;

	if (db_begin(db, &ignored) == 0 && attempt_undo(db, &t->attempt, &ignored) == 0)
		(void)!db_commit(db, &ignored);
}

static int
note_failure(const struct call *call, const struct trial *t, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	/* A name that is nobody's may be a password in the wrong field: it is not kept. */
	const char *name = t->attempt.user ? t->user.name : NULL;
	struct json *details = json_new_object();

	json_set_text(details, "user", name);
	if (db_begin(db, err) < 0 ||
	    accounts_audit(call, AUDIT_LOGIN_FAILED, "nobody", json_ref(details), err) < 0 ||
	    (t->locks &&
	     accounts_audit(call, AUDIT_LOGIN_LOCKED, "nobody", json_ref(details), err) < 0) ||
	    db_commit(db, err) < 0) {
		json_free(details);
		return -1;
	}
	json_free(details);
	return err_set(err, ERR_LOGIN_FAILED, "The name or the password is wrong.");
}

/* The account may have changed since its password was compared. */
static int
finish_login(const struct call *call, const struct trial *t, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct user now;
	int r;

	if (db_begin(db, err) < 0)
		return -1;
	r = user_get(db, t->user.id, &now, err);
	if (r < 0)
		return -1;
	if (r == 0 || strcmp(now.password, t->user.password) != 0)
		return err_set(err, ERR_LOGIN_FAILED,
			       "The account was changed just now; try again.");
	if (attempt_good(db, &t->attempt, err) < 0 || begin_session(call, &now, ret, err) < 0 ||
	    accounts_audit(call, AUDIT_LOGIN, now.name, json_new_object(), err) < 0 ||
	    user_get(db, now.id, &now, err) < 0 || db_commit(db, err) < 0)
		return -1;
	return answer_session(&now, 200, ret, err);
}

static int
try_login(const struct call *call, const struct login *in, struct answer *ret, struct err *err)
{
	struct trial t;
	int r;

	if (begin_trial(call, in->name, &t, err) < 0)
		return -1;
	r = secret_check(call->conf->api_dir, t.user.password, in->password, err);
	if (r < 0)
		undo_trial(call, &t);
	else
		r = r ? finish_login(call, &t, ret, err) : note_failure(call, &t, err);
	return r;
}

int
accounts_login(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(form_freep) struct form *form = form_open(call, err);
	struct login in = {.name = ""};
	int r;

	if (!form)
		return -1;
	form_read(form, login_fields, ARRAY_SIZE(login_fields), &in);
	r = form_close(form, ret, err);
	if (r == 0)
		r = try_login(call, &in, ret, err);
	seal_wipe(&in, sizeof(in));
	return r;
}

/* --- the first account of all --------------------------------------------------- */

struct first {
	char token[VALID_NAME_BYTES];
	struct login login;
};

static const struct form_field setup_fields[] = {
	{"token", FORM_TEXT, true, FORM_AT(struct first, token), 1, VALID_NAME_MAX},
	{"name", FORM_TEXT, true, FORM_AT(struct first, login.name), 1, USER_NAME_MAX},
	{"password", FORM_TEXT, true, FORM_AT(struct first, login.password), USER_PASSWORD_MIN,
	 USER_PASSWORD_MAX},
};

static int
finish_setup(const struct call *call, const char *token, struct user *u, struct answer *ret,
	     struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	char hash[SECRET_MAC];

	secret_mac(&call->keys->keys[0], "setup", token, strlen(token), hash);
	if (db_begin(db, err) < 0 || setup_take(db, hash, clock_wall_ms(), err) < 0 ||
	    accounts_add(call, u, "setup", AUDIT_SETUP, err) < 0 ||
	    begin_session(call, u, ret, err) < 0 || user_get(db, u->id, u, err) < 0 ||
	    db_commit(db, err) < 0)
		return -1;
	return answer_session(u, 201, ret, err);
}

/* The token is looked at first, so that a stranger cannot have passwords hashed. */
static int
try_setup(const struct call *call, const struct first *in, struct answer *ret, struct err *err)
{
	struct user u = {.role = ROLE_ADMIN};
	char hash[SECRET_MAC];
	int r;

	secret_mac(&call->keys->keys[0], "setup", in->token, strlen(in->token), hash);
	if (db_begin_read(call->db, err) < 0)
		return -1;
	r = setup_check(call->db, hash, clock_wall_ms(), err);
	db_rollback(call->db);
	snprintf(u.name, sizeof(u.name), "%s", in->login.name);
	if (r < 0 || secret_hash(call->conf->api_dir, in->login.password, u.password, err) < 0)
		return -1;
	return finish_setup(call, in->token, &u, ret, err);
}

int
accounts_setup(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(form_freep) struct form *form = form_open(call, err);
	struct first in = {.token = ""};
	int r;

	if (!form)
		return -1;
	form_read(form, setup_fields, ARRAY_SIZE(setup_fields), &in);
	accounts_check_name(form, "name", in.login.name);
	r = form_close(form, ret, err);
	if (r == 0)
		r = try_setup(call, &in, ret, err);
	seal_wipe(&in, sizeof(in));
	return r;
}

/* --- while logged in -------------------------------------------------------------- */

int
accounts_logout(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	const struct caller *caller = &call->caller;
	struct json *body;

	if (caller->kind == CALLER_SESSION &&
	    (db_begin(db, err) < 0 || session_end(db, caller->session, err) < 0 ||
	     accounts_audit(call, AUDIT_LOGOUT, caller->actor, json_new_object(), err) < 0 ||
	     db_commit(db, err) < 0))
		return -1;
	caller_cookie("", ret->cookie, sizeof(ret->cookie));
	body = json_new_object();
	json_set_text(body, "message", "Logged out");
	return answer_json(ret, 200, body, err);
}

int
accounts_me(const struct call *call, struct answer *ret, struct err *err)
{
	static const char *const kinds[] = {"nobody", "local", "session", "token"};
	const struct caller *caller = &call->caller;
	struct json *body = json_new_object();
	struct names names;

	json_set_text(body, "id", caller->user_id[0] ? caller->user_id : NULL);
	json_set_text(body, "name", caller->name);
	json_set_text(body, "role", user_role_words[caller->role]);
	json_set_text(body, "by", kinds[caller->kind]);
	/* What the dashboard needs to know before there is a store: how addresses will look. */
	names_of(&names, "*", call->conf->base_domain, call->conf->store_port,
		 conf_https(call->conf));
	json_set_text(body, "store_address", names.url);
	return answer_json(ret, 200, body, err);
}

int
accounts_end_sessions(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct json *details = json_new_object(), *body;

	json_set_text(details, "sessions", "all");
	if (db_begin(db, err) < 0 || user_end_sessions(db, call->caller.user_id, err) < 0) {
		json_free(details);
		return -1;
	}
	if (accounts_audit(call, AUDIT_LOGOUT, call->caller.actor, details, err) < 0 ||
	    db_commit(db, err) < 0)
		return -1;
	caller_cookie("", ret->cookie, sizeof(ret->cookie));
	body = json_new_object();
	json_set_text(body, "message", "Logged out everywhere");
	return answer_json(ret, 200, body, err);
}

struct change {
	char current[USER_PASSWORD], new[USER_PASSWORD];
};

static const struct form_field change_fields[] = {
	{"current_password", FORM_TEXT, true, FORM_AT(struct change, current), 1,
	 USER_PASSWORD_MAX},
	{"new_password", FORM_TEXT, true, FORM_AT(struct change, new), USER_PASSWORD_MIN,
	 USER_PASSWORD_MAX},
};

/* All sessions end, this one too; the answer begins a new one for who has just proved himself. */
static int
finish_change(const struct call *call, const struct user *u, const char *hash, struct answer *ret,
	      struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;

	if (db_begin(db, err) < 0 || user_set_password(db, u, hash, err) < 0 ||
	    begin_session(call, u, ret, err) < 0 ||
	    accounts_audit(call, AUDIT_PASSWORD_CHANGE, call->caller.actor, json_new_object(),
			   err) < 0 ||
	    db_commit(db, err) < 0)
		return -1;
	return answer_session(u, 200, ret, err);
}

static int
try_change(const struct call *call, const struct change *in, struct answer *ret, struct err *err)
{
	char hash[SECRET_HASH];
	struct trial t;
	int r;

	if (begin_trial(call, call->caller.name, &t, err) < 0)
		return -1;
	r = secret_check(call->conf->api_dir, t.user.password, in->current, err);
	if (r < 0)
		undo_trial(call, &t);
	if (r <= 0)
		return r < 0 ? -1 : note_failure(call, &t, err);
	undo_trial(call, &t);
	if (secret_hash(call->conf->api_dir, in->new, hash, err) < 0)
		return -1;
	return finish_change(call, &t.user, hash, ret, err);
}

int
accounts_password(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(form_freep) struct form *form = form_open(call, err);
	struct change in = {.current = ""};
	int r;

	if (!form)
		return -1;
	form_read(form, change_fields, ARRAY_SIZE(change_fields), &in);
	r = form_close(form, ret, err);
	if (r == 0)
		r = try_change(call, &in, ret, err);
	seal_wipe(&in, sizeof(in));
	return r;
}
