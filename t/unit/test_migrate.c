/* test_migrate.c: the schema is made once, and which files of other schemas are worked with. */
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/migrate.h"

static void
makes_the_schema_once(void **state)
{
	const char *path = tool_path("fresh.db");
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_closep) struct db *again = NULL;

	(void)state;
	OK(db_open(&db, path, 100, E));
	OK(migrate_run(db, E));
	OK(db_script(db, "INSERT INTO health VALUES ('x', 1, 's', 1)", E));
	OK(migrate_run(db, E));
	OK(db_open(&again, path, 100, E));
	OK(migrate_run(again, E));
	REFUSED(db_script(again, "INSERT INTO health VALUES ('x', 1, 's', 1)", E),
		ERR_DB_CONSTRAINT);
}

/* What a connection was opened for is asked again by every change. */
static void
refuses_a_schema_that_was_changed(void **state)
{
	const char *path = tool_path("changed.db");
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_closep) struct db *newer = NULL;

	(void)state;
	OK(db_open(&db, path, 100, E));
	REFUSED(migrate_require(db, E), ERR_DB_VERSION); /* an empty file */
	assert_contains(tool_err.text, "storectl db migrate");
	OK(db_open(&newer, path, 100, E));
	OK(migrate_run(newer, E));
	OK(migrate_require(db, E));
	OK(db_begin(db, E));
	OK(db_commit(db, E));
	OK(db_script(newer, "PRAGMA user_version=99", E));
	REFUSED(db_begin(db, E), ERR_DB_VERSION);
	assert_contains(tool_err.text, "schema 99 by now");
	OK(db_begin_read(db, E)); /* nothing was left open, and reading is as it was */
	db_rollback(db);
	REFUSED(migrate_require(db, E), ERR_DB_VERSION);
}

/* The floor says which older programs go on with a newer file, also in the middle of their work. */
static void
goes_on_with_a_schema_that_suits(void **state)
{
	static const struct {
		const char *script;
		bool suits;
	} cases[] = {
		{"PRAGMA user_version=8009", true},   {"PRAGMA user_version=8999", true},
		{"PRAGMA user_version=1012", true},   {"PRAGMA user_version=8008", true},
		{"PRAGMA user_version=9", false},     {"PRAGMA user_version=9010", false},
		{"PRAGMA user_version=10010", false}, {"PRAGMA user_version=7", false},
		{"PRAGMA user_version=7007", false},
	};
	const char *path = tool_path("suits.db");
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_closep) struct db *newer = NULL;
	int version = 0, floor = 0;

	(void)state;
	OK(db_open(&db, path, 100, E));
	OK(migrate_run(db, E));
	OK(migrate_read(db, &version, &floor, E));
	assert_int_equal(version, MIGRATE_NEWEST);
	assert_int_equal(floor, MIGRATE_NEWEST);
	OK(db_open(&newer, path, 100, E));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		OK(db_script(newer, cases[i].script, E));
		if (!cases[i].suits) {
			REFUSED(db_begin(db, E), ERR_DB_VERSION);
			continue;
		}
		OK(db_begin(db, E));
		OK(db_commit(db, E));
		OK(migrate_require(db, E));
		OK(migrate_run(db, E));
	}
	/* It is left as it is. */
	OK(db_script(newer, "PRAGMA user_version=8009", E));
	OK(migrate_run(db, E));
	OK(migrate_read(db, &version, &floor, E));
	assert_int_equal(version, 9);
	assert_int_equal(floor, 8);
}

static void
refuses_foreign_files(void **state)
{
	static const struct {
		const char *name, *script, *says;
	} cases[] = {
		{"other.db", "PRAGMA application_id=77", "another application"},
		{"plain.db", "CREATE TABLE x (y)", "another application"},
		{"newer.db", "PRAGMA application_id=1400139634; PRAGMA user_version=99",
		 "newer store-platform"},
		{"floor.db", "PRAGMA application_id=1400139634; PRAGMA user_version=9012",
		 "has schema 12, but this program knows only up to 8"},
		{"odd.db", "PRAGMA application_id=1400139634; PRAGMA user_version=-1", "schema -1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(db_closep) struct db *db = NULL;

		OK(db_open(&db, tool_path(cases[i].name), 100, E));
		OK(db_script(db, cases[i].script, E));
		REFUSED(migrate_run(db, E), ERR_DB_VERSION);
		assert_contains(tool_err.text, cases[i].says);
		OK(db_begin(db, E)); /* nothing was left open, and nothing was made */
		REFUSED(db_script(db, "SELECT 1 FROM stores", E), ERR_DB_FAILED);
		db_rollback(db);
	}
}

static int
migrate_body(void *arg)
{
	int *gate = arg;
	struct err err = ERR_INIT;
	struct db *db = NULL;
	char byte;

	close(gate[1]);
	if (read(gate[0], &byte, 1) != 0)
		return 2;
	if (db_open(&db, tool_path("race.db"), 10000, &err) == 0 && migrate_run(db, &err) == 0) {
		db_close(db);
		return 0;
	}
	fprintf(stderr, "# %s\n", err.text);
	db_close(db);
	return 1;
}

static void
migrates_in_many_processes_at_once(void **state)
{
	int pids[8], gate[2];

	(void)state;
	OK(pipe(gate));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = tool_fork(migrate_body, gate);
	close(gate[0]);
	close(gate[1]); /* all of them start now */
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(tool_wait(pids[i]), 0);
}

int
main(void)
{
	const struct CMUnitTest migrate[] = {
		cmocka_unit_test(makes_the_schema_once),
		cmocka_unit_test(refuses_a_schema_that_was_changed),
		cmocka_unit_test(goes_on_with_a_schema_that_suits),
		cmocka_unit_test(refuses_foreign_files),
		cmocka_unit_test(migrates_in_many_processes_at_once),
	};

	return TOOL_RUN(migrate);
}
