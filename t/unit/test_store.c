/* test_store.c: the rows of stores: uniqueness, states, the sealed box, totals. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "model/store.h"

static struct store
get(struct db *db, const char *id)
{
	struct store s;

	assert_int_equal(store_get(db, id, &s, E), 1);
	return s;
}

static void
keeps_what_was_inserted(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("insert.db");
	struct store s;

	(void)state;
	tool_store(db, TOOL_ID_A, "one");
	s = get(db, TOOL_ID_A);
	assert_string_equal(s.id, TOOL_ID_A);
	assert_string_equal(s.name, "Shop one");
	assert_string_equal(s.slug, "one");
	assert_string_equal(s.type, "woocommerce");
	assert_string_equal(s.plan, "standard");
	assert_int_equal(s.status, STORE_PROVISIONING);
	assert_string_equal(s.namespace, "store-one");
	assert_string_equal(s.store_url, "https://one.example.org");
	assert_string_equal(s.admin_url, "https://one.example.org/wp-admin/");
	assert_string_equal(s.admin_user, "admin");
	assert_string_equal(s.error_code, "");
	assert_int_equal(s.created_at, 1000);
	assert_int_equal(s.updated_at, 1000);
	assert_int_equal(s.provision_started_at, 0);
	assert_int_equal(store_get(db, TOOL_ID_B, &s, E), 0);
}

static void
frees_a_slug_when_deleted(void **state)
{
	static const struct store_box none;
	CLEANUP(db_closep) struct db *db = tool_db("slug.db");
	struct store s;
	int64_t n = 0;

	(void)state;
	tool_store(db, TOOL_ID_A, "one");
	s = get(db, TOOL_ID_A);
	snprintf(s.id, sizeof(s.id), "%s", TOOL_ID_B);
	REFUSED(store_insert(db, &s, &none, E), ERR_DUPLICATE_NAME);
	assert_contains(tool_err.text, "\"one\" exists already");
	for (int status = STORE_READY; status < STORE_DELETED; status++) {
		OK(store_set_status(db, TOOL_ID_A, (enum store_status)status, NULL, NULL, E));
		REFUSED(store_insert(db, &s, &none, E), ERR_DUPLICATE_NAME);
	}
	OK(store_set_status(db, TOOL_ID_A, STORE_DELETED, NULL, NULL, E));
	assert_int_equal(store_get(db, TOOL_ID_A, &s, E), 0);
	tool_store(db, TOOL_ID_B, "one");
	OK(store_count(db, NULL, &n, E));
	assert_int_equal(n, 1);
	/* The same id is refused in other words: it is nobody's choice of a name. */
	s = get(db, TOOL_ID_B);
	snprintf(s.slug, sizeof(s.slug), "two");
	REFUSED(store_insert(db, &s, &none, E), ERR_DB_CONSTRAINT);
}

static void
goes_through_its_states(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("states.db");
	struct store s;
	int64_t started;

	(void)state;
	tool_store(db, TOOL_ID_A, "one");
	OK(store_set_started(db, TOOL_ID_A, E));
	started = get(db, TOOL_ID_A).provision_started_at;
	assert_true(started > 1000);
	OK(db_script(db, "UPDATE stores SET provision_started_at = 5000", E));
	OK(store_set_started(db, TOOL_ID_A, E)); /* a later attempt leaves it */
	assert_int_equal(get(db, TOOL_ID_A).provision_started_at, 5000);
	OK(store_set_status(db, TOOL_ID_A, STORE_FAILED, "helm_failed", "It failed.", E));
	s = get(db, TOOL_ID_A);
	assert_int_equal(s.status, STORE_FAILED);
	assert_string_equal(s.error_code, "helm_failed");
	assert_string_equal(s.error_message, "It failed.");
	assert_int_equal(s.provision_finished_at, 0);
	assert_true(s.updated_at > 1000);
	OK(store_set_status(db, TOOL_ID_A, STORE_PROVISIONING, NULL, NULL, E)); /* a retry */
	s = get(db, TOOL_ID_A);
	assert_string_equal(s.error_code, "");
	assert_string_equal(s.error_message, "");
	assert_int_equal(s.provision_started_at, 0);
	OK(store_set_started(db, TOOL_ID_A, E));
	OK(store_set_status(db, TOOL_ID_A, STORE_READY, NULL, NULL, E));
	s = get(db, TOOL_ID_A);
	assert_true(s.provision_finished_at >= s.provision_started_at);
	OK(store_set_reason(db, TOOL_ID_A, "store_stuck", "It is stuck.", E));
	s = get(db, TOOL_ID_A);
	assert_int_equal(s.status, STORE_READY);
	assert_string_equal(s.error_message, "It is stuck.");
	OK(store_set_status(db, TOOL_ID_A, STORE_DELETING, NULL, NULL, E));
	assert_true(get(db, TOOL_ID_A).provision_finished_at > 0);
	REFUSED(db_script(db, "UPDATE stores SET status = 'lost'", E), ERR_DB_CONSTRAINT);
	REFUSED(db_script(db, "UPDATE stores SET status = 'deleted'", E), ERR_DB_CONSTRAINT);
}

