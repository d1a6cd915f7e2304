/* test_health.c: what an inspect saw, and the generation that answers are kept for. */
#include "tool.h"

#include <string.h>

#include "model/audit.h"
#include "model/event.h"
#include "model/health.h"
#include "model/store.h"

static void
keeps_the_last_look(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("health.db");
	struct health h[HEALTH_COMPONENTS];

	(void)state;
	OK(health_get(db, h, E));
	assert_false(h[HEALTH_CLUSTER].known || h[HEALTH_HELM].known);
	OK(health_set(db, HEALTH_CLUSTER, false, "It cannot be reached.", E));
	OK(health_get(db, h, E));
	assert_true(h[HEALTH_CLUSTER].known);
	assert_false(h[HEALTH_CLUSTER].ok);
	assert_string_equal(h[HEALTH_CLUSTER].sentence, "It cannot be reached.");
	assert_true(h[HEALTH_CLUSTER].checked_at > 0);
	assert_false(h[HEALTH_HELM].known);
	OK(health_set(db, HEALTH_CLUSTER, true, "Reached.", E));
	OK(health_set(db, HEALTH_HELM, true, "helm 4.3.1", E));
	OK(health_get(db, h, E));
	assert_true(h[HEALTH_CLUSTER].ok && h[HEALTH_HELM].ok);
	assert_string_equal(h[HEALTH_CLUSTER].sentence, "Reached.");
}

static struct db *watched;
static char before[HEALTH_GENERATION];

/* Whether the generation was raised since the last look. */
static bool
raised(void)
{
	char now[HEALTH_GENERATION];
	bool same;

	OK(health_generation(watched, now, E));
	same = strcmp(before, now) == 0;
	memcpy(before, now, sizeof(before));
	return !same;
}

static void
rises_for_stores(void **state)
{
	static const struct store_box box = {.data = "x", .len = 1, .key_id = "k"};
	CLEANUP(db_closep) struct db *db = tool_db("stores.db");
	struct store s;

	(void)state;
	watched = db;
	assert_true(raised()); /* from nothing */
	assert_false(raised());
	tool_store(db, TOOL_ID_A, "one");
	assert_true(raised());
	assert_int_equal(store_get(db, TOOL_ID_A, &s, E), 1);
	assert_false(raised());
	OK(store_set_started(db, TOOL_ID_A, E));
	assert_true(raised());
	OK(store_set_started(db, TOOL_ID_A, E)); /* it has begun: no row changes */
	assert_false(raised());
	OK(store_set_status(db, TOOL_ID_A, STORE_READY, NULL, NULL, E));
	assert_true(raised());
	OK(store_set_reason(db, TOOL_ID_A, "store_stuck", "x", E));
	assert_true(raised());
	OK(store_set_release(db, TOOL_ID_A, "{}", "digest", E)); /* no answer shows these */
	OK(store_wipe_box(db, TOOL_ID_A, E));
	assert_false(raised());
	strcpy(s.id, TOOL_ID_B);
	REFUSED(store_insert(db, &s, &box, E), ERR_DUPLICATE_NAME);
	assert_false(raised());
}

static void
rises_for_jobs(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("jobs.db");
	struct job j;

	(void)state;
	watched = db;
	tool_store(db, TOOL_ID_A, "one");
	(void)raised();
	OK(job_queue(db, TOOL_ID_A, JOB_PROVISION, 5, "a", "r", E));
	assert_true(raised());
	assert_int_equal(job_of_store(db, TOOL_ID_A, &j, E), 1);
	OK(job_start(db, &j, TOOL_ID_B, 1, E));
	assert_true(raised());
	for (int i = 0; i < 3; i++)
		OK(job_renew(db, TOOL_ID_B, 1000 + i, E));
	OK(job_hold(db, j.id, j.fence, E));
	assert_false(raised());
	OK(job_set_step(db, j.id, j.fence, "release", E));
	assert_true(raised());
	REFUSED(job_set_step(db, j.id, j.fence + 1, "x", E), ERR_LEASE_LOST);
	assert_false(raised());
	OK(job_cancel(db, TOOL_ID_A, JOB_PROVISION, E));
	assert_true(raised());
	OK(job_cancel(db, TOOL_ID_A, JOB_PROVISION, E)); /* it has been asked */
	assert_false(raised());
	OK(job_end(db, &j, JOB_RETRY, 1, "c", "m", E));
	assert_true(raised());
}

static void
rises_for_the_rest(void **state)
{
	const struct audit_entry entry = {.action = AUDIT_CREATE, .actor = "a"};
	CLEANUP(db_closep) struct db *db = tool_db("rest.db");
	struct job j;

	(void)state;
	watched = db;
	tool_store(db, TOOL_ID_A, "one");
	OK(job_queue(db, TOOL_ID_A, JOB_PROVISION, 5, "a", "r", E));
	assert_int_equal(job_of_store(db, TOOL_ID_A, &j, E), 1);
	(void)raised();
	OK(event_add(db, &j, "release", EVENT_STARTED, "m", -1, E));
	assert_true(raised());
	OK(audit_add(db, &entry, json_new_object(), E));
	assert_true(raised());
	OK(health_set(db, HEALTH_HELM, true, "Found.", E));
	assert_true(raised());
	OK(db_script(db, "UPDATE health SET checked_at = 1", E));
	OK(health_set(db, HEALTH_HELM, true, "Found.", E)); /* the heartbeat alone */
	assert_false(raised());
	OK(health_set(db, HEALTH_HELM, true, "Found another.", E));
	assert_true(raised());
	OK(health_set(db, HEALTH_HELM, false, "Found another.", E));
	assert_true(raised());
	OK(db_begin(db, E));
	OK(health_set(db, HEALTH_HELM, true, "x", E));
	assert_true(raised()); /* seen inside */
	db_rollback(db);
	assert_true(raised()); /* and taken back */
	assert_false(raised());
}

/* Two databases never share one, so an answer of before a restore is not served after it. */
static void
differs_between_databases(void **state)
{
	CLEANUP(db_closep) struct db *one = tool_db("epoch1.db");
	CLEANUP(db_closep) struct db *two = tool_db("epoch2.db");
	char a[HEALTH_GENERATION], b[HEALTH_GENERATION];

	(void)state;
	OK(health_generation(one, a, E));
	OK(health_generation(two, b, E));
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), strlen("0123456789abcdef.0"));
}

int
main(void)
{
	const struct CMUnitTest health[] = {
		cmocka_unit_test(keeps_the_last_look), cmocka_unit_test(rises_for_stores),
		cmocka_unit_test(rises_for_jobs),      cmocka_unit_test(rises_for_the_rest),
		cmocka_unit_test(differs_between_databases),
	};

	return TOOL_RUN(health);
}
