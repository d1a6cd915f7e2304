/* test_audit.c: the log that is only ever added to. */
#include "tool.h"

#include <string.h>

#include "model/audit.h"

static int
add(struct db *db, enum audit_action action, const char *store, const char *reason)
{
	const struct audit_entry e = {
		.action = action,
		.store_id = store,
		.actor = "somebody",
		.ip = store ? "127.0.0.1" : NULL,
		.request_id = store ? "request-1" : NULL,
	};
	struct json *details = json_new_object();

	json_set_text(details, "reason", reason);
	return audit_add(db, &e, details, E);
}

/* The rows that fit, as an array. */
static struct json *
list(struct db *db, const char *store, const char *action, int limit)
{
	const struct audit_filter filter = {
		.store_id = store, .action = action, .before = INT64_MAX, .limit = limit};
	struct json *rows = json_new_array();

	OK(audit_list(db, &filter, rows, E));
	return rows;
}

static void
tells_what_was_done(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("rows.db");
	CLEANUP(json_freep) struct json *rows = NULL;
	struct json *row;

	(void)state;
	OK(add(db, AUDIT_CREATE, TOOL_ID_A, "a \"quoted\"\nline, caf\u00e9"));
	OK(add(db, AUDIT_LEASE_LOST, NULL, NULL));
	rows = list(db, NULL, NULL, 50);
	assert_int_equal(json_count(rows), 2);
	row = json_item(rows, 0);
	assert_string_equal(json_text(json_at(row, "action")), "lease_lost");
	assert_int_equal(json_kind(json_at(row, "store_id")), JSON_NULL);
	assert_int_equal(json_kind(json_at(row, "ip_address")), JSON_NULL);
	row = json_item(rows, 1);
	assert_string_equal(json_text(json_at(row, "action")), "create");
	assert_string_equal(json_text(json_at(row, "store_id")), TOOL_ID_A);
	assert_string_equal(json_text(json_at(row, "actor")), "somebody");
	assert_string_equal(json_text(json_at(row, "ip_address")), "127.0.0.1");
	assert_string_equal(json_text(json_at(row, "request_id")), "request-1");
	assert_string_equal(json_text(json_at(row, "details", "reason")),
			    "a \"quoted\"\nline, caf\u00e9");
	assert_int_equal(strlen(json_text(json_at(row, "created_at"))), 24);
	assert_true(json_int(json_at(row, "id")) > 0);
}

/* The oldest of the rows that fit tells which they are. */
static void
filters(void **state)
{
	static const struct {
		const char *store, *action;
		int limit;
		size_t count;
		const char *last;
	} cases[] = {
		{NULL, NULL, 50, 6, "0"},	{NULL, NULL, 2, 2, "4"},
		{TOOL_ID_A, NULL, 50, 3, "0"},	{TOOL_ID_A, "retry", 50, 2, "2"},
		{NULL, "create", 50, 2, "0"},	{NULL, "create", 1, 1, "1"},
		{TOOL_ID_B, "retry", 1, 1, "5"}, {"' OR 1=1 --", NULL, 50, 0, ""},
	};
	CLEANUP(db_closep) struct db *db = tool_db("filter.db");
	int64_t n = -1;

	(void)state;
	for (int i = 0; i < 6; i++) {
		const char reason[2] = {(char)('0' + i), '\0'};

		OK(add(db, i < 2 ? AUDIT_CREATE : AUDIT_RETRY, i % 2 ? TOOL_ID_B : TOOL_ID_A, reason));
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(json_freep)
		struct json *rows = list(db, cases[i].store, cases[i].action, cases[i].limit);

		assert_int_equal(json_count(rows), cases[i].count);
		assert_string_equal(json_text(json_at(json_item(rows, cases[i].count - 1), "details",
						      "reason")),
				    cases[i].last);
	}
	OK(audit_count(db, AUDIT_RETRY, &n, E));
	assert_int_equal(n, 4);
	OK(audit_count(db, AUDIT_DELETE_FAILED, &n, E));
	assert_int_equal(n, 0);
}

static void
is_append_only(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("append.db");
	CLEANUP(json_freep) struct json *rows = NULL;

	(void)state;
	OK(add(db, AUDIT_CREATE, TOOL_ID_A, "x"));
	REFUSED(db_script(db, "UPDATE audit_log SET actor = 'nobody'", E), ERR_DB_CONSTRAINT);
	assert_contains(tool_err.text, "append only");
	REFUSED(db_script(db, "DELETE FROM audit_log", E), ERR_DB_CONSTRAINT);
	REFUSED(db_script(db, "REPLACE INTO audit_log SELECT * FROM audit_log", E),
		ERR_DB_CONSTRAINT);
	rows = list(db, NULL, NULL, 50);
	assert_int_equal(json_count(rows), 1);
	assert_string_equal(json_text(json_at(json_item(rows, 0), "actor")), "somebody");
}

static void
goes_with_its_transaction(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("rollback.db");
	CLEANUP(json_freep) struct json *rows = NULL;

	(void)state;
	OK(db_begin(db, E));
	OK(add(db, AUDIT_CREATE, TOOL_ID_A, "x"));
	db_rollback(db);
	rows = list(db, NULL, NULL, 50);
	assert_int_equal(json_count(rows), 0);
}

static void
knows_the_words_of_the_seed(void **state)
{
	static const char *const words[] = {"create", "provision_success", "provision_failed",
					    "delete_start", "delete_success", "delete_failed"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		bool found = false;

		for (int a = 0; a < AUDIT_ACTIONS; a++) {
			assert_non_null(audit_action_words[a]);
			found = found || strcmp(audit_action_words[a], words[i]) == 0;
		}
		assert_true(found);
	}
}

int
main(void)
{
	const struct CMUnitTest audit[] = {
		cmocka_unit_test(tells_what_was_done),
		cmocka_unit_test(filters),
		cmocka_unit_test(is_append_only),
		cmocka_unit_test(goes_with_its_transaction),
		cmocka_unit_test(knows_the_words_of_the_seed),
	};

	return TOOL_RUN(audit);
}