static void
keeps_and_wipes_the_box(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("box.db");
	struct store_box box = {.data = {1, 0, 2}, .len = 3, .key_id = "abcd"}, got;
	struct store s;

	(void)state;
	tool_store(db, TOOL_ID_A, "one");
	OK(store_get_box(db, TOOL_ID_A, &got, E));
	assert_int_equal(got.len, 0);
	s = get(db, TOOL_ID_A);
	snprintf(s.id, sizeof(s.id), "%s", TOOL_ID_B);
	snprintf(s.slug, sizeof(s.slug), "two");
	OK(store_insert(db, &s, &box, E));
	OK(store_get_box(db, TOOL_ID_B, &got, E));
	assert_int_equal(got.len, 3);
	assert_memory_equal(got.data, box.data, 3);
	assert_string_equal(got.key_id, "abcd");
	OK(store_wipe_box(db, TOOL_ID_B, E));
	OK(store_get_box(db, TOOL_ID_B, &got, E));
	assert_int_equal(got.len, 0);
	assert_string_equal(got.key_id, "");
	OK(db_script(db, "UPDATE stores SET sealed_password = zeroblob(513), seal_key_id = 'k'", E));
	REFUSED(store_get_box(db, TOOL_ID_B, &got, E), ERR_PASSWORD_LOST);
	REFUSED(db_script(db, "UPDATE stores SET seal_key_id = NULL", E), ERR_DB_CONSTRAINT);
	OK(store_set_status(db, TOOL_ID_B, STORE_DELETED, NULL, NULL, E));
	OK(store_get_box(db, TOOL_ID_B, &got, E)); /* wiped with the store */
	assert_int_equal(got.len, 0);
}

/* The file has no trace of a box that was wiped: secure_delete, seen after a checkpoint. */
static void
leaves_no_trace_of_the_box(void **state)
{
	static const struct store_box box = {.data = "SEALEDTEXT", .len = 10, .key_id = "k"};
	CLEANUP(db_closep) struct db *db = tool_db("trace.db");
	CLEANUP(db_closep) struct db *locker = tool_db("trace.db");
	static char content[512 * 1024];
	struct store s;
	FILE *in;
	size_t n;

	(void)state;
	tool_store(db, TOOL_ID_A, "one");
	s = get(db, TOOL_ID_A);
	snprintf(s.id, sizeof(s.id), "%s", TOOL_ID_B);
	snprintf(s.slug, sizeof(s.slug), "two");
	OK(store_insert(db, &s, &box, E));
	for (int wiped = 0; wiped < 2; wiped++) {
		if (wiped)
			OK(store_wipe_box(db, TOOL_ID_B, E));
		assert_int_equal(db_checkpoint(db, locker, E), 0);
		in = fopen(tool_path("trace.db"), "re");
		assert_non_null(in);
		n = fread(content, 1, sizeof(content), in);
		fclose(in);
		assert_true(n < sizeof(content)); /* all of it */
		assert_int_equal(memmem(content, n, box.data, box.len) == NULL, wiped);
	}
}

static void
lists_newest_first(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("list.db");
	CLEANUP(db_donep) struct db_query *q = NULL;
	struct store s;

	(void)state;
	tool_store(db, TOOL_ID_A, "one");
	tool_store(db, TOOL_ID_B, "two");
	tool_store(db, "33333333-3333-4333-8333-333333333333", "three");
	OK(db_script(db, "UPDATE stores SET created_at = 2000 WHERE slug = 'one'", E));
	OK(store_set_status(db, TOOL_ID_B, STORE_DELETED, NULL, NULL, E));
	q = store_list(db, &(struct store_filter){.before_at = INT64_MAX, .before_id = ""});
	assert_int_equal(store_next(q, &s, E), 1);
	assert_string_equal(s.slug, "one");
	assert_int_equal(store_next(q, &s, E), 1);
	assert_string_equal(s.slug, "three");
	assert_int_equal(store_next(q, &s, E), 0);
}

static void
adds_up(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("totals.db");
	struct store_totals t;
	int64_t n = -1;

	(void)state;
	OK(store_count(db, NULL, &n, E));
	assert_int_equal(n, 0);
	OK(store_totals(db, &t, E));
	assert_true(t.avg_provision_seconds == 0);
	tool_store(db, TOOL_ID_A, "one");
	tool_store(db, TOOL_ID_B, "two");
	tool_store(db, "33333333-3333-4333-8333-333333333333", "three");
	OK(store_set_status(db, TOOL_ID_A, STORE_READY, NULL, NULL, E));
	OK(store_set_status(db, TOOL_ID_B, STORE_READY, NULL, NULL, E));
	OK(db_script(db,
		     "UPDATE stores SET provision_started_at = 1000, provision_finished_at ="
		     " CASE slug WHEN 'one' THEN 3000 ELSE 2000 END WHERE status = 'ready'",
		     E));
	OK(store_set_status(db, TOOL_ID_B, STORE_DELETED, NULL, NULL, E));
	OK(store_totals(db, &t, E));
	assert_int_equal(t.by_status[STORE_READY], 1);
	assert_int_equal(t.by_status[STORE_DELETED], 1);
	assert_int_equal(t.by_status[STORE_PROVISIONING], 1);
	assert_int_equal(t.by_status[STORE_FAILED], 0);
	assert_true(t.avg_provision_seconds == 1.5);
	OK(store_count(db, NULL, &n, E));
	assert_int_equal(n, 2);
}

int
main(void)
{
	const struct CMUnitTest store[] = {
		cmocka_unit_test(keeps_what_was_inserted),
		cmocka_unit_test(frees_a_slug_when_deleted),
		cmocka_unit_test(goes_through_its_states),
		cmocka_unit_test(keeps_and_wipes_the_box),
		cmocka_unit_test(leaves_no_trace_of_the_box),
		cmocka_unit_test(lists_newest_first),
		cmocka_unit_test(adds_up),
	};

	return TOOL_RUN(store);
}
