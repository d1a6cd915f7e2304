/*
 * test_sweep.c: promises 4.6 and 4.8. Each operation on the database is run again
 * and again, and the N-th call of libc of a kind fails, once or from then on, or
 * the process dies there. Else it has to end in success or in a clean error.
 * Afterwards the file is whole, and what was written is there whole or not at all.
 * N grows until nothing fails.
 */
#include "tool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../fault/fault.h"
#include "api/serve.h"
#include "io/backup.h"
#include "io/migrate.h"
#include "io/seal.h"
#include "model/audit.h"
#include "model/event.h"
#include "model/health.h"
#include "model/job.h"
#include "model/store.h"
#include "provisioner/outcome.h"

enum { BUSY_MS = 50, N_MAX = 200000 };
enum { STORES, JOBS, AUDITS, WAITS, RUNS, ENDED, READY };

static const char *const statements[] = {
	[STORES] = "SELECT count(*) FROM stores",
	[JOBS] = "SELECT count(*) FROM jobs",
	[AUDITS] = "SELECT count(*) FROM audit_log",
	[WAITS] = "SELECT count(*) FROM jobs WHERE state = 'queued' AND attempt = 0",
	[RUNS] = "SELECT count(*) FROM jobs WHERE state = 'running' AND attempt = 1",
	[ENDED] = "SELECT count(*) FROM jobs WHERE state = 'done' AND finalized_at IS NOT NULL",
	[READY] = "SELECT count(*) FROM stores WHERE status = 'ready'",
};
static DB_TABLE(test_sql, statements);
static const struct db_table *const test_tables[] = {&test_sql, NULL};

static struct conf conf;
static struct counters *counters;
static const char *rule;

static struct db *
open_all(const char *path)
{
	struct db *db;

	OK(db_open(&db, path, BUSY_MS, E));
	OK(db_prepare(db, serve_tables, E));
	OK(db_prepare(db, test_tables, E));
	return db;
}

static int
count(struct db *db, int what)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &test_sql, what);

	assert_int_equal(db_step(q, E), 1);
	return (int)db_int(q, 0);
}

/* An operation: 0 done, 1 refused by a clean error. path: a database as `made` left it. */
struct operation {
	const char *name;
	void (*make)(const char *path); /* the database that it begins with; NULL: none */
	int (*run)(const char *path);
	void (*check)(struct db *db, int result);
};

static int
clean(int r, const struct err *err)
{
	if (r < 0 && (err->code == ERR_NONE || !*err->text))
		fail_msg("%s: an error without words", rule);
	return r < 0;
}

static int
run_migrate(const char *path)
{
	struct err err = ERR_INIT;
	struct db *db = NULL;
	int r;

	fault_arm(rule);
	r = db_open(&db, path, BUSY_MS, &err);
	if (r == 0)
		r = migrate_run(db, &err);
	if (r == 0)
		r = db_prepare(db, serve_tables, &err);
	fault_arm("");
	db_close(db);
	return clean(r, &err);
}

static void
check_migrated(struct db *db, int result)
{
	assert_true(result >= 0 && count(db, STORES) == 0);
}

static void
make_empty(const char *path)
{
	struct db *db = NULL;

	OK(db_open(&db, path, BUSY_MS, E));
	OK(migrate_run(db, E));
	db_close(db);
}

static int
ask(const char *path, const char *method, const char *where, char *body)
{
	struct api api = {.conf = &conf, .db = open_all(path), .counters = counters};
	struct req req = {.remote = "127.0.0.1", .host = "127.0.0.1", .body = body};
	struct answer answer = ANSWER_INIT;
	struct err fault = ERR_INIT;
	int status;

	req.body_len = body ? strlen(body) : 0;
	snprintf(req.id, sizeof(req.id), "%s", TOOL_ID_B);
	snprintf(req.method, sizeof(req.method), "%s", method);
	snprintf(req.path, sizeof(req.path), "%s", where);
	snprintf(req.type, sizeof(req.type), "application/json");
	cache_open(&api.cache, &conf);
	fault_arm(rule);
	serve(&api, &req, &fault, &answer);
	fault_arm("");
	status = answer.status;
	cache_drop(&api.cache);
	answer_free(&answer);
	db_close(api.db);
	if (status != 200 && status != 201 && status < 500)
		fail_msg("%s: status %d", rule, status);
	return status >= 500;
}

