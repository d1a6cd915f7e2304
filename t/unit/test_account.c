/* test_account.c: users, sessions, tokens, the first account, and how often a login is tried. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/seal.h"
#include "model/attempt.h"
#include "model/session.h"
#include "model/setup.h"
#include "model/token.h"

static const char hash_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char hash_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static struct user
add_user(struct db *db, const char *name, enum user_role role)
{
	struct user u = {.role = role, .password = "hash", .created_at = 1000};

	seal_uuid(u.id);
	snprintf(u.name, sizeof(u.name), "%s", name);
	OK(user_insert(db, &u, E));
	return u;
}

static void
knows_good_names(void **state)
{
	static const char *const good[] = {"al", "alice", "0x", "a.b_c-d@e.org",
					   "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"};
	static const char *const bad[] = {"",
					  "a",
					  "Alice",
					  "-a",
					  ".a",
					  "@a",
					  "a b",
					  "a#b",
					  "a/b",
					  "caf\u00e9",
					  "local",
					  "nobody",
					  "provisioner",
					  "setup",
					  "storectl",
					  "abcdefghijklmnopqrstuvwxyzabcdefghijklmno"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(user_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(user_name_ok(bad[i]));
}

static void
keeps_an_admin(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("admins.db");
	struct user boss = add_user(db, "boss", ROLE_ADMIN), other, found;
	int64_t n;

	(void)state;
	REFUSED(user_delete(db, &boss, E), ERR_LAST_ADMIN);
	REFUSED(user_set_role(db, &boss, ROLE_VIEWER, E), ERR_LAST_ADMIN);
	OK(user_set_role(db, &boss, ROLE_ADMIN, E));
	other = add_user(db, "other", ROLE_VIEWER);
	seal_uuid(other.id);
	REFUSED(user_insert(db, &other, E), ERR_DUPLICATE_USER);
	assert_int_equal(user_find(db, "other", &other, E), 1);
	OK(user_set_role(db, &other, ROLE_ADMIN, E));
	OK(user_delete(db, &boss, E));
	assert_int_equal(user_get(db, boss.id, &found, E), 0);
	assert_int_equal(user_find(db, "other", &found, E), 1);
	assert_int_equal(found.role, ROLE_ADMIN);
	OK(user_count(db, USER_ROLES, &n, E));
	assert_int_equal(n, 1);
}

static void
sessions_end(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("sessions.db");
	struct user u = add_user(db, "alice", ROLE_OPERATOR), found;
	int64_t now = 1700000000000;

	(void)state;
	OK(session_insert(db, hash_a, u.id, now, E));
	assert_int_equal(session_find(db, hash_a, now, &found, E), 1);
	assert_string_equal(found.name, "alice");
	assert_int_equal(session_find(db, hash_b, now, &found, E), 0);
	/* Idle. */
	assert_int_equal(session_find(db, hash_a, now + SESSION_IDLE_MS - 1, &found, E), 1);
	assert_int_equal(session_find(db, hash_a, now + 2 * SESSION_IDLE_MS - 1, &found, E), 0);
	/* That it was used has moved its end, but never beyond the last of all. */
	assert_int_equal(session_find(db, hash_a, now + 2 * SESSION_IDLE_MS - 2, &found, E), 1);
	for (int64_t t = now; t < now + SESSION_MAX_MS; t += SESSION_IDLE_MS / 2)
		assert_int_equal(session_find(db, hash_a, t, &found, E), 1);
	assert_int_equal(session_find(db, hash_a, now + SESSION_MAX_MS, &found, E), 0);
	OK(session_prune(db, now + SESSION_MAX_MS, E));
	assert_int_equal(session_find(db, hash_a, now, &found, E), 0);
	/* Logout, password, role, removal. */
	OK(session_insert(db, hash_a, u.id, now, E));
	OK(session_end(db, hash_a, E));
	assert_int_equal(session_find(db, hash_a, now, &found, E), 0);
	OK(session_insert(db, hash_a, u.id, now, E));
	OK(user_set_password(db, &u, "new", E));
	assert_int_equal(session_find(db, hash_a, now, &found, E), 0);
	OK(session_insert(db, hash_a, u.id, now, E));
	OK(user_set_role(db, &u, ROLE_VIEWER, E));
	assert_int_equal(session_find(db, hash_a, now, &found, E), 0);
	OK(session_insert(db, hash_a, u.id, now, E));
	OK(user_delete(db, &u, E));
	assert_int_equal(session_find(db, hash_a, now, &found, E), 0);
}

