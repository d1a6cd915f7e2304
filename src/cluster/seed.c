/* seed.c: see seed.h. */
#include "cluster/seed.h"

#include <stdio.h>
#include <string.h>

#include "cluster/grant.h"
#include "cluster/release.h"

#define CHART "woocommerce-store"

enum { ADMIN_TEXT = VALID_USER_BYTES * 2 };

static const char *const secret_keys[2][4] = {
	{"root-password", "password", "database", "user"},
	{"admin-user", "admin-password", "admin-email", NULL},
};

static int
lacks(const struct names *n, const char *what, const char *name, struct err *err)
{
	return err_set(err, ERR_NAMESPACE_FOREIGN,
		       "The shop in %s is not as the platform makes one: its %s %s is missing or "
		       "another one. It was not touched.",
		       n->namespace, what, name);
}

int
seed_find(struct kube *kube, const struct names *n, struct seed *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *object = NULL;
	const struct json *labels;
	int r;

	*ret = (struct seed){.chart = ""};
	r = kube_get_meta(kube, &object, err, "/api/v1/namespaces/%s", n->namespace);
	if (r < 0)
		return -1;
	if (r == 0) {
		err_set(err, ERR_NAMESPACE_FOREIGN, "The cluster has no namespace %s.", n->namespace);
		return 0;
	}
	if (json_at(object, "metadata", "deletionTimestamp"))
		return err_set(err, ERR_NAMESPACE_TERMINATING, "The namespace %s is on its way out.",
			       n->namespace);
	labels = json_at(object, "metadata", "labels");
	if (valid_uuid(json_text(json_at(labels, KUBE_STORE_ID))))
		snprintf(ret->store_id, sizeof(ret->store_id), "%s",
			 json_text(json_at(labels, KUBE_STORE_ID)));
	snprintf(ret->maker, sizeof(ret->maker), "%s", json_text(json_at(labels, KUBE_MAKER)));
	snprintf(ret->version, sizeof(ret->version), "%s",
		 json_text(json_at(object, "metadata", "resourceVersion")));
	return 1;
}

/* The release is of the chart's layout, not one of ours, and no helm is at work on it. */
static int
look_at_release(struct kube *kube, const struct names *n, struct seed *seed, struct err *err)
{
	CLEANUP(json_freep) struct json *payload = NULL;
	const struct json *chart, *values;
	struct release release;
	const char *title;

	if (release_fetch(kube, n->namespace, n->release, &release, &payload, err) < 0)
		return -1;
	chart = json_at(payload, "chart", "metadata");
	values = json_at(payload, "config");
	if (release.status == RELEASE_NONE || !payload ||
	    strcmp(json_text(json_at(chart, "name")), CHART) != 0 ||
	    *json_text(json_at(values, "storeId"))) {
		err_set(err, ERR_NAMESPACE_FOREIGN,
			"The namespace %s has no release %s of the chart " CHART
			" that another platform made; it was not touched.",
			n->namespace, n->release);
		return 0;
	}
	if (release.status != RELEASE_DEPLOYED && release.status != RELEASE_FAILED &&
	    release.status != RELEASE_SUPERSEDED)
		return err_set(err, ERR_RELEASE_STATE,
			       "The release %s is \"%s\": a helm of somebody else is at work on it, or "
			       "was killed. Wait until it has ended, or, if none runs, set it right "
			       "with: helm -n %s rollback %s",
			       n->release, release_word(release.status), n->namespace, n->release);
	snprintf(seed->chart, sizeof(seed->chart), CHART " %.60s",
		 json_text(json_at(chart, "version")));
	valid_clean(seed->chart);
	title = json_text(json_at(values, "storeTitle"));
	if (valid_text(title) >= VALID_NAME_MIN && valid_text(title) <= VALID_NAME_MAX)
		snprintf(seed->title, sizeof(seed->title), "%s", title);
	return 1;
}

/* Whether a Secret is there with all its keys; the admin user is read out of the second. */
static int
look_at_secret(struct kube *kube, const struct names *n, int which, struct seed *seed,
	       struct err *err)
{
	CLEANUP(json_freep) struct json *secret = NULL;
	const char *name = which == 0 ? n->db_secret : n->wp_secret;
	char user[ADMIN_TEXT] = "";
	struct json *data;
	long len;
	int r = kube_get(kube, &secret, err, "/api/v1/namespaces/%s/secrets/%s", n->namespace, name);

