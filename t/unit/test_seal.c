/* test_seal.c: sealed boxes, key files, random text, digests, base64. */
#include "tool.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/valid.h"
#include "io/keyring.h"
#include "io/seal.h"

/* A folder with a key pair in it. */
static const char *
key_folder(const char *name, struct seal_key *key)
{
	const char *dir = tool_path(name);

	OK(mkdir(dir, 0700));
	REFUSED(seal_load(key, dir, E), ERR_SYSTEM); /* only the supervisor makes one */
	OK(seal_make(dir, E));
	OK(seal_load(key, dir, E));
	return dir;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	OK(stat(path, &st));
	return st.st_mode & 0777;
}

static void
makes_and_keeps_a_key(void **state)
{
	struct seal_key first, second, public;
	mode_t old = umask(0);
	const char *dir = key_folder("keys", &first);

	(void)state;
	assert_int_equal(mode_of(tool_path("keys/seal.key")), 0600);
	assert_int_equal(mode_of(tool_path("keys/seal.pub")), 0644);
	assert_int_equal(access(tool_path("keys/seal.key.new"), F_OK), -1);
	umask(077);
	OK(unlink(tool_path("keys/seal.pub")));
	OK(seal_make(dir, E));
	OK(seal_load(&second, dir, E));
	umask(old);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(mode_of(tool_path("keys/seal.pub")), 0644); /* made again, readable */
	OK(seal_load_public(&public, dir, E));
	assert_string_equal(public.id, first.id);
	assert_int_equal(strlen(public.id), SEAL_ID - 1);
	assert_memory_equal(public.public, first.public, SEAL_KEY);
	for (int i = 0; i < SEAL_KEY; i++)
		assert_int_equal(public.secret[i], 0);
}

static void
refuses_bad_key_files(void **state)
{
	struct seal_key key;
	const char *dir;

	(void)state;
	REFUSED(seal_load_public(&key, tool_path("nowhere"), E), ERR_NOT_STARTED);
	REFUSED(seal_load(&key, tool_path("nowhere"), E), ERR_SYSTEM);
	REFUSED(seal_make(tool_path("nowhere"), E), ERR_SYSTEM);
	dir = key_folder("bad", &key);
	tool_write(tool_path("bad/seal.key"), "short");
	REFUSED(seal_load(&key, dir, E), ERR_CONFIG);
	tool_write(tool_path("bad/seal.key"), "0123456789012345678901234567890123456789");
	REFUSED(seal_load(&key, dir, E), ERR_CONFIG);
	REFUSED(seal_make(dir, E), ERR_CONFIG); /* never made anew over what is there */
	tool_write(tool_path("bad/seal.pub"), "");
	REFUSED(seal_load_public(&key, dir, E), ERR_CONFIG);
	OK(unlink(tool_path("bad/seal.key")));
	OK(symlink("/etc/passwd", tool_path("bad/seal.key")));
	REFUSED(seal_load(&key, dir, E), ERR_SYSTEM); /* a link is not followed */
}

static void
changes_its_pair(void **state)
{
	unsigned char box[SEAL_BOX];
	char before[SEAL_ID], now[SEAL_ID], platform[SEAL_ID], plain[SEAL_PLAIN];
	char ids[KEYRING_MAX][KEYRING_ID];
	struct seal_key first, second, old, public;
	const char *dir = key_folder("change", &first);

	(void)state;
	OK(seal_platform(dir, platform, E));
	assert_string_equal(platform, first.id);
	OK(seal_close(&first, "x", box, E));
	OK(seal_rotate(dir, before, now, E));
	assert_string_equal(before, first.id);
	OK(seal_load(&second, dir, E));
	OK(seal_load_public(&public, dir, E));
	assert_string_equal(second.id, now);
	assert_string_equal(public.id, now);
	OK(seal_make(dir, E)); /* a start of the provisioner changes nothing */
	OK(seal_load_id(&old, dir, before, E));
	assert_memory_equal(&old, &first, sizeof(old));
	OK(seal_open(&old, before, box, sizeof(box), plain, E));
	REFUSED(seal_open(&second, before, box, sizeof(box), plain, E), ERR_PASSWORD_LOST);
	REFUSED(seal_load_id(&old, dir, "0123456789abcdef", E), ERR_PASSWORD_LOST);
	REFUSED(seal_load_id(&old, dir, "../seal.key", E), ERR_PASSWORD_LOST);
	REFUSED(seal_load_id(&old, dir, "", E), ERR_PASSWORD_LOST);
	OK(seal_rotate(dir, before, now, E));
	OK(seal_platform(dir, platform, E));
	assert_string_equal(platform, first.id);
	assert_int_equal(keyring_retired(dir, SEAL_FILE, ids, E), 2);
	OK(keyring_drop(dir, SEAL_FILE, first.id, E));
	OK(keyring_drop(dir, SEAL_FILE, first.id, E));
	assert_int_equal(keyring_retired(dir, SEAL_FILE, ids, E), 1);
	assert_string_equal(ids[0], second.id);
	tool_write(tool_path("change/platform"), "x");
	REFUSED(seal_platform(dir, platform, E), ERR_CONFIG);
}

