/* test_kubeconfig.c: where the cluster is and who we are there. */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cluster/kubeconfig.h"

#define HEAD                                                                                       \
	"apiVersion: v1\nkind: Config\ncurrent-context: here\n"                                    \
	"contexts:\n- name: there\n  context: {cluster: x, user: x}\n"                             \
	"- name: here\n  context:\n    cluster: c\n    user: u\n"
#define CLUSTER "clusters:\n- name: c\n  cluster:\n    server: https://127.0.0.1:6443/\n"
#define USER "users:\n- name: u\n  user:\n"

static int
load(struct kubeconfig *k, const char *text)
{
	const char *path = tool_path("kubeconfig");

	tool_write(path, text);
	return kubeconfig_load(k, path, E);
}

static void
reads_embedded_credentials(void **state)
{
	struct kubeconfig k;

	(void)state;
	OK(load(&k, HEAD CLUSTER "    certificate-authority-data: Q0E=\n" USER
				 "    client-certificate-data: Q0VSVA==\n    client-key-data: S0VZ\n"));
	assert_string_equal(k.server, "https://127.0.0.1:6443");
	assert_string_equal(k.ca, "CA");
	assert_string_equal(k.cert, "CERT");
	assert_string_equal(k.key, "KEY");
	assert_null(k.token);
	kubeconfig_free(&k);
	assert_null(k.server);
	assert_null(k.key);
	kubeconfig_free(&k); /* twice is harmless */
	OK(load(&k, HEAD CLUSTER USER "    token: abc\n"));
	assert_string_equal(k.token, "abc");
	assert_null(k.ca);
	assert_null(k.cert);
	kubeconfig_free(&k);
}

/* Relative names are beside the kubeconfig, wherever the program was started. */
static void
reads_files_beside_it(void **state)
{
	char text[2000];
	struct kubeconfig k;

	(void)state;
	OK(mkdir(tool_path("pki"), 0700));
	tool_write(tool_path("pki/ca.pem"), "CA\n");
	tool_write(tool_path("pki/token"), "secret-token\n\n");
	OK(load(&k, HEAD CLUSTER "    certificate-authority: pki/ca.pem\n" USER
				 "    tokenFile: pki/token\n"));
	assert_string_equal(k.ca, "CA");
	assert_string_equal(k.token, "secret-token");
	kubeconfig_free(&k);
	snprintf(text, sizeof(text), HEAD CLUSTER USER "    tokenFile: %s\n", tool_path("pki/token"));
	OK(load(&k, text));
	assert_string_equal(k.token, "secret-token");
	kubeconfig_free(&k);
}

static void
refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "is empty"},
		{"a: b\n", "no current-context"},
		{HEAD, "no current-context with a cluster and a user"},
		{HEAD CLUSTER, "no current-context with a cluster and a user"},
		{HEAD USER "    token: a\n", "no current-context with a cluster and a user"},
		{HEAD "clusters:\n- name: c\n  cluster: {server: \"http://x\"}\n" USER
		      "    token: abc\n",
		 "not https://"},
		{HEAD "clusters:\n- name: c\n  cluster: {a: b}\n" USER "    token: abc\n",
		 "not https://"},
		{HEAD CLUSTER "    insecure-skip-tls-verify: true\n" USER "    token: abc\n",
		 "certificate-authority"},
		{HEAD CLUSTER "    certificate-authority-data: '!!!'\n" USER "    token: abc\n",
		 "certificate-authority-data is not base64"},
		{HEAD CLUSTER "    certificate-authority: missing.pem\n" USER "    token: abc\n",
		 "missing.pem: No such file"},
		{HEAD CLUSTER "    certificate-authority: empty\n" USER "    token: abc\n",
		 "is empty"},
		{HEAD CLUSTER "    certificate-authority: large\n" USER "    token: abc\n",
		 "larger than 64 KiB"},
		{HEAD CLUSTER USER "    exec: {command: aws}\n", "not supported"},
		{HEAD CLUSTER USER "    auth-provider: {name: gcp}\n", "not supported"},
	};
	char large[70000];

	(void)state;
	tool_write(tool_path("empty"), "");
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	tool_write(tool_path("large"), large);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kubeconfig k;
		int before = tool_descriptors();

		if (load(&k, cases[i].text) == 0)
			fail_msg("case %zu passed", i);
		assert_contains(tool_err.text, cases[i].says);
		assert_null(strstr(tool_err.text, "abc")); /* no token in a sentence */
		assert_null(k.server);
		assert_null(k.token);
		assert_int_equal(tool_descriptors(), before);
	}
}

static void
needs_a_pod_without_a_file(void **state)
{
	struct kubeconfig k;

	(void)state;
	unsetenv("KUBERNETES_SERVICE_HOST");
	REFUSED(kubeconfig_load(&k, "", E), ERR_CONFIG);
	assert_contains(tool_err.text, "KUBECONFIG is not set");
	REFUSED(kubeconfig_load(&k, tool_path("missing"), E), ERR_SYSTEM);
}

int
main(void)
{
	const struct CMUnitTest kubeconfig[] = {
		cmocka_unit_test(reads_embedded_credentials),
		cmocka_unit_test(reads_files_beside_it),
		cmocka_unit_test(refuses),
		cmocka_unit_test(needs_a_pod_without_a_file),
	};

	return TOOL_RUN(kubeconfig);
}