	if (r < 0)
		return -1;
	data = json_at(secret, "data");
	for (int i = 0; i < 4 && secret_keys[which][i]; i++)
		if (!*json_text(json_follow(data, (const char *const[]){secret_keys[which][i], NULL})))
			return lacks(n, "Secret", name, err);
	if (which == 0)
		return 0;
	len = seal_unbase64(user, sizeof(user) - 1, json_text(json_at(data, "admin-user")));
	user[len > 0 ? len : 0] = '\0';
	if (!valid_admin_user(user))
		return lacks(n, "admin user in the Secret", name, err);
	snprintf(seed->admin_user, sizeof(seed->admin_user), "%s", user);
	return 0;
}

/* A selector cannot be changed, so it has to be the chart's. */
static int
look_at_workload(struct kube *kube, const struct names *n, int which, struct seed *seed,
		 struct err *err)
{
	static const char *const kinds[] = {"statefulsets", "deployments"};
	CLEANUP(json_freep) struct json *object = NULL;
	const char *name = which == 0 ? n->mariadb : n->wordpress;
	struct json *selector, *pod;
	int r = kube_get(kube, &object, err, "/apis/apps/v1/namespaces/%s/%s/%s", n->namespace,
			 kinds[which], name);

	if (r < 0)
		return -1;
	selector = json_at(object, "spec", "selector", "matchLabels");
	if (strcmp(json_text(json_at(selector, "app")), chart_parts[which]) != 0 ||
	    strcmp(json_text(json_at(selector, "store")), n->slug) != 0 ||
	    json_count(selector) != 2)
		return lacks(n, which == 0 ? "StatefulSet" : "Deployment", name, err);
	if (which > 0)
		return 0;
	if (n->slug[0] >= '0' && n->slug[0] <= '9')
		return err_set(err, ERR_NAMESPACE_FOREIGN,
			       "The shop in %s has a name that begins with a digit: its database "
			       "cannot follow to the Service that the chart has for such a name. It "
			       "was not touched.",
			       n->namespace);
	pod = json_at(object, "spec", "template", "spec", "securityContext", "runAsUser");
	seed->kept.user = (int)json_int(pod);
	return seed->kept.user > 0 ? 0 : lacks(n, "user of the StatefulSet", name, err);
}

static int
look_at_claim(struct kube *kube, const struct names *n, int which, struct seed *seed,
	      struct err *err)
{
	CLEANUP(json_freep) struct json *claim = NULL;
	char name[NAMES_OBJECT + 24];
	const char *storage, *class;
	int r;

	snprintf(name, sizeof(name), "%s-%s-data", n->slug, chart_parts[which]);
	r = kube_get(kube, &claim, err, "/api/v1/namespaces/%s/persistentvolumeclaims/%s",
		     n->namespace, name);
	if (r < 0)
		return -1;
	storage = json_text(json_at(claim, "spec", "resources", "requests", "storage"));
	class = json_text(json_at(claim, "spec", "storageClassName"));
	if (!*storage || strlen(storage) >= CHART_QUANTITY || strlen(class) >= CHART_CLASS)
		return lacks(n, "claim", name, err);
	snprintf(seed->kept.claims[which].storage, CHART_QUANTITY, "%s", storage);
	snprintf(seed->kept.claims[which].class, CHART_CLASS, "%s", class);
	return 0;
}

static int
look_at_address(struct kube *kube, const struct names *n, struct seed *seed, struct err *err)
{
	CLEANUP(json_freep) struct json *ingress = NULL;
	char name[NAMES_OBJECT + 24];
	const char *host;
	int r;

	snprintf(name, sizeof(name), "%s-ingress", n->slug);
	r = kube_get(kube, &ingress, err, "/apis/networking.k8s.io/v1/namespaces/%s/ingresses/%s",
		     n->namespace, name);
	if (r < 0)
		return -1;
	host = json_text(json_at(json_item(json_at(ingress, "spec", "rules"), 0), "host"));
	if (!*host || strlen(host) >= sizeof(seed->host))
		return lacks(n, "Ingress", name, err);
	snprintf(seed->host, sizeof(seed->host), "%s", host);
	return 0;
}

