/*
 * test_turn.c: who writes takes turns: bounded, whoever holds the turn; handed on
 * when its holder dies; and of no concern to readers.
 */
#include "tool.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"

enum { WRITERS = 4, ROUNDS = 200 };

static void
is_bounded(void **state)
{
	CLEANUP(db_closep) struct db *db = NULL;
	int folder = open(tool_path(""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t start;

	(void)state;
	OK(db_open(&db, tool_path("bounded.db"), 300, E));
	assert_int_equal(flock(folder, LOCK_EX), 0); /* a writer that is stopped for ever */
	for (int again = 0; again < 2; again++) {
		start = clock_mono_ms();
		REFUSED(db_begin(db, E), ERR_DB_BUSY);
		assert_in_range(clock_mono_ms() - start, 299, TOOL_PATIENCE_MS);
	}
	OK(db_begin_read(db, E));
	db_rollback(db);
	assert_int_equal(flock(folder, LOCK_UN), 0);
	OK(db_begin(db, E));
	assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), -1);
	db_rollback(db);
	assert_int_equal(flock(folder, LOCK_EX | LOCK_NB), 0); /* ended with the transaction */
	close(folder);
}

static int
hold(void *arg)
{
	CLEANUP(db_closep) struct db *db = NULL;
	const int *pipe = arg;
	struct err err = ERR_INIT;

	if (db_open(&db, tool_path("dies.db"), TOOL_PATIENCE_MS, &err) < 0 ||
	    db_begin(db, &err) < 0 || write(pipe[1], "!", 1) != 1)
		return 1;
	pause();
	return 1;
}

static void
passes_on_when_its_holder_dies(void **state)
{
	CLEANUP(db_closep) struct db *db = NULL;
	int pipes[2], pid;
	char held;

	(void)state;
	OK(db_open(&db, tool_path("dies.db"), 100, E));
	assert_int_equal(pipe(pipes), 0);
	pid = tool_fork(hold, pipes);
	assert_int_equal(read(pipes[0], &held, 1), 1);
	REFUSED(db_begin(db, E), ERR_DB_BUSY);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(tool_wait(pid), 128 + SIGKILL);
	OK(db_begin(db, E));
	close(pipes[0]);
	close(pipes[1]);
}

static int
count_up(void *arg)
{
	CLEANUP(db_closep) struct db *db = NULL;
	struct err err = ERR_INIT;

	(void)arg;
	if (db_open(&db, tool_path("count.db"), TOOL_PATIENCE_MS, &err) < 0)
		return 1;
	for (int i = 0; i < ROUNDS; i++)
		if (db_begin(db, &err) < 0 || db_script(db, "UPDATE t SET n = n + 1", &err) < 0 ||
		    db_commit(db, &err) < 0)
			return 1;
	return 0;
}

static void
lets_everybody_write(void **state)
{
	static const char *const sql[] = {"SELECT n FROM t"};
	static const struct db_table sum = {"sum", sql, 1};
	static const struct db_table *const tables[] = {&sum, NULL};
	CLEANUP(db_closep) struct db *db = NULL;
	int pids[WRITERS];
	struct db_query *q;

	(void)state;
	OK(db_open(&db, tool_path("count.db"), 100, E));
	OK(db_script(db, "CREATE TABLE t (n INTEGER NOT NULL); INSERT INTO t VALUES (0)", E));
	for (int i = 0; i < WRITERS; i++)
		pids[i] = tool_fork(count_up, NULL);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(tool_wait(pids[i]), 0);
	OK(db_prepare(db, tables, E));
	q = db_query(db, &sum, 0);
	assert_int_equal(db_step(q, E), 1);
	assert_int_equal(db_int(q, 0), WRITERS * ROUNDS);
	db_done(q);
}

int
main(void)
{
	const struct CMUnitTest turn[] = {
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(passes_on_when_its_holder_dies),
		cmocka_unit_test(lets_everybody_write),
	};

	return TOOL_RUN(turn);
}
