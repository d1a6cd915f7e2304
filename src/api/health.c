/* health.c: see health.h. */
#include "api/health.h"

#include <stdio.h>
#include <string.h>

#include "api/guard.h"
#include "base/clock.h"
#include "io/ballast.h"
#include "model/drift.h"
#include "model/health.h"
#include "model/user.h"

enum { NOT_READY_SECONDS = 5, STRAYS_SHOWN = 20, ROOM_LEAST = 128 * 1024 };

int
health_alive(const struct call *call, struct answer *ret, struct err *err)
{
	struct json *body = json_new_object();

	(void)call;
	json_set_text(body, "status", "ok");
	json_set_time(body, "timestamp", clock_wall_ms());
	return answer_json(ret, 200, body, err);
}

/* What to do about each part when it is broken. */
static const struct {
	const char *name, *remedy;
} remedies[] = {
	{"database", "Run storectl db check on the machine; it says what is wrong and what to do."},
	{"provisioner", "Start store-provisioner, and read its log if it does not stay."},
	{"cluster", "See that the API server runs, and that KUBECONFIG leads to it with a "
		    "credential that holds: kubectl --kubeconfig FILE get nodes."},
	{"helm", "Install helm 3.21 or later, or 4.2 or later but not 4.2.1, set HELM to its path "
		 "and HELM_CHART_PATH to the chart."},
};

static const char *
remedy_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++)
		if (strcmp(remedies[i].name, name) == 0)
			return remedies[i].remedy;
	return NULL;
}

static bool
add_check(struct json *checks, const char *name, bool ok, const char *sentence, int64_t checked_at)
{
	struct json *check = json_new_object();

	json_set_text(check, "name", name);
	json_set_bool(check, "ok", ok);
	json_set_text(check, "sentence", sentence);
	json_set_text(check, "remedy", ok ? NULL : remedy_of(name));
	json_set_time(check, "checked_at", checked_at);
	json_add(checks, check);
	return ok;
}

/* The heartbeat: an inspect writes all components at once, so the newest row tells its time. */
static bool
check_provisioner(struct json *checks, const struct health *health, int64_t now)
{
	char text[ERR_TEXT_MAX] = "The provisioner is at work.";
	int64_t seen = 0;
	bool ok;

	for (int i = 0; i < HEALTH_COMPONENTS; i++)
		if (health[i].known && health[i].checked_at > seen)
			seen = health[i].checked_at;
	/* A heartbeat of the future was written while the clock was ahead. */
	ok = seen != 0 && now - seen <= HEALTH_STALE_MS && seen - now <= HEALTH_STALE_MS;
	if (seen == 0)
		snprintf(text, sizeof(text),
			 "The provisioner has not looked at the cluster yet; "
			 "start store-provisioner.");
	else if (!ok)
		snprintf(text, sizeof(text),
			 "The provisioner was last seen %lld seconds ago; is store-provisioner "
			 "running?",
			 (long long)(now - seen) / 1000);
	return add_check(checks, "provisioner", ok, text, seen);
}

/* What a change would meet; nothing is changed. */
static int
try_write(struct db *db, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;

	if (db_moved(open))
		return err_set(err, ERR_DB_UNUSABLE,
			       "The database's file is not there any more, or is another one: what "
			       "is written now is lost when the programs end.");
	return db_begin(open, err);
}

/* The database can be read and written; whether it also has room to grow. */
static bool
check_disk(struct json *checks, const char *path)
{
	int64_t room = ballast_room(path);
	char text[ERR_TEXT_MAX] = "The database answers.";
	bool ok = room < 0 || room >= ROOM_LEAST;

	if (!ok)
		snprintf(text, sizeof(text),
			 "The database answers, but its disk has %lld KiB left: nothing new can be "
			 "written until it has room again.",
			 (long long)room / 1024);
	return add_check(checks, "database", ok, text, clock_wall_ms());
}

static bool
check_component(struct json *checks, const char *name, const struct health *h)
{
	return add_check(checks, name, h->known && h->ok,
			 h->known ? h->sentence : "It has not been looked at yet.", h->checked_at);
}

