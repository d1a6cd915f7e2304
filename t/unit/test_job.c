/* test_job.c: the queue: claims, fences, states, order, cancellation. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/job.h"

#define INSTANCE "99999999-9999-4999-8999-999999999999"

static struct db *
open_two_stores(const char *name)
{
	struct db *db = tool_db(name);

	tool_store(db, TOOL_ID_A, "one");
	tool_store(db, TOOL_ID_B, "two");
	return db;
}

static void
queue(struct db *db, const char *store, enum job_kind kind)
{
	OK(job_queue(db, store, kind, 5, "somebody", "request-1", E));
}

static struct job
newest(struct db *db, const char *store)
{
	struct job j;

	assert_int_equal(job_of_store(db, store, &j, E), 1);
	return j;
}

static struct job
start(struct db *db, struct job j)
{
	OK(job_start(db, &j, INSTANCE, clock_wall_ms() + 1000, E));
	return j;
}

static int64_t
count(struct db *db, enum job_kind kind, enum job_state state)
{
	int64_t n = -1;

	OK(job_count(db, kind, state, &n, E));
	return n;
}

/* The stores of the due jobs: 'A' and 'B' in order. */
static const char *
due(struct db *db, enum job_kind kind, int64_t now)
{
	static char order[8];
	CLEANUP(db_donep) struct db_query *q = job_due(db, kind, now);
	struct job j;
	size_t n = 0;
	int r;

	while ((r = job_next(q, &j, E)) > 0)
		order[n++] = strcmp(j.store_id, TOOL_ID_A) == 0 ? 'A' : 'B';
	OK(r);
	order[n] = '\0';
	return order;
}

static void
keeps_what_was_queued(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("queue.db");
	struct job j, same;

	(void)state;
	assert_int_equal(job_of_store(db, TOOL_ID_A, &j, E), 0);
	queue(db, TOOL_ID_A, JOB_PROVISION);
	j = newest(db, TOOL_ID_A);
	assert_string_equal(j.store_id, TOOL_ID_A);
	assert_int_equal(j.kind, JOB_PROVISION);
	assert_int_equal(j.state, JOB_QUEUED);
	assert_int_equal(j.attempt, 0);
	assert_int_equal(j.max_attempts, 5);
	assert_int_equal(j.fence, 0);
	assert_string_equal(j.actor, "somebody");
	assert_string_equal(j.request_id, "request-1");
	assert_string_equal(j.instance_id, "");
	assert_true(j.created_at > 0 && j.run_at == j.created_at);
	assert_int_equal(job_get(db, j.id, &same, E), 1);
	assert_memory_equal(&j, &same, sizeof(j));
	assert_int_equal(job_get(db, j.id + 1, &same, E), 0);
	REFUSED(job_queue(db, "no-such-store", JOB_DELETE, 5, "a", "r", E), ERR_DB_CONSTRAINT);
}

static void
waits_once_a_kind(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("once.db");
	struct job j;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	OK(db_script(db, "UPDATE jobs SET run_at = run_at + 600000", E));
	assert_string_equal(due(db, JOB_PROVISION, clock_wall_ms()), "");
	queue(db, TOOL_ID_A, JOB_PROVISION); /* becomes due now */
	assert_string_equal(due(db, JOB_PROVISION, clock_wall_ms()), "A");
	queue(db, TOOL_ID_A, JOB_DELETE); /* another kind waits beside it */
	assert_int_equal(count(db, JOB_PROVISION, JOB_QUEUED), 1);
	assert_int_equal(count(db, JOB_DELETE, JOB_QUEUED), 1);
	REFUSED(db_script(db,
			  "INSERT INTO jobs (store_id, kind, state, max_attempts, run_at, actor,"
			  " request_id, created_at) SELECT store_id, kind, 'retry', 1, 1, '', '', 1"
			  " FROM jobs WHERE kind = 'delete'",
			  E),
		ERR_DB_CONSTRAINT);
	j = start(db, newest(db, TOOL_ID_A));
	assert_int_equal(j.kind, JOB_DELETE);
	queue(db, TOOL_ID_A, JOB_DELETE); /* the one that runs is meant */
	assert_int_equal(count(db, JOB_DELETE, JOB_QUEUED), 0);
	assert_int_equal(job_active(db, TOOL_ID_A, JOB_DELETE, E), 1);
	assert_int_equal(job_active(db, TOOL_ID_B, JOB_DELETE, E), 0);
	/* ... so that its own retry finds its place free. */
	OK(job_end(db, &j, JOB_RETRY, 1, "helm_failed", "x", E));
	assert_int_equal(job_active(db, TOOL_ID_A, JOB_DELETE, E), 1);
}

