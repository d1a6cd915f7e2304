/* grant.c: see grant.h. */
#include "cluster/grant.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/valid.h"
#include "cluster/access.h"
#include "io/proc.h"

enum { NAME = VALID_HOST_MAX + 1, HOLDS_MS = 10000, NAP_MS = 25 };

#define RBAC "rbac.authorization.k8s.io"
#define BINDINGS "/apis/" RBAC "/v1/namespaces/%s/rolebindings"

/* A service account, and the role that it gives itself. */
struct account {
	char namespace[NAME], name[NAME], role[NAME + sizeof(GRANT_SUFFIX)];
};

static int
may_read(struct kube *kube, const char *namespace, struct err *err)
{
	return access_may(kube,
			  &(struct access_right){.group = "",
						 .resource = "secrets",
						 .verb = "list",
						 .namespace = namespace},
			  err);
}

/* Who we are, in the cluster's own words. */
static int
find_account(struct kube *kube, struct account *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *review = json_new_object();
	CLEANUP(json_freep) struct json *answer = NULL;
	const char *user;

	json_set_text(review, "apiVersion", "authentication.k8s.io/v1");
	json_set_text(review, "kind", "SelfSubjectReview");
	if (kube_ask(kube, review, &answer, err,
		     "/apis/authentication.k8s.io/v1/selfsubjectreviews") < 0)
		return -1;
	user = json_text(json_at(answer, "status", "userInfo", "username"));
	/* Both become parts of a path. */
	if (sscanf(user, "system:serviceaccount:%253[^:]:%253[^:]", ret->namespace, ret->name) !=
		    2 ||
	    !valid_domain(ret->namespace) || !valid_domain(ret->name))
		return err_set(err, ERR_CLUSTER_FORBIDDEN,
			       "The platform's credential may not read Secrets in the namespaces of "
			       "stores, and is no service account's (it is %.120s), which could give "
			       "itself that right",
			       user);
	snprintf(ret->role, sizeof(ret->role), "%s" GRANT_SUFFIX, ret->name);
	return 0;
}

static struct json *
subjects_of(const struct account *a)
{
	struct json *subject = json_new_object();
	struct json *list = json_new_array();

	json_set_text(subject, "kind", "ServiceAccount");
	json_set_text(subject, "name", a->name);
	json_set_text(subject, "namespace", a->namespace);
	json_add(list, subject);
	return list;
}

static struct json *
binding_of(const struct account *a)
{
	struct json *labels = json_new_object();
	struct json *metadata = json_new_object();
	struct json *role = json_new_object();
	struct json *binding = json_new_object();

	json_set_text(labels, KUBE_PART_OF, KUBE_PLATFORM);
	json_set_text(metadata, "name", a->role);
	json_set(metadata, "labels", labels);
	json_set_text(role, "apiGroup", RBAC);
	json_set_text(role, "kind", "ClusterRole");
	json_set_text(role, "name", a->role);
	json_set_text(binding, "apiVersion", RBAC "/v1");
	json_set_text(binding, "kind", "RoleBinding");
	json_set(binding, "metadata", metadata);
	json_set(binding, "roleRef", role);
	json_set(binding, "subjects", subjects_of(a));
	return binding;
}

static int
bind_role(struct kube *kube, const char *namespace, const struct account *a, struct err *err)
{
	CLEANUP(json_freep) struct json *binding = binding_of(a);
	CLEANUP(json_freep) struct json *patch = NULL;
	int r = kube_create(kube, binding, err, BINDINGS, namespace);

	if (r != 0)
		return r < 0 ? -1 : 0;
	/* It is there and gives us nothing: it may be another's, as of the namespace we were in. */
	patch = json_new_object();
	json_set(patch, "subjects", subjects_of(a));
	return kube_patch(kube, patch, err, BINDINGS "/%s", namespace, a->role) < 0 ? -1 : 0;
}

int
grant_secrets(struct kube *kube, const char *namespace, struct err *err)
{
	int64_t end = clock_mono_ms() + HOLDS_MS;
	struct account account;
	int r = may_read(kube, namespace, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (find_account(kube, &account, err) < 0 || bind_role(kube, namespace, &account, err) < 0)
		return -1;
	/* The part of the API server that decides learns of it a moment later. */
	while ((r = may_read(kube, namespace, err)) == 0 && clock_mono_ms() < end)
		proc_nap(-1, NAP_MS);
	if (r == 0)
		return err_set(err, ERR_CLUSTER_FORBIDDEN,
			       "The platform may not read Secrets in %.80s, although its account "
			       "has a RoleBinding %.120s there: the ClusterRole of that name is not "
			       "right. Give the account its rights again (storectl setup, or helm "
			       "upgrade), then retry",
			       namespace, account.role);
	return r < 0 ? -1 : 0;
}
