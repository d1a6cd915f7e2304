/*
 * test_checkpoint.c: that db_checkpoint() loses nothing while writers write.
 *
 * SQLite up to 3.51.2 has the WAL-reset bug (https://sqlite.org/wal.html#walresetbug):
 * a checkpointer reads the log's header and then how much of the log is in the
 * database file already; if a writer starts the log anew between the two, the
 * checkpointer takes the new log for as long as the old one and marks rows as
 * moved that were not. They are acknowledged, and gone. Here the gap is made
 * wide: a patched VFS calls xUnfetch, the one call that SQLite makes between
 * the two reads, and there the test's writer writes.
 */
#include "tool.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "provisioner/checkpoint.h"

enum { LONG_LOG = 40, SHORT_LOG = 9, LATER = 120, WRITERS = 4, ROWS = 100 };

enum { PUT, COUNT, CHECK };

static const char *const statements[] = {
	[PUT] = "INSERT INTO t (writer, text) VALUES (:writer, hex(randomblob(600)))",
	[COUNT] = "SELECT count(*) FROM t",
	[CHECK] = "PRAGMA integrity_check",
};
static DB_TABLE(test_sql, statements);
static const struct db_table *const tables[] = {&test_sql, NULL};

static sqlite3_vfs *below, shim;
static sqlite3_io_methods patched;

/* What happens in the gap, once. */
static void (*in_the_gap)(void);
static struct db *gap_writer;
static int acknowledged, refused;

static int
unfetch(sqlite3_file *file, sqlite3_int64 offset, void *page)
{
	void (*now)(void) = in_the_gap;

	if (!page && now) {
		in_the_gap = NULL;
		now();
	}
	(void)file, (void)offset;
	return SQLITE_OK; /* no page is ever mapped: mmap_size is 0 */
}

static int
open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	int rc = below->xOpen(below, name, file, flags, ret_flags);

	(void)vfs;
	if (rc == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB)) {
		assert_true(file->pMethods->iVersion >= 3);
		patched = *file->pMethods;
		patched.xUnfetch = unfetch;
		file->pMethods = &patched;
	}
	return rc;
}

static int
register_shim(void **state)
{
	(void)state;
	below = sqlite3_vfs_find(NULL);
	if (!below)
		return -1;
	shim = *below;
	shim.zName = "shim";
	shim.pNext = NULL;
	shim.xOpen = open_file;
	return sqlite3_vfs_register(&shim, 1);
}

static int
unregister_shim(void **state)
{
	(void)state;
	return sqlite3_vfs_unregister(&shim);
}

static struct db *
open_db(const char *name, int busy_ms)
{
	struct db *db;

	OK(db_open(&db, tool_path(name), busy_ms, E));
	OK(db_script(db,
		     "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, writer INTEGER NOT NULL,"
		     " text TEXT NOT NULL) STRICT",
		     E));
	OK(db_prepare(db, tables, E));
	return db;
}

static int
put(struct db *db, int writer, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &test_sql, PUT);
	int r;

	db_bind_int(q, ":writer", writer);
	if (db_begin(db, err) < 0)
		return -1;
	r = db_run(q, err);
	if (r >= 0)
		r = db_commit(db, err);
	db_rollback(db);
	return r;
}

static void
put_many(struct db *db, int count)
{
	for (int i = 0; i < count; i++) {
		if (put(db, 0, E) == 0)
			acknowledged++;
		else {
			assert_int_equal(tool_err.code, ERR_DB_BUSY);
			refused++;
		}
	}
}

static void
write_in_the_gap(void)
{
	put_many(gap_writer, SHORT_LOG);
}

/* Rows that a reader of its own finds; -1 if the file is damaged. */
static int
find_rows(const char *name)
{
	CLEANUP(db_closep) struct db *db = open_db(name, 2000);
	struct db_query *q = db_query(db, &test_sql, CHECK);
	int sound, rows = -1;

	sound = db_step(q, E) == 1 && strcmp(db_text(q, 0), "ok") == 0;
	db_done(q);
	q = db_query(db, &test_sql, COUNT);
	if (sound && db_step(q, E) == 1)
		rows = (int)db_int(q, 0);
	db_done(q);
	return rows;
}