/* Promise 6.3: a token is scannable, and one wrong character is told without a database. */
static void
tokens_are_typo_proof(void **state)
{
	static const char other[] = "0Aa_ \x7f\xe9";
	char text[TOKEN_TEXT], key[TOKEN_KEY], again[TOKEN_KEY], broken[TOKEN_TEXT + 1];

	(void)state;
	for (int round = 0; round < 20; round++) {
		token_make(text, key);
		assert_int_equal(strlen(text), TOKEN_TEXT - 1);
		assert_memory_equal(text, "spt_", 4);
		assert_true(token_parse(text, again));
		assert_string_equal(key, again);
		for (size_t i = 0; i < TOKEN_TEXT - 1; i++)
			for (const char *c = other; *c; c++) {
				memcpy(broken, text, sizeof(text));
				broken[i] = *c;
				if (*c != text[i])
					assert_false(token_parse(broken, again));
			}
		snprintf(broken, sizeof(broken), "%sx", text);
		assert_false(token_parse(broken, again));
		text[TOKEN_TEXT - 2] = '\0';
		assert_false(token_parse(text, again));
	}
	assert_false(token_parse("", again));
}

static void
tokens_are_found_and_revoked(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("tokens.db");
	struct user u = add_user(db, "alice", ROLE_OPERATOR);
	struct token t = {.scope = ROLE_VIEWER, .created_at = 5, .expires_at = 10}, found;
	char text[TOKEN_TEXT];

	(void)state;
	token_make(text, t.key);
	seal_uuid(t.id);
	memcpy(t.user_id, u.id, sizeof(u.id));
	snprintf(t.name, sizeof(t.name), "ci");
	snprintf(t.hash, sizeof(t.hash), "%s", hash_a);
	OK(token_insert(db, &t, E));
	assert_int_equal(token_find(db, t.key, &found, E), 1);
	assert_string_equal(found.user_name, "alice");
	assert_string_equal(found.hash, hash_a);
	assert_int_equal(found.last_used_at, 0);
	token_touch(db, &found, 100000);
	assert_int_equal(token_get(db, t.id, &found, E), 1);
	assert_int_equal(found.last_used_at, 100000);
	token_touch(db, &found, 100001);
	assert_int_equal(token_get(db, t.id, &found, E), 1);
	assert_int_equal(found.last_used_at, 100000);
	OK(token_revoke(db, t.id, E));
	assert_int_equal(token_get(db, t.id, &found, E), 1);
	assert_true(found.revoked_at > 0);
	OK(user_delete(db, &u, E));
	assert_int_equal(token_get(db, t.id, &found, E), 0);
}

static void
the_first_account_is_made_once(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("setup.db");
	int64_t now = 1700000000000;

	(void)state;
	REFUSED(setup_take(db, hash_a, now, E), ERR_SETUP_REFUSED);
	assert_int_equal(setup_offer(db, hash_a, now, E), 1);
	assert_int_equal(setup_offer(db, hash_b, now + 1, E), 0); /* one at a time */
	REFUSED(setup_check(db, hash_b, now, E), ERR_SETUP_REFUSED);
	REFUSED(setup_check(db, hash_a, now + SETUP_TTL_MS, E), ERR_SETUP_REFUSED);
	REFUSED(setup_check(db, hash_a, now - SETUP_TTL_MS, E), ERR_SETUP_REFUSED); /* set back */
	assert_int_equal(setup_offer(db, hash_b, now - 5, E), 0); /* looked at the clock earlier */
	OK(setup_check(db, hash_a, now + SETUP_TTL_MS - 1, E));
	/* After a reboot it holds no more, and another one is made. */
	OK(db_script(db, "UPDATE setup SET boot = '" TOOL_ID_A "'", E));
	REFUSED(setup_check(db, hash_a, now, E), ERR_SETUP_REFUSED);
	assert_int_equal(setup_offer(db, hash_b, now, E), 1);
	OK(setup_take(db, hash_b, now, E));
	REFUSED(setup_take(db, hash_b, now, E), ERR_SETUP_REFUSED);
	assert_int_equal(setup_offer(db, hash_b, now, E), 1);
	add_user(db, "boss", ROLE_ADMIN);
	REFUSED(setup_take(db, hash_b, now, E), ERR_SETUP_REFUSED);
	assert_int_equal(setup_offer(db, hash_b, now, E), 0);
}

static void
networks_are_counted(void **state)
{
	static const struct {
		const char *address, *network;
	} cases[] = {
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
		{"2001:db8:1:2::", "2001:db8:1:2::"},
		{"2001:db8:1:3::1", "2001:db8:1:3::"},
		{"::1", "::"},
		{"unix:", "unix:"},
	};
	char network[ATTEMPT_NETWORK];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		attempt_network(cases[i].address, network);
		assert_string_equal(network, cases[i].network);
	}
}