static int
run_create(const char *path)
{
	char body[] = "{\"name\":\"Swept\"}";

	return ask(path, "POST", "/api/stores", body);
}

static void
check_created(struct db *db, int result)
{
	int n = count(db, STORES);

	/* A refused one may be there, but whole; one that was promised is. */
	assert_true(n == 1 || (n == 0 && result != 0));
	assert_int_equal(count(db, JOBS), n);
	assert_int_equal(count(db, AUDITS), n);
}

static void
make_queued(const char *path)
{
	struct audit_entry entry = {.action = AUDIT_CREATE, .store_id = TOOL_ID_A, .actor = "x"};
	struct db *db;

	make_empty(path);
	db = open_all(path);
	tool_store(db, TOOL_ID_A, "swept");
	OK(job_queue(db, TOOL_ID_A, JOB_PROVISION, 3, "x", "r", E));
	OK(audit_add(db, &entry, json_new_object(), E));
	db_close(db);
}

static int
run_audit(const char *path)
{
	return ask(path, "GET", "/api/stores/audit/log", NULL);
}

static void
check_queued(struct db *db, int result)
{
	assert_true(result >= 0 && count(db, WAITS) == 1);
	assert_int_equal(count(db, AUDITS), 1);
}

static int
claim(struct db *db, struct job *job, struct err *err)
{
	struct db_query *q = job_due(db, JOB_PROVISION, INT64_MAX / 2);
	int r = job_next(q, job, err);

	db_done(q);
	if (r < 0 || db_begin(db, err) < 0)
		return -1;
	if (r > 0 && job_start(db, job, TOOL_ID_B, 1, err) == 0 &&
	    store_set_started(db, job->store_id, err) == 0)
		return db_commit(db, err);
	db_rollback(db);
	return -1;
}

static int
run_claim(const char *path)
{
	struct db *db = open_all(path);
	struct err err = ERR_INIT;
	struct job job;
	int r;

	fault_arm(rule);
	r = claim(db, &job, &err);
	fault_arm("");
	db_close(db);
	return clean(r, &err);
}

static void
check_claimed(struct db *db, int result)
{
	assert_int_equal(count(db, WAITS) + count(db, RUNS), 1);
	assert_true(result != 0 || count(db, RUNS) == 1);
}

static void
make_running(const char *path)
{
	struct db *db;
	struct job job;

	make_queued(path);
	db = open_all(path);
	OK(claim(db, &job, E));
	db_close(db);
}

static int
run_finish(const char *path)
{
	struct db *db = open_all(path);
	struct err err = ERR_INIT;
	struct outcome outcome;
	struct job job;
	int r;

	assert_int_equal(job_get(db, 1, &job, E), 1);
	fault_arm(rule);
	r = outcome_write(db, &job, NULL, 0, &outcome, &err);
	fault_arm("");
	db_close(db);
	return clean(r, &err);
}

static void
check_finished(struct db *db, int result)
{
	int n = count(db, ENDED);

	assert_true(n == 1 || (n == 0 && result != 0));
	assert_int_equal(count(db, RUNS), 1 - n);
	assert_int_equal(count(db, READY), n);
	assert_int_equal(count(db, AUDITS), 1 + n);
}

static int
run_backup(const char *path)
{
	const char *copy = tool_path("sweep copy");
	struct err err = ERR_INIT;
	int r;

	unlink(copy);
	fault_arm(rule);
	r = backup_make(path, copy, false, &err);
	fault_arm("");
	assert_int_equal(access(tool_path("sweep copy.part"), F_OK), -1);
	if (access(copy, F_OK) == 0) {
		CLEANUP(db_closep) struct db *db = NULL;

		OK(db_open_read(&db, copy, BUSY_MS, E));
		OK(migrate_verify(db, true, E));
	} else
		assert_int_equal(r, -1);
	return clean(r, &err);
}

static const struct operation operations[] = {
	{"migrate", NULL, run_migrate, check_migrated},
	{"create", make_empty, run_create, check_created},
	{"claim", make_queued, run_claim, check_claimed},
	{"finish", make_running, run_finish, check_finished},
	{"audit", make_queued, run_audit, check_queued},
	{"backup", make_queued, run_backup, check_queued},
};

static void
begin_with(const struct operation *o, const char *template, const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		char name[512];

		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	if (o->make)
		OK(backup_make(template, path, false, E));
}

