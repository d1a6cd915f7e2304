/*
 * test_claimers.c: eight processes claim from one table of 3,000 jobs: none is
 * claimed twice, none is left, and nobody sees an error. How long a claim took
 * is printed; it is a figure, not a condition, since the machine may be busy.
 */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/job.h"

enum { CLAIMERS = 8, JOBS = 3000, LOOK = 32 };

static int results[2]; /* a pipe: each claimer's records */

struct claimed {
	int64_t job;
	int64_t took_ms; /* with the wait for the lock */
};

/* One BEGIN IMMEDIATE, as the supervisor does it. 1: claimed, 0: another one was faster, -1. */
static int
claim(struct db *db, struct job *job, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;
	struct claimed done = {.job = job->id};
	int64_t begin = clock_mono_ms();

	if (db_begin(open, err) < 0)
		return -1;
	if (job_start(db, job, TOOL_ID_A, clock_wall_ms() + 30000, err) < 0)
		return err->code == ERR_LEASE_LOST ? 0 : -1;
	if (db_commit(open, err) < 0)
		return -1;
	done.took_ms = clock_mono_ms() - begin;
	return write(results[1], &done, sizeof(done)) == (ssize_t)sizeof(done) ? 1 : -1;
}

/* The jobs at the head of the queue, as many as the supervisor looks at. */
static int
look(struct db *db, struct job *due, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = job_due(db, JOB_PROVISION, clock_wall_ms());
	int n = 0, r = 1;

	while (n < LOOK && (r = job_next(q, &due[n], err)) > 0)
		n++;
	return r < 0 ? -1 : n;
}

static int
claimer_body(void *arg)
{
	static const struct db_table *const tables[] = {&job_sql, NULL};
	CLEANUP(db_closep) struct db *db = NULL;
	struct err err = ERR_INIT;
	struct job due[LOOK];
	int n, r;

	(void)arg;
	/* With more patience than the test tool has: eight of them wait for each other. */
	if (db_open(&db, tool_path("claimers.db"), TOOL_PATIENCE_MS, &err) < 0 ||
	    db_prepare(db, tables, &err) < 0) {
		fprintf(stderr, "# %s\n", err.text);
		return 1;
	}
	while ((n = look(db, due, &err)) > 0)
		for (int i = 0; i < n; i++)
			if ((r = claim(db, &due[i], &err)) < 0) {
				fprintf(stderr, "# %s\n", err.text);
				return 1;
			}
	return n;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = ((const struct claimed *)a)->took_ms, y = ((const struct claimed *)b)->took_ms;

	return (x > y) - (x < y);
}

static void
fill(struct db *db)
{
	OK(db_script(db,
		     "BEGIN IMMEDIATE;"
		     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
		     " INSERT INTO stores (id, name, slug, type, plan, status, namespace, store_url,"
		     " admin_url, admin_user, created_at, updated_at) SELECT 'id-' || i, 'n', 's-' || i,"
		     " 't', 'p', 'provisioning', 'x', 'u', 'u', 'a', 1, 1 FROM n;"
		     "INSERT INTO jobs (store_id, kind, state, max_attempts, run_at, actor, request_id,"
		     " created_at) SELECT id, 'provision', 'queued', 5, 1, 'a', 'r', 1 FROM stores;"
		     "COMMIT",
		     E));
}

static void
eight_claimers(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("claimers.db");
	static struct claimed all[JOBS];
	static bool seen[JOBS + 1];
	int pids[CLAIMERS], n = 0;
	int64_t left = -1;

	(void)state;
	fill(db);
	OK(pipe(results));
	for (int i = 0; i < CLAIMERS; i++)
		pids[i] = tool_fork(claimer_body, NULL);
	close(results[1]);
	while (n < JOBS && read(results[0], &all[n], sizeof(all[n])) == (ssize_t)sizeof(all[n]))
		n++;
	for (int i = 0; i < CLAIMERS; i++)
		assert_int_equal(tool_wait(pids[i]), 0);
	assert_int_equal(n, JOBS);
	for (int i = 0; i < n; i++) {
		assert_in_range(all[i].job, 1, JOBS);
		assert_false(seen[all[i].job]);
		seen[all[i].job] = true;
	}
	OK(job_count(db, JOB_PROVISION, JOB_QUEUED, &left, E));
	assert_int_equal(left, 0);
	qsort(all, (size_t)n, sizeof(all[0]), by_time);
	printf("# a claim took p50 %lld ms, p99 %lld ms, at most %lld ms\n",
	       (long long)all[n / 2].took_ms, (long long)all[n * 99 / 100].took_ms,
	       (long long)all[n - 1].took_ms);
	close(results[0]);
}

int
main(void)
{
	const struct CMUnitTest claimers[] = {cmocka_unit_test(eight_claimers)};

	return TOOL_RUN(claimers);
}