static void
runs_once_a_store(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("running.db");
	struct job provision, other;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	provision = newest(db, TOOL_ID_A);
	queue(db, TOOL_ID_A, JOB_DELETE);
	other = newest(db, TOOL_ID_A);
	assert_int_equal(other.kind, JOB_DELETE);
	provision = start(db, provision);
	assert_string_equal(due(db, JOB_DELETE, clock_wall_ms()), ""); /* its store is taken */
	REFUSED(job_start(db, &other, INSTANCE, 1, E), ERR_DB_CONSTRAINT);
	assert_int_equal(newest(db, TOOL_ID_A).id, provision.id); /* the running one speaks */
	OK(job_end(db, &provision, JOB_CANCELLED, 0, NULL, NULL, E));
	assert_string_equal(due(db, JOB_DELETE, clock_wall_ms()), "A");
	start(db, other);
}

static void
starts_with_a_fence(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("start.db");
	struct job j, again;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	j = newest(db, TOOL_ID_A);
	again = j;
	j = start(db, j);
	assert_int_equal(j.attempt, 1);
	assert_int_equal(j.fence, 1);
	assert_int_equal(j.state, JOB_RUNNING);
	assert_string_equal(j.instance_id, INSTANCE);
	REFUSED(job_start(db, &again, INSTANCE, 1, E), ERR_LEASE_LOST);
	assert_int_equal(again.attempt, 0); /* untouched by the failure */
	OK(job_set_step(db, j.id, j.fence, "release", E));
	again = newest(db, TOOL_ID_A);
	assert_string_equal(again.step, "release");
	assert_string_equal(again.instance_id, INSTANCE);
	assert_int_equal(again.fence, 1);
	assert_true(again.started_at > 0);
	OK(job_end(db, &j, JOB_RETRY, 12345, "helm_failed", "It failed.", E));
	again = newest(db, TOOL_ID_A);
	assert_int_equal(again.state, JOB_RETRY);
	assert_int_equal(again.run_at, 12345);
	assert_string_equal(again.error_message, "It failed.");
	assert_string_equal(again.instance_id, "");
	assert_int_equal(again.finalized_at, 0);
	j = start(db, again);
	assert_int_equal(j.attempt, 2);
	assert_int_equal(j.fence, 2);
	assert_string_equal(newest(db, TOOL_ID_A).step, "");
	assert_int_equal(newest(db, TOOL_ID_A).started_at, again.started_at);
}

/* Whatever a worker that was given up still wants to write. */
static void
refuses_an_old_fence(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("fence.db");
	struct job old, now, row;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	old = start(db, newest(db, TOOL_ID_A));
	OK(job_hold(db, old.id, old.fence, E));
	OK(job_end(db, &old, JOB_QUEUED, 1, NULL, NULL, E));
	REFUSED(job_hold(db, old.id, old.fence, E), ERR_LEASE_LOST); /* nobody has it */
	REFUSED(job_end(db, &old, JOB_DONE, 0, NULL, NULL, E), ERR_LEASE_LOST);
	now = start(db, newest(db, TOOL_ID_A));
	REFUSED(job_hold(db, old.id, old.fence, E), ERR_LEASE_LOST);
	REFUSED(job_set_step(db, old.id, old.fence, "x", E), ERR_LEASE_LOST);
	REFUSED(job_end(db, &old, JOB_DONE, 0, NULL, NULL, E), ERR_LEASE_LOST);
	row = newest(db, TOOL_ID_A);
	assert_int_equal(row.state, JOB_RUNNING);
	assert_string_equal(row.step, "");
	OK(job_hold(db, now.id, now.fence, E));
	OK(job_end(db, &now, JOB_DONE, 0, NULL, NULL, E));
	REFUSED(job_end(db, &now, JOB_FAILED, 0, NULL, NULL, E), ERR_LEASE_LOST);
	assert_int_equal(err_class(tool_err.code), ERR_INTERRUPTED);
}