static void
check_after(const struct operation *o, const char *path, int result)
{
	CLEANUP(db_closep) struct db *db = NULL;

	OK(db_open(&db, path, BUSY_MS, E));
	OK(migrate_verify(db, true, E));
	if (!o->make)
		OK(migrate_run(db, E));
	OK(db_prepare(db, test_tables, E));
	o->check(db, result);
}

/* Runs of one operation under one kind of fault; how many of them did fail. */
static int
sweep(const struct operation *o, const char *template, const char *kind, int count_failing,
      const char *where)
{
	char text[96], path[512];
	int failed = 0;

	snprintf(path, sizeof(path), "%s", tool_path("sweep.db"));
	rule = text;
	for (int n = 0; n < N_MAX; n += 1 + n / 24) {
		int result;

		begin_with(o, template, path);
		snprintf(text, sizeof(text), "%s %d %d %s", kind, n, count_failing, where);
		result = o->run(path);
		if (result == 0 && fault_hits() == 0)
			return failed; /* fault_arm() keeps the hits of the run before */
		failed += result;
		check_after(o, path, result);
	}
	fail_msg("%s, %s: there is no end", o->name, kind);
	return -1;
}

static int
run_child(void *arg)
{
	const struct operation *o = arg;

	return o->run(tool_path("sweep.db"));
}

/* Dies at the N-th call of a kind, for each N. How often it did. */
static int
kills(const struct operation *o, const char *call)
{
	char text[96];
	int n, result;

	rule = text;
	for (n = 0; n < N_MAX; n++) {
		begin_with(o, tool_path(o->name), tool_path("sweep.db"));
		snprintf(text, sizeof(text), "%s KILL %d 1", call, n);
		result = tool_wait(tool_fork(run_child, (void *)(uintptr_t)o));
		check_after(o, tool_path("sweep.db"), result);
		if (result != 128 + SIGKILL)
			break;
	}
	assert_int_equal(result, 0);
	return n;
}

static void
sweeps_of_kill(void **state)
{
	static const char *const calls[] = {"write", "sync", "truncate"};

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	return; /* its own malloc and read come first */
#endif
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		int killed = 0;

		for (size_t k = 0; k < ARRAY_SIZE(calls); k++)
			killed += kills(&operations[i], calls[k]);
		print_message("# %s: killed at each of %d calls\n", operations[i].name, killed);
	}
}

static void
sweeps(void **state)
{
	/* Not of libc: json-c does not look whether strdup() has failed. */
	static const struct {
		const char *call, *where;
	} kinds[] = {
		{"write ENOSPC", ""},	{"write EIO", ""},
		{"read EIO", ""},	{"sync EIO", ""},
		{"open EMFILE", ""},	{"truncate EIO", ""},
		{"malloc ENOMEM", "test_sweep"}, {"malloc ENOMEM", "libsqlite3"},
		{"malloc ENOMEM", "libjson-c"},
	};

	(void)state;
	snprintf(conf.provisioner_dir, sizeof(conf.provisioner_dir), "%s", tool_path(""));
	OK(seal_make(conf.provisioner_dir, E));
	OK(counters_open(&counters, memcpy(conf.api_dir, conf.provisioner_dir, sizeof(conf.api_dir)), E));
#ifdef __SANITIZE_ADDRESS__
	return;
#endif
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		char template[512];
		int failed = 0;

		snprintf(template, sizeof(template), "%s", tool_path(operations[i].name));
		if (operations[i].make)
			operations[i].make(template);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			failed += sweep(&operations[i], template, kinds[k].call, 1, kinds[k].where);
			failed += sweep(&operations[i], template, kinds[k].call, 0, kinds[k].where);
		}
		print_message("# %s: %d runs were refused\n", operations[i].name, failed);
		assert_true(failed > 0);
	}
}

int
main(void)
{
	/* The second begins with the databases that the first has made. */
	const struct CMUnitTest sweep_tests[] = {cmocka_unit_test(sweeps),
						 cmocka_unit_test(sweeps_of_kill)};

	if (conf_load(&conf, "/dev/null", E) < 0 || seal_init(E) < 0)
		return 1;
	/* Thousands of databases; that they reach a disk is no matter here. */
	if (access("/dev/shm", W_OK) == 0 && setenv("TMPDIR", "/dev/shm", 1) < 0)
		return 1;
	snprintf(conf.auth, sizeof(conf.auth), "off");
	return TOOL_RUN(sweep_tests);
}