/* Namespaces of the platform that no store has; none is ever removed without being asked. */
static int
warn_of_strays(struct db *db, struct json *warnings, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = drift_strays(db);
	struct drift_stray s;
	int n = 0, r;

	while ((r = drift_next_stray(q, &s, err)) > 0 && n++ < STRAYS_SHOWN) {
		char text[2 * ERR_TEXT_MAX];

		snprintf(text, sizeof(text),
			 "The cluster has a namespace %s without a store. %s See: storectl "
			 "namespace list",
			 s.namespace, s.message);
		json_add(warnings, json_new_text(text));
	}
	return r < 0 ? -1 : 0;
}

static int
warn_of_degraded(struct db *db, struct json *warnings, struct err *err)
{
	char text[ERR_TEXT_MAX];
	int64_t n;

	if (drift_count(db, STORE_DEGRADED, &n, err) < 0)
		return -1;
	snprintf(text, sizeof(text),
		 "%lld ready store%s lack%s a part in the cluster; see health in /api/stores.",
		 (long long)n, n == 1 ? "" : "s", n == 1 ? "s" : "");
	if (n > 0)
		json_add(warnings, json_new_text(text));
	return 0;
}

static int
add_warnings(struct json *body, const struct call *call, bool readable, struct err *err)
{
	struct json *warnings = json_new_array();

	json_set_text(body, "auth", call->conf->auth);
	if (strcmp(call->conf->auth, "off") == 0)
		json_add(warnings, json_new_text("AUTH is off: everybody on this machine may do "
						 "everything; nobody else is answered."));
	json_set(body, "warnings", warnings);
	if (!readable)
		return 0;
	return warn_of_degraded(call->db, warnings, err) < 0 ? -1
							     : warn_of_strays(call->db, warnings, err);
}

/* A sentence may tell of paths and addresses: a stranger elsewhere hears only which part it is. */
static void
hide_sentences(struct json *checks)
{
	for (size_t i = 0; i < json_count(checks); i++)
		if (!json_true(json_at(json_item(checks, i), "ok")))
			json_set_text(json_item(checks, i), "sentence",
				      "Log in, or ask from the machine itself, to see what it is.");
}

/*
 * Fills checks; what the rows tell of the other parts is only looked at where they
 * can be read. *users stays as it is unless they were counted.
 */
static bool
check_all(struct json *checks, const struct call *call, bool *ret_readable, int64_t *users)
{
	struct health health[HEALTH_COMPONENTS] = {{.known = false}};
	struct err why = ERR_INIT;
	bool ready;

	*ret_readable = health_get(call->db, health, &why) == 0 &&
			(strcmp(call->conf->auth, "on") != 0 ||
			 user_count(call->db, USER_ROLES, users, &why) == 0);
	if (*ret_readable && try_write(call->db, &why) == 0)
		ready = check_disk(checks, call->conf->database_path);
	else
		ready = add_check(checks, "database", false, why.text, clock_wall_ms());
	if (!*ret_readable)
		return false;
	ready = check_provisioner(checks, health, clock_wall_ms()) && ready;
	for (int i = 0; i < HEALTH_COMPONENTS; i++)
		ready = check_component(checks, health_words[i], &health[i]) && ready;
	return ready;
}

/* A database that fails is an answer of this route, not a failure of it. */
int
health_ready(const struct call *call, struct answer *ret, struct err *err)
{
	struct json *body = json_new_object(), *checks = json_new_array();
	struct err why = ERR_INIT;
	int64_t users = 1;
	bool readable, ready = check_all(checks, call, &readable, &users);

	if (add_warnings(body, call, readable, &why) < 0)
		ready = false;
	if (call->caller.kind == CALLER_NOBODY && !guard_is_local(call->req))
		hide_sentences(checks);
	json_set_bool(body, "ready", ready);
	json_set_bool(body, "setup_needed", users == 0);
	json_set(body, "checks", checks);
	ret->retry_after = ready ? 0 : NOT_READY_SECONDS;
	return answer_json(ret, ready ? 200 : 503, body, err);
}