static void
ends_in_each_state(void **state)
{
	static const struct {
		enum job_state state;
		int starts, attempt;
		bool final;
	} cases[] = {
		{JOB_DONE, 1, 1, true},	 {JOB_FAILED, 2, 2, true}, {JOB_CANCELLED, 3, 3, true},
		{JOB_RETRY, 4, 4, false},
		{JOB_QUEUED, 5, 4, false}, /* handed back: no attempt spent */
	};
	CLEANUP(db_closep) struct db *db = open_two_stores("ends.db");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct job j;

		OK(db_script(db, "DELETE FROM jobs", E));
		queue(db, TOOL_ID_A, JOB_PROVISION);
		for (int n = 1; n < cases[i].starts; n++) {
			j = start(db, newest(db, TOOL_ID_A));
			OK(job_end(db, &j, JOB_RETRY, 1, "c", "m", E));
		}
		j = start(db, newest(db, TOOL_ID_A));
		OK(job_end(db, &j, cases[i].state, 77, NULL, NULL, E));
		j = newest(db, TOOL_ID_A);
		assert_int_equal(j.state, cases[i].state);
		assert_int_equal(j.attempt, cases[i].attempt);
		assert_int_equal(j.run_at, 77);
		assert_int_equal(j.finalized_at > 0, cases[i].final);
		/* What was told last is still to be seen while it waits to be resumed. */
		assert_string_equal(j.error_code, cases[i].state == JOB_QUEUED ? "c" : "");
		assert_int_equal(j.outages, 0);
	}
}

static void
counts_outages(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("outages.db");
	struct job j;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	for (int n = 1; n <= 3; n++) {
		j = start(db, newest(db, TOOL_ID_A));
		assert_int_equal(j.attempt, 1);
		OK(job_end(db, &j, JOB_QUEUED, 1, "cluster_unreachable", "m", E));
		assert_int_equal(newest(db, TOOL_ID_A).outages, n);
	}
}

/* 1.10: what was written while the clock was ahead does not wait for it. */
static void
moves_with_the_clock(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("jump.db");
	int64_t now = clock_wall_ms(), year = 365LL * 86400 * 1000;
	struct job j;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	queue(db, TOOL_ID_B, JOB_PROVISION);
	j = start(db, newest(db, TOOL_ID_B));
	OK(job_end(db, &j, JOB_RETRY, now + 200000, "c", "m", E));
	OK(db_script(db, "UPDATE jobs SET run_at = run_at + 3600000 WHERE state = 'queued'", E));
	OK(job_clamp(db, E)); /* one never tried is due; a pause that may be is kept */
	assert_string_equal(due(db, JOB_PROVISION, clock_wall_ms()), "A");
	assert_int_equal(newest(db, TOOL_ID_B).run_at, now + 200000);

	OK(db_script(db, "UPDATE jobs SET run_at = run_at + 31536000000 WHERE state = 'retry'", E));
	OK(job_shift(db, year, E));
	assert_int_equal(newest(db, TOOL_ID_B).run_at, now + 200000);
	assert_true(newest(db, TOOL_ID_A).run_at <= clock_wall_ms());
	OK(job_shift(db, year, E)); /* never before now: order among the due ones stays */
	assert_true(newest(db, TOOL_ID_B).run_at >= now);

	OK(db_script(db, "UPDATE jobs SET run_at = run_at + 31536000000 WHERE state = 'retry'", E));
	OK(job_clamp(db, E));
	assert_true(newest(db, TOOL_ID_B).run_at <= clock_wall_ms());
}

static void
claims_in_order(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("order.db");
	struct job a, b;
	int64_t n = 0;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	queue(db, TOOL_ID_B, JOB_PROVISION);
	OK(db_script(db, "UPDATE jobs SET run_at = 100", E));
	assert_string_equal(due(db, JOB_PROVISION, 99), "");
	assert_string_equal(due(db, JOB_PROVISION, 100), "AB"); /* of equals the older one */
	assert_string_equal(due(db, JOB_DELETE, 100), "");
	OK(db_script(db, "UPDATE jobs SET run_at = 50 WHERE store_id = '" TOOL_ID_B "'", E));
	assert_string_equal(due(db, JOB_PROVISION, 100), "BA");
	a = newest(db, TOOL_ID_A);
	b = newest(db, TOOL_ID_B);
	OK(job_position(db, &b, &n, E));
	assert_int_equal(n, 1);
	OK(job_position(db, &a, &n, E));
	assert_int_equal(n, 2);
	start(db, b);
	OK(job_position(db, &a, &n, E));
	assert_int_equal(n, 1);
	assert_string_equal(due(db, JOB_PROVISION, 100), "A");
	assert_int_equal(count(db, JOB_PROVISION, JOB_RUNNING), 1);
	assert_int_equal(count(db, JOB_PROVISION, JOB_QUEUED), 1);
}

