/* test_backup.c: copies of a database in use, and the way back. */
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/backup.h"
#include "io/migrate.h"
#include "model/health.h"

enum { COPIES = 6 };

enum { PUT, BOTH };

static const char *const statements[] = {
	[PUT] = "INSERT INTO health VALUES (hex(randomblob(16)), 1, hex(randomblob(200)), 1)",
	[BOTH] = "SELECT count(*) FROM health WHERE component <> 'start'",
};
static DB_TABLE(test_sql, statements);
static const struct db_table *const tables[] = {&test_sql, NULL};

static int64_t
rows(const char *path)
{
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_donep) struct db_query *q = NULL;

	OK(db_open_read(&db, path, 1000, E));
	OK(migrate_verify(db, true, E));
	OK(db_prepare(db, tables, E));
	q = db_query(db, &test_sql, BOTH);
	assert_int_equal(db_step(q, E), 1);
	return db_int(q, 0);
}

/* Two rows a transaction, until the file "stop" is there. */
static int
writer(void *arg)
{
	struct err err = ERR_INIT;
	struct db *db = NULL;
	int r;

	(void)arg;
	r = db_open(&db, tool_path("used.db"), 30000, &err);
	if (r == 0)
		r = db_prepare(db, tables, &err);
	while (r == 0 && access(tool_path("stop"), F_OK) < 0) {
		r = db_begin(db, &err);
		for (int i = 0; i < 2 && r == 0; i++)
			r = db_run(db_query(db, &test_sql, PUT), &err) == 1 ? 0 : -1;
		if (r == 0)
			r = db_commit(db, &err);
	}
	db_close(db);
	return r < 0;
}

static void
copies_what_is_in_use(void **state)
{
	CLEANUP(db_closep) struct db *mover = tool_db("used.db");
	CLEANUP(db_closep) struct db *locker = NULL;
	int64_t before = 0, now;
	int pids[2];
	struct stat st;
	char name[16];

	(void)state;
	OK(db_open(&locker, tool_path("used.db"), 30000, E));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = tool_fork(writer, NULL);
	for (int i = 0; i < COPIES; i++) {
		snprintf(name, sizeof(name), "copy%d", i);
		OK(backup_make(tool_path("used.db"), tool_path(name), false, E));
		OK(stat(tool_path(name), &st));
		assert_int_equal(st.st_mode & 0777, 0600);
		now = rows(tool_path(name));
		assert_true(now >= before && now % 2 == 0); /* whole transactions */
		before = now;
		OK(db_checkpoint(mover, locker, E));
		snprintf(name, sizeof(name), "copy%d-wal", i);
		assert_int_equal(access(tool_path(name), F_OK), -1);
		snprintf(name, sizeof(name), "copy%d.part", i);
		assert_int_equal(access(tool_path(name), F_OK), -1);
	}
	tool_write(tool_path("stop"), "");
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(tool_wait(pids[i]), 0);
	assert_true(before > 0);
	assert_true(rows(tool_path("used.db")) >= before); /* and it lost nothing by it */
}

static void
refuses_to_make(void **state)
{
	(void)state;
	db_close(tool_db("make.db"));
	tool_write(tool_path("there"), "precious");
	REFUSED(backup_make(tool_path("make.db"), tool_path("there"), false, E), ERR_CONFIG);
	assert_string_equal(tool_read(tool_path("there")), "precious");
	OK(backup_make(tool_path("make.db"), tool_path("there"), true, E));
	assert_int_equal(rows(tool_path("there")), 0);
	REFUSED(backup_make(tool_path("make.db"), tool_path("no/such/folder"), false, E), ERR_SYSTEM);
	tool_write(tool_path("text.db"), "This is no database, and it is long enough to be looked at.");
	REFUSED(backup_make(tool_path("text.db"), tool_path("copy of text"), false, E), ERR_DB_CORRUPT);
	assert_int_equal(access(tool_path("copy of text"), F_OK), -1);
	assert_int_equal(access(tool_path("copy of text.part"), F_OK), -1);
}

static void
generation_of(const char *path, char ret[HEALTH_GENERATION])
{
	static const struct db_table *const health[] = {&health_sql, NULL};
	CLEANUP(db_closep) struct db *db = NULL;

	OK(db_open(&db, path, 100, E));
	OK(migrate_run(db, E));
	OK(db_prepare(db, health, E));
	OK(health_generation(db, ret, E));
}

static void
restores(void **state)
{
	const char *path = tool_path("live.db"), *copy = tool_path("live copy");
	char kept[BACKUP_NAME], old[HEALTH_GENERATION], new[HEALTH_GENERATION];
	struct db *db = tool_db("live.db");
	struct stat st;
	int64_t n;

	(void)state;
	OK(db_script(db, "INSERT INTO health VALUES ('a', 1, 's', 1)", E));
	OK(backup_make(path, copy, false, E));
	OK(db_script(db, "INSERT INTO health VALUES ('b', 1, 's', 1)", E));
	REFUSED(backup_restore(tool_path("nothing"), path, kept, E), ERR_DB_FAILED);
	db_close(db);
	OK(backup_restore(copy, path, kept, E));
	assert_contains(kept, "live.db.replaced-");
	n = rows(kept);
	assert_int_equal(n, 2); /* with its log */
	assert_int_equal(rows(path), 1);
	OK(stat(path, &st));
	assert_int_equal(st.st_mode & 0777, 0660);
	generation_of(copy, old);
	generation_of(path, new);
	assert_string_not_equal(old, new);
	OK(unlink(path));
	OK(backup_restore(copy, path, kept, E)); /* nothing was there */
	assert_string_equal(kept, "");
}

static int
hold(void *arg)
{
	int *ends = arg;
	struct err err = ERR_INIT;
	struct db *db = NULL;
	char byte = 0;

	close(ends[0]);
	if (db_open(&db, tool_path("held.db"), 100, &err) < 0 || migrate_run(db, &err) < 0)
		return 1;
	if (write(ends[1], "", 1) != 1 || read(ends[1], &byte, 1) != 0)
		return 2; /* until the other end is closed */
	db_close(db);
	return 0;
}

static void
refuses_to_restore_under_programs(void **state)
{
	char kept[BACKUP_NAME], byte;
	int ends[2], pid;

	(void)state;
	db_close(tool_db("other.db"));
	OK(backup_make(tool_path("other.db"), tool_path("other copy"), false, E));
	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pid = tool_fork(hold, ends);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	REFUSED(backup_restore(tool_path("other copy"), tool_path("held.db"), kept, E), ERR_DB_BUSY);
	assert_contains(tool_err.text, "stop store-provisioner");
	close(ends[0]);
	assert_int_equal(tool_wait(pid), 0);
	OK(backup_restore(tool_path("other copy"), tool_path("held.db"), kept, E));
}

int
main(void)
{
	const struct CMUnitTest backup[] = {
		cmocka_unit_test(copies_what_is_in_use),
		cmocka_unit_test(refuses_to_make),
		cmocka_unit_test(restores),
		cmocka_unit_test(refuses_to_restore_under_programs),
	};

	return TOOL_RUN(backup);
}
