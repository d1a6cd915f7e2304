/* test_names.c: what follows from a slug, also at its longest. */
#include "tool.h"

#include <string.h>

#include "base/names.h"

static void
follows_from_the_slug(void **state)
{
	struct names n;

	(void)state;
	names_of(&n, "my-shop", "example.org", 443, true);
	assert_string_equal(n.slug, "my-shop");
	assert_string_equal(n.namespace, "store-my-shop");
	assert_string_equal(n.release, "wc-my-shop");
	assert_string_equal(n.host, "my-shop.example.org");
	assert_string_equal(n.url, "https://my-shop.example.org");
	assert_string_equal(n.admin_url, "https://my-shop.example.org/wp-admin/");
	assert_string_equal(n.db_secret, "my-shop-db-secret");
	assert_string_equal(n.wp_secret, "my-shop-wp-secret");
	assert_string_equal(n.mariadb, "my-shop-mariadb");
	assert_string_equal(n.wordpress, "my-shop-wordpress");
	assert_string_equal(n.init_job, "my-shop-wc-init");
}

static void
names_the_port(void **state)
{
	static const struct {
		int port;
		bool https;
		const char *url;
	} cases[] = {
		{443, true, "https://ab.x.org"}, {8443, true, "https://ab.x.org:8443"},
		{80, false, "http://ab.x.org"},	 {443, false, "http://ab.x.org:443"},
		{80, true, "https://ab.x.org:80"}, {65535, false, "http://ab.x.org:65535"},
	};
	struct names n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		names_of(&n, "ab", "x.org", cases[i].port, cases[i].https);
		assert_string_equal(n.url, cases[i].url);
	}
}

/* As the chart does it (t/300-chart.t). */
static void
cuts_the_database(void **state)
{
	struct names n;

	(void)state;
	names_of(&n, "2-shop-with-a-name-as-long-as-can-be-for-its", "x.org", 80, false);
	assert_string_equal(n.mariadb, "2-shop-with-a-name-as-long-as-can-be-for-its-mariadb");
	assert_int_equal(strlen(n.mariadb), 52);
	names_of(&n, "2-shop-with-a-name-as-long-as-can-be-for-itself-ok", "x.org", 80, false);
	assert_string_equal(n.mariadb, "2-shop-with-a-name-as-long-as-can-be-for-its-mariadb");
	names_of(&n, "2-shop-with-a-name-as-long-as-can-be-for-my-friend", "x.org", 80, false);
	assert_string_equal(n.mariadb, "2-shop-with-a-name-as-long-as-can-be-for-my-mariadb");
}

/* The longest slug and the longest domain that pass their checks are not cut. */
static void
holds_the_longest(void **state)
{
	char slug[VALID_SLUG_BYTES], domain[VALID_HOST_MAX];
	size_t len = VALID_HOST_MAX - VALID_SLUG_MAX - 1;
	struct names n;

	(void)state;
	memset(slug, 'a', VALID_SLUG_MAX);
	slug[VALID_SLUG_MAX] = '\0';
	memset(domain, 'b', len);
	domain[len] = '\0';
	for (size_t i = 50; i < len - 1; i += 50)
		domain[i] = '.';
	assert_true(valid_slug(slug));
	assert_true(valid_domain(domain));
	names_of(&n, slug, domain, 65535, false);
	assert_int_equal(strlen(n.host), VALID_HOST_MAX);
	assert_memory_equal(n.host + VALID_SLUG_MAX + 1, domain, len + 1);
	assert_int_equal(strlen(n.release), 53); /* Helm's limit */
	assert_true(strlen(n.namespace) <= 63);
	assert_true(strlen(n.wp_secret) <= 63);
	assert_true(strlen(n.init_job) + strlen("-9999") <= 63);
	assert_string_equal(n.admin_url + strlen(n.admin_url) - 16, ":65535/wp-admin/");
}

int
main(void)
{
	const struct CMUnitTest names[] = {
		cmocka_unit_test(follows_from_the_slug),
		cmocka_unit_test(names_the_port),
		cmocka_unit_test(cuts_the_database),
		cmocka_unit_test(holds_the_longest),
	};

	return TOOL_RUN(names);
}