static void
pauses_grow_to_a_bound(void **state)
{
	(void)state;
	assert_int_equal(attempt_pause(0), 0);
	assert_int_equal(attempt_pause(ATTEMPT_FREE - 1), 0);
	assert_int_equal(attempt_pause(ATTEMPT_FREE), ATTEMPT_STEP_MS);
	assert_int_equal(attempt_pause(ATTEMPT_FREE + 1), 2 * ATTEMPT_STEP_MS);
	assert_int_equal(attempt_pause(ATTEMPT_FREE + 5), 32 * ATTEMPT_STEP_MS);
	assert_int_equal(attempt_pause(ATTEMPT_FREE + 6), ATTEMPT_MAX_MS);
	assert_int_equal(attempt_pause(INT64_MAX), ATTEMPT_MAX_MS);
}

static int
try(struct db *db, const struct user *u, const char *network, const char *account, int64_t now)
{
	const struct attempt a = {network, account, u, now};
	bool locks;

	return attempt_begin(db, &a, &locks, E);
}

static void
one_network_is_stopped(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("network.db");
	int64_t now = 1700000000000;

	(void)state;
	for (int i = 0; i < ATTEMPT_FREE; i++) {
		char account[8];

		snprintf(account, sizeof(account), "%d", i); /* another account each time */
		OK(try(db, NULL, "n", account, now));
	}
	REFUSED(try(db, NULL, "n", "x", now), ERR_LOGIN_LOCKED);
	assert_int_equal(tool_err.retry_after, ATTEMPT_STEP_MS / 1000);
	OK(try(db, NULL, "m", "x", now));
	REFUSED(try(db, NULL, "n", "x", now + ATTEMPT_STEP_MS - 1), ERR_LOGIN_LOCKED);
	assert_int_equal(tool_err.retry_after, 1);
	OK(try(db, NULL, "n", "y", now + ATTEMPT_STEP_MS));
	REFUSED(try(db, NULL, "n", "y", now + ATTEMPT_STEP_MS), ERR_LOGIN_LOCKED);
	assert_int_equal(tool_err.retry_after, 2 * ATTEMPT_STEP_MS / 1000);
	/* A clock that jumps neither opens a lock early nor keeps it for good. */
	REFUSED(try(db, NULL, "n", "y", now - 1000), ERR_LOGIN_LOCKED);
	OK(try(db, NULL, "n", "y", now - 3600 * 1000));
	OK(try(db, NULL, "n", "y", now + 3600 * 1000));
}

/* Promise 6.5: many networks cannot guess on, and cannot keep the owner out. */
static void
one_account_is_stopped(void **state)
{
	CLEANUP(db_closep) struct db *db = tool_db("account.db");
	struct user boss = add_user(db, "boss", ROLE_ADMIN), u = add_user(db, "alice", ROLE_VIEWER);
	const struct attempt home = {"home", "a", &u, 1700000000000};
	int64_t now = home.now;
	int tried = 0;

	(void)state;
	OK(try(db, &u, "home", "a", now));
	OK(attempt_good(db, &home, E));
	for (int i = 0; i < 1000; i++) {
		char network[16];

		snprintf(network, sizeof(network), "n%d", i);
		tried += try(db, &u, network, "a", now) == 0;
	}
	assert_int_equal(tried, ATTEMPT_FREE);
	OK(try(db, &u, "home", "a", now)); /* a familiar place */
	OK(attempt_forget(db, "a", E));
	OK(try(db, &u, "elsewhere", "a", now));
	/* The last admin waits a little, and never for good. */
	for (int i = 0; i < 1000; i++) {
		char network[16];

		snprintf(network, sizeof(network), "n%d", i);
		(void)!try(db, &boss, network, "b", now);
	}
	REFUSED(try(db, &boss, "new", "b", now), ERR_LOGIN_LOCKED);
	OK(try(db, &boss, "new", "b", now + ATTEMPT_SPARED_MS));
	/* A name that is nobody's is locked in the same way. */
	for (int i = 0; i < ATTEMPT_FREE; i++) {
		char network[16];

		snprintf(network, sizeof(network), "m%d", i);
		OK(try(db, NULL, network, "c", now));
	}
	REFUSED(try(db, NULL, "new", "c", now), ERR_LOGIN_LOCKED);
}

int
main(void)
{
	const struct CMUnitTest account[] = {
		cmocka_unit_test(knows_good_names),
		cmocka_unit_test(keeps_an_admin),
		cmocka_unit_test(sessions_end),
		cmocka_unit_test(tokens_are_typo_proof),
		cmocka_unit_test(tokens_are_found_and_revoked),
		cmocka_unit_test(the_first_account_is_made_once),
		cmocka_unit_test(networks_are_counted),
		cmocka_unit_test(pauses_grow_to_a_bound),
		cmocka_unit_test(one_network_is_stopped),
		cmocka_unit_test(one_account_is_stopped),
	};

	return seal_init(E) < 0 ? 1 : TOOL_RUN(account);
}