/* Cut short after the old key got its second name: the current one must not be wiped with it. */
static void
spares_a_key_that_is_half_retired(void **state)
{
	struct seal_key key, again;
	const char *dir = key_folder("half", &key);

	(void)state;
	OK(keyring_retire(dir, SEAL_FILE, key.id, E));
	OK(keyring_retire(dir, SEAL_FILE, key.id, E));
	OK(keyring_drop(dir, SEAL_FILE, key.id, E));
	OK(seal_load(&again, dir, E));
	assert_memory_equal(&again, &key, sizeof(key));
}

static void
seals_and_opens(void **state)
{
	static const char *const texts[] = {"", "x", "pa$$ \"w\u00f6rd\", \\ $(id)\n"};
	unsigned char box[SEAL_BOX], other[SEAL_BOX];
	char longest[SEAL_PLAIN + 1], plain[SEAL_PLAIN];
	struct seal_key key, public;
	const char *dir = key_folder("seal", &key);

	(void)state;
	OK(seal_load_public(&public, dir, E));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		OK(seal_close(&public, texts[i], box, E));
		OK(seal_open(&key, public.id, box, sizeof(box), plain, E));
		assert_string_equal(plain, texts[i]);
	}
	OK(seal_close(&public, "x", other, E));
	OK(seal_close(&public, "x", box, E));
	assert_memory_not_equal(box, other, sizeof(box)); /* twice the same looks different */
	memset(longest, 'p', SEAL_PLAIN);
	longest[SEAL_PLAIN] = '\0';
	REFUSED(seal_close(&public, longest, box, E), ERR_INTERNAL);
	longest[SEAL_PLAIN - 1] = '\0';
	OK(seal_close(&public, longest, box, E));
	OK(seal_open(&key, public.id, box, sizeof(box), plain, E));
	assert_string_equal(plain, longest);
	assert_true((int)VALID_PASSWORD_BYTES <= (int)SEAL_PLAIN); /* every password fits */
}

static void
opens_nothing_else(void **state)
{
	unsigned char box[SEAL_BOX];
	char plain[SEAL_PLAIN];
	struct seal_key key, stranger;

	(void)state;
	key_folder("mine", &key);
	key_folder("theirs", &stranger);
	assert_string_not_equal(key.id, stranger.id);
	OK(seal_close(&key, "secret", box, E));
	REFUSED(seal_open(&stranger, key.id, box, sizeof(box), plain, E), ERR_PASSWORD_LOST);
	REFUSED(seal_open(&stranger, stranger.id, box, sizeof(box), plain, E), ERR_PASSWORD_LOST);
	REFUSED(seal_open(&key, "", box, sizeof(box), plain, E), ERR_PASSWORD_LOST);
	REFUSED(seal_open(&key, key.id, box, sizeof(box) - 1, plain, E), ERR_PASSWORD_LOST);
	REFUSED(seal_open(&key, key.id, box, 0, plain, E), ERR_PASSWORD_LOST);
	for (size_t i = 0; i < sizeof(box); i += 7) {
		box[i] ^= 0x10;
		REFUSED(seal_open(&key, key.id, box, sizeof(box), plain, E), ERR_PASSWORD_LOST);
		box[i] ^= 0x10;
	}
	OK(seal_open(&key, key.id, box, sizeof(box), plain, E));
	assert_null(strstr(tool_err.text, "secret"));
}

