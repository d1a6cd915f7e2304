/* health.c: see health.h. */
#include "api/health.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/health.h"
#include "model/user.h"

enum { NOT_READY_SECONDS = 5 };

int
health_alive(const struct call *call, struct answer *ret, struct err *err)
{
	struct json *body = json_new_object();

	(void)call;
	json_set_text(body, "status", "ok");
	json_set_time(body, "timestamp", clock_wall_ms());
	return answer_json(ret, 200, body, err);
}

static bool
add_check(struct json *checks, const char *name, bool ok, const char *sentence, int64_t checked_at)
{
	struct json *check = json_new_object();

	json_set_text(check, "name", name);
	json_set_bool(check, "ok", ok);
	json_set_text(check, "sentence", sentence);
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

static bool
check_component(struct json *checks, const char *name, const struct health *h)
{
	return add_check(checks, name, h->known && h->ok,
			 h->known ? h->sentence : "It has not been looked at yet.", h->checked_at);
}

static void
add_warnings(struct json *body, const struct conf *conf)
{
	struct json *warnings = json_new_array();

	json_set_text(body, "auth", conf->auth);
	if (strcmp(conf->auth, "off") == 0)
		json_add(warnings, json_new_text("AUTH is off: everybody on this machine may do "
						 "everything; nobody else is answered."));
	json_set(body, "warnings", warnings);
}

int
health_ready(const struct call *call, struct answer *ret, struct err *err)
{
	struct json *body = json_new_object(), *checks = json_new_array();
	struct health health[HEALTH_COMPONENTS] = {{.known = false}};
	struct err why = ERR_INIT;
	bool ready = health_get(call->db, health, &why) == 0;
	int64_t users = 1;

	if (ready && strcmp(call->conf->auth, "on") == 0)
		ready = user_count(call->db, USER_ROLES, &users, &why) == 0;
	/* A database that fails is an answer of this route, not a failure of it. */
	add_check(checks, "database", ready, ready ? "The database answers." : why.text,
		  clock_wall_ms());
	if (ready) {
		ready = check_provisioner(checks, health, clock_wall_ms());
		for (int i = 0; i < HEALTH_COMPONENTS; i++)
			ready = check_component(checks, health_words[i], &health[i]) && ready;
	}
	json_set_bool(body, "ready", ready);
	json_set_bool(body, "setup_needed", users == 0);
	add_warnings(body, call->conf);
	json_set(body, "checks", checks);
	ret->retry_after = ready ? 0 : NOT_READY_SECONDS;
	return answer_json(ret, ready ? 200 : 503, body, err);
}
