/* user.c: see user.h. */
#include "model/user.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const char *const user_role_words[USER_ROLES] = {"viewer", "operator", "admin"};

/* Actors of the audit log that are no users. */
static const char *const reserved[] = {"import", "local", "nobody", "provisioner", "setup", "storectl"};

#define SELECT_ROWS                                                                                \
	"SELECT id, name, role, password, created_at, updated_at, last_login_at FROM users"

enum { INSERT, GET, FIND, LIST, COUNT, SET_ROLE, SET_PASSWORD, SET_LOGIN, END_SESSIONS, DELETE };

static const char *const statements[] = {
	[INSERT] = "INSERT INTO users (id, name, role, password, created_at, updated_at)"
		   " VALUES (:id, :name, :role, :password, :now, :now)",
	[GET] = SELECT_ROWS " WHERE id = :id",
	[FIND] = SELECT_ROWS " WHERE name = :name",
	[LIST] = SELECT_ROWS " ORDER BY name",
	[COUNT] = "SELECT count(*) FROM users WHERE :role IS NULL OR role = :role",
	[SET_ROLE] = "UPDATE users SET role = :role, updated_at = :now WHERE id = :id",
	[SET_PASSWORD] = "UPDATE users SET password = :password, updated_at = :now WHERE id = :id",
	[SET_LOGIN] = "UPDATE users SET last_login_at = :now WHERE id = :id",
	[END_SESSIONS] = "DELETE FROM sessions WHERE user_id = :id",
	[DELETE] = "DELETE FROM users WHERE id = :id",
};
DB_TABLE(user_sql, statements);

bool
user_role_of(const char *word, enum user_role *ret)
{
	for (int i = 0; i < USER_ROLES; i++)
		if (strcmp(user_role_words[i], word) == 0) {
			*ret = (enum user_role)i;
			return true;
		}
	return false;
}

bool
user_name_ok(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._@-");

	if (name[n] || n < USER_NAME_MIN || n > USER_NAME_MAX || !strchr(first, name[0]))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return false;
	return true;
}

int
user_insert(struct db *db, const struct user *u, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, INSERT);

	db_bind_text(q, ":id", u->id);
	db_bind_text(q, ":name", u->name);
	db_bind_text(q, ":role", user_role_words[u->role]);
	db_bind_text(q, ":password", u->password);
	db_bind_int(q, ":now", u->created_at);
	if (db_run(q, err) >= 0)
		return 0;
	if (err->code == ERR_DB_CONSTRAINT && strstr(err->text, "users.name"))
		return err_set(err, ERR_DUPLICATE_USER,
			       "A user with the name \"%s\" exists already; choose another name.",
			       u->name);
	return -1;
}

int
user_next(struct db_query *q, struct user *ret, struct err *err)
{
	int r = db_step(q, err);

	if (r <= 0)
		return r;
	*ret = (struct user){.role = ROLE_VIEWER};
	snprintf(ret->id, sizeof(ret->id), "%s", db_text(q, 0));
	snprintf(ret->name, sizeof(ret->name), "%s", db_text(q, 1));
	if (!user_role_of(db_text(q, 2), &ret->role))
		return err_set(err, ERR_INTERNAL, "user %s has a role that is none", ret->id);
	snprintf(ret->password, sizeof(ret->password), "%s", db_text(q, 3));
	ret->created_at = db_int(q, 4);
	ret->updated_at = db_int(q, 5);
	ret->last_login_at = db_int(q, 6);
	return 1;
}

int
user_get(struct db *db, const char *id, struct user *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, GET);

	db_bind_text(q, ":id", id);
	return user_next(q, ret, err);
}

int
user_find(struct db *db, const char *name, struct user *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, FIND);

	db_bind_text(q, ":name", name);
	return user_next(q, ret, err);
}

struct db_query *
user_list(struct db *db)
{
	return db_query(db, &user_sql, LIST);
}

struct json *
user_json(const struct user *u)
{
	struct json *o = json_new_object();

	json_set_text(o, "id", u->id);
	json_set_text(o, "name", u->name);
	json_set_text(o, "role", user_role_words[u->role]);
	json_set_time(o, "created_at", u->created_at);
	json_set_time(o, "updated_at", u->updated_at);
	json_set_time(o, "last_login_at", u->last_login_at);
	return o;
}

int
user_count(struct db *db, enum user_role role, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, COUNT);

	db_bind_text(q, ":role", role == USER_ROLES ? NULL : user_role_words[role]);
	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
}

static int
keep_an_admin(struct db *db, const struct user *u, struct err *err)
{
	int64_t admins;

	if (u->role != ROLE_ADMIN)
		return 0;
	if (user_count(db, ROLE_ADMIN, &admins, err) < 0)
		return -1;
	if (admins > 1)
		return 0;
	return err_set(err, ERR_LAST_ADMIN,
		       "The user \"%s\" is the last admin; make somebody else an admin first.",
		       u->name);
}

int
user_end_sessions(struct db *db, const char *id, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, END_SESSIONS);

	db_bind_text(q, ":id", id);
	return db_run(q, err) < 0 ? -1 : 0;
}

int
user_set_role(struct db *db, const struct user *u, enum user_role role, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, SET_ROLE);

	if (role != ROLE_ADMIN && keep_an_admin(db, u, err) < 0)
		return -1;
	db_bind_text(q, ":id", u->id);
	db_bind_text(q, ":role", user_role_words[role]);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err) < 0 ? -1 : user_end_sessions(db, u->id, err);
}

int
user_set_password(struct db *db, const struct user *u, const char *hash, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, SET_PASSWORD);

	db_bind_text(q, ":id", u->id);
	db_bind_text(q, ":password", hash);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err) < 0 ? -1 : user_end_sessions(db, u->id, err);
}

int
user_set_login(struct db *db, const char *id, int64_t now, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, SET_LOGIN);

	db_bind_text(q, ":id", id);
	db_bind_int(q, ":now", now);
	return db_run(q, err) < 0 ? -1 : 0;
}

int
user_delete(struct db *db, const struct user *u, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &user_sql, DELETE);

	if (keep_an_admin(db, u, err) < 0)
		return -1;
	db_bind_text(q, ":id", u->id);
	return db_run(q, err) < 0 ? -1 : 0;
}
