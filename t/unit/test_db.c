/* test_db.c: opening, statements, transactions and the busy handler. */
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/ballast.h"
#include "io/db.h"

enum { PUT, SUM, BAD_NAME, PUT_BLOB, GET_BLOB, JOURNAL, SYNC, FOREIGN, AUTO, LIMIT };

static const char *const statements[] = {
	[PUT] = "INSERT INTO t (n, s) VALUES (:n, :s)",
	[SUM] = "SELECT count(*), total(n), max(s) FROM t",
	[BAD_NAME] = "SELECT :here",
	[PUT_BLOB] = "INSERT INTO t (n, b) VALUES (:n, :b)",
	[GET_BLOB] = "SELECT b FROM t WHERE n = :n",
	[JOURNAL] = "PRAGMA journal_mode",
	[SYNC] = "PRAGMA synchronous",
	[FOREIGN] = "PRAGMA foreign_keys",
	[AUTO] = "PRAGMA wal_autocheckpoint",
	[LIMIT] = "PRAGMA journal_size_limit",
};
static DB_TABLE(test_sql, statements);
static const struct db_table *const tables[] = {&test_sql, NULL};

/* A connection to a file with one table t. */
static struct db *
open_t(const char *path, int busy_ms)
{
	struct db *db;

	OK(db_open(&db, path, busy_ms, E));
	OK(db_script(db,
		     "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, n INTEGER UNIQUE, s TEXT,"
		     " b BLOB) STRICT",
		     E));
	OK(db_prepare(db, tables, E));
	return db;
}

static int
put(struct db *db, int n, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &test_sql, PUT);

	db_bind_int(q, ":n", n);
	db_bind_text(q, ":s", "x");
	return db_run(q, err);
}

static int64_t
count(struct db *db)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &test_sql, SUM);

	OK(db_step(q, E));
	return db_int(q, 0);
}