/* By the pods that its quota allows, as the chart's plans have them; none is the smallest. */
static int
look_at_quota(struct kube *kube, const struct names *n, struct seed *seed, struct err *err)
{
	static const struct {
		const char *plan;
		int64_t pods;
	} plans[] = {{"small", 6}, {"medium", 8}, {"large", INT32_MAX}};
	CLEANUP(json_freep) struct json *quota = NULL;
	int64_t pods = 0;
	size_t i = 0;

	if (kube_get(kube, &quota, err, "/api/v1/namespaces/%s/resourcequotas/%s-quota",
		     n->namespace, n->slug) < 0)
		return -1;
	(void)!valid_int(json_text(json_at(quota, "spec", "hard", "pods")), 0, INT32_MAX, &pods);
	while (pods > plans[i].pods)
		i++;
	snprintf(seed->plan, sizeof(seed->plan), "%s", plans[i].plan);
	return 0;
}

int
seed_look(struct kube *kube, const struct names *names, struct seed *seed, struct err *err)
{
	int r = grant_secrets(kube, names->namespace, err);

	if (r == 0)
		r = look_at_release(kube, names, seed, err);
	if (r <= 0)
		return r;
	for (int i = 0; i < CHART_CLAIMS; i++)
		if (look_at_secret(kube, names, i, seed, err) < 0 ||
		    look_at_workload(kube, names, i, seed, err) < 0 ||
		    look_at_claim(kube, names, i, seed, err) < 0)
			return -1;
	if (look_at_address(kube, names, seed, err) < 0 || look_at_quota(kube, names, seed, err) < 0)
		return -1;
	return 1;
}

/* {"metadata": {"labels": ..., "annotations": ...}} */
static struct json *
patch_of(const char *store_id, struct json *annotations)
{
	struct json *labels = json_new_object();
	struct json *metadata = json_new_object();
	struct json *patch = json_new_object();

	json_set_text(labels, KUBE_PART_OF, KUBE_PLATFORM);
	json_set_text(labels, KUBE_STORE_ID, store_id);
	json_set(metadata, "labels", labels);
	json_set(metadata, "annotations", annotations);
	json_set(patch, "metadata", metadata);
	return patch;
}

int
seed_keep(struct kube *kube, const struct names *n, const char *store_id, struct err *err)
{
	CLEANUP(json_freep) struct json *patch = NULL;
	struct json *annotations = json_new_object();

	json_set_text(annotations, "helm.sh/resource-policy", "keep");
	patch = patch_of(store_id, annotations);
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? n->db_secret : n->wp_secret;
		int r = kube_patch(kube, patch, err, "/api/v1/namespaces/%s/secrets/%s",
				   n->namespace, name);

		if (r <= 0)
			return r < 0 ? -1 : lacks(n, "Secret", name, err);
	}
	return kube_delete(kube, NULL, err, "/apis/batch/v1/namespaces/%s/jobs/%s", n->namespace,
			   n->init_job) < 0
		       ? -1
		       : 0;
}

int
seed_label(struct kube *kube, const struct names *n, const struct seed *seed,
	   const char *store_id, const char *maker, struct err *err)
{
	CLEANUP(json_freep) struct json *patch = NULL;
	CLEANUP(json_freep) struct json *kept = chart_write_kept(&seed->kept);
	struct json *annotations = json_new_object();
	struct buf text = BUF_INIT;
	int r;

	json_write(kept, &text);
	json_set_text(annotations, SEED_KEPT, buf_text(&text));
	buf_free(&text);
	patch = patch_of(store_id, annotations);
	json_set_text(json_at(patch, "metadata", "labels"), KUBE_MAKER, maker);
	/* As it was when it was looked at: a newer one is refused as a conflict. */
	json_set_text(json_at(patch, "metadata"), "resourceVersion", seed->version);
	r = kube_patch(kube, patch, err, "/api/v1/namespaces/%s", n->namespace);
	return r > 0   ? 0
	       : r < 0 ? -1
		       : err_set(err, ERR_NAMESPACE_FOREIGN,
				 "The namespace %s went while it was looked at.", n->namespace);
}

int
seed_kept(const struct json *namespace, struct chart_kept *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *values = NULL;
	const char *text = json_text(json_at(namespace, "metadata", "annotations", SEED_KEPT));

	if (!*text)
		return 0;
	if (json_parse(&values, text, strlen(text), err) == 0 && chart_read_kept(values, ret))
		return 1;
	return err_set(err, ERR_NAMESPACE_FOREIGN,
		       "The annotation " SEED_KEPT " of the namespace %s cannot be read; it says how "
		       "large the shop's claims are, and was not overridden. Set it right and retry.",
		       json_text(json_at(namespace, "metadata", "name")));
}
