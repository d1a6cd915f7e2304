/* test_outcome.c: what follows from the end of an attempt, and what is written of it. */
#include "tool.h"

#include <string.h>

#include "model/audit.h"
#include "model/store.h"
#include "provisioner/outcome.h"

static void
test_rule(void **state)
{
	static const struct {
		enum err_code code;
		int attempt;
		bool cancelled;
		enum job_state want;
	} cases[] = {
		{ERR_NONE, 1, false, JOB_DONE},
		{ERR_NONE, 5, false, JOB_DONE},
		{ERR_NONE, 1, true, JOB_CANCELLED},
		{ERR_STOPPED, 1, true, JOB_CANCELLED},
		{ERR_CHART_FAILED, 1, true, JOB_CANCELLED},
		{ERR_STOPPED, 5, false, JOB_QUEUED},
		{ERR_CLUSTER_UNREACHABLE, 5, false, JOB_QUEUED},
		{ERR_HELM_UNUSABLE, 5, false, JOB_QUEUED},
		{ERR_CONFIG, 1, false, JOB_QUEUED},
		{ERR_CLUSTER_FAILED, 1, false, JOB_RETRY},
		{ERR_CLUSTER_FAILED, 4, false, JOB_RETRY},
		{ERR_CLUSTER_FAILED, 5, false, JOB_FAILED},
		{ERR_WORKER_DIED, 1, false, JOB_RETRY},
		{ERR_DB_BUSY, 5, false, JOB_QUEUED},
		{ERR_SYSTEM, 5, false, JOB_QUEUED},
		{ERR_CHART_FAILED, 1, false, JOB_FAILED},
		{ERR_NAMESPACE_FOREIGN, 1, false, JOB_FAILED},
		{ERR_DEADLINE, 1, false, JOB_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct job job = {.attempt = cases[i].attempt, .max_attempts = 5};
		struct err failure = {.code = cases[i].code};
		struct outcome o = outcome_of(&job, &failure, cases[i].cancelled, 7);

		if (o.state != cases[i].want)
			fail_msg("%s at attempt %d: %s", err_word(cases[i].code), cases[i].attempt,
				 job_state_words[o.state]);
	}
}

/* Full jitter: anything from nothing to the limit, which doubles up to 300 s. */
static void
test_backoff(void **state)
{
	static const int64_t limits[] = {5000, 10000, 20000, 40000, 80000, 160000, 300000, 300000};
	struct err failure = {.code = ERR_CLUSTER_FAILED};

	(void)state;
	for (int attempt = 1; attempt <= 8; attempt++) {
		struct job job = {.attempt = attempt, .max_attempts = 20};
		int64_t limit = limits[attempt - 1];

		assert_int_equal(outcome_of(&job, &failure, false, 0).delay_ms, 0);
		assert_int_equal(outcome_of(&job, &failure, false, (uint32_t)limit).delay_ms, limit);
		assert_true(outcome_of(&job, &failure, false, UINT32_MAX).delay_ms <= limit);
	}
}

static void
test_retry_after(void **state)
{
	struct job job = {.attempt = 1, .max_attempts = 5};
	struct err failure = {.code = ERR_CLUSTER_THROTTLED, .retry_after = 20};

	(void)state;
	assert_int_equal(outcome_of(&job, &failure, false, 1).delay_ms, 20000);
	failure.code = ERR_CLUSTER_UNREACHABLE;
	assert_int_equal(outcome_of(&job, &failure, false, 1).delay_ms, 20000);
}

/* An outage has its own pauses, which grow although no attempt is spent. */
static void
test_outages(void **state)
{
	static const int64_t limits[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct err failure = {.code = ERR_CLUSTER_UNREACHABLE};

	(void)state;
	for (int n = 0; n < 7; n++) {
		struct job job = {.attempt = 1, .max_attempts = 5, .outages = n};

		assert_int_equal(outcome_of(&job, &failure, false, 0).delay_ms, 2000);
		assert_int_equal(outcome_of(&job, &failure, false, (uint32_t)limits[n]).delay_ms,
				 2000 + limits[n]);
		assert_true(outcome_of(&job, &failure, false, UINT32_MAX).delay_ms <=
			    2000 + limits[n]);
	}
}

/* Of every failure the platform knows: the class alone decides, and only one spends attempts. */
static void
test_every_code(void **state)
{
	static const enum job_state want[] = {
		[ERR_TERMINAL] = JOB_FAILED,
		[ERR_TRANSIENT] = JOB_RETRY,
		[ERR_OUTAGE] = JOB_QUEUED,
		[ERR_INTERRUPTED] = JOB_QUEUED,
	};
	static const enum err_code transient[] = {ERR_CLUSTER_CONFLICT, ERR_CLUSTER_THROTTLED,
						  ERR_CLUSTER_FAILED};
	static const enum err_code outages[] = {ERR_CLUSTER_UNREACHABLE, ERR_DB_BUSY, ERR_DB_FULL};
	static const enum err_code terminal[] = {ERR_CHART_FAILED, ERR_CLUSTER_REFUSED,
						 ERR_NAMESPACE_FOREIGN, ERR_CLUSTER_FORBIDDEN,
						 ERR_RELEASE_UNREADABLE};
	struct job job = {.attempt = 1, .max_attempts = 5};

	(void)state;
	for (int code = ERR_NONE + 1; code < ERR_CODES; code++) {
		struct err failure = {.code = (enum err_code)code};

		assert_int_equal(outcome_of(&job, &failure, false, 1).state,
				 want[err_class((enum err_code)code)]);
		assert_int_equal(outcome_of(&job, &failure, true, 1).state, JOB_CANCELLED);
	}
	for (size_t i = 0; i < sizeof(transient) / sizeof(transient[0]); i++)
		assert_int_equal(err_class(transient[i]), ERR_TRANSIENT);
	for (size_t i = 0; i < sizeof(outages) / sizeof(outages[0]); i++)
		assert_int_equal(err_class(outages[i]), ERR_OUTAGE);
	for (size_t i = 0; i < sizeof(terminal) / sizeof(terminal[0]); i++)
		assert_int_equal(err_class(terminal[i]), ERR_TERMINAL);
}

/* A store with a running provision; tells the job. */
static struct job
running(struct db *db)
{
	struct job job;

	tool_store(db, TOOL_ID_A, "alpha");
	OK(db_begin(db, E));
	OK(job_queue(db, TOOL_ID_A, JOB_PROVISION, 5, "somebody", "request", E));
	OK(job_of_store(db, TOOL_ID_A, &job, E));
	OK(job_start(db, &job, TOOL_ID_B, 1, E));
	OK(db_commit(db, E));
	return job;
}

static void
expect(struct db *db, enum store_status status, enum job_state job_state, int audits)
{
	struct json *log = json_new_array();
	struct store store;
	struct job job;

	OK(store_get(db, TOOL_ID_A, &store, E));
	OK(job_of_store(db, TOOL_ID_A, &job, E));
	assert_int_equal(store.status, status);
	assert_int_equal(job.state, job_state);
	OK(audit_list(db, &(struct audit_filter){.before = INT64_MAX, .limit = 10}, log, E));
	assert_int_equal(json_count(log), audits);
	json_free(log);
}

static void
test_success(void **state)
{
	struct db *db = tool_db("success.db");
	struct job job = running(db);
	struct outcome o;

	(void)state;
	OK(outcome_write(db, &job, NULL, 0, &o, E));
	expect(db, STORE_READY, JOB_DONE, 1);
	db_close(db);
}

static void
test_failure(void **state)
{
	struct db *db = tool_db("failure.db");
	struct job job = running(db);
	struct err failure = ERR_INIT;
	struct outcome o;
	struct store store;

	(void)state;
	err_set(&failure, ERR_CHART_FAILED, "the chart is broken");
	OK(outcome_write(db, &job, &failure, 0, &o, E));
	expect(db, STORE_FAILED, JOB_FAILED, 1);
	OK(store_get(db, TOOL_ID_A, &store, E));
	assert_string_equal(store.error_code, "chart_failed");
	assert_string_equal(store.error_message, "the chart is broken");
	db_close(db);
}

static void
test_retry_writes_no_audit(void **state)
{
	struct db *db = tool_db("retry.db");
	struct job job = running(db);
	struct err failure = ERR_INIT;
	struct outcome o;

	(void)state;
	err_set(&failure, ERR_CLUSTER_FAILED, "503");
	OK(outcome_write(db, &job, &failure, 0, &o, E));
	expect(db, STORE_PROVISIONING, JOB_RETRY, 0);
	db_close(db);
}

/* A delete that came meanwhile wins, even over success. */
static void
test_cancelled(void **state)
{
	struct db *db = tool_db("cancel.db");
	struct job job = running(db);
	struct outcome o;

	(void)state;
	OK(db_begin(db, E));
	OK(job_cancel(db, TOOL_ID_A, JOB_PROVISION, E));
	OK(store_set_status(db, TOOL_ID_A, STORE_DELETING, NULL, NULL, E));
	OK(db_commit(db, E));
	OK(outcome_write(db, &job, NULL, 0, &o, E));
	expect(db, STORE_DELETING, JOB_CANCELLED, 0);
	db_close(db);
}

static void
test_late_worker_is_refused(void **state)
{
	struct db *db = tool_db("late.db");
	struct job job = running(db), old = job;
	struct outcome o;

	(void)state;
	old.fence--;
	REFUSED(outcome_write(db, &old, NULL, 0, &o, E), ERR_LEASE_LOST);
	expect(db, STORE_PROVISIONING, JOB_RUNNING, 1);
	OK(outcome_write(db, &job, NULL, 0, &o, E));
	expect(db, STORE_READY, JOB_DONE, 2);
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest outcome[] = {
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_outages),
		cmocka_unit_test(test_every_code),
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_retry_writes_no_audit),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_late_worker_is_refused),
	};

	return TOOL_RUN(outcome);
}
