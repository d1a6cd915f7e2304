/* test_secret.c: passwords' hashes, keyed hashes, and how many are made at once. */
#include "tool.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/seal.h"
#include "io/secret.h"

static void
makes_and_keeps_a_key(void **state)
{
	const char *dir = tool_path("key");
	struct secret_key first, second;
	struct stat st;

	(void)state;
	OK(secret_load(&first, dir, E));
	OK(secret_load(&second, dir, E));
	assert_memory_equal(&first, &second, sizeof(first));
	OK(stat(tool_path("key/api.key"), &st));
	assert_int_equal(st.st_mode & 07777, 0600);
	OK(stat(dir, &st));
	assert_int_equal(st.st_mode & 07777, 0700);
	OK(truncate(tool_path("key/api.key"), 31));
	REFUSED(secret_load(&second, dir, E), ERR_CONFIG);
}

static void
changes_its_key(void **state)
{
	const char *dir = tool_path("ring");
	char before[KEYRING_ID], now[KEYRING_ID];
	struct secret_ring ring = {.count = 0};
	struct secret_key first;

	(void)state;
	OK(secret_load(&first, dir, E));
	OK(secret_refresh(&ring, dir, E));
	assert_int_equal(ring.count, 1);
	assert_memory_equal(&ring.keys[0], &first, sizeof(first));
	OK(secret_rotate(dir, before, now, E));
	assert_string_equal(before, first.id);
	OK(secret_refresh(&ring, dir, E));
	assert_int_equal(ring.count, 2);
	assert_string_equal(ring.keys[0].id, now);
	assert_memory_equal(&ring.keys[1], &first, sizeof(first));
	OK(keyring_drop(dir, SECRET_FILE, before, E));
	OK(secret_refresh(&ring, dir, E));
	assert_int_equal(ring.count, 1); /* a key that was removed is forgotten */
	tool_write(tool_path("ring/new"), "short");
	OK(rename(tool_path("ring/new"), tool_path("ring/api.key")));
	REFUSED(secret_refresh(&ring, dir, E), ERR_CONFIG);
	assert_int_equal(ring.count, 0);
}

static int
load_and_tell(void *arg)
{
	struct secret_key key;

	return secret_load(&key, arg, E) < 0 ? 255 : key.data[0];
}

static void
many_make_one_key(void **state)
{
	const char *dir = tool_path("race");
	struct secret_key key;
	int pids[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = tool_fork(load_and_tell, (void *)(uintptr_t)dir);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = tool_wait(pids[i]);
	OK(secret_load(&key, dir, E));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(pids[i], key.data[0]);
}

static void
hashes_with_a_key(void **state)
{
	char a[SECRET_MAC], b[SECRET_MAC];
	struct secret_key one, other;

	(void)state;
	OK(secret_load(&one, tool_path("one"), E));
	OK(secret_load(&other, tool_path("other"), E));
	secret_mac(&one, "x", "text", 4, a);
	secret_mac(&one, "x", "text", 4, b);
	assert_int_equal(strlen(a), SECRET_MAC - 1);
	assert_true(secret_same(a, b));
	secret_mac(&one, "y", "text", 4, b);
	assert_false(secret_same(a, b));
	secret_mac(&one, "x", "texu", 4, b);
	assert_false(secret_same(a, b));
	secret_mac(&other, "x", "text", 4, b);
	assert_false(secret_same(a, b));
}

static void
knows_a_password_again(void **state)
{
	const char *dir = tool_path("one");
	char hash[SECRET_HASH], again[SECRET_HASH];

	(void)state;
	OK(secret_hash(dir, "correct horse", hash, E));
	OK(secret_hash(dir, "correct horse", again, E));
	assert_contains(hash, "$argon2id$v=19$m=65536,t=2,p=1$");
	assert_string_not_equal(hash, again);
	assert_int_equal(secret_check(dir, hash, "correct horse", E), 1);
	assert_int_equal(secret_check(dir, hash, "correct hors", E), 0);
	assert_int_equal(secret_check(dir, hash, "", E), 0);
	assert_int_equal(secret_check(dir, "", "correct horse", E), 0);
	assert_int_equal(secret_check(dir, "damaged", "correct horse", E), 0);
}

/* Of the processor: others on the machine make it no longer. */
static int64_t
spent_us(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* The shortest of several runs, which is the one that nothing disturbed. */
static int64_t
shortest(const char *dir, const char *hash)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t since = spent_us(), took;

		assert_int_equal(secret_check(dir, hash, "wrong", E), 0);
		took = spent_us() - since;
		best = took < best ? took : best;
	}
	return best;
}

static void
nobody_costs_as_much_as_somebody(void **state)
{
	const char *dir = tool_path("one");
	char hash[SECRET_HASH];
	int64_t somebody, nobody;

	(void)state;
	OK(secret_hash(dir, "correct horse", hash, E));
	somebody = shortest(dir, hash);
	nobody = shortest(dir, "");
	if (nobody * 2 < somebody || somebody * 2 < nobody)
		fail_msg("%lld us and %lld us", (long long)somebody, (long long)nobody);
}

static void
two_at_once_on_this_machine(void **state)
{
	const char *dir = tool_path("one");
	char hash[SECRET_HASH];
	int gates[SECRET_GATES];

	(void)state;
	for (int i = 0; i < SECRET_GATES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "one/argon2.%d", i);
		gates[i] = open(tool_path(name), O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
		OK(flock(gates[i], LOCK_EX | LOCK_NB));
	}
	REFUSED(secret_hash(dir, "correct horse", hash, E), ERR_LOGIN_BUSY);
	REFUSED(secret_check(dir, "", "correct horse", E), ERR_LOGIN_BUSY);
	close(gates[1]);
	OK(secret_hash(dir, "correct horse", hash, E));
	close(gates[0]);
	REFUSED(secret_hash(tool_path("nowhere"), "x", hash, E), ERR_SYSTEM);
}

int
main(void)
{
	const struct CMUnitTest secret[] = {
		cmocka_unit_test(makes_and_keeps_a_key), cmocka_unit_test(changes_its_key),
		cmocka_unit_test(many_make_one_key),
		cmocka_unit_test(hashes_with_a_key),
		cmocka_unit_test(knows_a_password_again),
		cmocka_unit_test(nobody_costs_as_much_as_somebody),
		cmocka_unit_test(two_at_once_on_this_machine),
	};

	return seal_init(E) < 0 ? 1 : TOOL_RUN(secret);
}