static void
opens_as_designed(void **state)
{
	const char *path = tool_path("open.db");
	CLEANUP(db_closep) struct db *db = NULL;
	static const char *const want[] = {"wal", "2", "1", "0", "67108864"};
	struct stat st;
	mode_t old = umask(077);

	(void)state;
	db = open_t(path, 100);
	umask(old);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(stat(tool_path("open.db-wal"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(db_wal_bytes(path) > 0);
	assert_int_equal(db_wal_bytes(tool_path("missing.db")), 0);
	for (int i = 0; i < (int)ARRAY_SIZE(want); i++) {
		CLEANUP(db_donep) struct db_query *q = db_query(db, &test_sql, JOURNAL + i);

		assert_int_equal(db_step(q, E), 1);
		assert_string_equal(db_text(q, 0), want[i]);
	}
	assert_true(strlen(db_library()) > 3);
}

/* No checkpoint happens by itself: not while it grows, not at the close of the last. */
static void
never_checkpoints_by_itself(void **state)
{
	const char *path = tool_path("close.db");
	struct db *db = open_t(path, 100);
	struct stat before, after;

	(void)state;
	OK(stat(path, &before));
	OK(db_begin(db, E));
	for (int i = 0; i < 40000; i++)
		OK(put(db, i, E));
	OK(db_commit(db, E));
	for (int i = 0; i < 10; i++)
		OK(put(db, -1 - i, E));
	assert_null(db_close(db));
	OK(stat(path, &after));
	assert_int_equal(before.st_size, after.st_size);
	assert_true(db_wal_bytes(path) > 1000 * 1000);
	db = open_t(path, 100);
	assert_int_equal(count(db), 40010);
	db_close(db);
}

static void
fails_to_open(void **state)
{
	struct db *db = NULL;

	(void)state;
	REFUSED(db_open(&db, tool_path("no/such/folder.db"), 100, E), ERR_SYSTEM);
	tool_write(tool_path("text.db"), "This is no database, and it is long enough to be looked at.");
	REFUSED(db_open(&db, tool_path("text.db"), 100, E), ERR_DB_CORRUPT);
	assert_contains(tool_err.text, "not a database");
	assert_null(db);
}

static void
binds_and_reads(void **state)
{
	CLEANUP(db_closep) struct db *db = open_t(tool_path("bind.db"), 100);
	struct db_query *q = db_query(db, &test_sql, PUT_BLOB);
	const char *data;
	size_t len = 0;

	(void)state;
	db_bind_int(q, ":n", INT64_MIN);
	db_bind_blob(q, ":b", "a\0b", 3);
	assert_int_equal(db_run(q, E), 1);
	q = db_query(db, &test_sql, PUT_BLOB);
	db_bind_int(q, ":n", 2);
	db_bind_blob(q, ":b", NULL, 0);
	assert_int_equal(db_run(q, E), 1);
	db_done(q);
	q = db_query(db, &test_sql, GET_BLOB);
	db_bind_int(q, ":n", INT64_MIN);
	assert_int_equal(db_step(q, E), 1);
	data = db_blob(q, 0, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "a\0b", 3);
	assert_false(db_null(q, 0));
	assert_int_equal(db_step(q, E), 0);
	q = db_query(db, &test_sql, GET_BLOB); /* borrowed again: reset and unbound */
	assert_int_equal(db_step(q, E), 0);
	db_bind_int(q, ":n", 2); /* too late: a statement is bound before it is stepped */
	REFUSED(db_step(q, E), ERR_INTERNAL);
	q = db_query(db, &test_sql, GET_BLOB);
	db_bind_int(q, ":n", 2);
	assert_int_equal(db_step(q, E), 1);
	assert_true(db_null(q, 0));
	assert_string_equal(db_text(q, 0), "");
	db_done(q);
}

static void
tells_faults(void **state)
{
	static const char *const wrong[] = {"SELECT 1", "SELECT nothing FROM nowhere"};
	static const struct db_table wrong_sql = {"wrong", wrong, 2};
	static const struct db_table *const wrong_tables[] = {&wrong_sql, NULL};
	CLEANUP(db_closep) struct db *db = open_t(tool_path("faults.db"), 100);
	struct db_query *q;

	(void)state;
	REFUSED(db_prepare(db, wrong_tables, E), ERR_DB_FAILED);
	assert_contains(tool_err.text, "statement 1 of wrong");
	REFUSED(db_script(db, "SELEC", E), ERR_DB_FAILED);
	q = db_query(db, &test_sql, BAD_NAME);
	db_bind_int(q, ":there", 1);
	REFUSED(db_step(q, E), ERR_INTERNAL);
	db_done(q);
	db_bind_int(q, ":here", 1);
	assert_int_equal(db_step(q, E), 1); /* the fault went with db_done() */
	db_done(q);
	OK(put(db, 1, E));
	REFUSED(put(db, 1, E), ERR_DB_CONSTRAINT);
	OK(put(db, 2, E)); /* and the statement is usable again */
	assert_int_equal(count(db), 2);
}

static void
keeps_transactions_apart(void **state)
{
	CLEANUP(db_closep) struct db *db = open_t(tool_path("begin.db"), 100);

	(void)state;
	OK(db_begin(db, E));
	OK(put(db, 1, E));
	REFUSED(db_begin(db, E), ERR_INTERNAL);
	assert_contains(tool_err.text, "begins inside");
	assert_contains(tool_err.text, "test_db.c:");
	db_rollback(db);
	db_rollback(db); /* harmless */
	assert_int_equal(count(db), 0);
	OK(db_begin(db, E));
	OK(put(db, 1, E));
	OK(db_commit(db, E));
	assert_int_equal(count(db), 1);
	REFUSED(db_commit(db, E), ERR_DB_FAILED); /* there is none */
	OK(db_begin_read(db, E));
	REFUSED(db_begin(db, E), ERR_INTERNAL);
	assert_contains(tool_err.text, "a read transaction");
	db_rollback(db);
	OK(db_begin(db, E));
	REFUSED(db_begin_read(db, E), ERR_INTERNAL);
	REFUSED(db_begin(db, E), ERR_INTERNAL);
	assert_contains(tool_err.text, "test_db.c:"); /* still the place of the real one */
	db_rollback(db);
}

static void
reads_one_view(void **state)
{
	CLEANUP(db_closep) struct db *reader = open_t(tool_path("view.db"), 100);
	CLEANUP(db_closep) struct db *writer = open_t(tool_path("view.db"), 100);

	(void)state;
	OK(db_begin_read(reader, E));
	assert_int_equal(count(reader), 0);
	OK(put(writer, 1, E));
	assert_int_equal(count(reader), 0);
	db_rollback(reader);
	assert_int_equal(count(reader), 1);
}

static void
waits_for_the_lock_within_bounds(void **state)
{
	CLEANUP(db_closep) struct db *holder = open_t(tool_path("busy.db"), 100);
	CLEANUP(db_closep) struct db *waiter = open_t(tool_path("busy.db"), 300);
	int64_t start, took;

	(void)state;
	OK(db_begin(holder, E));
	for (int turn = 0; turn < 2; turn++) { /* the second time it has the same patience */
		start = clock_mono_ms();
		REFUSED(db_begin(waiter, E), ERR_DB_BUSY);
		took = clock_mono_ms() - start;
		assert_true(took >= 300 && took < TOOL_PATIENCE_MS);
	}
	assert_int_equal(err_http(tool_err.code), 503);
	db_rollback(holder);
	OK(db_begin(waiter, E));
	db_rollback(waiter);
}

/*
 * 4.4: the pool's writes stop before the log has filled the disk. A checkpoint alone
 * makes it no shorter: the next write does, by who checkpoints; then they go on.
 */
static void
bounds_the_log(void **state)
{
	const char *path = tool_path("long.db"), *log = tool_path("long.db-wal");
	CLEANUP(db_closep) struct db *db = open_t(path, 100);
	CLEANUP(db_closep) struct db *locker = open_t(path, 100);
	CLEANUP(db_closep) struct db *keeper = open_t(path, 100);

	(void)state;
	db_bound_log(db);
	OK(put(keeper, 1, E));
	OK(truncate(log, 257 * 1024 * 1024)); /* what follows the last frame counts as room only */
	REFUSED(db_begin(db, E), ERR_DB_BUSY);
	assert_contains(tool_err.text, "has reached 256 MiB");
	assert_int_equal(count(db), 1);
	assert_int_equal(db_checkpoint(keeper, locker, E), 0);
	REFUSED(db_begin(db, E), ERR_DB_BUSY);
	OK(db_begin(keeper, E));
	OK(put(keeper, 3, E));
	OK(db_commit(keeper, E));
	assert_true(db_wal_bytes(path) <= 64 * 1024 * 1024);
	OK(db_begin(db, E));
	OK(put(db, 2, E));
	OK(db_commit(db, E));
}

/* 4.5: the first reader on a full disk needs room, and the ballast has it. */
static void
keeps_and_drops_the_ballast(void **state)
{
	const char *path = tool_path("ballast.db"), *ballast = tool_path("ballast.db.ballast");
	struct stat st;

	(void)state;
	ballast_keep(path);
	OK(stat(ballast, &st));
	assert_int_equal(st.st_size, 256 * 1024);
	assert_true(st.st_blocks * 512 >= 256 * 1024); /* not only a length */
	assert_int_equal(st.st_mode & 0707, 0600);
	ballast_keep(path); /* harmless */
	assert_true(ballast_drop(path));
	assert_false(ballast_drop(path));
	assert_true(ballast_room(path) > 0);
	assert_int_equal(ballast_room("/nonexistent/x.db"), -1);
	ballast_keep("/nonexistent/x.db");
}

int
main(void)
{
	const struct CMUnitTest db[] = {
		cmocka_unit_test(opens_as_designed),
		cmocka_unit_test(never_checkpoints_by_itself),
		cmocka_unit_test(fails_to_open),
		cmocka_unit_test(binds_and_reads),
		cmocka_unit_test(tells_faults),
		cmocka_unit_test(keeps_transactions_apart),
		cmocka_unit_test(reads_one_view),
		cmocka_unit_test(waits_for_the_lock_within_bounds),
		cmocka_unit_test(bounds_the_log),
		cmocka_unit_test(keeps_and_drops_the_ballast),
	};

	return TOOL_RUN(db);
}
