/* access.c: see access.h. */
#include "cluster/access.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/valid.h"
#include "io/proc.h"
#include "io/seal.h"
#include "io/yaml.h"

enum { TOKEN_MS = 30000, NAP_MS = 100, RIGHT_TEXT = 160 };

#define RBAC "/apis/rbac.authorization.k8s.io/v1/"
#define MANAGER "?fieldManager=storectl&force=true"

/* Where objects of a kind are; in: those of a namespace, between these two. */
static const struct place {
	const char *kind, *in, *path;
} places[] = {
	{"Namespace", NULL, "/api/v1/namespaces/"},
	{"ServiceAccount", "/api/v1/namespaces/", "/serviceaccounts/"},
	{"Secret", "/api/v1/namespaces/", "/secrets/"},
	{"ClusterRole", NULL, RBAC "clusterroles/"},
	{"ClusterRoleBinding", NULL, RBAC "clusterrolebindings/"},
	{"ClusterIssuer", NULL, "/apis/" ACCESS_CERT_MANAGER "/v1/clusterissuers/"},
};

static const struct place *
place_of(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strcmp(places[i].kind, kind) == 0)
			return &places[i];
	return NULL;
}

static int
apply(struct kube *kube, const struct json *object, struct err *err)
{
	const char *kind = json_text(json_at(object, "kind"));
	const char *name = json_text(json_at(object, "metadata", "name"));
	const char *namespace = json_text(json_at(object, "metadata", "namespace"));
	const struct place *place = place_of(kind);
	int r;

	/* They become parts of a path. */
	if (!place || !valid_slug(name) || (place->in && !valid_slug(namespace)))
		return err_set(err, ERR_CONFIG, "%.60s \"%.60s\" is none of the account's objects",
			       kind, name);
	r = place->in ? kube_apply(kube, object, err, "%s%s%s%s" MANAGER, place->in, namespace,
				   place->path, name)
		      : kube_apply(kube, object, err, "%s%s" MANAGER, place->path, name);
	if (r == 0)
		return err_set(err, ERR_CLUSTER_FAILED, "the cluster has no place for it");
	return r < 0 ? err_prefix(err, "%.60s %.60s", kind, name) : 0;
}

int
access_apply(struct kube *kube, const char *path, struct err *err)
{
	CLEANUP(json_freep) struct json *root = NULL;
	struct json *items;

	if (yaml_read(&root, path, err) < 0)
		return -1;
	items = json_at(root, "items");
	if (json_count(items) == 0)
		return err_set(err, ERR_CONFIG, "%s has no items", path);
	for (size_t i = 0; i < json_count(items); i++)
		if (apply(kube, json_item(items, i), err) < 0)
			return -1;
	return 0;
}

/* 1: it is there, 0: not yet, -1. */
static int
read_token(struct kube *kube, char ret[ACCESS_TOKEN], struct err *err)
{
	CLEANUP(json_freep) struct json *secret = NULL;
	long n;

	if (kube_get(kube, &secret, err,
		     "/api/v1/namespaces/" KUBE_PLATFORM "/secrets/" KUBE_PLATFORM "-token") < 0)
		return -1;
	n = seal_unbase64(ret, ACCESS_TOKEN - 1, json_text(json_at(secret, "data", "token")));
	if (n < 0)
		return err_set(err, ERR_CLUSTER_ANSWER, "The account's token cannot be read");
	ret[n] = '\0';
	return n > 0;
}

int
access_token(struct kube *kube, char ret[ACCESS_TOKEN], struct err *err)
{
	int64_t end = clock_mono_ms() + TOKEN_MS;
	int r;

	while ((r = read_token(kube, ret, err)) == 0 && clock_mono_ms() < end)
		proc_nap(-1, NAP_MS);
	if (r == 0)
		return err_set(err, ERR_CLUSTER_FAILED,
			       "The cluster has not made the account's token; see: kubectl "
			       "-n " KUBE_PLATFORM " describe secret " KUBE_PLATFORM "-token");
	return r < 0 ? -1 : 0;
}

