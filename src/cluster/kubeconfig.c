/* kubeconfig.c: see kubeconfig.h. */
#include "cluster/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/json.h"
#include "io/seal.h"
#include "io/yaml.h"

#define POD_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

enum { CREDENTIAL_MAX = 64 * 1024 };

static int
read_text(char **ret, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t n;

	if (fd < 0)
		return err_errno(err, "cannot read %s", path);
	text = calloc(1, CREDENTIAL_MAX + 1);
	n = text ? read(fd, text, CREDENTIAL_MAX) : -1;
	close(fd);
	if (n <= 0 || n == CREDENTIAL_MAX) {
		free(text);
		return err_set(err, ERR_CONFIG, "%s %s", path,
			       n > 0 ? "is larger than 64 KiB" : "is empty or cannot be read");
	}
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	*ret = text;
	return 0;
}

/* One credential: NAME-data (base64), else NAME (a file, relative to the kubeconfig). */
static int
read_credential(char **ret, const struct json *from, const char *name, const char *path,
		struct err *err)
{
	char key[64], file[PATH_MAX];
	const char *data, *value = json_text(json_at(from, name));
	const char *slash = strrchr(path, '/');

	snprintf(key, sizeof(key), "%s-data", name);
	data = json_text(json_at(from, key));
	if (*data) {
		size_t size = strlen(data) + 1;
		char *text = calloc(1, size);

		if (!text || seal_unbase64(text, size - 1, data) < 0) {
			free(text);
			return err_set(err, ERR_CONFIG, "%s: %s is not base64", path, key);
		}
		*ret = text;
		return 0;
	}
	if (!*value)
		return 0;
	if (*value == '/' || !slash)
		snprintf(file, sizeof(file), "%s", value);
	else
		snprintf(file, sizeof(file), "%.*s/%s", (int)(slash - path), path, value);
	return read_text(ret, file, err);
}

/* The member `what` of the entry called `name` in the list `lists`. */
static struct json *
find(const struct json *root, const char *lists, const char *what, const char *name)
{
	struct json *list = json_at(root, lists);

	for (size_t i = 0; i < json_count(list); i++)
		if (strcmp(json_text(json_at(json_item(list, i), "name")), name) == 0)
			return json_at(json_item(list, i), what);
	return NULL;
}

static int
read_user(struct kubeconfig *k, const struct json *user, const char *path, struct err *err)
{
	const char *token = json_text(json_at(user, "token"));

	if (json_at(user, "exec") || json_at(user, "auth-provider"))
		return err_set(err, ERR_CONFIG,
			       "%s gets its credential from another program, which is not "
			       "supported; use a service account's token or a client certificate",
			       path);
	if (read_credential(&k->cert, user, "client-certificate", path, err) < 0 ||
	    read_credential(&k->key, user, "client-key", path, err) < 0)
		return -1;
	if (*token) {
		k->token = strdup(token);
		return k->token ? 0 : err_errno(err, "%s", path);
	}
	return read_credential(&k->token, user, "tokenFile", path, err);
}

static int
read_file(struct kubeconfig *k, const char *path, struct err *err)
{
	CLEANUP(json_freep) struct json *root = NULL;
	struct json *context, *cluster, *user;
	const char *server;
	size_t n;

	if (yaml_read(&root, path, err) < 0)
		return -1;
	context = find(root, "contexts", "context", json_text(json_at(root, "current-context")));
	cluster = find(root, "clusters", "cluster", json_text(json_at(context, "cluster")));
	user = find(root, "users", "user", json_text(json_at(context, "user")));
	if (!context || !cluster || !user)
		return err_set(err, ERR_CONFIG,
			       "%s has no current-context with a cluster and a user", path);
	server = json_text(json_at(cluster, "server"));
	if (strncmp(server, "https://", 8) != 0)
		return err_set(err, ERR_CONFIG, "%s: the server's address is not https://", path);
	if (strcmp(json_text(json_at(cluster, "insecure-skip-tls-verify")), "true") == 0)
		return err_set(err, ERR_CONFIG,
			       "%s turns the check of the server's certificate off; give its "
			       "certificate-authority instead",
			       path);
	k->server = strdup(server);
	if (!k->server)
		return err_errno(err, "%s", path);
	for (n = strlen(k->server); n > 0 && k->server[n - 1] == '/'; n--)
		k->server[n - 1] = '\0';
	if (read_credential(&k->ca, cluster, "certificate-authority", path, err) < 0)
		return -1;
	return read_user(k, user, path, err);
}

static int
read_pod_account(struct kubeconfig *k, struct err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	char server[300];

	if (!host || !port)
		return err_set(err, ERR_CONFIG,
			       "KUBECONFIG is not set, and this is not a pod of a cluster; set "
			       "KUBECONFIG to a kubeconfig file");
	snprintf(server, sizeof(server), strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
		 port);
	k->server = strdup(server);
	if (!k->server)
		return err_errno(err, "the pod's service account");
	if (read_text(&k->ca, POD_ACCOUNT "ca.crt", err) < 0)
		return -1;
	return read_text(&k->token, POD_ACCOUNT "token", err);
}

int
kubeconfig_load(struct kubeconfig *ret, const char *path, struct err *err)
{
	*ret = (struct kubeconfig){.server = NULL};
	if ((*path ? read_file(ret, path, err) : read_pod_account(ret, err)) == 0)
		return 0;
	kubeconfig_free(ret);
	return -1;
}

static void
wipe(char **text)
{
	if (*text)
		seal_wipe(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void
kubeconfig_free(struct kubeconfig *k)
{
	wipe(&k->server);
	wipe(&k->ca);
	wipe(&k->cert);
	wipe(&k->key);
	wipe(&k->token);
}
