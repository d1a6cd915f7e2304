/* test_json.c: what is JSON and what is not, and that reading is total. */
#include "tool.h"

#include <string.h>

#include "io/json.h"

static void
takes_json(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", "0", "-0", "12", "-1.5e3", "1E+2", "\"\"", "true", "false", "null",
		" \t\r\n{ } \n", "{\"a\":{\"a\":[{\"a\":1}]}}", "\"\\u00e9\\n\\\"\\\\\\/\"",
		"\"\u00e9\U0001f389\"", "\"N I u0000 : \\\\u0000\"", "[\"a\" , \"b\"]",
		"{\"a\" : \"x:y\", \"b\"\n:\"{\\\"a\\\":1}\"}", "9223372036854775807",
		"\"\\ud83c\\udf89\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json *j = NULL;

		if (json_parse(&j, texts[i], strlen(texts[i]), E) < 0)
			fail_msg("%s: %s", texts[i], tool_err.text);
		json_free(j);
	}
}

static void
refuses_the_rest(void **state)
{
#define T(literal) {literal, sizeof(literal) - 1}
	static const struct {
		const char *text;
		size_t len;
	} texts[] = {
		T(""), T(" "), T("{"), T("{\"a\":"), T("[1,"), T("\"abc"), T("tru"), T("-"), T("{]"),
		T("{\"a\":1,\"a\":2}"), T("{\"a\":1,\"\\u0061\":2}"), T("[{\"b\":{\"a\":1,\"a\":1}}]"),
		T("{\"a\":1} x"), T("{} {}"), T("1 2"), T("{}}"), T("[1]]"), T("\"a\"\"b\""), T("{},"),
		T("{\"a\":1,}"), T("[1,]"), T("[,1]"), T("{a:1}"), T("{'a':1}"), T("['a']"),
		T("NaN"), T("[Infinity]"), T("-Infinity"), T("{\"a\":NaN}"), T("nan"),
		T("True"), T("NULL"), T("\"a\nb\""), T("\"a\tb\""), T("\"\x01\""), T("\"a\0b\""),
		T("{\"a\":1}\0"), T("{\"a\":1}\0 {}"), T("\0{}"), T("{}\0"), T("1\0"),
		T("\"\\u0000\""), T("{\"\\u0000\":1}"), T("\"\\x41\""), T("\"\\u12\""),
		T("\"\xff\""), T("\"\xc0\xaf\""), T("\"\xed\xa0\x80\""), T("/* c */{}"), T("// c\n{}"),
		T("01"), T("-01"), T("1."), T(".5"), T("+1"), T("0x10"), T("1e"), T("1e+"), T("--1"),
		T("{\"a\" 1}"), T("{\"a\":1 \"b\":2}"), T("[1 2]"), T("\xef\xbb\xbf{}"), T("{\"a\"}"),
	};

	int passed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json *j = NULL;

		if (json_parse(&j, texts[i].text, texts[i].len, E) == 0) {
			print_error("case %zu passed: %s\n", i, texts[i].text);
			json_free(j);
			passed++;
			continue;
		}
		assert_int_equal(tool_err.code, ERR_BAD_JSON);
		assert_null(j);
	}
	assert_int_equal(passed, 0);
}

static void
bounds_depth(void **state)
{
	char text[5000];

	(void)state;
	for (size_t depth = 1; depth <= sizeof(text) / 2; depth = depth * 2 + 7) {
		struct json *j = NULL;
		int r;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		r = json_parse(&j, text, 2 * depth, E);
		assert_int_equal(r, depth < 64 ? 0 : -1);
		json_free(j);
	}
}

/* A number that does not fit becomes no other number silently: an API checks the range. */
static void
reads_big_numbers(void **state)
{
	static const char text[] = "[9223372036854775807, 9223372036854775808,"
				   " 99999999999999999999999, -9223372036854775808, 1e400]";
	CLEANUP(json_freep) struct json *j = NULL;

	(void)state;
	OK(json_parse(&j, text, strlen(text), E));
	assert_true(json_int(json_item(j, 0)) == INT64_MAX);
	assert_true(json_int(json_item(j, 1)) == INT64_MAX);
	assert_true(json_int(json_item(j, 2)) == INT64_MAX);
	assert_true(json_int(json_item(j, 3)) == INT64_MIN);
	assert_int_equal(json_kind(json_item(j, 4)), JSON_REAL);
}

