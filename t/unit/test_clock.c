/* test_clock.c: the text of times, and what poll(2) is told. */
#include "tool.h"

#include <limits.h>
#include <string.h>

#include "base/clock.h"

static void
writes_rfc3339(void **state)
{
	static const struct {
		int64_t ms;
		const char *want;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1, "1970-01-01T00:00:00.001Z"},
		{951782399999, "2000-02-28T23:59:59.999Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{1795453445123, "2026-11-23T17:04:05.123Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	char text[CLOCK_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(clock_rfc3339(cases[i].ms, text), cases[i].want);
	/* Nonsense stays within its buffer. */
	assert_true(strlen(clock_rfc3339(INT64_MAX, text)) < CLOCK_TEXT);
	assert_true(strlen(clock_rfc3339(INT64_MIN, text)) < CLOCK_TEXT);
}

static void
reads_rfc3339(void **state)
{
	static const char *const bad[] = {
		"", "Z", "2026", "2026-11-23", "2026-11-23T17:04:05", "2026-11-23 17:04:05Z",
		"2026-11-23T17:04:05+01:00", "2026-11-23T17:04:05.1Z", "2026-11-23T17:04:05.-12Z",
		"2026-11-23T17:04:05.123", "2026-11-23T17:04:05ZZ", "2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "-026-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
		" 026-01-01T00:00:00Z", "2026-1-001T00:00:00Z",
	};
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (clock_parse(bad[i], &ms))
			fail_msg("%s is taken for a time", bad[i]);
	assert_int_equal(ms, 7);
	assert_true(clock_parse("1970-01-01T00:00:00Z", &ms));
	assert_int_equal(ms, 0);
	assert_true(clock_parse("2000-02-29T00:00:00.000Z", &ms));
	assert_int_equal(ms, 951782400000);
	assert_true(clock_parse("2026-11-23T17:04:05.123Z", &ms));
	assert_int_equal(ms, 1795453445123);
}

static void
counts_down(void **state)
{
	int64_t now = clock_mono_ms();
	int left;

	(void)state;
	assert_int_equal(clock_until(now - 1), 0);
	assert_int_equal(clock_until(0), 0);
	assert_int_equal(clock_until(INT64_MAX), INT_MAX);
	left = clock_until(now + 60000);
	assert_true(left > 0 && left <= 60000);
	assert_true(clock_mono_ms() >= now);
	assert_true(clock_wall_ms() > 1700000000000);
}

int
main(void)
{
	const struct CMUnitTest clock[] = {
		cmocka_unit_test(writes_rfc3339),
		cmocka_unit_test(reads_rfc3339),
		cmocka_unit_test(counts_down),
	};

	return TOOL_RUN(clock);
}
