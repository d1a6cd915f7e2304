/* test_event.c: timelines, and the history that estimates come from. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "model/event.h"

/* A running job of store A. */
static struct job
job_in(struct db *db)
{
	struct job j;

	tool_store(db, TOOL_ID_A, "one");
	OK(job_queue(db, TOOL_ID_A, JOB_PROVISION, 5, "a", "r", E));
	assert_int_equal(job_of_store(db, TOOL_ID_A, &j, E), 1);
	OK(job_start(db, &j, TOOL_ID_B, 1, E));
	return j;
}

static void
tells_the_timeline(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("timeline.db");
	struct job j = job_in(db);
	struct db_query *q;
	struct event e;

	(void)state;
	assert_int_equal(event_last(db, j.id, &e, E), 0);
	OK(event_add(db, &j, "namespace", EVENT_STARTED, "Making it.", -1, E));
	OK(event_add(db, &j, "namespace", EVENT_DONE, "Made.", 1234, E));
	OK(event_add(db, &j, "release", EVENT_FAILED, "It \"failed\".", 0, E));
	OK(event_add(db, &j, "release", EVENT_INFO, "By the way.", -1, E));
	q = event_list(db, TOOL_ID_A);
	assert_int_equal(event_next(q, &e, E), 1);
	assert_int_equal(e.job_id, j.id);
	assert_string_equal(e.kind, "provision");
	assert_int_equal(e.attempt, 1);
	assert_string_equal(e.step, "namespace");
	assert_string_equal(e.state, "started");
	assert_string_equal(e.message, "Making it.");
	assert_true(e.created_at > 0);
	assert_int_equal(e.duration_ms, -1);
	assert_int_equal(event_next(q, &e, E), 1);
	assert_int_equal(e.duration_ms, 1234);
	assert_int_equal(event_next(q, &e, E), 1);
	assert_int_equal(e.duration_ms, 0);
	assert_int_equal(event_next(q, &e, E), 1);
	assert_string_equal(e.state, "info");
	assert_int_equal(event_next(q, &e, E), 0);
	db_done(q);
	assert_int_equal(event_last(db, j.id, &e, E), 1);
	assert_string_equal(e.message, "It \"failed\"."); /* a remark moves nothing */
	q = event_list(db, TOOL_ID_B);
	assert_int_equal(event_next(q, &e, E), 0);
	db_done(q);
	REFUSED(db_script(db, "UPDATE events SET state = 'odd'", E), ERR_DB_CONSTRAINT);
}

static void
knows_what_this_attempt_passed(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("passed.db");
	struct job j = job_in(db);

	(void)state;
	OK(event_add(db, &j, "release", EVENT_STARTED, "m", -1, E));
	assert_int_equal(event_passed(db, &j, "release", E), 0);
	OK(event_add(db, &j, "release", EVENT_DONE, "m", 1, E));
	assert_int_equal(event_passed(db, &j, "release", E), 1);
	assert_int_equal(event_passed(db, &j, "database", E), 0);
	j.attempt = 2;
	assert_int_equal(event_passed(db, &j, "release", E), 0);
}

/* Nearest rank: of n values in order the one at ceil(n * p / 100). */
static void
gives_percentiles(void **state)
{
	static const struct {
		int values; /* 10, 20, 30, ... */
		int64_t p50, p95;
	} cases[] = {
		{1, 10, 10},   {2, 10, 20},   {3, 20, 30},   {4, 20, 40},      {19, 100, 190},
		{20, 100, 190}, {21, 110, 200}, {100, 500, 950}, {110, 600, 1050}, /* the last 100 */
	};
	CLEANUP(db_closep) struct db *db = tool_db("times.db");
	struct job j = job_in(db);
	struct event_times t;

	(void)state;
	OK(event_times(db, JOB_PROVISION, "release", &t, E));
	assert_int_equal(t.count, 0);
	assert_int_equal(t.p50_ms, 0);
	assert_int_equal(t.p95_ms, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OK(db_script(db, "DELETE FROM events", E));
		OK(db_begin(db, E));
		for (int n = 1; n <= cases[i].values; n++) {
			OK(event_add(db, &j, "release", EVENT_DONE, "m", n * 10, E));
			OK(event_add(db, &j, "release", EVENT_FAILED, "m", 1, E)); /* counts not */
			OK(event_add(db, &j, "database", EVENT_DONE, "m", 1, E));
		}
		OK(db_commit(db, E));
		OK(event_times(db, JOB_PROVISION, "release", &t, E));
		assert_int_equal(t.count, cases[i].values < 100 ? cases[i].values : 100);
		assert_int_equal(t.p50_ms, cases[i].p50);
		assert_int_equal(t.p95_ms, cases[i].p95);
		OK(event_times(db, JOB_DELETE, "release", &t, E));
		assert_int_equal(t.count, 0);
	}
}

static void
forgets_old_timelines(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("prune.db");
	struct job j = job_in(db);
	struct event e;

	(void)state;
	OK(event_add(db, &j, "release", EVENT_DONE, "m", 1, E));
	OK(event_prune(db, INT64_MAX, E));
	assert_int_equal(event_last(db, j.id, &e, E), 1); /* the store is there */
	OK(db_script(db, "UPDATE stores SET status = 'deleted', deleted_at = 500", E));
	OK(event_prune(db, 500, E));
	assert_int_equal(event_last(db, j.id, &e, E), 1);
	OK(event_prune(db, 501, E));
	assert_int_equal(event_last(db, j.id, &e, E), 0);
}

int
main(void)
{
	const struct CMUnitTest event[] = {
		cmocka_unit_test(tells_the_timeline),
		cmocka_unit_test(knows_what_this_attempt_passed),
		cmocka_unit_test(gives_percentiles),
		cmocka_unit_test(forgets_old_timelines),
	};

	return TOOL_RUN(event);
}
