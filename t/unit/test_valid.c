/* test_valid.c: the rules for everything that comes from outside. */
#include "tool.h"

#include <string.h>

#include "base/valid.h"

/* Ten and fifty of a letter. */
#define X10 "xxxxxxxxxx"
#define X40 X10 X10 X10 X10

static void
makes_slugs(void **state)
{
	static const struct {
		const char *name, *slug;
	} cases[] = {
		{"My Shop", "my-shop"},
		{"kube-system", "kube-system"},
		{"default", "default"},
		{"12345", "12345"},
		{"-lead", "lead"},
		{"trail---", "trail"},
		{"--a--  __b..", "a-b"},
		{"Bob's \"Shop\" & Sons $(id)", "bob-s-shop-sons-id"},
		{"new\nline\ttab", "new-line-tab"},
		{"Caf\u00e9 Cr\u00e8me", "cafe-creme"},
		{"Cafe\u0301", "cafe"},
		{"\u00c5ngstr\u00f6m Stra\u00dfe", "angstrom-strasse"},
		{"\u00c6r\u00f8 \u0152uvre \u00deing", "aero-oeuvre-thing"},
		{"\u0141\u00f3d\u017a \u0110or\u0111e \u0126al", "lodz-dorde-hal"},
		{"\u0130stanbul \u0131\u015f\u0131k", "istanbul-isik"},
		{"Ti\u1ec7m B\u00e1nh \u0110\u1ee9c", "tiem-banh-duc"},
		{"\u1e9e", "ss"},
		{"a\U0001f389b", "a-b"},
		{"\U0001f389\U0001f38a", ""},
		{"\u65e5\u672c", ""},
		{"!!!", ""},
		{"", ""},
		{"x", "x"},
		{X40 X10 X10, X40 X10},
		{X40 "xxxxxxxxx--b", X40 "xxxxxxxxx"}, /* 49, then the cut meets the '-' */
		{X40 "xxxxxxxxxx-b", X40 X10},
		{X40 "xxxxxxxx\u00e6\u00e6", X40 "xxxxxxxxae"}, /* 48 + "ae" */
		{X40 "xxxxxxxxx\u00e6", X40 "xxxxxxxxxa"},
		{"cut\xff here", "cut"}, /* not reached: valid_text() comes first */
	};
	char slug[VALID_SLUG_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = valid_make_slug(cases[i].name, slug);

		assert_string_equal(slug, cases[i].slug);
		assert_int_equal(len, strlen(slug));
		assert_int_equal(valid_slug(slug), len >= VALID_SLUG_MIN);
	}
}

/* Numbers that look random and are the same in every run. */
static uint32_t
dice(uint32_t sides)
{
	static uint32_t seed = 12345;

	seed = seed * 1664525U + 1013904223U;
	return (seed >> 8) % sides;
}

