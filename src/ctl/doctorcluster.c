/* doctorcluster.c: the checks of doctor.h that look at the cluster and at DNS. */
#include "ctl/doctor.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/valid.h"
#include "cluster/access.h"
#include "ctl/paths.h"
#include "ctl/program.h"
#include "ctl/site.h"
#include "io/seal.h"

enum {
	CLUSTER_MS = 30000,
	MINOR_LEAST = 30, /* admission policies are there since then */
	DNS_SECONDS = 10,
	LABEL_CHARS = 12,
	ADDRESSES = 300,
	ADDRESS = 64,
	NAME = VALID_HOST_MAX + LABEL_CHARS + 2,
};

#define DEFAULT_CLASS "storageclass.kubernetes.io/is-default-class"
#define NO_CLUSTER "Not looked at: the cluster does not answer."

enum doctor_state
doctor_cluster(struct doctor *d)
{
	char version[KUBE_VERSION];
	struct err err = ERR_INIT;
	int minor = 0;

	if (!*d->conf->kubeconfig)
		return doctor_say(d, DOCTOR_FAIL, "KUBECONFIG is not set.");
	if (kube_open(&d->kube, d->conf->kubeconfig, -1, &err) < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	kube_deadline(d->kube, clock_mono_ms() + CLUSTER_MS);
	if (kube_version(d->kube, version, &err) < 0) {
		kube_close(d->kube);
		d->kube = NULL;
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	}
	if (sscanf(version, "v1.%9d", &minor) == 1 && minor < MINOR_LEAST)
		return doctor_say(d, DOCTOR_FAIL,
				  "Kubernetes %s is too old; it takes 1.%d or later.", version,
				  MINOR_LEAST);
	return doctor_say(d, DOCTOR_OK, "Kubernetes %s answers.", version);
}

enum doctor_state
doctor_rights(struct doctor *d)
{
	struct access_found found;
	struct err err = ERR_INIT;
	char file[PATHS_MAX];

	if (!d->kube)
		return doctor_say(d, DOCTOR_SKIP, NO_CLUSTER);
	paths_join(file, d->root, PATHS_CHARTS "/" ACCESS_FILE);
	if (access_check(d->kube, file, &found, &err) < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	if (found.missing)
		return doctor_say(d, DOCTOR_FAIL, "The platform's account lacks %d of %d: %s.",
				  found.missing, found.asked, found.words);
	if (found.everything)
		return doctor_say(d, DOCTOR_WARN,
				  "The credential is an administrator's, and may do "
				  "far more than the platform needs.");
	return doctor_say(d, DOCTOR_OK, "The platform's account has all %d.", found.asked);
}

/* What the values say for a.b: the operator's file, then the chart's; "" if nothing. */
static const char *
value(const struct doctor *d, const char *a, const char *b, const char *c)
{
	const char *keys[] = {a, b, c, NULL};
	const char *own = json_text(json_follow(d->values, keys));

	return *own ? own : json_text(json_follow(d->chart, keys));
}

/* The member of a list with that name, or with name NULL the default class; NULL. */
static struct json *
find(const struct json *list, const char *name)
{
	struct json *items = json_at(list, "items");

	for (size_t i = 0; i < json_count(items); i++) {
		struct json *meta = json_at(json_item(items, i), "metadata");

		if (name ? strcmp(json_text(json_at(meta, "name")), name) == 0
			 : strcmp(json_text(json_at(meta, "annotations", DEFAULT_CLASS)), "true") ==
				    0)
			return meta;
	}
	return NULL;
}

enum doctor_state
doctor_ingress(struct doctor *d)
{
	CLEANUP(json_freep) struct json *list = NULL;
	const char *name = value(d, "ingress", "className", NULL);
	struct err err = ERR_INIT;

	if (!d->kube)
		return doctor_say(d, DOCTOR_SKIP, NO_CLUSTER);
	if (kube_list_meta(d->kube, &list, &err, "/apis/networking.k8s.io/v1/ingressclasses") < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	if (!find(list, name))
		return doctor_say(d, DOCTOR_FAIL, "The cluster has no ingress class \"%s\".", name);
	return doctor_say(d, DOCTOR_OK, "The cluster has \"%s\".", name);
}

enum doctor_state
doctor_storage(struct doctor *d)
{
	static const char *const parts[] = {"mariadb", "wordpress"};
	CLEANUP(json_freep) struct json *list = NULL;
	struct err err = ERR_INIT;
	const char *used = "";

	if (!d->kube)
		return doctor_say(d, DOCTOR_SKIP, NO_CLUSTER);
	if (kube_list_meta(d->kube, &list, &err, "/apis/storage.k8s.io/v1/storageclasses") < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *name = value(d, parts[i], "storageClass", NULL);
		struct json *class = find(list, *name ? name : NULL);

		if (!class && *name)
			return doctor_say(d, DOCTOR_FAIL,
					  "The cluster has no storage class \"%s\".", name);
		if (!class)
			return doctor_say(
				d, DOCTOR_FAIL,
				"The cluster has no default storage class, and the values "
				"name none.");
		used = json_text(json_at(class, "name"));
	}
	return doctor_say(d, DOCTOR_OK, "The cluster has \"%s\".", used);
}

enum doctor_state
doctor_certificates(struct doctor *d)
{
	CLEANUP(json_freep) struct json *issuer = NULL;
	const char *name = value(d, "ingress", "tls", "issuer");
	struct err err = ERR_INIT;
	int r;

	if (!conf_https(d->conf))
		return doctor_say(d, DOCTOR_OK, "Shops are served by plain HTTP: none are needed.");
	if (!*name)
		return doctor_say(d, DOCTOR_WARN,
				  "Shops are served by HTTPS, and the values name no "
				  "issuer: each needs a Secret made by other means.");
	if (!d->kube)
		return doctor_say(d, DOCTOR_SKIP, NO_CLUSTER);
	r = access_has_group(d->kube, ACCESS_CERT_MANAGER, &err);
	if (r == 0)
		return doctor_say(d, DOCTOR_FAIL, "The cluster has no cert-manager.");
	if (r < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	if (strcmp(value(d, "ingress", "tls", "issuerKind"), "ClusterIssuer") != 0)
		return doctor_say(d, DOCTOR_OK, "cert-manager is there.");
	r = valid_domain(name) ? kube_get_meta(d->kube, &issuer, &err,
					       "/apis/cert-manager.io/v1/clusterissuers/%s", name)
			       : 0;
	if (r < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	if (r == 0)
		return doctor_say(d, DOCTOR_FAIL, "cert-manager has no ClusterIssuer \"%s\".",
				  name);
	return doctor_say(d, DOCTOR_OK, "cert-manager and its issuer \"%s\" are there.", name);
}

/* Whether an address is one of this machine. */
static bool
is_ours(const char *address)
{
	struct ifaddrs *list = NULL;
	bool hit = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (struct ifaddrs *i = list; i && !hit; i = i->ifa_next) {
		char text[ADDRESS];
		socklen_t len = 0;

		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
			len = sizeof(struct sockaddr_in);
		else if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6)
			len = sizeof(struct sockaddr_in6);
		hit = len &&
		      getnameinfo(i->ifa_addr, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST) ==
			      0 &&
		      strcmp(text, address) == 0;
	}
	freeifaddrs(list);
	return hit;
}

/* The addresses of a name, by a child that a silent server cannot hold longer than it may. */
static int
resolve(const char *name, char ret[ADDRESSES], bool *ret_ours, struct err *err)
{
	CLEANUP(proc_result_free) struct proc_result r = {.status = 0};
	const char *argv[] = {"getent", "ahosts", name, NULL};
	char *line, *rest, last[ADDRESS] = "";

	if (program_run(argv, DNS_SECONDS, &r, err) < 0)
		return -1;
	ret[0] = '\0';
	*ret_ours = false;
	for (line = strtok_r(r.out.data ? r.out.data : (char[]){""}, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		size_t used = strlen(ret);

		line[strcspn(line, " \t")] = '\0';
		if (strcmp(line, last) == 0) /* one line a kind of socket */
			continue;
		snprintf(last, sizeof(last), "%s", line);
		snprintf(ret + used, ADDRESSES - used, "%s%s", used ? ", " : "", last);
		*ret_ours = *ret_ours || is_ours(last);
	}
	return 0;
}

/* A name below the domain that nobody has made: only a wildcard has it. */
static void
random_name(const char *domain, char ret[NAME])
{
	char label[LABEL_CHARS + 1];

	seal_password(label, LABEL_CHARS);
	for (char *c = label; *c; c++)
		*c = (char)((*c >= 'A' && *c <= 'Z') ? *c - 'A' + 'a' : *c);
	snprintf(ret, NAME, "%s.%.*s", label, VALID_HOST_MAX, domain);
}

enum doctor_state
doctor_dns(struct doctor *d)
{
	const char *domain = d->conf->base_domain;
	char name[NAME], found[ADDRESSES], dashboard[ADDRESSES];
	struct site site = {.host = ""};
	struct err err = ERR_INIT;
	bool ours, same;

	random_name(domain, name);
	if (resolve(name, found, &ours, &err) < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	if (!*found)
		return doctor_say(d, DOCTOR_FAIL,
				  "Names below %s have no address; a random one was asked for.",
				  domain);
	if (site_read(d->root, &site)) {
		if (resolve(site.host, dashboard, &same, &err) < 0)
			return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
		if (!*dashboard)
			return doctor_say(d, DOCTOR_FAIL, "The dashboard's name %s has no address.",
					  site.host);
	}
	if (!ours)
		return doctor_say(d, DOCTOR_WARN,
				  "*.%s is %s, which no interface of this machine has. Where the "
				  "provider translates addresses that is right.",
				  domain, found);
	return doctor_say(d, DOCTOR_OK, "*.%s is %s, this machine.", domain, found);
}
