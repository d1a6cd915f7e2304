/* test_log.c: one JSON object a line, whatever is in it. */
#include "tool.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/valid.h"
#include "io/json.h"

/* What log_warn("%s", message) prints. */
static const char *
line_of(const char *message)
{
	const char *path = tool_path("log");
	int keep = dup(STDERR_FILENO);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(keep >= 0 && fd >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	log_warn("%s", message);
	assert_true(dup2(keep, STDERR_FILENO) >= 0);
	close(fd);
	close(keep);
	return tool_read(path);
}

/* It is one line, and one object of text members. */
static struct json *
read_line(const char *line)
{
	struct json *j = NULL;
	size_t len = strlen(line);

	assert_true(len > 2);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	assert_int_equal(valid_text(line), -1); /* for its newline alone */
	OK(json_parse(&j, line, len, E));
	assert_int_equal(json_kind(j), JSON_OBJECT);
	for (size_t i = 0; i < json_count(j); i++)
		assert_int_equal(json_kind(json_at(j, json_key(j, i))), JSON_TEXT);
	return j;
}

static void
writes_an_object(void **state)
{
	CLEANUP(json_freep) struct json *j = NULL;

	(void)state;
	log_open("test", LOG_LEVEL_INFO);
	log_bind(LOG_REQUEST, "r-1");
	log_bind(LOG_STEP, "release");
	log_bind(LOG_STEP, NULL);
	j = read_line(line_of("hello"));
	assert_string_equal(json_text(json_at(j, "level")), "warn");
	assert_string_equal(json_text(json_at(j, "program")), "test");
	assert_string_equal(json_text(json_at(j, "request_id")), "r-1");
	assert_string_equal(json_text(json_at(j, "message")), "hello");
	assert_null(json_at(j, "step"));
	assert_null(json_at(j, "store"));
	log_bind(LOG_REQUEST, NULL);
}

static void
cannot_be_forged(void **state)
{
	static const struct {
		const char *message, *want;
	} cases[] = {
		{"a\n{\"level\":\"error\"}", "a {\"level\":\"error\"}"},
		{"\",\"level\":\"error", "\",\"level\":\"error"},
		{"back\\slash\\", "back\\slash\\"},
		{"esc\x1b[2J\x7f\r", "esc [2J  "},
		{"c1 \xc2\x9b and \xff\xfe", "c1    and ??"},
		{"caf\u00e9 \U0001f389", "caf\u00e9 \U0001f389"},
		{"%s%n", "%s%n"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(json_freep) struct json *j = read_line(line_of(cases[i].message));

		assert_string_equal(json_text(json_at(j, "level")), "warn");
		assert_string_equal(json_text(json_at(j, "message")), cases[i].want);
	}
}

static void
binds_foreign_text(void **state)
{
	CLEANUP(json_freep) struct json *j = NULL;
	char value[200];

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	value[0] = '\n';
	value[1] = '"';
	memcpy(value + 62, "\u00e9", 2); /* the cut goes through it */
	log_bind(LOG_STORE, value);
	j = read_line(line_of("m"));
	assert_int_equal(strlen(json_text(json_at(j, "store"))), 63);
	log_bind(LOG_STORE, NULL);
}

static void
cuts_long_lines(void **state)
{
	static const char *const units[] = {"x", "\"", "\n", "\u00e9", "\u65e5", "\U0001f389"};
	char message[9000];

	(void)state;
	for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
		for (size_t shift = 0; shift < 4; shift++) {
			size_t n = strlen(units[u]), at = shift;

			memset(message, '-', shift);
			for (; at + n < sizeof(message); at += n)
				memcpy(message + at, units[u], n);
			message[at] = '\0';
			json_free(read_line(line_of(message)));
		}
	}
	/* The quotes double the line, so that it is full within the characters that follow. */
	for (size_t quotes = 1900; quotes < 2047; quotes++) {
		memset(message, '"', quotes);
		for (size_t at = quotes; at + 5 < 2100; at += 4)
			memcpy(message + at, "\U0001f389", 5);
		json_free(read_line(line_of(message)));
	}
}

static void
keeps_to_its_level(void **state)
{
	(void)state;
	log_open("test", LOG_LEVEL_ERROR);
	assert_string_equal(line_of("quiet"), "");
	log_open("test", LOG_LEVEL_WARN);
	assert_string_not_equal(line_of("loud"), "");
}

int
main(void)
{
	const struct CMUnitTest log[] = {
		cmocka_unit_test(writes_an_object),   cmocka_unit_test(cannot_be_forged),
		cmocka_unit_test(binds_foreign_text), cmocka_unit_test(cuts_long_lines),
		cmocka_unit_test(keeps_to_its_level),
	};

	return TOOL_RUN(log);
}
