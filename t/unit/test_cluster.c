/*
 * test_cluster.c: the pure parts of cluster/: what the chart is told, what a
 * digest covers, which helm may be used, when a workload is ready.
 */
#include "tool.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/chart.h"
#include "cluster/helm.h"
#include "cluster/release.h"
#include "cluster/workload.h"
#include "io/json.h"

static struct json *
parse(const char *text)
{
	struct json *j = NULL;

	OK(json_parse(&j, text, strlen(text), E));
	return j;
}

static void
test_values_carry_any_title(void **state)
{
	static const char *const titles[] = {
		"a,b={c},d[0]=e", "say \"hi\"", "$(reboot) `reboot`", "back\\slash", "line\nbreak",
		"\xf0\x9f\x9b\x92 \xf0\x9f\x9b\x8d", "--set=x", "{{ .Values }}", "123456", "true"};
	struct names names;

	(void)state;
	names_of(&names, "2024", "example.org", 443, true);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		struct chart_store store = {&names, TOOL_ID_A, titles[i], "small", 443, true, NULL};
		struct buf text = BUF_INIT;
		struct json *values;

		chart_values(&store, &text);
		values = parse(buf_text(&text));
		assert_string_equal(json_text(json_at(values, "storeTitle")), titles[i]);
		assert_string_equal(json_text(json_at(values, "storeName")), "2024");
		assert_string_equal(json_text(json_at(values, "storeDomain")), "2024.example.org");
		assert_true(json_true(json_at(values, "ingress", "tls", "enabled")));
		assert_int_equal(json_kind(json_at(values, "wcInit", "hook")), JSON_BOOL);
		assert_false(json_true(json_at(values, "wcInit", "hook")));
		json_free(values);
		buf_free(&text);
	}
}

static void
test_values_carry_what_is_kept(void **state)
{
	static const struct chart_kept kept = {
		.claims = {{"10Gi", "local-path"}, {"2147483648", ""}}, .user = 1001};
	static const char *const bad[] = {
		"{}", "[]", "{\"mariadb\":{\"storage\":\"2Gi\",\"runAsUser\":1}}",
		"{\"mariadb\":{\"storage\":\"2Gi\",\"runAsUser\":1},\"wordpress\":{\"storage\":\"2 Gi\"}}",
		"{\"mariadb\":{\"storage\":\"2Gi\",\"runAsUser\":0},\"wordpress\":{\"storage\":\"2Gi\"}}",
		"{\"mariadb\":{\"storage\":\"2Gi\",\"runAsUser\":1},\"wordpress\":{\"storage\":\"\"}}",
		"{\"mariadb\":{\"storage\":\"Gi\",\"runAsUser\":1},\"wordpress\":{\"storage\":\"2Gi\"}}",
		"{\"mariadb\":{\"storage\":\"2Gi\",\"runAsUser\":1,\"storageClass\":\"a b\"},"
		"\"wordpress\":{\"storage\":\"2Gi\"}}",
	};
	struct chart_kept back;
	struct names names;
	struct chart_store store = {.names = &names, .id = TOOL_ID_A, .title = "x", .plan = "small",
				    .kept = &kept};
	struct buf text = BUF_INIT;
	struct json *values;

	(void)state;
	names_of(&names, "shop", "example.org", 80, false);
	chart_values(&store, &text);
	values = parse(buf_text(&text));
	assert_string_equal(json_text(json_at(values, "mariadb", "storage")), "10Gi");
	assert_string_equal(json_text(json_at(values, "mariadb", "storageClass")), "local-path");
	assert_int_equal(json_int(json_at(values, "mariadb", "runAsUser")), 1001);
	assert_null(json_at(values, "wordpress", "storageClass"));
	assert_true(chart_read_kept(values, &back));
	assert_memory_equal(&back, &kept, sizeof(kept));
	json_free(values);
	buf_free(&text);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		values = parse(bad[i]);
		if (chart_read_kept(values, &back))
			fail_msg("%s passed", bad[i]);
		json_free(values);
	}
}

static void
digest(const char *values_file, const char *values, char ret[SEAL_DIGEST])
{
	OK(chart_digest(tool_path("chart"), values_file, values, ret, E));
}

static void
test_digest_covers_everything(void **state)
{
	char first[SEAL_DIGEST], again[SEAL_DIGEST];

	(void)state;
	mkdir(tool_path("chart"), 0755);
	mkdir(tool_path("chart/templates"), 0755);
	tool_write(tool_path("chart/Chart.yaml"), "one");
	tool_write(tool_path("chart/templates/a.yaml"), "two");
	tool_write(tool_path("values"), "three");
	digest(tool_path("values"), "{}", first);
	digest(tool_path("values"), "{}", again);
	assert_string_equal(first, again);
	digest(tool_path("values"), "{ }", again);
	assert_string_not_equal(first, again);
	digest("", "{}", again);
	assert_string_not_equal(first, again);
	tool_write(tool_path("chart/templates/a.yaml"), "twp");
	digest(tool_path("values"), "{}", again);
	assert_string_not_equal(first, again);
	tool_write(tool_path("chart/templates/a.yaml"), "two");
	digest(tool_path("values"), "{}", again);
	assert_string_equal(first, again);
	tool_write(tool_path("chart/templates/b.yaml"), "");
	digest(tool_path("values"), "{}", again);
	assert_string_not_equal(first, again);
	REFUSED(chart_digest(tool_path("nowhere"), "", "{}", again, E), ERR_HELM_UNUSABLE);
	REFUSED(chart_digest(tool_path("chart"), tool_path("nothing"), "{}", again, E),
		ERR_HELM_UNUSABLE);
}

