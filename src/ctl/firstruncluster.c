/* firstruncluster.c: the steps of firstrun.h that look at the cluster and change it. */
#include "ctl/firstrun.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cluster/access.h"
#include "cluster/kubeconfig.h"
#include "io/seal.h"

enum { CLUSTER_MS = 60000, KUBECONFIG_MODE = 0600, HTTP_PORT = 80, HTTPS_PORT = 443 };

/* Whether a list of metadata has that name. */
static bool
has_name(const struct json *list, const char *name)
{
	struct json *items = json_at(list, "items");

	for (size_t i = 0; i < json_count(items); i++)
		if (strcmp(json_text(json_at(json_item(items, i), "metadata", "name")), name) == 0)
			return true;
	return false;
}

/* Whether a load balancer of the cluster, as k3s' traefik, has the ports of the web. */
static bool
takes_web(const struct json *services)
{
	struct json *items = json_at(services, "items");

	for (size_t i = 0; i < json_count(items); i++) {
		struct json *spec = json_at(json_item(items, i), "spec");
		struct json *ports = json_at(spec, "ports");

		if (strcmp(json_text(json_at(spec, "type")), "LoadBalancer") != 0)
			continue;
		for (size_t p = 0; p < json_count(ports); p++) {
			int64_t port = json_int(json_at(json_item(ports, p), "port"));

			if (port == HTTP_PORT || port == HTTPS_PORT)
				return true;
		}
	}
	return false;
}

static int
find_kubeconfig(struct firstrun *f, struct err *err)
{
	static char k3s[PATHS_MAX];

	if (f->kubeconfig)
		return 0;
	f->kubeconfig = paths_join(k3s, f->root, PATHS_K3S);
	if (access(k3s, R_OK) == 0)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "There is no k3s on this machine (no %s). Install it (curl -sfL "
		       "https://get.k3s.io | sh -), or name an administrator's kubeconfig of "
		       "another cluster with --kubeconfig",
		       k3s);
}

int
firstrun_look(struct firstrun *f, struct err *err)
{
	CLEANUP(json_freep) struct json *ingress = NULL;
	CLEANUP(json_freep) struct json *storage = NULL;
	CLEANUP(json_freep) struct json *services = NULL;
	char version[KUBE_VERSION];
	int r;

	if (find_kubeconfig(f, err) < 0 || kube_open(&f->kube, f->kubeconfig, -1, err) < 0)
		return -1;
	kube_deadline(f->kube, clock_mono_ms() + CLUSTER_MS);
	if (kube_version(f->kube, version, err) < 0 ||
	    kube_list_meta(f->kube, &ingress, err, "/apis/networking.k8s.io/v1/ingressclasses") <
		    0 ||
	    kube_list_meta(f->kube, &storage, err, "/apis/storage.k8s.io/v1/storageclasses") < 0 ||
	    kube_get(f->kube, &services, err, "/api/v1/services") < 0)
		return -1;
	r = access_has_group(f->kube, ACCESS_CERT_MANAGER, err);
	if (r < 0)
		return -1;
	f->has_certificates = r > 0;
	f->traefik = has_name(ingress, "traefik") && has_name(storage, "local-path");
	f->web_taken = takes_web(services);
	firstrun_say("Kubernetes %s answers, by %s.", version, f->kubeconfig);
	return 0;
}

/* Appends PEM as base64. */
static void
add_base64(struct buf *out, const char *text)
{
	char encoded[64 * 1024];

	seal_base64(encoded, sizeof(encoded), text, strlen(text));
	buf_str(out, encoded);
}