static void
makes_passwords(void **state)
{
	bool seen[256] = {false};
	char password[65], other[65];
	int kinds = 0;

	(void)state;
	for (size_t len = 1; len <= 64; len++) {
		for (int turn = 0; turn < 20; turn++) {
			memset(password, '!', sizeof(password));
			seal_password(password, len);
			assert_int_equal(strlen(password), len);
			for (size_t i = 0; i < len; i++)
				seen[(unsigned char)password[i]] = true;
		}
	}
	for (int c = 0; c < 256; c++) {
		kinds += seen[c];
		assert_true(!seen[c] || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z'));
	}
	assert_int_equal(kinds, 62);
	seal_password(password, 24);
	seal_password(other, 24);
	assert_string_not_equal(password, other);
}

static void
makes_uuids(void **state)
{
	char first[VALID_UUID_BYTES], second[VALID_UUID_BYTES];

	(void)state;
	seal_uuid(first);
	for (int i = 0; i < 500; i++) {
		seal_uuid(second);
		assert_true(valid_uuid(second));
		assert_int_equal(second[14], '4');
		assert_non_null(strchr("89ab", second[19]));
		assert_string_not_equal(first, second);
	}
}

static void
digests(void **state)
{
	static const void *const parts[] = {"ab", "c"};
	static const void *const moved[] = {"a", "bc"};
	static const void *const other[] = {"ab", "d"};
	static const size_t lens[] = {2, 1}, moved_lens[] = {1, 2};
	char a[SEAL_DIGEST], b[SEAL_DIGEST];

	(void)state;
	seal_digest(a, parts, lens, 2);
	/* BLAKE2b-128 of "abc", as b2sum -l 128 prints it. */
	assert_string_equal(a, "cf4ab791c62b8d2b2109c90275287816");
	seal_digest(b, moved, moved_lens, 2);
	assert_string_equal(a, b);
	seal_digest(b, other, lens, 2);
	assert_string_not_equal(a, b);
}

static void
codes_base64(void **state)
{
	static const struct {
		const char *plain, *coded;
	} cases[] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfb", "//77"},
	};
	static const char *const bad[] = {"Zg", "Zg=", "Z", "Zg===", "Zm9v!", "Zm9-", "=", "Zh=="};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = strlen(cases[i].plain);

		seal_base64(text, sizeof(text), cases[i].plain, len);
		assert_string_equal(text, cases[i].coded);
		assert_int_equal(seal_unbase64(text, sizeof(text), cases[i].coded), len);
		assert_memory_equal(text, cases[i].plain, len);
	}
	assert_int_equal(seal_unbase64(text, sizeof(text), "Zm 9v\r\n YmFy\n"), 6); /* wrapped */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (seal_unbase64(text, sizeof(text), bad[i]) != -1)
			fail_msg("\"%s\" passed", bad[i]);
	assert_int_equal(seal_unbase64(text, 5, "Zm9vYmFy"), -1); /* larger than its place */
	assert_int_equal(seal_unbase64(text, 6, "Zm9vYmFy"), 6);
}

static void
wipes(void **state)
{
	char text[] = "secret";

	(void)state;
	seal_wipe(text, sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++)
		assert_int_equal(text[i], 0);
}

int
main(void)
{
	const struct CMUnitTest seal[] = {
		cmocka_unit_test(makes_and_keeps_a_key), cmocka_unit_test(refuses_bad_key_files),
		cmocka_unit_test(changes_its_pair),
		cmocka_unit_test(spares_a_key_that_is_half_retired),
		cmocka_unit_test(seals_and_opens),	 cmocka_unit_test(opens_nothing_else),
		cmocka_unit_test(makes_passwords),	 cmocka_unit_test(makes_uuids),
		cmocka_unit_test(digests),		 cmocka_unit_test(codes_base64),
		cmocka_unit_test(wipes),
	};

	if (seal_init(E) < 0)
		return 1;
	return TOOL_RUN(seal);
}
