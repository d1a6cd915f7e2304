/* test_validate.c: the body of POST /api/stores, good and bad. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "api/fields.h"

#define TEN "abcdefghij"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define NAMED(rest) "{\"name\":\"Shop\"," rest "}"

/* Reads a text as a body: 0 or -1 as fields_read(), with the faults as "field: message\n...". */
static int
read_body(const char *text, struct fields *ret, char *faults, size_t size)
{
	struct json *body = NULL, *details = json_new_array();
	size_t used = 0;
	int r = json_parse(&body, text, strlen(text), E);

	faults[0] = '\0';
	if (r == 0)
		r = fields_read(body, ret, details, E);
	for (size_t i = 0; i < json_count(details) && used < size; i++) {
		struct json *row = json_item(details, i);

		used += (size_t)snprintf(faults + used, size - used, "%s: %s\n",
					 json_text(json_at(row, "field")),
					 json_text(json_at(row, "message")));
	}
	json_free(details);
	json_free(body);
	return r;
}

static void
takes_defaults(void **state)
{
	struct fields f;
	char faults[2048];

	(void)state;
	OK(read_body("{\"name\":\"My Shop\"}", &f, faults, sizeof(faults)));
	assert_string_equal(faults, "");
	assert_string_equal(f.name, "My Shop");
	assert_string_equal(f.slug, "my-shop");
	assert_string_equal(f.type, "woocommerce");
	assert_string_equal(f.plan, "small");
	assert_string_equal(f.admin_user, "admin");
	assert_string_equal(f.admin_password, "");
}

static void
takes_everything(void **state)
{
	struct fields f;
	char faults[2048];

	(void)state;
	OK(read_body(
		"{\"name\":\" Caf\u00e9 \",\"type\":\"woocommerce\",\"engine\":\"woocommerce\","
		"\"plan\":\"large\",\"adminUser\":\"Joe_1-x\","
		"\"adminPassword\":\"q\\\"u',o\\\\te $(id) `x`\"}",
		&f, faults, sizeof(faults)));
	assert_string_equal(f.name, "Caf\u00e9");
	assert_string_equal(f.slug, "cafe");
	assert_string_equal(f.plan, "large");
	assert_string_equal(f.admin_user, "Joe_1-x");
	assert_string_equal(f.admin_password, "q\"u',o\\te $(id) `x`");
}

static void
takes_bodies(void **state)
{
	static const char *const good[] = {
		"{\"name\":\"ab\"}",
		"{\"name\":\"" SIXTY "\"}",
		"{\"name\":\"a\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\"}",
		"{\"name\":\"kube-system\"}",
		"{\"name\":\"default\"}",
		"{\"name\":\"-lead\"}",
		"{\"name\":\"123\"}",
		"{\"name\":\"2nd Hand\"}",
		"{\"name\":\"a\U0001f389b\"}",
		NAMED("\"type\":\"woocommerce\""),
		NAMED("\"engine\":\"woocommerce\""),
		NAMED("\"plan\":\"medium\""),
		NAMED("\"adminUser\":\"abc\""),
		NAMED("\"adminUser\":\"" TEN TEN TEN "\""),
		NAMED("\"adminPassword\":null"),
		NAMED("\"adminPassword\":\"123456\""),
		NAMED("\"adminPassword\":\"" SIXTY "1234\""),
		NAMED("\"adminPassword\":\"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\""),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct fields f;
		char faults[2048];

		if (read_body(good[i], &f, faults, sizeof(faults)) < 0)
			fail_msg("%s: %s: %s", good[i], tool_err.text, faults);
		assert_string_equal(faults, "");
	}
}

/* Bodies, and a part of what has to be said about each. */
static const struct {
	const char *body, *fault;
} faulty[] = {
	{"{}", "name: is required"},
	{"{\"Name\":\"Shop\"}", "Name: is not a known field"},
	{"{\"name\":null}", "name: must be text"},
	{"{\"name\":5}", "name: must be text"},
	{"{\"name\":[\"Shop\"]}", "name: must be text"},
	{"{\"name\":{\"a\":1}}", "name: must be text"},
	{"{\"name\":\"\"}", "name: must have 2 to 60"},
	{"{\"name\":\"a\"}", "name: must have 2 to 60"},
	{"{\"name\":\" a \"}", "name: must have 2 to 60"},
	{"{\"name\":\"    \"}", "name: must have 2 to 60"},
	{"{\"name\":\"" SIXTY "k\"}", "name: must have 2 to 60"},
	{"{\"name\":\"" SIXTY SIXTY SIXTY SIXTY SIXTY "\"}", "name: must have 2 to 60"},
	{"{\"name\":\"!!!\"}", "name: must have at least 2 letters"},
	{"{\"name\":\"a!!\"}", "name: must have at least 2 letters"},
	{"{\"name\":\"\U0001f389\U0001f38a\"}", "name: must have at least 2 letters"},
	{"{\"name\":\"\u65e5\u672c\u8a9e\"}", "name: must have at least 2 letters"},
	{"{\"name\":\"a\\nb c\"}", "name: must not have line breaks"},
	{"{\"name\":\"a\\u007fbc\"}", "name: must not have line breaks"},
	{"{\"name\":\"API\"}", "name: gives the address name \"api\", which is reserved"},
	{"{\"name\":\"- www -\"}", "which is reserved"},
	{NAMED("\"type\":null"), "type: must be text"},
	{NAMED("\"type\":\"Woocommerce\""), "type: must be \"woocommerce\""},
	{NAMED("\"engine\":\"\""), "engine: must be \"woocommerce\""},
	{NAMED("\"type\":\"woocommerce\",\"engine\":\"medusa\""), "engine: must be the same"},
	{NAMED("\"plan\":\"huge\""), "plan: must be \"small\""},
	{NAMED("\"plan\":true"), "plan: must be text"},
	{NAMED("\"adminUser\":\"ab\""), "adminUser: must have 3 to 30"},
	{NAMED("\"adminUser\":\"" TEN TEN TEN "k\""), "adminUser: must have 3 to 30"},
	{NAMED("\"adminUser\":\"a b c\""), "adminUser: must have 3 to 30"},
	{NAMED("\"adminUser\":\"caf\u00e9\""), "adminUser: must have 3 to 30"},
	{NAMED("\"adminUser\":\"abc\\n\""), "adminUser: must have 3 to 30"},
	{NAMED("\"adminPassword\":\"12345\""), "adminPassword: must have 6 to 64"},
	{NAMED("\"adminPassword\":\"\""), "adminPassword: must have 6 to 64"},
	{NAMED("\"adminPassword\":\"" SIXTY "12345\""), "adminPassword: must have 6 to 64"},
	{NAMED("\"adminPassword\":\"secret\\n1\""), "adminPassword: must not have line"},
	{NAMED("\"adminPassword\":\" secret\""), "adminPassword: must not begin or end"},
	{NAMED("\"adminPassword\":\"      \""), "adminPassword: must not begin or end"},
	{NAMED("\"adminPassword\":123456"), "adminPassword: must be text"},
	{NAMED("\"extra\":1"), "extra: is not a known field"},
	{NAMED("\"\":1"), ": is not a known field"},
};

