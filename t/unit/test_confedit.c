/* test_confedit.c: one key of a configuration file changes, and no other byte of it. */
#include "tool.h"

#include <string.h>

#include "ctl/confedit.h"

static void
changes_one_line(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"", "HELM=/h\n"},
		{"A=1\n", "A=1\nHELM=/h\n"},
		{"A=1", "A=1\nHELM=/h\n"},
		{"HELM=/x\nA=1\n", "HELM=/h\nA=1\n"},
		{"A=1\n HELM = \"/x\"", "A=1\nHELM=/h\n"},
		{"HELM=/x\nHELM=/y\n", "HELM=/x\nHELM=/h\n"}, /* the last one counts */
		{"# text\n#HELM=/d\n\nA=1\n", "# text\n#HELM=/d\nHELM=/h\n\nA=1\n"},
		{"#HELM=/d", "#HELM=/d\nHELM=/h\n"},
		{"#HELM=/d\nHELM=/x\n", "#HELM=/d\nHELM=/h\n"},
		{"HELM_TIMEOUT=9\nMY_HELM=1\n", "HELM_TIMEOUT=9\nMY_HELM=1\nHELM=/h\n"},
		{"# HELM is a program\n", "# HELM is a program\nHELM=/h\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf text = BUF_INIT;

		buf_str(&text, cases[i].before);
		assert_true(confedit_set(&text, "HELM", "/h"));
		assert_string_equal(buf_text(&text), cases[i].after);
		assert_true(confedit_has(buf_text(&text), "HELM"));
		assert_false(confedit_set(&text, "HELM", "/h"));
		assert_string_equal(buf_text(&text), cases[i].after);
		buf_free(&text);
	}
}

static void
knows_what_is_set(void **state)
{
	(void)state;
	assert_true(confedit_has("A=1\n\tHELM\t=\n", "HELM"));
	assert_false(confedit_has("", "HELM"));
	assert_false(confedit_has("#HELM=/x\n", "HELM"));
	assert_false(confedit_has("HELM_TIMEOUT=9\n", "HELM"));
	assert_false(confedit_has("A=HELM=1\n", "HELM"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_one_line),
		cmocka_unit_test(knows_what_is_set),
	};

	return TOOL_RUN(tests);
}
