/* test_conf.c: where a value comes from, and what is said about a bad one. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/conf.h"

static const char *const names[] = {
	"DATABASE_PATH", "PROVISIONER_DIR", "API_DIR", "WAKE_SOCKET", "LOG_LEVEL", "AUTH", "BASE_DOMAIN",
	"STORE_PORT", "MAX_STORES", "MAX_STORES_PER_USER", "MAX_QUEUED_PROVISIONS", "MAX_CONCURRENT_PROVISIONS",
	"MAX_CONCURRENT_DELETIONS", "HELM", "HELM_CHART_PATH", "HELM_VALUES_FILE", "HELM_TIMEOUT",
	"KUBECONFIG", "PROVISION_TIMEOUT", "PROVISION_ATTEMPTS", "RECONCILE_SECONDS",
	"STOREFRONT_CHECK", "STOREFRONT_ADDRESS", "STOREFRONT_CA", "STORE_HTTPS",
};

static int
clear_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	return 0;
}

static const char *
file_of(const char *text)
{
	const char *path = tool_path("conf");

	tool_write(path, text);
	return path;
}

static void
takes_defaults(void **state)
{
	struct conf c;

	(void)state;
	OK(conf_load(&c, file_of(""), E));
	assert_int_equal(c.store_port, 443);
	assert_int_equal(c.max_stores, 10);
	assert_int_equal(c.max_concurrent_provisions, 3);
	assert_string_equal(c.auth, "on");
	assert_string_equal(c.kubeconfig, "");
	assert_string_equal(c.base_domain, "127-0-0-1.nip.io");
	assert_true(conf_https(&c));
	assert_int_equal(conf_log_level(&c), LOG_LEVEL_INFO);
}

static void
prefers_environment_to_file(void **state)
{
	struct conf c;

	(void)state;
	setenv("MAX_STORES", "77", 1);
	setenv("KUBECONFIG", "", 1); /* set to nothing is a value too */
	OK(conf_load(&c, file_of("MAX_STORES=5\nAUTH=off\nKUBECONFIG=/k\n"), E));
	assert_int_equal(c.max_stores, 77);
	assert_string_equal(c.auth, "off");
	assert_string_equal(c.kubeconfig, "");
}

static void
reads_the_format(void **state)
{
	struct conf c;

	(void)state;
	OK(conf_load(&c,
		     file_of("# a comment\n\n  # another\n\tMAX_STORES = 5 \t\n"
			     "HELM=\"/opt/a b/helm\"\r\nDATABASE_PATH = \"/x\"\n"
			     "LOG_LEVEL=debug\nSTOREFRONT_ADDRESS=127.0.0.1:8080\n"
			     "HELM_VALUES_FILE=/v=1\nSTORE_PORT=8081"),
		     E));
	assert_int_equal(c.max_stores, 5);
	assert_string_equal(c.helm, "/opt/a b/helm");
	assert_string_equal(c.database_path, "/x");
	assert_int_equal(conf_log_level(&c), LOG_LEVEL_DEBUG);
	assert_string_equal(c.storefront_address, "127.0.0.1:8080");
	assert_string_equal(c.helm_values_file, "/v=1");
	assert_int_equal(c.store_port, 8081); /* without a newline at the end */
	assert_false(conf_https(&c));
	setenv("STORE_HTTPS", "on", 1);
	OK(conf_load(&c, file_of("STORE_PORT=8081"), E));
	assert_true(conf_https(&c));
	setenv("STORE_HTTPS", "off", 1);
	OK(conf_load(&c, file_of("STORE_PORT=443"), E));
	assert_false(conf_https(&c));
}

