/* users.c: see users.h. */
#include "api/users.h"

#include <stdio.h>
#include <string.h>

#include "api/accounts.h"
#include "io/seal.h"
#include "model/attempt.h"

enum { PASSWORD_CHARS = 20, ROLE_WORD = 16 };

struct input {
	char name[USER_NAME];
	char role[ROLE_WORD];
	char password[USER_PASSWORD];
};

#define ROLE                                                                                       \
	{                                                                                          \
		"role", FORM_TEXT, false, FORM_AT(struct input, role), 1, ROLE_WORD - 1            \
	}
#define PASSWORD                                                                                   \
	{                                                                                          \
		"password", FORM_TEXT, false, FORM_AT(struct input, password), USER_PASSWORD_MIN,  \
			USER_PASSWORD_MAX                                                          \
	}

static const struct form_field create_fields[] = {
	{"name", FORM_TEXT, true, FORM_AT(struct input, name), 1, USER_NAME_MAX},
	ROLE,
	PASSWORD,
};
static const struct form_field change_fields[] = {ROLE, PASSWORD};

int
users_list(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *array = json_new_array();
	CLEANUP(db_donep) struct db_query *q = user_list(call->db);
	struct user u;
	int r;

	while ((r = user_next(q, &u, err)) > 0)
		json_add(array, user_json(&u));
	return r < 0 ? -1 : answer_json(ret, 200, json_ref(array), err);
}

static void
check_role(struct form *f, const struct input *in, enum user_role *role)
{
	if (form_has(f->body, "role") && !user_role_of(in->role, role))
		form_fault(f, "role", "must be \"viewer\", \"operator\" or \"admin\".");
}

static int
write_user(const struct call *call, struct user *u, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;

	if (db_begin(db, err) < 0 ||
	    accounts_add(call, u, call->caller.actor, AUDIT_USER_CREATE, err) < 0)
		return -1;
	return db_commit(db, err);
}

static int
create(const struct call *call, struct input *in, enum user_role role, struct answer *ret,
       struct err *err)
{
	struct user u = {.role = role};
	bool generated = !in->password[0];
	struct json *row;

	if (generated)
		seal_password(in->password, PASSWORD_CHARS);
	snprintf(u.name, sizeof(u.name), "%s", in->name);
	if (secret_hash(call->conf->api_dir, in->password, u.password, err) < 0 ||
	    write_user(call, &u, err) < 0)
		return -1;
	row = user_json(&u);
	if (generated)
		json_set_text(row, "password", in->password);
	snprintf(ret->location, sizeof(ret->location), "/api/users/%s", u.id);
	return answer_json(ret, 201, row, err);
}

int
users_create(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(form_freep) struct form *form = form_open(call, err);
	enum user_role role = ROLE_VIEWER;
	struct input in = {.name = ""};
	int r;

	if (!form)
		return -1;
	form_read(form, create_fields, ARRAY_SIZE(create_fields), &in);
	accounts_check_name(form, "name", in.name);
	check_role(form, &in, &role);
	r = form_close(form, ret, err);
	if (r == 0)
		r = create(call, &in, role, ret, err);
	seal_wipe(&in, sizeof(in));
	return r;
}

static int
find(const struct call *call, struct user *ret, struct err *err)
{
	int r = user_get(call->db, call->id, ret, err);

	return r == 0 ? route_missing(call->route, err) : r < 0 ? -1 : 0;
}

/* hash "": the password stays. What failed logins have locked is open again with a new one. */
static int
change(const struct call *call, enum user_role role, const char *hash, struct user *u,
       struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct json *details = json_new_object();
	char account[SECRET_MAC];
	int r = db_begin(db, err) < 0 || find(call, u, err) < 0 ? -1 : 0;

	json_set_text(details, "user_id", u->id);
	json_set_text(details, "user", u->name);
	if (r == 0 && role != USER_ROLES && role != u->role) {
		json_set_text(details, "role_before", user_role_words[u->role]);
		json_set_text(details, "role", user_role_words[role]);
		r = user_set_role(db, u, role, err);
	}
	if (r == 0 && *hash) {
		json_set_text(details, "password", "changed");
		accounts_key(call, u->name, account);
		r = user_set_password(db, u, hash, err);
		if (r == 0)
			r = attempt_forget(db, account, err);
	}
	if (r == 0)
		r = accounts_audit(call, AUDIT_USER_CHANGE, call->caller.actor, json_ref(details),
				   err);
	json_free(details);
	return r < 0 || find(call, u, err) < 0 ? -1 : db_commit(db, err);
}

int
users_change(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(form_freep) struct form *form = form_open(call, err);
	enum user_role role = USER_ROLES;
	struct input in = {.name = ""};
	char hash[SECRET_HASH] = "";
	struct user u = {.id = ""};
	int r;

	if (!form)
		return -1;
	form_read(form, change_fields, ARRAY_SIZE(change_fields), &in);
	check_role(form, &in, &role);
	r = form_close(form, ret, err);
	if (r == 0 && in.password[0])
		r = secret_hash(call->conf->api_dir, in.password, hash, err);
	seal_wipe(&in, sizeof(in));
	if (r < 0 || change(call, role, hash, &u, err) < 0)
		return -1;
	return answer_json(ret, 200, user_json(&u), err);
}

int
users_delete(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *db = call->db;
	struct json *details, *body;
	struct user u;

	if (db_begin(db, err) < 0 || find(call, &u, err) < 0 || user_delete(db, &u, err) < 0)
		return -1;
	details = json_new_object();
	json_set_text(details, "user_id", u.id);
	json_set_text(details, "user", u.name);
	json_set_text(details, "role", user_role_words[u.role]);
	if (accounts_audit(call, AUDIT_USER_DELETE, call->caller.actor, details, err) < 0 ||
	    db_commit(db, err) < 0)
		return -1;
	body = json_new_object();
	json_set_text(body, "message", "User removed");
	json_set_text(body, "id", u.id);
	return answer_json(ret, 200, body, err);
}
