/* test_quota.c: quantities as Kubernetes writes them, and what a quota says of a shop. */
#include "tool.h"

#include <string.h>

#include "cluster/quota.h"

static void
quantities(void **state)
{
	static const struct {
		const char *text;
		int64_t thousandths;
	} cases[] = {
		{"0", 0},
		{"6", 6000},
		{"2", 2000},
		{"500m", 500},
		{"1.5", 1500},
		{".5", 500},
		{"0.0001", 1},
		{"1e3", 1000000},
		{"1E3", 1000000},
		{"100k", 100000000},
		{"128M", 128000000000},
		{"1Ki", 1024000},
		{"1536Mi", 1536LL * 1048576 * 1000},
		{"3Gi", 3LL * 1073741824 * 1000},
		{"2Ti", 2LL * 1099511627776 * 1000},
		{"", -1},
		{"Mi", -1},
		{"-1", -1},
		{" 1", -1},
		{"1 ", -1},
		{"1mi", -1},
		{"1K", -1},
		{"inf", -1},
		{"nan", -1},
		{"0x10", -1},
		{"1.2.3", -1},
		{"9999999999Ti", -1},
		{"1e400", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (quota_thousandths(cases[i].text) != cases[i].thousandths)
			fail_msg("\"%s\": %lld", cases[i].text,
				 (long long)quota_thousandths(cases[i].text));
}

static void
said(const char *object, const char *wanted)
{
	CLEANUP(json_freep) struct json *j = NULL;
	char text[QUOTA_TEXT] = "x";

	OK(json_parse(&j, object, strlen(object), E));
	quota_text(j, text);
	assert_string_equal(text, wanted);
}

static void
a_quota(void **state)
{
	(void)state;
	said("{\"status\": {\"hard\": {\"pods\": \"6\", \"limits.memory\": \"3Gi\", \"limits.cpu\": \"2\"},"
	     "\"used\": {\"pods\": \"2\", \"limits.memory\": \"1536Mi\", \"limits.cpu\": \"750m\"}}}",
	     "{\"pods\":{\"used\":2,\"limit\":6},"
	     "\"memory_bytes\":{\"used\":1610612736,\"limit\":3221225472},"
	     "\"cpu_millicores\":{\"used\":750,\"limit\":2000}}");
	/* As it is when nobody has counted yet, or states other limits. */
	said("{\"status\": {}}", "");
	said("{\"status\": {\"hard\": {\"pods\": \"6\"}, \"used\": {\"pods\": \"2\"}}}", "");
	said("{\"status\": {\"hard\": {\"pods\": 6}}}", "");
}

int
main(void)
{
	const struct CMUnitTest quota[] = {
		cmocka_unit_test(quantities),
		cmocka_unit_test(a_quota),
	};

	return TOOL_RUN(quota);
}