/* Whether we have one right: 1, 0, -1. */
static int
ask(struct kube *kube, const char *group, const char *resource, const char *verb, struct err *err)
{
	CLEANUP(json_freep) struct json *review = json_new_object();
	CLEANUP(json_freep) struct json *answer = NULL;
	struct json *spec = json_new_object(), *wanted = json_new_object();
	const char *slash = strchr(resource, '/');
	char plain[RIGHT_TEXT];

	snprintf(plain, sizeof(plain), "%.*s", slash ? (int)(slash - resource) : RIGHT_TEXT - 1,
		 resource);
	json_set_text(wanted, "group", group);
	json_set_text(wanted, "resource", plain);
	if (slash)
		json_set_text(wanted, "subresource", slash + 1);
	json_set_text(wanted, "verb", verb);
	json_set(spec, "resourceAttributes", wanted);
	json_set_text(review, "apiVersion", "authorization.k8s.io/v1");
	json_set_text(review, "kind", "SelfSubjectAccessReview");
	json_set(review, "spec", spec);
	if (kube_ask(kube, review, &answer, err,
		     "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") < 0)
		return -1;
	return json_true(json_at(answer, "status", "allowed"));
}

static void
note(struct access_found *found, const char *resource, const char *verb)
{
	size_t n = strlen(found->words);

	found->missing++;
	snprintf(found->words + n, sizeof(found->words) - n, "%s%s %s", n ? ", " : "", verb,
		 resource);
}

static int
check_rule(struct kube *kube, const struct json *rule, struct access_found *found, struct err *err)
{
	struct json *groups = json_at(rule, "apiGroups"), *resources = json_at(rule, "resources");
	struct json *verbs = json_at(rule, "verbs");

	for (size_t g = 0; g < json_count(groups); g++)
		for (size_t r = 0; r < json_count(resources); r++)
			for (size_t v = 0; v < json_count(verbs); v++) {
				const char *resource = json_text(json_item(resources, r));
				const char *verb = json_text(json_item(verbs, v));
				int may = ask(kube, json_text(json_item(groups, g)), resource, verb,
					      err);

				if (may < 0)
					return -1;
				found->asked++;
				if (may == 0)
					note(found, resource, verb);
			}
	return 0;
}

int
access_check(struct kube *kube, const char *path, struct access_found *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *root = NULL;
	struct access_found found = {.asked = 0};
	struct json *items;
	int all;

	if (yaml_read(&root, path, err) < 0)
		return -1;
	all = ask(kube, "*", "*", "*", err);
	if (all < 0)
		return -1;
	found.everything = all > 0;
	items = json_at(root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		struct json *rules = json_at(json_item(items, i), "rules");

		for (size_t r = 0; r < json_count(rules); r++)
			if (check_rule(kube, json_item(rules, r), &found, err) < 0)
				return -1;
	}
	if (found.asked == 0)
		return err_set(err, ERR_CONFIG, "%s grants nothing", path);
	*ret = found;
	return 0;
}

int
access_has_group(struct kube *kube, const char *name, struct err *err)
{
	CLEANUP(json_freep) struct json *list = NULL;
	struct json *groups;

	if (kube_get(kube, &list, err, "/apis") < 0)
		return -1;
	groups = json_at(list, "groups");
	for (size_t i = 0; i < json_count(groups); i++)
		if (strcmp(json_text(json_at(json_item(groups, i), "name")), name) == 0)
			return 1;
	return 0;
}

int
access_issuer(struct kube *kube, const char *path, const char *email, struct err *err)
{
	CLEANUP(json_freep) struct json *issuer = NULL;
	struct json *acme;

	if (yaml_read(&issuer, path, err) < 0)
		return -1;
	acme = json_at(issuer, "spec", "acme");
	if (!acme)
		return err_set(err, ERR_CONFIG, "%s is no issuer", path);
	json_set_text(acme, "email", email);
	return apply(kube, issuer, err);
}