/* A chart of endless depth is refused, not followed, and leaves no descriptor open. */
static void
test_digest_is_bounded(void **state)
{
	char text[SEAL_DIGEST] = "untouched";
	int before = tool_descriptors();

	(void)state;
	OK(mkdir(tool_path("loop"), 0700));
	OK(symlink(".", tool_path("loop/self")));
	REFUSED(chart_digest(tool_path("loop"), "", "{}", text, E), ERR_HELM_UNUSABLE);
	assert_string_equal(text, "untouched");
	assert_int_equal(tool_descriptors(), before);
}

static void
test_versions(void **state)
{
	static const char *const good[] = {"v3.21.0", "v3.22.0", "v3.99.1", "v4.2.0", "v4.2.2",
					   "v4.3.1", "v4.10.0"};
	static const char *const bad[] = {"",	    "v2.17.0", "v3.20.9", "v4.0.0", "v4.1.5",
					  "v4.2.1", "v5.0.0",  "3.22.0",  "v3.22",  "latest"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (helm_refuse_version(good[i]))
			fail_msg("%s: %s", good[i], helm_refuse_version(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!helm_refuse_version(bad[i]))
			fail_msg("%s is accepted", bad[i]);
}

static void
test_workloads(void **state)
{
	static const struct {
		const char *object;
		enum workload_state want;
	} cases[] = {
		{"{\"kind\":\"StatefulSet\",\"metadata\":{\"generation\":2},\"spec\":{\"replicas\":1},"
		 "\"status\":{\"observedGeneration\":2,\"replicas\":1,\"readyReplicas\":1,"
		 "\"updatedReplicas\":1}}",
		 WORKLOAD_READY},
		{"{\"kind\":\"StatefulSet\",\"metadata\":{\"generation\":3},\"spec\":{\"replicas\":1},"
		 "\"status\":{\"observedGeneration\":2,\"replicas\":1,\"readyReplicas\":1,"
		 "\"updatedReplicas\":1}}",
		 WORKLOAD_WAITING},
		{"{\"kind\":\"StatefulSet\",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1},"
		 "\"status\":{\"observedGeneration\":1,\"replicas\":1,\"readyReplicas\":1}}",
		 WORKLOAD_WAITING},
		{"{\"kind\":\"Deployment\",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1},"
		 "\"status\":{\"observedGeneration\":1,\"replicas\":1,\"availableReplicas\":1,"
		 "\"updatedReplicas\":1}}",
		 WORKLOAD_READY},
		{"{\"kind\":\"Deployment\",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":1},"
		 "\"status\":{\"observedGeneration\":1,\"replicas\":2,\"availableReplicas\":1,"
		 "\"updatedReplicas\":1}}",
		 WORKLOAD_WAITING},
		{"{\"kind\":\"Job\",\"status\":{\"conditions\":[{\"type\":\"Complete\",\"status\":"
		 "\"True\"}]}}",
		 WORKLOAD_READY},
		{"{\"kind\":\"Job\",\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":"
		 "\"True\"}]}}",
		 WORKLOAD_FAILED},
		{"{\"kind\":\"Job\",\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":"
		 "\"False\"}]}}",
		 WORKLOAD_WAITING},
		{"{\"kind\":\"Job\",\"status\":{}}", WORKLOAD_WAITING},
		{"{\"kind\":\"Pod\"}", WORKLOAD_WAITING},
		{"{\"kind\":\"Deployment\"}", WORKLOAD_WAITING},
		/* Scaled to nothing is not a shop that works. */
		{"{\"kind\":\"Deployment\",\"metadata\":{\"generation\":1},\"spec\":{\"replicas\":0},"
		 "\"status\":{\"observedGeneration\":1}}",
		 WORKLOAD_WAITING},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *object = parse(cases[i].object);

		if (workload_state(object) != cases[i].want)
			fail_msg("%s", cases[i].object);
		json_free(object);
	}
	assert_int_equal(workload_state(NULL), WORKLOAD_WAITING);
}

int
main(void)
{
	const struct CMUnitTest cluster[] = {
		cmocka_unit_test(test_values_carry_any_title),
		cmocka_unit_test(test_values_carry_what_is_kept),
		cmocka_unit_test(test_digest_covers_everything),
		cmocka_unit_test(test_digest_is_bounded),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_workloads),
	};

	return TOOL_RUN(cluster);
}
