/* test_err.c: the table of failures, and the sentences. */
#include "tool.h"

#include <errno.h>
#include <string.h>

#include "base/valid.h"

static void
has_a_full_table(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_CODES; i++) {
		const char *word = err_word((enum err_code)i);

		assert_non_null(word);
		assert_true(strlen(word) > 2 && strlen(word) < 32); /* the columns' size */
		assert_true(i == ERR_NONE || err_http((enum err_code)i) >= 400);
		assert_true(err_http((enum err_code)i) < 600);
	}
	assert_int_equal(err_class(ERR_CLUSTER_UNREACHABLE), ERR_OUTAGE);
	assert_int_equal(err_class(ERR_DB_BUSY), ERR_OUTAGE);
	assert_int_equal(err_class(ERR_CLUSTER_FAILED), ERR_TRANSIENT);
	assert_int_equal(err_class(ERR_STOPPED), ERR_INTERRUPTED);
	assert_int_equal(err_class(ERR_NAMESPACE_FOREIGN), ERR_TERMINAL);
}

static void
sets_and_prefixes(void **state)
{
	struct err err = {.retry_after = 7};

	(void)state;
	assert_int_equal(err_set(&err, ERR_CONFIG, "%s is %d", "it", 5), -1);
	assert_string_equal(err.text, "it is 5");
	assert_int_equal(err.retry_after, 0);
	assert_int_equal(err_prefix(&err, "%s", "/a/file"), -1);
	assert_string_equal(err.text, "/a/file: it is 5");
	assert_int_equal(err.code, ERR_CONFIG);
}

static void
tells_errno(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_errno(&err, "cannot read %s", "x"), -1);
	assert_string_equal(err.text, "cannot read x: No such file or directory");
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_int_equal(errno, ENOENT);
	errno = ENOSPC;
	assert_int_equal(err_errno(&err, "x"), -1);
	assert_int_equal(err.code, ERR_DB_FULL);
}

/* What is cut or quoted stays one line of UTF-8: rows and answers are made of it. */
static void
stays_valid_text(void **state)
{
	struct err err = ERR_INIT;
	char flood[ERR_TEXT_MAX + 100] = "";

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(flood); i += 2)
		memcpy(flood + i, "\xc3\xa9", 3);
	for (int shift = 0; shift < 2; shift++) {
		err_set(&err, ERR_CONFIG, "%s%s", shift ? "x" : "", flood);
		assert_true(strlen(err.text) >= ERR_TEXT_MAX - 2);
		assert_true(valid_text(err.text) > 0);
		err_prefix(&err, "%s", shift ? "ab" : "abc");
		assert_true(valid_text(err.text) > 0);
	}
	err_set(&err, ERR_HELM_FAILED, "helm: %s", "a\nb\x1b[31m\xff\xc2\x9b");
	assert_string_equal(err.text, "helm: a b [31m?  ");
	errno = EACCES;
	err_errno(&err, "%s", "bad\nname");
	assert_string_equal(err.text, "bad name: Permission denied");
}

int
main(void)
{
	const struct CMUnitTest err[] = {
		cmocka_unit_test(has_a_full_table),
		cmocka_unit_test(sets_and_prefixes),
		cmocka_unit_test(tells_errno),
		cmocka_unit_test(stays_valid_text),
	};

	return TOOL_RUN(err);
}