static void
refuses_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faulty); i++) {
		struct fields f;
		char faults[2048];

		if (read_body(faulty[i].body, &f, faults, sizeof(faults)) == 0)
			fail_msg("%s is taken", faulty[i].body);
		if (tool_err.code != ERR_VALIDATION)
			fail_msg("%s: %s", faulty[i].body, tool_err.text);
		if (!strstr(faults, faulty[i].fault))
			fail_msg("%s: %s", faulty[i].body, faults);
	}
}

static void
reports_every_fault(void **state)
{
	struct fields f;
	char faults[2048];

	(void)state;
	REFUSED(read_body("{\"name\":\"a\",\"plan\":\"x\",\"adminUser\":\"a\",\"adminPassword\":"
			  "\"b\","
			  "\"type\":\"x\",\"more\":0}",
			  &f, faults, sizeof(faults)),
		ERR_VALIDATION);
	assert_contains(faults, "name: ");
	assert_contains(faults, "plan: ");
	assert_contains(faults, "adminUser: ");
	assert_contains(faults, "adminPassword: ");
	assert_contains(faults, "type: ");
	assert_contains(faults, "more: ");
	/* No fault repeats what was given as the password. */
	REFUSED(read_body(NAMED("\"adminPassword\":\"hunter2\\n\""), &f, faults, sizeof(faults)),
		ERR_VALIDATION);
	assert_null(strstr(faults, "hunter2"));
}

static void
bounds_what_it_reports(void **state)
{
	char body[8192] = "{\"name\":\"Shop\"", faults[16384];
	struct fields f;
	size_t n = strlen(body);
	int lines = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, ",\"k%d" SIXTY "\u00e9\":1", i);
	snprintf(body + n, sizeof(body) - n, "}");
	REFUSED(read_body(body, &f, faults, sizeof(faults)), ERR_VALIDATION);
	for (const char *p = faults; (p = strchr(p, '\n')); p++)
		lines++;
	assert_in_range(lines, 1, 32);
	assert_null(strstr(faults, "\u00e9")); /* a key that was cut is still UTF-8 */
}

static void
tells_other_refusals_apart(void **state)
{
	struct fields f;
	char faults[2048];

	(void)state;
	REFUSED(read_body(NAMED("\"type\":\"medusa\""), &f, faults, sizeof(faults)),
		ERR_ENGINE_UNAVAILABLE);
	REFUSED(read_body(NAMED("\"engine\":\"medusa\",\"type\":\"medusa\""), &f, faults,
			  sizeof(faults)),
		ERR_ENGINE_UNAVAILABLE);
	REFUSED(read_body("{\"type\":\"medusa\"}", &f, faults, sizeof(faults)), ERR_VALIDATION);
	REFUSED(read_body("[]", &f, faults, sizeof(faults)), ERR_BAD_REQUEST);
	REFUSED(read_body("null", &f, faults, sizeof(faults)), ERR_BAD_REQUEST);
	REFUSED(read_body("\"Shop\"", &f, faults, sizeof(faults)), ERR_BAD_REQUEST);
	REFUSED(read_body("{\"name\":\"Shop\",\"name\":\"Shop\"}", &f, faults, sizeof(faults)),
		ERR_BAD_JSON);
	REFUSED(read_body("{\"name\":\"a\\u0000b\"}", &f, faults, sizeof(faults)), ERR_BAD_JSON);
	REFUSED(read_body("", &f, faults, sizeof(faults)), ERR_BAD_JSON);
}

int
main(void)
{
	const struct CMUnitTest validate[] = {
		cmocka_unit_test(takes_defaults),
		cmocka_unit_test(takes_everything),
		cmocka_unit_test(takes_bodies),
		cmocka_unit_test(refuses_fields),
		cmocka_unit_test(reports_every_fault),
		cmocka_unit_test(bounds_what_it_reports),
		cmocka_unit_test(tells_other_refusals_apart),
	};

	return TOOL_RUN(validate);
}