static void
cancels(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("cancel.db");
	struct job a, b;
	int64_t asked;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	queue(db, TOOL_ID_A, JOB_DELETE);
	queue(db, TOOL_ID_B, JOB_PROVISION);
	OK(job_cancel(db, TOOL_ID_A, JOB_PROVISION, E));
	assert_int_equal(count(db, JOB_PROVISION, JOB_CANCELLED), 1); /* B's goes on */
	assert_int_equal(count(db, JOB_DELETE, JOB_QUEUED), 1);
	assert_string_equal(due(db, JOB_PROVISION, clock_wall_ms()), "B");
	b = start(db, newest(db, TOOL_ID_B));
	OK(job_cancel(db, TOOL_ID_B, JOB_PROVISION, E));
	asked = newest(db, TOOL_ID_B).cancel_requested_at;
	assert_true(asked > 0);
	assert_int_equal(newest(db, TOOL_ID_B).state, JOB_RUNNING); /* asked, not ended */
	OK(job_hold(db, b.id, b.fence, E));
	OK(db_script(db, "UPDATE jobs SET cancel_requested_at = 5 WHERE state = 'running'", E));
	OK(job_cancel(db, TOOL_ID_B, JOB_PROVISION, E));
	assert_int_equal(newest(db, TOOL_ID_B).cancel_requested_at, 5); /* the first time counts */
	a = newest(db, TOOL_ID_A);
	assert_int_equal(a.kind, JOB_DELETE);
}

static void
lists_what_runs(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("runs.db");
	CLEANUP(db_donep) struct db_query *q = NULL;
	struct job j;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	queue(db, TOOL_ID_B, JOB_DELETE);
	start(db, newest(db, TOOL_ID_B));
	q = job_running(db);
	assert_int_equal(job_next(q, &j, E), 1);
	assert_string_equal(j.store_id, TOOL_ID_B);
	assert_int_equal(j.kind, JOB_DELETE);
	assert_int_equal(job_next(q, &j, E), 0);
}

/* Leases of one instance at once; and a pause of before a clock was set right is none. */
static void
renews_and_clamps(void **state)
{
	CLEANUP(db_closep) struct db *db = open_two_stores("clock.db");
	struct job j, row;
	int64_t year = 365LL * 24 * 3600 * 1000;
	struct db_query *q;

	(void)state;
	queue(db, TOOL_ID_A, JOB_PROVISION);
	j = start(db, newest(db, TOOL_ID_A));
	OK(job_renew(db, j.instance_id, 4711, E));
	assert_int_equal(newest(db, TOOL_ID_A).lease_until, 4711);
	OK(job_renew(db, TOOL_ID_A, 5, E)); /* somebody else's */
	assert_int_equal(newest(db, TOOL_ID_A).lease_until, 4711);
	OK(job_end(db, &j, JOB_RETRY, 1000 + year, NULL, NULL, E));
	q = job_due(db, JOB_PROVISION, 1000);
	assert_int_equal(job_next(q, &row, E), 1);
	db_done(q);
	j = start(db, newest(db, TOOL_ID_A));
	OK(job_end(db, &j, JOB_RETRY, 1000 + 3600 * 1000, NULL, NULL, E)); /* an hour may be meant */
	q = job_due(db, JOB_PROVISION, 1000);
	assert_int_equal(job_next(q, &row, E), 0);
	db_done(q);
}

int
main(void)
{
	const struct CMUnitTest job[] = {
		cmocka_unit_test(keeps_what_was_queued), cmocka_unit_test(waits_once_a_kind),
		cmocka_unit_test(runs_once_a_store),	 cmocka_unit_test(starts_with_a_fence),
		cmocka_unit_test(refuses_an_old_fence),
		cmocka_unit_test(renews_and_clamps),	 cmocka_unit_test(ends_in_each_state), cmocka_unit_test(counts_outages),
		cmocka_unit_test(moves_with_the_clock),
		cmocka_unit_test(claims_in_order),	 cmocka_unit_test(cancels),
		cmocka_unit_test(lists_what_runs),
	};

	return TOOL_RUN(job);
}
