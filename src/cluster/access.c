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
#define ADMISSION "/apis/admissionregistration.k8s.io/v1/"
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
	{"ValidatingAdmissionPolicy", NULL, ADMISSION "validatingadmissionpolicies/"},
	{"ValidatingAdmissionPolicyBinding", NULL, ADMISSION "validatingadmissionpolicybindings/"},
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
		return err_set(err, ERR_CLUSTER_FAILED,
			       "The cluster has no place for a %s; it may be too old", kind);
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

int
access_may(struct kube *kube, const struct access_right *right, struct err *err)
{
	CLEANUP(json_freep) struct json *review = json_new_object();
	CLEANUP(json_freep) struct json *answer = NULL;
	struct json *spec = json_new_object(), *wanted = json_new_object();
	const char *slash = strchr(right->resource, '/');
	char plain[RIGHT_TEXT];

	snprintf(plain, sizeof(plain), "%.*s",
		 slash ? (int)(slash - right->resource) : RIGHT_TEXT - 1, right->resource);
	json_set_text(wanted, "group", right->group);
	json_set_text(wanted, "resource", plain);
	if (slash)
		json_set_text(wanted, "subresource", slash + 1);
	json_set_text(wanted, "verb", right->verb);
	if (right->namespace)
		json_set_text(wanted, "namespace", right->namespace);
	if (right->name)
		json_set_text(wanted, "name", right->name);
	json_set(spec, "resourceAttributes", wanted);
	json_set_text(review, "apiVersion", "authorization.k8s.io/v1");
	json_set_text(review, "kind", "SelfSubjectAccessReview");
	json_set(review, "spec", spec);
	if (kube_ask(kube, review, &answer, err,
		     "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") < 0)
		return -1;
	return json_true(json_at(answer, "status", "allowed"));
}

struct check {
	struct kube *kube;
	struct json *held; /* of a role that is not bound everywhere: its rules in the cluster */
	bool bound;
	struct access_found found;
};

static void
note(struct access_found *found, const char *verb, const char *resource, const char *name)
{
	size_t n = strlen(found->words);

	found->missing++;
	snprintf(found->words + n, sizeof(found->words) - n, "%s%s %s%s%s", n ? ", " : "", verb,
		 resource, name ? " " : "", name ? name : "");
}

static bool
has(const struct json *rule, const char *what, const char *word)
{
	struct json *list = json_at(rule, what);

	for (size_t i = 0; i < json_count(list); i++)
		if (strcmp(json_text(json_item(list, i)), word) == 0)
			return true;
	return false;
}

/* Whether rules as the cluster shows them give it: a role of ours has no wildcards. */
static bool
holds(const struct json *rules, const struct access_right *right)
{
	for (size_t i = 0; i < json_count(rules); i++) {
		const struct json *rule = json_item(rules, i);

		if (has(rule, "apiGroups", right->group) &&
		    has(rule, "resources", right->resource) && has(rule, "verbs", right->verb))
			return true;
	}
	return false;
}

static int
check_right(struct check *c, const struct access_right *right, struct err *err)
{
	int may = c->bound ? access_may(c->kube, right, err) : holds(c->held, right);

	if (may < 0)
		return -1;
	c->found.asked++;
	if (may == 0)
		note(&c->found, right->verb, right->resource, right->name);
	return 0;
}

/* Each of its rights, of each of the objects that it names. */
static int
check_rule(struct check *c, const struct json *rule, struct err *err)
{
	struct json *groups = json_at(rule, "apiGroups"), *resources = json_at(rule, "resources");
	struct json *verbs = json_at(rule, "verbs"), *names = json_at(rule, "resourceNames");
	size_t each = json_count(names) ? json_count(names) : 1;
	size_t count = json_count(groups) * json_count(resources) * json_count(verbs) * each;

	for (size_t i = 0; i < count; i++) {
		size_t n = i / each, verb = n % json_count(verbs);

		n /= json_count(verbs);
		const struct access_right right = {
			.group = json_text(json_item(groups, n / json_count(resources))),
			.resource = json_text(json_item(resources, n % json_count(resources))),
			.verb = json_text(json_item(verbs, verb)),
			.name = names ? json_text(json_item(names, i % each)) : NULL,
		};

		if (check_right(c, &right, err) < 0)
			return -1;
	}
	return 0;
}

/* Whether one of the file's bindings gives the role to the account everywhere. */
static bool
is_bound(const struct json *items, const char *role)
{
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json *item = json_item(items, i);

		if (strcmp(json_text(json_at(item, "kind")), "ClusterRoleBinding") == 0 &&
		    strcmp(json_text(json_at(item, "roleRef", "name")), role) == 0)
			return true;
	}
	return false;
}

/* The role that the account binds itself has to be there as the file has it. */
static int
check_role(struct check *c, const struct json *items, const struct json *role, struct err *err)
{
	CLEANUP(json_freep) struct json *there = NULL;
	const char *name = json_text(json_at(role, "metadata", "name"));
	struct json *rules = json_at(role, "rules");

	c->bound = is_bound(items, name);
	if (!c->bound && c->found.everything)
		return 0;
	if (!c->bound && valid_slug(name) &&
	    kube_get(c->kube, &there, err, RBAC "clusterroles/%s", name) < 0 &&
	    err->code != ERR_CLUSTER_FORBIDDEN) /* the right to read it is one that is missing */
		return -1;
	c->held = json_at(there, "rules");
	for (size_t r = 0; r < json_count(rules); r++)
		if (check_rule(c, json_item(rules, r), err) < 0)
			return -1;
	return 0;
}

int
access_check(struct kube *kube, const char *path, struct access_found *ret, struct err *err)
{
	static const struct access_right everything = {
		.group = "*", .resource = "*", .verb = "*"};
	CLEANUP(json_freep) struct json *root = NULL;
	struct check c = {.kube = kube};
	struct json *items;
	int all;

	if (yaml_read(&root, path, err) < 0)
		return -1;
	all = access_may(kube, &everything, err);
	if (all < 0)
		return -1;
	c.found.everything = all > 0;
	items = json_at(root, "items");
	for (size_t i = 0; i < json_count(items); i++)
		if (check_role(&c, items, json_item(items, i), err) < 0)
			return -1;
	if (c.found.asked == 0)
		return err_set(err, ERR_CONFIG, "%s grants nothing", path);
	*ret = c.found;
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
