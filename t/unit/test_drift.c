/* test_drift.c: the rows of the reconciling look: health, strays, stores without a job. */
#include "tool.h"

#include <string.h>

#include "model/drift.h"
#include "model/job.h"

static struct store
read_store(struct db *db, const char *id)
{
	struct store s;

	assert_int_equal(store_get(db, id, &s, E), 1);
	return s;
}

static void
keeps_health_of_ready_stores(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("health.db");
	struct store s;
	int64_t n = -1;

	(void)state;
	tool_store(db, TOOL_ID_A, "one");
	assert_int_equal(read_store(db, TOOL_ID_A).health, STORE_UNKNOWN);
	assert_int_equal(drift_set_health(db, TOOL_ID_A, STORE_DEGRADED, "x", E), 0);
	OK(store_set_status(db, TOOL_ID_A, STORE_READY, NULL, NULL, E));
	s = read_store(db, TOOL_ID_A);
	assert_int_equal(s.health, STORE_OK); /* its provision has seen all of it */
	assert_true(s.health_checked_at > 0);
	assert_int_equal(drift_set_health(db, TOOL_ID_A, STORE_DEGRADED, "It is gone.", E), 1);
	s = read_store(db, TOOL_ID_A);
	assert_int_equal(s.health, STORE_DEGRADED);
	assert_string_equal(s.health_message, "It is gone.");
	assert_int_equal(s.status, STORE_READY);
	OK(drift_count(db, STORE_DEGRADED, &n, E));
	assert_int_equal(n, 1);
	OK(store_set_status(db, TOOL_ID_A, STORE_DELETING, NULL, NULL, E));
	s = read_store(db, TOOL_ID_A);
	assert_int_equal(s.health, STORE_UNKNOWN);
	assert_string_equal(s.health_message, "");
	assert_int_equal(s.health_checked_at, 0);
	OK(drift_count(db, STORE_DEGRADED, &n, E));
	assert_int_equal(n, 0);
}

/* The slugs of drift_ready(), as one text. */
static const char *
ready(struct db *db)
{
	static char text[64];
	CLEANUP(db_donep) struct db_query *q = drift_ready(db);
	struct drift_store s;
	int r;

	text[0] = '\0';
	while ((r = drift_next(q, &s, E)) > 0) {
		strcat(text, s.slug);
		strcat(text, " ");
	}
	OK(r);
	return text;
}

static void
lists_ready_stores_at_rest(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("ready.db");

	(void)state;
	tool_store(db, TOOL_ID_A, "zebra");
	tool_store(db, TOOL_ID_B, "ant");
	assert_string_equal(ready(db), "");
	OK(store_set_status(db, TOOL_ID_A, STORE_READY, NULL, NULL, E));
	OK(store_set_status(db, TOOL_ID_B, STORE_READY, NULL, NULL, E));
	assert_string_equal(ready(db), "ant zebra "); /* in the order that fleet.h asks for */
	OK(job_queue(db, TOOL_ID_B, JOB_PROVISION, 5, "a", "r", E));
	assert_string_equal(ready(db), "zebra ");
}

static void
knows_strays(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("strays.db");
	struct drift_stray s = {.namespace = "store-x", .store_id = TOOL_ID_A, .uid = "1",
				.message = "why"}, got;
	char slug[VALID_SLUG_BYTES];
	bool deleted = true;

	(void)state;
	assert_int_equal(drift_get_stray(db, "store-x", &got, E), 0);
	assert_int_equal(drift_add_stray(db, &s, E), 1);
	assert_int_equal(drift_add_stray(db, &s, E), 0); /* no news */
	strcpy(s.uid, "2");
	assert_int_equal(drift_add_stray(db, &s, E), 1); /* another one of that name */
	assert_int_equal(drift_get_stray(db, "store-x", &got, E), 1);
	assert_string_equal(got.uid, "2");
	assert_string_equal(got.store_id, TOOL_ID_A);
	assert_true(got.found_at > 0);
	OK(drift_drop_stray(db, "store-x", E));
	assert_int_equal(drift_get_stray(db, "store-x", &got, E), 0);

	assert_int_equal(drift_owner(db, TOOL_ID_A, &deleted, slug, E), 0);
	tool_store(db, TOOL_ID_A, "one");
	assert_int_equal(drift_owner(db, TOOL_ID_A, &deleted, slug, E), 1);
	assert_false(deleted);
	assert_string_equal(slug, "one");
	OK(store_set_status(db, TOOL_ID_A, STORE_DELETED, NULL, NULL, E));
	assert_int_equal(drift_owner(db, TOOL_ID_A, &deleted, slug, E), 1);
	assert_true(deleted);
}

static void
finds_stores_without_a_job(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("jobless.db");
	char id[VALID_UUID_BYTES];
	enum job_kind kind;
	struct job j;

	(void)state;
	assert_int_equal(drift_jobless(db, id, &kind, E), 0);
	tool_store(db, TOOL_ID_A, "one");
	assert_int_equal(drift_jobless(db, id, &kind, E), 1);
	assert_string_equal(id, TOOL_ID_A);
	assert_int_equal(kind, JOB_PROVISION);
	OK(job_queue(db, id, kind, 5, "a", "r", E));
	assert_int_equal(drift_jobless(db, id, &kind, E), 0);
	assert_int_equal(job_of_store(db, TOOL_ID_A, &j, E), 1);
	OK(job_start(db, &j, TOOL_ID_B, 1, E));
	assert_int_equal(drift_jobless(db, id, &kind, E), 0);
	OK(job_end(db, &j, JOB_CANCELLED, 1, NULL, NULL, E));
	OK(store_set_status(db, TOOL_ID_A, STORE_DELETING, NULL, NULL, E));
	assert_int_equal(drift_jobless(db, id, &kind, E), 1);
	assert_int_equal(kind, JOB_DELETE);
	OK(store_set_status(db, TOOL_ID_A, STORE_FAILED, "c", "m", E)); /* that waits for a person */
	OK(db_script(db, "UPDATE stores SET updated_at = updated_at - 3600001", E));
	assert_int_equal(drift_jobless(db, id, &kind, E), 0);
	OK(job_queue(db, TOOL_ID_A, JOB_DELETE, 5, "a", "r", E));
	assert_int_equal(job_of_store(db, TOOL_ID_A, &j, E), 1);
	OK(job_start(db, &j, TOOL_ID_B, 1, E));
	OK(job_end(db, &j, JOB_FAILED, 1, "c", "m", E));
	assert_int_equal(drift_jobless(db, id, &kind, E), 1); /* but a removal only for an hour */
	assert_int_equal(kind, JOB_DELETE);
	OK(db_script(db, "UPDATE stores SET updated_at = updated_at + 60000", E));
	assert_int_equal(drift_jobless(db, id, &kind, E), 0);
}

int
main(void)
{
	const struct CMUnitTest drift[] = {
		cmocka_unit_test(keeps_health_of_ready_stores),
		cmocka_unit_test(lists_ready_stores_at_rest),
		cmocka_unit_test(knows_strays),
		cmocka_unit_test(finds_stores_without_a_job),
	};

	return TOOL_RUN(drift);
}