static void
reads_totally(void **state)
{
	static const char text[] = "{\"t\":\"x\",\"n\":5,\"r\":1.5,\"b\":true,\"z\":null,"
				   "\"a\":[1,2],\"o\":{\"i\":{\"k\":\"deep\"}}}";
	CLEANUP(json_freep) struct json *j = NULL;

	(void)state;
	OK(json_parse(&j, text, strlen(text), E));
	assert_string_equal(json_text(json_at(j, "o", "i", "k")), "deep");
	assert_string_equal(json_text(json_at(j, "o", "x", "k")), "");
	assert_string_equal(json_text(json_at(j, "t", "x")), "");
	assert_string_equal(json_text(json_at(j, "n")), "");
	assert_int_equal(json_int(json_at(j, "n")), 5);
	assert_int_equal(json_int(json_at(j, "t")), 0);
	assert_int_equal(json_int(json_at(j, "r")), 0);
	assert_true(json_true(json_at(j, "b")));
	assert_false(json_true(json_at(j, "n")));
	assert_int_equal(json_count(json_at(j, "a")), 2);
	assert_int_equal(json_count(j), 7);
	assert_int_equal(json_count(json_at(j, "t")), 0);
	assert_int_equal(json_int(json_item(json_at(j, "a"), 1)), 2);
	assert_null(json_item(json_at(j, "a"), 2));
	assert_null(json_item(j, 0));
	assert_string_equal(json_key(j, 0), "t");
	assert_string_equal(json_key(j, 6), "o");
	assert_null(json_key(j, 7));
	assert_null(json_key(json_at(j, "a"), 0));
	assert_null(json_at(NULL, "a"));
	assert_int_equal(json_kind(NULL), JSON_NULL);
	assert_int_equal(json_kind(json_at(j, "z")), JSON_NULL);
}

static void
writes(void **state)
{
	CLEANUP(json_freep) struct json *j = json_new_object();
	struct json *a = json_new_array();
	struct buf out = BUF_INIT;

	(void)state;
	json_set_text(j, "t", "a\"/\n\u00e9\\");
	json_set_text(j, "none", NULL);
	json_set_int(j, "n", INT64_MIN);
	json_set_real(j, "r", 0.5);
	json_set_bool(j, "b", true);
	json_set_time(j, "at", 1795453445123);
	json_set_time(j, "never", 0);
	json_add(a, json_ref(json_at(j, "t")));
	json_add(a, json_new_text(NULL));
	json_set(j, "a", a);
	json_set_int(j, "n", 7); /* a second time replaces */
	json_write(j, &out);
	assert_string_equal(buf_text(&out),
			    "{\"t\":\"a\\\"/\\n\u00e9\\\\\",\"none\":null,\"n\":7,\"r\":0.5,"
			    "\"b\":true,\"at\":\"2026-11-23T17:04:05.123Z\",\"never\":null,"
			    "\"a\":[\"a\\\"/\\n\u00e9\\\\\",null]}");
	buf_free(&out);
}

static void
tells_where(void **state)
{
	struct json *j = NULL;

	(void)state;
	REFUSED(json_parse(&j, "{\"a\":", 5, E), ERR_BAD_JSON);
	assert_contains(tool_err.text, "ends too early");
	REFUSED(json_parse(&j, "{\"a\":x}", 7, E), ERR_BAD_JSON);
	assert_contains(tool_err.text, "near byte 6");
}

int
main(void)
{
	const struct CMUnitTest json[] = {
		cmocka_unit_test(takes_json),	    cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(bounds_depth),	    cmocka_unit_test(reads_big_numbers),
		cmocka_unit_test(reads_totally),    cmocka_unit_test(writes),
		cmocka_unit_test(tells_where),
	};

	return TOOL_RUN(json);
}