/* As everybody would do it. */
static int
plain_checkpoint(sqlite3 *plain)
{
	return sqlite3_wal_checkpoint_v2(plain, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/*
 * The log is long and all in the file; a checkpointer that has not seen the end
 * of it looks, and in the gap a writer wants to start it anew. Afterwards it is
 * written on and moved once more.
 */
static void
meet(const char *name, bool ours)
{
	CLEANUP(db_closep) struct db *writer = open_db(name, 2);
	CLEANUP(db_closep) struct db *locker = open_db(name, 100);
	CLEANUP(db_closep) struct db *mover = open_db(name, 100);
	CLEANUP(db_closep) struct db *late = open_db(name, 100);
	sqlite3 *plain = NULL;

	assert_int_equal(sqlite3_open(tool_path(name), &plain), SQLITE_OK);
	assert_int_equal(sqlite3_exec(plain, "SELECT count(*) FROM t", NULL, NULL, NULL), SQLITE_OK);
	acknowledged = refused = 0;
	gap_writer = writer;
	put_many(writer, LONG_LOG);
	assert_int_equal(db_checkpoint(mover, locker, E), 0);
	in_the_gap = write_in_the_gap;
	if (ours)
		OK(db_checkpoint(late, locker, E));
	else
		assert_int_equal(plain_checkpoint(plain), SQLITE_OK);
	assert_null(in_the_gap); /* the gap was there */
	put_many(writer, LATER);
	OK(db_checkpoint(mover, locker, E));
	put_many(writer, LATER);
	gap_writer = NULL;
	sqlite3_close(plain); /* not the last: it checkpoints nothing */
}

static bool
library_has_the_bug(void)
{
	int v = sqlite3_libversion_number();

	return v < 3051003 && !(v >= 3044006 && v < 3045000) && !(v >= 3050007 && v < 3051000);
}

/* That the test can see the loss: if this fails on an old library, the next proves nothing. */
static void
plain_passive_loses_rows(void **state)
{
	(void)state;
	if (!library_has_the_bug())
		return;
	meet("plain.db", false);
	assert_int_equal(refused, 0);
	assert_true(find_rows("plain.db") < acknowledged);
}

static void
ours_loses_none(void **state)
{
	(void)state;
	meet("ours.db", true);
	assert_int_equal(refused, SHORT_LOG); /* the writer was kept out of the gap */
	assert_int_equal(find_rows("ours.db"), acknowledged);
}

static int
writer_body(void *arg)
{
	struct err err = ERR_INIT;
	struct db *db = open_db("soak.db", 30000);
	int r = 0;

	for (int i = 0; i < ROWS && r == 0; i++)
		r = put(db, *(int *)arg, &err);
	db_close(db);
	return r < 0;
}

/* Writers in processes of their own, and checkpoints all the time. */
static void
soak(void **state)
{
	CLEANUP(db_closep) struct db *mover = NULL;
	CLEANUP(db_closep) struct db *locker = NULL;
	int running = WRITERS, emptied = 0, status, failed = 0;

	(void)state;
	db_close(open_db("soak.db", 100));
	for (int i = 0; i < WRITERS; i++)
		tool_fork(writer_body, &i);
	mover = open_db("soak.db", 30000);
	locker = open_db("soak.db", 30000);
	while (running > 0) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			running--;
			failed += status != 0;
			continue;
		}
		assert_int_equal(pid, 0);
		status = db_checkpoint(mover, locker, E);
		OK(status);
		emptied += status == 0;
	}
	assert_int_equal(failed, 0);
	assert_true(emptied > 0); /* the log could start anew at least once */
	assert_int_equal(find_rows("soak.db"), WRITERS * ROWS);
}

static void
put_row(struct db *db)
{
	OK(db_begin(db, E));
	OK(db_script(db, "INSERT INTO t DEFAULT VALUES", E));
	OK(db_commit(db, E));
}

/* Long before its time, if the log is large; what follows its last frame counts as room only. */
static void
comes_by_size_too(void **state)
{
	const char *path = tool_path("size.db"), *log = tool_path("size.db-wal");
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_closep) struct db *locker = NULL;
	struct checkpoint c = {.path = path, .next = INT64_MAX, .prune_at = INT64_MAX};
	int64_t before;

	(void)state;
	OK(db_open(&db, path, 1000, E));
	OK(db_open(&locker, path, 1000, E));
	OK(db_script(db, "CREATE TABLE t (id INTEGER PRIMARY KEY)", E));
	c.db = db;
	c.locker = locker;
	put_row(db);
	before = db_wal_bytes(path);
	checkpoint_tick(&c);
	put_row(db);
	assert_true(db_wal_bytes(path) > before); /* a small one goes on */
	OK(truncate(log, 65 * 1024 * 1024));
	checkpoint_tick(&c);
	put_row(db);
	assert_true(db_wal_bytes(path) <= 64 * 1024 * 1024); /* a large one has begun anew */
	OK(truncate(log, 65 * 1024 * 1024));
	checkpoint_tick(&c);
	put_row(db);
	assert_true(db_wal_bytes(path) > 64 * 1024 * 1024); /* once a second at most */
}

int
main(void)
{
	const struct CMUnitTest checkpoint[] = {
		cmocka_unit_test_setup_teardown(plain_passive_loses_rows, register_shim,
						unregister_shim),
		cmocka_unit_test_setup_teardown(ours_loses_none, register_shim, unregister_shim),
		cmocka_unit_test(soak),
		cmocka_unit_test(comes_by_size_too),
	};

	return TOOL_RUN(checkpoint);
}