/* Any code points at all: the slug is a DNS label, and its own slug. */
static void
makes_slugs_of_anything(void **state)
{
	static const uint32_t reach[] = {0x80, 0x250, 0x800, 0x1f00, 0x10000, 0x110000};
	char name[4 * 70 + 1], slug[VALID_SLUG_BYTES], again[VALID_SLUG_BYTES];

	(void)state;
	for (int turn = 0; turn < 20000; turn++) {
		size_t len, at = 0;

		for (uint32_t n = dice(70); n > 0; n--) {
			uint32_t cp = dice(reach[dice(ARRAY_SIZE(reach))]);

			if (cp == 0 || (cp >= 0xd800 && cp < 0xe000))
				cp = 'q';
			if (cp < 0x80)
				name[at++] = (char)cp;
			else if (cp < 0x800)
				name[at++] = (char)(0xc0 | cp >> 6);
			else if (cp < 0x10000)
				name[at++] = (char)(0xe0 | cp >> 12);
			else
				name[at++] = (char)(0xf0 | cp >> 18);
			for (int rest = cp < 0x80 ? 0 : cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3; rest > 0;
			     rest--)
				name[at++] = (char)(0x80 | (cp >> 6 * (rest - 1) & 0x3f));
		}
		name[at] = '\0';
		len = valid_make_slug(name, slug);
		assert_true(len <= VALID_SLUG_MAX && len == strlen(slug));
		assert_int_equal(strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789-"), len);
		assert_false(len > 0 && (slug[0] == '-' || slug[len - 1] == '-'));
		assert_null(strstr(slug, "--"));
		valid_make_slug(slug, again);
		assert_string_equal(slug, again);
	}
}

static void
refuses_other_slugs(void **state)
{
	static const char *const bad[] = {
		"", "a", "-a", "a-", "a--b", "A", "Ab", "a b", "a_b", "a.b", "caf\u00e9", "a/../b",
		"ab\n", X40 X10 "x", "\xff\xff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (valid_slug(bad[i]))
			fail_msg("\"%s\" passed", bad[i]);
	assert_true(valid_slug("ab"));
	assert_true(valid_slug(X40 X10));
}

static void
counts_characters(void **state)
{
	static const struct {
		const char *text;
		int count;
	} cases[] = {
		{"", 0},
		{"abc", 3},
		{"caf\u00e9", 4},
		{"\U0001f389", 1},
		{"\u65e5\u672c", 2},
		{"\U0010ffff", 1},
		{"a\nb", -1},
		{"\x7f", -1},
		{"\xc2\x85", -1},
		{"\u2028", -1},
		{"a\xef\xbf\xbe", -1},
		{"a\xef\xbf\xbf", -1},
		{"a\xef\xbf\xbd", 2},
		{"\u2029", -1},
		{"\x80", -1},		  /* a continuation alone */
		{"\xc3", -1},		  /* cut */
		{"\xe2\x82", -1},	  /* cut */
		{"\xc0\xaf", -1},	  /* overlong '/' */
		{"\xe0\x80\xaf", -1},	  /* overlong '/' */
		{"\xf0\x80\x80\xaf", -1}, /* overlong '/' */
		{"\xed\xa0\x80", -1},	  /* a surrogate */
		{"\xf4\x90\x80\x80", -1}, /* above U+10FFFF */
		{"\xff", -1},
		{"\xfe", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (valid_text(cases[i].text) != cases[i].count)
			fail_msg("case %zu: %d", i, valid_text(cases[i].text));
	/* Control characters are UTF-8 too; the length counts, not a NUL. */
	assert_true(valid_utf8("a\n\x7f\0\u00e9", 6));
	assert_false(valid_utf8("a\u00e9", 2));
	assert_false(valid_utf8("\xff", 1));
	assert_true(valid_utf8("", 0));
}

static void
cleans_anything(void **state)
{
	char text[64] = "ok \u00e9\n\x1b[0m \xc3 \xc2\x85|\u2028|\xff";

	(void)state;
	valid_clean(text);
	assert_string_equal(text, "ok \u00e9  [0m ?   |   |?");
	for (int turn = 0; turn < 20000; turn++) {
		size_t len = dice(sizeof(text));

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(1 + dice(255));
		text[len] = '\0';
		valid_clean(text);
		assert_int_equal(strlen(text), len);
		assert_true(valid_text(text) >= 0);
	}
}

struct verdict {
	const char *text;
	bool good;
};

static void
judge(bool (*rule)(const char *), const struct verdict *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rule(cases[i].text) != cases[i].good)
			fail_msg("\"%s\" %s", cases[i].text, cases[i].good ? "refused" : "passed");
}

static void
judges_users(void **state)
{
	static const struct verdict cases[] = {
		{"bob", true},	 {"Bob_2-x", true},	{X10 X10 X10, true}, {"bo", false},
		{"", false},	 {X10 X10 X10 "x", false}, {"b b", false},	    {"b\u00f6b", false},
		{"bob\n", false}, {"bob;", false},
	};

	(void)state;
	judge(valid_admin_user, cases, ARRAY_SIZE(cases));
}

static void
judges_uuids(void **state)
{
	static const struct verdict cases[] = {
		{"11111111-1111-4111-8111-111111111111", true},
		{"abcdef01-2345-4789-abcd-ef0123456789", true},
		{"ABCDEF01-2345-4789-abcd-ef0123456789", false},
		{"11111111-1111-4111-8111-11111111111", false},
		{"11111111-1111-4111-8111-1111111111111", false},
		{"11111111-1111-4111-8111111111111-111", false},
		{"1111111111111411181111111111111111-1", false},
		{"../../../etc/passwd", false},
		{"", false},
		{"-", false},
	};

	(void)state;
	judge(valid_uuid, cases, ARRAY_SIZE(cases));
}

static void
judges_domains(void **state)
{
	static const struct verdict cases[] = {
		{"example.org", true},	     {"127-0-0-1.nip.io", true},
		{"localhost", true},	     {"a", true},
		{X40 X10 X10 "xxx.org", true}, {X40 X10 X10 "xxxx.org", false},
		{"", false},		     {".", false},
		{"a.", false},		     {".a", false},
		{"a..b", false},	     {"-a.b", false},
		{"a-.b", false},	     {"a.b-", false},
		{"A.b", false},		     {"a b", false},
		{"a_b", false},		     {"caf\u00e9.fr", false},
		{"a.b:80", false},	     {"a/b", false},
	};
	char longest[260];

	(void)state;
	judge(valid_domain, cases, ARRAY_SIZE(cases));
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 1; i < sizeof(longest); i += 2)
		longest[i] = '.';
	longest[203] = '\0'; /* 203 bytes: together with the longest slug above 253 */
	assert_false(valid_domain(longest));
	longest[201] = '\0';
	assert_true(valid_domain(longest));
}

static void
judges_loopback(void **state)
{
	static const struct verdict cases[] = {
		{"127.0.0.1", true},	   {"127.255.255.254", true}, {"::1", true},
		{"::ffff:127.0.0.1", true}, {"::ffff:10.0.0.1", false}, {"128.0.0.1", false},
		{"10.0.0.1", false},	   {"127.", false},	      {"127.0.0.1.5", false},
		{"127.evil", false},	   {"::ffff:::1", false},     {"::2", false},
		{"localhost", false},	   {"", false},
	};

	(void)state;
	judge(valid_loopback, cases, ARRAY_SIZE(cases));
}

static void
reads_numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		bool good;
		int64_t want;
	} cases[] = {
		{"0", 0, 9, true, 0},
		{"9", 0, 9, true, 9},
		{"10", 0, 9, false, 0},
		{"-1", 0, 9, false, 0},
		{"-5", -9, 9, true, -5},
		{"007", 0, 9, true, 7},
		{"9223372036854775807", 0, INT64_MAX, true, INT64_MAX},
		{"9223372036854775808", 0, INT64_MAX, false, 0},
		{"-9223372036854775808", INT64_MIN, 0, true, INT64_MIN},
		{"99999999999999999999999", INT64_MIN, INT64_MAX, false, 0},
		{"", 0, 9, false, 0},
		{"-", -9, 9, false, 0},
		{"--1", -9, 9, false, 0},
		{"+1", 0, 9, false, 0},
		{" 1", 0, 9, false, 0},
		{"1 ", 0, 9, false, 0},
		{"1x", 0, 9, false, 0},
		{"0x1", 0, 9, false, 0},
		{"1.0", 0, 9, false, 0},
		{"1e1", 0, 99, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t n = 4711;
		bool good = valid_int(cases[i].text, cases[i].min, cases[i].max, &n);

		if (good != cases[i].good || n != (good ? cases[i].want : 4711))
			fail_msg("\"%s\": %d, %lld", cases[i].text, good, (long long)n);
	}
}

int
main(void)
{
	const struct CMUnitTest valid[] = {
		cmocka_unit_test(makes_slugs),	       cmocka_unit_test(makes_slugs_of_anything),
		cmocka_unit_test(refuses_other_slugs), cmocka_unit_test(counts_characters),
		cmocka_unit_test(cleans_anything),     cmocka_unit_test(judges_users),
		cmocka_unit_test(judges_uuids),	       cmocka_unit_test(judges_domains),
		cmocka_unit_test(judges_loopback),     cmocka_unit_test(reads_numbers),
	};

	return TOOL_RUN(valid);
}
