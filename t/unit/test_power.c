/*
 * test_power.c: promise 4.1. What was committed survives a loss of power: of each
 * file only what was flushed is on the disk. Our fsync() copies the file to what
 * the disk would have then; at each of these moments the power is cut, and from
 * the copies alone the database is opened.
 */
#undef _FORTIFY_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/migrate.h"

enum { COMMITS = 40, CHECKPOINT_EVERY = 7, CUTS_MAX = 512 };

enum { PUT, COUNT };

static const char *const statements[] = {
	[PUT] = "INSERT INTO health VALUES (hex(randomblob(16)), 1, hex(randomblob(700)), 1)",
	[COUNT] = "SELECT count(*) FROM health",
};
static DB_TABLE(test_sql, statements);
static const struct db_table *const tables[] = {&test_sql, NULL};

static bool recording;
static int acknowledged, cuts;
static int promised[CUTS_MAX]; /* rows acknowledged when a cut was made */

/* By the descriptor that is there: to close another one would drop SQLite's locks. */
static void
copy_out(int in, const char *to)
{
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char data[8192];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(in, data, sizeof(data), at)) > 0) {
		if (write(out, data, (size_t)n) != n)
			abort();
		at += n;
	}
	close(out);
}

static void
copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);

	if (in < 0)
		return; /* never flushed: not on the disk */
	copy_out(in, to);
	close(in);
}

/* The disk now has all of this file; then the power is cut. */
static void
flushed(int fd)
{
	static const char *const ends[] = {"", "-wal"};
	char link[64], path[512] = "", name[600], cut[600];

	if (!recording || cuts == CUTS_MAX)
		return;
	recording = false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) > 0 && strstr(path, "power.db")) {
		snprintf(name, sizeof(name), "%s.disk", path);
		copy_out(fd, name);
		for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
			snprintf(name, sizeof(name), "%s%s.disk", tool_path("power.db"), ends[i]);
			snprintf(cut, sizeof(cut), "%s%d.db%s", tool_path("cut"), cuts, ends[i]);
			copy_file(name, cut);
		}
		promised[cuts++] = acknowledged;
	}
	recording = true;
}

int
fsync(int fd)
{
	flushed(fd);
	return 0;
}

int
fdatasync(int fd)
{
	flushed(fd);
	return 0;
}

static int
count(struct db *db)
{
	CLEANUP(db_donep) struct db_query *q = NULL;

	OK(db_prepare(db, tables, E));
	q = db_query(db, &test_sql, COUNT);
	assert_int_equal(db_step(q, E), 1);
	return (int)db_int(q, 0);
}

static void
loses_nothing_with_the_power(void **state)
{
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_closep) struct db *locker = NULL;
	char name[32];

	(void)state;
	recording = true;
	db = tool_db("power.db");
	OK(db_open(&locker, tool_path("power.db"), 100, E));
	OK(db_prepare(db, tables, E));
	for (int i = 1; i <= COMMITS; i++) {
		assert_int_equal(db_run(db_query(db, &test_sql, PUT), E), 1);
		acknowledged = i;
		if (i % CHECKPOINT_EVERY == 0)
			OK(db_checkpoint(db, locker, E));
	}
	recording = false;
	assert_true(cuts >= COMMITS && cuts < CUTS_MAX);
	for (int i = 0; i < cuts; i++) {
		CLEANUP(db_closep) struct db *left = NULL;

		if (promised[i] == 0)
			continue; /* before the first promise, the file may not be there */
		snprintf(name, sizeof(name), "cut%d.db", i);
		OK(db_open(&left, tool_path(name), 100, E));
		OK(migrate_run(left, E));
		OK(migrate_verify(left, true, E));
		if (count(left) < promised[i])
			fail_msg("cut %d: %d rows of %d promised", i, count(left), promised[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest power[] = {cmocka_unit_test(loses_nothing_with_the_power)};

	if (access("/dev/shm", W_OK) == 0 && setenv("TMPDIR", "/dev/shm", 1) < 0)
		return 1;
	return TOOL_RUN(power);
}
