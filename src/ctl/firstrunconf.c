/* firstrunconf.c: the step of firstrun.h that writes the configuration. */
#include "ctl/firstrun.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cluster/helm.h"
#include "ctl/confedit.h"

enum { CONF_MODE = 0644 };

#define HEAD                                                                                       \
	"# Configuration of Store Platform, see store-platform.conf(5); store-provisioner "        \
	"--example\n# prints every key. storectl setup changes its own keys alone.\n"
#define PROD_VALUES PATHS_CHARTS "/woocommerce-store/values-prod.yaml"

/* Sets a key, but for one that has that value already; whether the text changed. */
static bool
set(struct firstrun *f, const char *key, const char *now, const char *wanted)
{
	if (confedit_has(buf_text(&f->conf_text), key) && strcmp(now, wanted) == 0)
		return false;
	return confedit_set(&f->conf_text, key, wanted);
}

/* The same for one that the operator may have chosen: it stays. */
static bool
offer(struct firstrun *f, const char *key, const char *wanted)
{
	return !confedit_has(buf_text(&f->conf_text), key) &&
	       confedit_set(&f->conf_text, key, wanted);
}

static int
try_helm(const char *program, char ret_version[HELM_VERSION], struct err *err)
{
	const struct helm helm = {
		.program = program,
		.values_file = "",
		.kubeconfig = "/nonexistent",
		.home = "/nonexistent", /* it is asked for its version alone */
		.stop_fd = -1,
	};

	return helm_version(&helm, ret_version, err);
}

/* The helm named, else the configured one, else the first of the usual places that will do. */
static int
find_helm(struct firstrun *f, const char **ret, struct err *err)
{
	static const char *const usual[] = {"/usr/local/bin/helm", "/usr/bin/helm"};
	const char *given = command_option(f->call, "helm");
	char version[HELM_VERSION];
	struct err why = ERR_INIT;

	*ret = given ? given : f->conf.helm;
	if (**ret != '/')
		return err_set(err, ERR_BAD_REQUEST, "--helm is an absolute path.");
	if (try_helm(*ret, version, err) == 0)
		goto found;
	if (given || confedit_has(buf_text(&f->conf_text), "HELM"))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		*ret = usual[i];
		if (try_helm(usual[i], version, &why) == 0)
			goto found;
	}
	return -1; /* with the reason of the first */
found:
	firstrun_say("helm %s is %s.", version, *ret);
	return 0;
}

/* A k3s as it is installed has traefik in front, which this machine itself reaches too. */
static bool
offer_k3s(struct firstrun *f, bool https)
{
	char values[PATHS_MAX];
	bool changed = false;

	if (f->traefik) {
		paths_join(values, f->root, PROD_VALUES);
		changed = offer(f, "HELM_VALUES_FILE", values);
		changed |= offer(f, "STOREFRONT_ADDRESS", https ? "127.0.0.1:443" : "127.0.0.1:80");
	}
	return changed;
}

int
firstrun_configure(struct firstrun *f, struct err *err)
{
	bool https = f->has_certificates, changed = false;
	char credential[PATHS_MAX], domain[CONF_TEXT];
	const char *helm;
	struct conf now;

	if (find_helm(f, &helm, err) < 0)
		return -1;
	snprintf(domain, sizeof(domain), "%s", f->conf.base_domain);
	if (conf_load(&now, access(f->conf_path, F_OK) == 0 ? f->conf_path : NULL, err) < 0)
		return -1;
	if (f->conf_text.len == 0)
		buf_str(&f->conf_text, HEAD);
	paths_join(credential, f->root, PATHS_KUBECONFIG);
	changed |= set(f, "KUBECONFIG", now.kubeconfig, credential);
	changed |= set(f, "HELM", now.helm, helm);
	changed |= set(f, "BASE_DOMAIN", now.base_domain, domain);
	if (command_option(f->call, "email") && now.store_port != 443) {
		changed |= confedit_set(&f->conf_text, "STORE_PORT", "443");
		if (strcmp(now.storefront_address, "127.0.0.1:80") == 0)
			changed |=
				confedit_set(&f->conf_text, "STOREFRONT_ADDRESS", "127.0.0.1:443");
	}
	changed |= offer(f, "STORE_PORT", https ? "443" : "80");
	changed |= offer_k3s(f, https);
	if (f->conf_text.failed)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (changed && paths_write(f->conf_path, buf_text(&f->conf_text), CONF_MODE, err) < 0)
		return -1;
	if (changed)
		firstrun_say("The configuration is in %s.", f->conf_path);
	return conf_load(&f->conf, f->conf_path, err);
}
