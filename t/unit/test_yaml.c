/* test_yaml.c: the YAML of a kubeconfig, and what is refused. */
#include "tool.h"

#include <string.h>
#include <unistd.h>

#include "io/yaml.h"

static int
parse(struct json **ret, const char *text)
{
	const char *path = tool_path("file.yaml");

	tool_write(path, text);
	return yaml_read(ret, path, E);
}

static void
reads_a_tree(void **state)
{
	CLEANUP(json_freep) struct json *j = NULL;
	struct buf out = BUF_INIT;

	(void)state;
	OK(parse(&j, "# comment\napiVersion: v1\nclusters:\n- name: a\n  cluster: {server: \"https://x\"}\n"
		     "- name: b\nempty:\nn: 5\nyes: true\ntext: |\n  one\n  two\nquoted: 'it''s'\n"));
	json_write(j, &out);
	assert_string_equal(buf_text(&out),
			    "{\"apiVersion\":\"v1\",\"clusters\":[{\"name\":\"a\",\"cluster\":"
			    "{\"server\":\"https://x\"}},{\"name\":\"b\"}],\"empty\":\"\",\"n\":\"5\","
			    "\"yes\":\"true\",\"text\":\"one\\ntwo\\n\",\"quoted\":\"it's\"}");
	buf_free(&out);
}

static void
reads_json_too(void **state)
{
	CLEANUP(json_freep) struct json *j = NULL;

	(void)state;
	OK(parse(&j, "{\"a\": [1, {\"b\": \"c\"}]}"));
	assert_string_equal(json_text(json_at(json_item(json_at(j, "a"), 1), "b")), "c");
}

static void
refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "is empty"},
		{"# only a comment\n", "is empty"},
		{"a: &x 1\nb: *x\n", "line 2: aliases"},
		{"a: [1, 2\n", "line"},
		{"a: b: c\n", "line 1"},
		{"a: \"open\n", "line"},
		{"\tb: c\n", "line 1"},
		{"a: 1\n---\nb: 2\n", "more than one document"},
		{"? [complex, key]\n: 1\n", "a key must be a short word"},
		{"a: \xff\n", "line 1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json *j = NULL;

		REFUSED(parse(&j, cases[i].text), ERR_CONFIG);
		assert_contains(tool_err.text, cases[i].says);
		assert_contains(tool_err.text, "file.yaml");
		assert_null(j);
	}
}

static void
is_bounded(void **state)
{
	char deep[2001], *big;
	struct json *j = NULL;

	(void)state;
	memset(deep, '[', 1000);
	memset(deep + 1000, ']', 1000);
	deep[2000] = '\0';
	REFUSED(parse(&j, deep), ERR_CONFIG);
	assert_contains(tool_err.text, "more than 32 levels");
	memset(deep, 'k', 300);
	strcpy(deep + 300, ": v\n");
	REFUSED(parse(&j, deep), ERR_CONFIG);
	big = test_malloc((1 << 20) + 2);
	memset(big, '#', (1 << 20) + 1);
	big[(1 << 20) + 1] = '\0';
	REFUSED(parse(&j, big), ERR_CONFIG);
	assert_contains(tool_err.text, "at most 1 MiB");
	test_free(big);
	assert_null(j);
}

static void
needs_a_file(void **state)
{
	struct json *j = NULL;
	int before = tool_descriptors();

	(void)state;
	REFUSED(yaml_read(&j, tool_path("missing"), E), ERR_SYSTEM);
	REFUSED(yaml_read(&j, tool_path(""), E), ERR_CONFIG);
	assert_int_equal(tool_descriptors(), before);
}

int
main(void)
{
	const struct CMUnitTest yaml[] = {
		cmocka_unit_test(reads_a_tree), cmocka_unit_test(reads_json_too),
		cmocka_unit_test(refuses),	cmocka_unit_test(is_bounded),
		cmocka_unit_test(needs_a_file),
	};

	return TOOL_RUN(yaml);
}
