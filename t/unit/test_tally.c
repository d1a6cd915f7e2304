/* test_tally.c: what is counted by triggers, and the places in a long queue. */
#include "tool.h"

#include <stdio.h>

#include "io/migrate.h"
#include "model/job.h"
#include "model/store.h"

static int64_t
count(struct db *db, enum job_kind kind, enum job_state state)
{
	int64_t n;

	OK(job_count(db, kind, state, &n, E));
	return n;
}

/* Whichever end of the queue is nearer, the place is the same. */
static void
counts_many(void **state)
{
	static const int64_t places[] = {1, 2, 99, 100, 135, 136, 137, 199, 200};
	CLEANUP(db_closep) struct db *db = tool_db("many.db");

	(void)state;
	OK(db_script(db,
		     "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
		     " INSERT INTO stores (id, name, slug, type, plan, status, namespace, store_url,"
		     " admin_url, admin_user, created_at, updated_at) SELECT 'id-' || i, 'x', 's-' || i,"
		     " 'x', 'x', 'provisioning', 'x', 'x', 'x', 'x', 1, 1 FROM n;"
		     "INSERT INTO jobs (store_id, kind, state, max_attempts, run_at, actor, request_id,"
		     " created_at) SELECT id, 'provision', 'queued', 5, substr(id, 4) / 10, 'x', 'x', 1"
		     " FROM stores ORDER BY CAST(substr(id, 4) AS INTEGER)",
		     E));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char id[16];
		struct job j;
		int64_t n;

		snprintf(id, sizeof(id), "id-%lld", (long long)places[i]);
		assert_int_equal(job_of_store(db, id, &j, E), 1);
		OK(job_position(db, &j, &n, E));
		assert_int_equal(n, places[i]);
	}
	OK(db_script(db, "UPDATE jobs SET state = 'retry' WHERE id <= 3", E));
	assert_int_equal(count(db, JOB_PROVISION, JOB_RETRY), 3);
	assert_int_equal(count(db, JOB_PROVISION, JOB_QUEUED), 197);
	/* A database of before the counting: they are counted once, when it is brought up to date. */
	OK(db_script(db,
		     "DROP TRIGGER stores_counted; DROP TRIGGER stores_moved; DROP TRIGGER stores_left;"
		     "DROP TRIGGER jobs_counted; DROP TRIGGER jobs_moved; DROP TRIGGER jobs_left;"
		     "DROP TRIGGER stores_gone; DROP TRIGGER jobs_gone;"
		     "DROP TABLE tallies; PRAGMA user_version=7; DELETE FROM jobs WHERE id <= 2",
		     E));
	db_close(db);
	db = tool_db("many.db");
	assert_int_equal(count(db, JOB_PROVISION, JOB_RETRY), 1);
	OK(db_script(db, "DELETE FROM jobs WHERE id = 3", E));
	assert_int_equal(count(db, JOB_PROVISION, JOB_RETRY), 0);
	assert_int_equal(count(db, JOB_PROVISION, JOB_QUEUED), 197);
}

int
main(void)
{
	const struct CMUnitTest tally[] = {
		cmocka_unit_test(counts_many),
	};

	return TOOL_RUN(tally);
}