static void
judges_every_type(void **state)
{
	static const struct {
		const char *name, *value;
		bool good;
	} cases[] = {
		{"DATABASE_PATH", "relative", false},
		{"DATABASE_PATH", "", false},
		{"KUBECONFIG", "", true},
		{"KUBECONFIG", "relative", false},
		{"BASE_DOMAIN", "Example.org", false},
		{"BASE_DOMAIN", "", false},
		{"AUTH", "on", true},
		{"AUTH", "", false},
		{"AUTH", "o", false},
		{"AUTH", "n", false},
		{"AUTH", "on off", false},
		{"AUTH", "ON", false},
		{"LOG_LEVEL", "warn", true},
		{"LOG_LEVEL", "warning", false},
		{"LOG_LEVEL", "arn", false},
		{"STORE_PORT", "1", true},
		{"STORE_PORT", "65535", true},
		{"STORE_PORT", "0", false},
		{"STORE_PORT", "65536", false},
		{"STORE_PORT", "80x", false},
		{"STORE_PORT", "", false},
		{"MAX_STORES", "99999999999999999999", false},
		{"STOREFRONT_ADDRESS", "", true},
		{"STOREFRONT_ADDRESS", "[::1]:443", true},
		{"STOREFRONT_ADDRESS", "host:0", false},
		{"STOREFRONT_ADDRESS", ":80", false},
		{"STOREFRONT_ADDRESS", "host", false},
	};
	struct conf c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		setenv(cases[i].name, cases[i].value, 1);
		if ((conf_load(&c, file_of(""), E) == 0) != cases[i].good)
			fail_msg("%s=%s: %s", cases[i].name, cases[i].value, tool_err.text);
		if (!cases[i].good)
			assert_contains(tool_err.text, cases[i].name);
		unsetenv(cases[i].name);
	}
}

static void
tells_every_fault(void **state)
{
	struct conf c;

	(void)state;
	setenv("AUTH", "maybe", 1);
	REFUSED(conf_load(&c, file_of("MAX_STORES=0\nNO_SUCH=1\nHELM\nmax_stores=1\n"), E),
		ERR_CONFIG);
	assert_contains(tool_err.text, "MAX_STORES (");
	assert_contains(tool_err.text, "line 1) is not a number in range.\n");
	assert_contains(tool_err.text, "\nNO_SUCH (");
	assert_contains(tool_err.text, "line 2) is no known key.\n");
	assert_contains(tool_err.text, "line 3");
	assert_contains(tool_err.text, "line 4");
	assert_contains(tool_err.text, "AUTH (environment)");
}

static void
stands_a_hostile_file(void **state)
{
	char text[20000];
	struct conf c;

	(void)state;
	memset(text, 'K', sizeof(text));
	for (size_t i = 100; i < sizeof(text); i += 100)
		text[i] = '\n';
	text[sizeof(text) - 1] = '\0';
	REFUSED(conf_load(&c, file_of(text), E), ERR_CONFIG);
	assert_true(strlen(tool_err.text) < ERR_TEXT_MAX);
	memset(text, 'v', sizeof(text) - 1);
	memcpy(text, "HELM=/", 6);
	REFUSED(conf_load(&c, file_of(text), E), ERR_CONFIG); /* longer than a line may be */
	text[2000] = '\0';
	REFUSED(conf_load(&c, file_of(text), E), ERR_CONFIG);
	assert_contains(tool_err.text, "is too long");
}

static void
needs_a_named_file(void **state)
{
	struct conf c;

	(void)state;
	REFUSED(conf_load(&c, tool_path("missing"), E), ERR_SYSTEM);
	assert_contains(tool_err.text, "No such file");
}

/* The example says what is true anyway, and is accepted with its '#' taken away. */
static void
example_parses_back(void **state)
{
	char *text = NULL, *at;
	size_t len = 0;
	struct conf plain, c;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	conf_example(out);
	fclose(out);
	OK(conf_load(&plain, file_of(""), E));
	OK(conf_load(&c, file_of(text), E));
	assert_memory_equal(&c, &plain, sizeof(c));
	for (at = text; (at = strstr(at, "\n#")) != NULL; at++)
		at[1] = at[2] == ' ' ? '#' : ' ';
	OK(conf_load(&c, file_of(text), E));
	assert_memory_equal(&c, &plain, sizeof(c));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_contains(text, names[i]);
	free(text);
}

static void
describes_every_key(void **state)
{
	char *text = NULL;
	size_t len = 0, lines = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	conf_describe(out);
	fclose(out);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 2 * ARRAY_SIZE(names));
	free(text);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, clear_environment, clear_environment)
	const struct CMUnitTest conf[] = {
		CASE(takes_defaults),	     CASE(prefers_environment_to_file),
		CASE(reads_the_format),	     CASE(judges_every_type),
		CASE(tells_every_fault),     CASE(stands_a_hostile_file),
		CASE(needs_a_named_file),    CASE(example_parses_back),
		CASE(describes_every_key),
	};

	return TOOL_RUN(conf);
}