/* The kubeconfig of the platform's account at the administrator's server. */
static int
write_text(const struct kubeconfig *admin, const char *token, struct buf *out, struct err *err)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const char *server = admin->server;

	/* Both stand in YAML without quotes. */
	for (const char *c = server; *c; c++)
		if (!strchr(letters, *c) && !strchr("-._:/[]", *c))
			return err_set(err, ERR_CONFIG, "the server's address has a strange sign");
	for (const char *c = token; *c; c++)
		if (!strchr(letters, *c) && !strchr("-._=", *c))
			return err_set(err, ERR_CLUSTER_ANSWER, "the token has a strange sign");
	if (admin->ca && strlen(admin->ca) > 40000)
		return err_set(err, ERR_CONFIG, "the server's authorities are too long");
	buf_printf(out,
		   "# The account of Store Platform in the cluster, made by storectl setup.\n"
		   "apiVersion: v1\nkind: Config\ncurrent-context: store-platform\nclusters:\n"
		   "- name: store-platform\n  cluster:\n    server: \"%s\"\n",
		   server);
	if (admin->ca) {
		buf_str(out, "    certificate-authority-data: ");
		add_base64(out, admin->ca);
		buf_str(out, "\n");
	}
	buf_printf(out,
		   "contexts:\n- name: store-platform\n"
		   "  context: {cluster: store-platform, user: store-platform}\nusers:\n"
		   "- name: store-platform\n  user:\n    token: %s\n",
		   token);
	return out->failed ? err_set(err, ERR_SYSTEM, "out of memory") : 0;
}

/* Writes it where it differs from what is there. */
static int
store(const struct firstrun *f, const struct buf *text, struct err *err)
{
	struct buf old = BUF_INIT;
	char path[PATHS_MAX];
	int r;

	r = paths_read(paths_join(path, f->root, PATHS_KUBECONFIG), &old, err);
	if (r == 0 || (r > 0 && strcmp(buf_text(&old), buf_text(text)) != 0)) {
		r = paths_write(path, buf_text(text), KUBECONFIG_MODE, err);
		if (r == 0)
			firstrun_say("The platform's account is in %s.", path);
	}
	if (old.data)
		seal_wipe(old.data, old.size);
	buf_free(&old);
	return r < 0 ? -1 : 0;
}

/* What the service may reach without being told. */
static bool
is_local(const char *server)
{
	static const char *const local[] = {
		"https://127.0.0.1:", "https://localhost:", "https://[::1]:"};

	for (size_t i = 0; i < ARRAY_SIZE(local); i++)
		if (strncmp(server, local[i], strlen(local[i])) == 0)
			return true;
	return false;
}

int
firstrun_account(struct firstrun *f, struct err *err)
{
	struct buf text = BUF_INIT;
	struct kubeconfig admin;
	char file[PATHS_MAX], token[ACCESS_TOKEN];
	int r;

	if (access_apply(f->kube, paths_join(file, f->root, PATHS_CHARTS "/" ACCESS_FILE), err) <
		    0 ||
	    access_token(f->kube, token, err) < 0)
		return -1;
	r = kubeconfig_load(&admin, f->kubeconfig, err);
	if (r == 0) {
		if (!is_local(admin.server))
			firstrun_say("The cluster is not on this machine: let store-provisioner "
				     "reach %s (systemctl edit store-provisioner, "
				     "IPAddressAllow=).",
				     admin.server);
		r = write_text(&admin, token, &text, err);
		kubeconfig_free(&admin);
	}
	if (r == 0)
		r = store(f, &text, err);
	seal_wipe(token, sizeof(token));
	if (text.data)
		seal_wipe(text.data, text.size);
	buf_free(&text);
	return r;
}

/* One "@" between two parts of plain signs: it goes into JSON, and to Let's Encrypt. */
static bool
is_email(const char *s)
{
	const char *at = strchr(s, '@');

	return at && at != s && strlen(s) < 200 && valid_domain(at + 1) && valid_text(s) > 0 &&
	       !strpbrk(s, " <>\",;()");
}

int
firstrun_issuer(struct firstrun *f, struct err *err)
{
	const char *email = command_option(f->call, "email");
	char file[PATHS_MAX];

	if (!email)
		return 0;
	if (!is_email(email))
		return err_set(err, ERR_BAD_REQUEST, "\"%.80s\" is no mail address", email);
	if (!f->has_certificates)
		return err_set(err, ERR_CONFIG,
			       "The cluster has no cert-manager, which takes --email. Install it "
			       "first (cert-manager.io/docs/installation), or leave --email out "
			       "until then: shops are served by plain HTTP");
	if (access_issuer(f->kube, paths_join(file, f->root, PATHS_CHARTS "/" ACCESS_ISSUER), email,
			  err) < 0)
		return -1;
	firstrun_say("cert-manager's issuer has the address %s.", email);
	return 0;
}
