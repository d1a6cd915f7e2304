/* test_buf.c: growth, ceiling, tail and formatting of base/buf. */
#include "tool.h"

#include <string.h>

#include "base/buf.h"

static void
grows_and_stays_a_string(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 10000; i++) {
		buf_add(&b, "abc", 3);
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_int_equal(b.len, 30000);
	assert_false(b.failed);
	assert_memory_equal(b.data + 29997, "abc", 4);
	buf_free(&b);
	assert_null(b.data);
}

static void
adds_nothing(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_add(&b, NULL, 0);
	buf_str(&b, "");
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_text(&b), "");
	buf_free(&b);
}

static void
meets_its_ceiling(void **state)
{
	struct buf b = {.max = 10};

	(void)state;
	buf_str(&b, "0123456789");
	assert_false(b.failed);
	buf_str(&b, "x");
	assert_true(b.failed);
	assert_string_equal(buf_text(&b), "0123456789");
	buf_str(&b, ""); /* a failed buffer stays failed */
	assert_true(b.failed);
	buf_reset(&b);
	assert_false(b.failed);
	buf_add(&b, "x", SIZE_MAX - 4); /* no overflow of the sum */
	assert_true(b.failed);
	buf_free(&b);
	assert_int_equal(b.max, 10);
}

static void
formats(void **state)
{
	struct buf b = {.max = 12};

	(void)state;
	buf_printf(&b, "%d-%s", 42, "abc");
	assert_string_equal(buf_text(&b), "42-abc");
	buf_printf(&b, "%s", "1234567");
	assert_true(b.failed);
	assert_string_equal(buf_text(&b), "42-abc");
	buf_free(&b);
}

static void
keeps_the_tail(void **state)
{
	static const struct {
		const char *first, *then, *want;
	} cases[] = {
		{"", "", ""},	       {"", "abc", "abc"},	   {"", "abcde", "abcde"},
		{"", "abcdef", "bcdef"}, {"abc", "de", "abcde"},	   {"abc", "def", "bcdef"},
		{"abcde", "f", "bcdef"}, {"abcde", "vwxyz", "vwxyz"}, {"abc", "012345678", "45678"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b = BUF_INIT;

		buf_tail(&b, cases[i].first, strlen(cases[i].first), 5);
		buf_tail(&b, cases[i].then, strlen(cases[i].then), 5);
		assert_string_equal(buf_text(&b), cases[i].want);
		assert_false(b.failed);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest buf[] = {
		cmocka_unit_test(grows_and_stays_a_string), cmocka_unit_test(adds_nothing),
		cmocka_unit_test(meets_its_ceiling),	    cmocka_unit_test(formats),
		cmocka_unit_test(keeps_the_tail),
	};

	return TOOL_RUN(buf);
}
