/* fleet.c: see fleet.h. */
#include "cluster/fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/grant.h"
#include "cluster/workload.h"

enum {
	PAGE_META = 500,
	PAGE_WHOLE = 100,
	PAGES_MAX = 2000, /* 100,000 stores, with two claims each */
	TOKEN_BYTES = 512,
	GROW = 64,
};

#define OURS "app.kubernetes.io%2Fpart-of%3Dstore-platform"

int
fleet_add(struct fleet *fleet, const char *id, const char *slug, struct err *err)
{
	struct fleet_member *m;

	if (fleet->count % GROW == 0) {
		m = reallocarray(fleet->members, fleet->count + GROW, sizeof(*m));
		if (!m)
			return err_errno(err, "the list of stores");
		fleet->members = m;
	}
	m = &fleet->members[fleet->count++];
	*m = (struct fleet_member){.revision = 0};
	snprintf(m->id, sizeof(m->id), "%s", id);
	names_of(&m->names, slug, "", 0, false);
	snprintf(m->claims[0], sizeof(m->claims[0]), "%s-mariadb-data", slug);
	snprintf(m->claims[1], sizeof(m->claims[1]), "%s-wordpress-data", slug);
	return 0;
}

void
fleet_free(struct fleet *fleet)
{
	free(fleet->members);
	free(fleet->namespaces);
	*fleet = (struct fleet){.count = 0};
}

static int
compare(const void *namespace, const void *member)
{
	return strcmp(namespace, ((const struct fleet_member *)member)->names.namespace);
}

static struct fleet_member *
member_of(const struct fleet *fleet, const char *namespace)
{
	return fleet->count ? bsearch(namespace, fleet->members, fleet->count,
				      sizeof(*fleet->members), compare)
			    : NULL;
}

static bool
ending(const struct json *object)
{
	return json_at(object, "metadata", "deletionTimestamp") != NULL;
}

static const char *
name_of(const struct json *object)
{
	return json_text(json_at(object, "metadata", "name"));
}

/* An object of one of the lists: m is the store whose namespace it lies in, or NULL. */
typedef int (*see)(struct fleet *fleet, struct fleet_member *m, const struct json *object,
		   struct err *err);

static int
see_namespace(struct fleet *fleet, struct fleet_member *m, const struct json *object,
	      struct err *err)
{
	const char *id = json_text(json_at(object, "metadata", "labels", KUBE_STORE_ID));
	struct fleet_namespace *n;

	(void)m; /* a namespace lies in none */
	m = member_of(fleet, name_of(object));
	if (m) {
		m->namespace = ending(object) ? FLEET_ENDING : FLEET_THERE;
		m->foreign = strcmp(id, m->id) != 0;
	}
	if (fleet->found % GROW == 0) {
		n = reallocarray(fleet->namespaces, fleet->found + GROW, sizeof(*n));
		if (!n)
			return err_errno(err, "the list of namespaces");
		fleet->namespaces = n;
	}
	n = &fleet->namespaces[fleet->found++];
	*n = (struct fleet_namespace){.ending = ending(object)};
	snprintf(n->name, sizeof(n->name), "%s", name_of(object));
	snprintf(n->uid, sizeof(n->uid), "%s", json_text(json_at(object, "metadata", "uid")));
	snprintf(n->maker, sizeof(n->maker), "%s",
		 json_text(json_at(object, "metadata", "labels", KUBE_MAKER)));
	if (valid_uuid(id))
		snprintf(n->store_id, sizeof(n->store_id), "%s", id);
	return 0;
}

static enum fleet_found
workload_found(const struct json *object)
{
	if (ending(object))
		return FLEET_ENDING;
	if (workload_state(object) == WORKLOAD_READY)
		return FLEET_THERE;
	return json_int(json_at(object, "spec", "replicas")) == 0 ? FLEET_ZERO : FLEET_BAD;
}

static int
see_database(struct fleet *fleet, struct fleet_member *m, const struct json *object,
	     struct err *err)
{
	(void)fleet, (void)err;
	if (m && strcmp(name_of(object), m->names.mariadb) == 0)
		m->database = workload_found(object);
	return 0;
}

static int
see_wordpress(struct fleet *fleet, struct fleet_member *m, const struct json *object,
	      struct err *err)
{
	(void)fleet, (void)err;
	if (m && strcmp(name_of(object), m->names.wordpress) == 0)
		m->wordpress = workload_found(object);
	return 0;
}

static int
see_claim(struct fleet *fleet, struct fleet_member *m, const struct json *object, struct err *err)
{
	bool bound = strcmp(json_text(json_at(object, "status", "phase")), "Bound") == 0;

	(void)fleet, (void)err;
	for (int i = 0; m && i < FLEET_CLAIMS; i++)
		if (strcmp(name_of(object), m->claims[i]) == 0)
			m->claim[i] = ending(object) ? FLEET_ENDING : bound ? FLEET_THERE : FLEET_BAD;
	return 0;
}

static int
see_quota(struct fleet *fleet, struct fleet_member *m, const struct json *object, struct err *err)
{
	(void)fleet, (void)err;
	/* Another one that somebody made does not count for ours. */
	if (m && strcmp(name_of(object), m->names.quota) == 0)
		quota_text(object, m->resources);
	return 0;
}

/* An item of a list of whole objects has no kind of its own. */
static const struct list {
	const char *path, *selector, *kind;
	bool whole; /* else metadata only */
	see see;
} lists[] = {
	{"/api/v1/namespaces", OURS, "Namespace", false, see_namespace},
	{"/apis/apps/v1/statefulsets", OURS, "StatefulSet", true, see_database},
	{"/apis/apps/v1/deployments", OURS, "Deployment", true, see_wordpress},
	{"/api/v1/persistentvolumeclaims", OURS, "PersistentVolumeClaim", true, see_claim},
	{"/api/v1/resourcequotas", OURS, "ResourceQuota", true, see_quota},
};

static int
see_page(struct fleet *fleet, const struct list *list, const struct json *page, struct err *err)
{
	struct json *items = json_at(page, "items");

	for (size_t i = 0; i < json_count(items); i++) {
		struct json *item = json_item(items, i);

		if (list->whole)
			json_set_text(item, "kind", list->kind);
		if (list->see(fleet,
			      member_of(fleet, json_text(json_at(item, "metadata", "namespace"))),
			      item, err) < 0)
			return -1;
	}
	return 0;
}

static int
look_at_list(struct kube *kube, struct fleet *fleet, const struct list *list, struct err *err)
{
	char token[TOKEN_BYTES] = "";

	for (int i = 0; i < PAGES_MAX; i++) {
		CLEANUP(json_freep) struct json *page = NULL;
		const char *more;
		int r = (list->whole ? kube_get : kube_list_meta)(
			kube, &page, err, "%s?labelSelector=%s&limit=%d%s%s", list->path,
			list->selector, list->whole ? PAGE_WHOLE : PAGE_META,
			*token ? "&continue=" : "", token);

		if (r == 0)
			return err_set(err, ERR_CLUSTER_ANSWER, "The cluster does not know %s",
				       list->path);
		if (r < 0 || see_page(fleet, list, page, err) < 0)
			return -1;
		more = json_text(json_at(page, "metadata", "continue"));
		if (!*more)
			return 0;
		/* It is made of these alone, and stands in a URL. */
		if (strlen(more) >= sizeof(token) ||
		    more[strspn(more, "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_=.")])
			return err_set(err, ERR_CLUSTER_ANSWER, "The cluster's list of %s cannot be read on",
				       list->path);
		snprintf(token, sizeof(token), "%s", more);
	}
	return err_set(err, ERR_CLUSTER_ANSWER, "The cluster's list of %s has no end", list->path);
}

/* A store made by an older program has not got its binding, or somebody took it away. */
static int
unlock(struct kube *kube, struct fleet_member *m, struct release *ret, struct err *err)
{
	if (grant_secrets(kube, m->names.namespace, err) == 0)
		return release_read(kube, m->names.namespace, m->names.release, ret, err);
	if (err->code == ERR_NAMESPACE_TERMINATING)
		m->namespace = FLEET_ENDING; /* by now: its bindings go before it does */
	else if (err->code == ERR_CLUSTER_FORBIDDEN)
		m->locked = true;
	else
		return -1;
	return 0;
}

/* Of a namespace that is not there as ours the records do not count. */
static int
look_at_release(struct kube *kube, struct fleet_member *m, struct err *err)
{
	struct release release = {.status = RELEASE_NONE};

	if (m->namespace != FLEET_THERE || m->foreign)
		return 0;
	if (release_read(kube, m->names.namespace, m->names.release, &release, err) < 0 &&
	    (err->code != ERR_CLUSTER_FORBIDDEN || unlock(kube, m, &release, err) < 0))
		return -1;
	m->release = release.status;
	m->revision = release.revision;
	return 0;
}

int
fleet_look(struct kube *kube, struct fleet *fleet, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (look_at_list(kube, fleet, &lists[i], err) < 0)
			return -1;
	for (size_t i = 0; i < fleet->count; i++)
		if (look_at_release(kube, &fleet->members[i], err) < 0)
			return -1;
	return 0;
}

static bool
say_workload(enum fleet_found found, const char *part, const char *kind, const char *name,
	     const struct fleet_member *m, char ret[ERR_TEXT_MAX])
{
	const char *namespace = m->names.namespace;

	switch (found) {
	case FLEET_THERE:
		return false;
	case FLEET_MISSING:
		snprintf(ret, ERR_TEXT_MAX,
			 "The shop's %s was removed from the cluster (%s %s); its data is still "
			 "there. Bring it back with: helm -n %s rollback %s %d",
			 part, kind, name, namespace, m->names.release, m->revision);
		return true;
	case FLEET_ENDING:
		snprintf(ret, ERR_TEXT_MAX, "The shop's %s is being deleted by somebody (%s %s).",
			 part, kind, name);
		return true;
	case FLEET_ZERO:
		snprintf(ret, ERR_TEXT_MAX,
			 "The shop's %s is scaled to nothing. Start it with: kubectl -n %s scale "
			 "%s %s --replicas=1",
			 part, namespace, kind, name);
		return true;
	case FLEET_BAD:
		snprintf(ret, ERR_TEXT_MAX,
			 "The shop's %s does not run. If it is not just restarting, see: kubectl -n "
			 "%s describe %s %s",
			 part, namespace, kind, name);
		return true;
	}
	return false;
}

static bool
say_claim(enum fleet_found found, const char *name, const struct names *n, char ret[ERR_TEXT_MAX])
{
	static const char *const words[] = {
		[FLEET_MISSING] = "is gone, and the data in it",
		[FLEET_BAD] = "has lost its storage",
		[FLEET_ENDING] = "goes, with the data in it, as soon as no pod uses it: somebody "
				 "deleted it",
	};

	if (found == FLEET_THERE || found == FLEET_ZERO)
		return false;
	snprintf(ret, ERR_TEXT_MAX,
		 "The volume %s of the shop %s. Save what the shop still has, then restore a backup "
		 "into %s, or delete the store.",
		 name, words[found], n->namespace);
	return true;
}

static bool
say_namespace(const struct fleet_member *m, char ret[ERR_TEXT_MAX])
{
	if (m->namespace == FLEET_THERE && !m->foreign)
		return false;
	snprintf(ret, ERR_TEXT_MAX, "The shop's namespace %s %s. %s, or delete the store.",
		 m->names.namespace,
		 m->namespace == FLEET_MISSING ? "is gone from the cluster, and the shop's data with it"
		 : m->namespace == FLEET_ENDING ? "is being deleted by somebody, with all that is in it"
						: "carries another store's label",
		 m->namespace == FLEET_THERE ? "Set its label " KUBE_STORE_ID " right"
					     : "Restore it from a backup of the cluster");
	return true;
}

static bool
say_release(const struct fleet_member *m, char ret[ERR_TEXT_MAX])
{
	if (m->locked)
		snprintf(ret, ERR_TEXT_MAX,
			 "The platform may not read the Secrets in %s, and cannot give itself that "
			 "right. See: storectl doctor",
			 m->names.namespace);
	if (m->locked || m->release == RELEASE_DEPLOYED)
		return m->locked;
	if (m->release == RELEASE_NONE)
		snprintf(ret, ERR_TEXT_MAX,
			 "helm's records of the release %s were removed from %s; the shop runs on, "
			 "but cannot be upgraded. Restore those Secrets from a backup of the cluster.",
			 m->names.release, m->names.namespace);
	else
		snprintf(ret, ERR_TEXT_MAX,
			 "The release %s is \"%s\": somebody ran helm on it. See: helm -n %s history "
			 "%s",
			 m->names.release, release_word(m->release), m->names.namespace,
			 m->names.release);
	return true;
}

bool
fleet_judge(const struct fleet_member *m, char ret[ERR_TEXT_MAX])
{
	const struct names *n = &m->names;

	ret[0] = '\0';
	if (say_namespace(m, ret))
		return true;
	for (int i = 0; i < FLEET_CLAIMS; i++)
		if (say_claim(m->claim[i], m->claims[i], n, ret))
			return true;
	return say_workload(m->database, "database", "statefulset", n->mariadb, m, ret) ||
	       say_workload(m->wordpress, "WordPress", "deployment", n->wordpress, m, ret) ||
	       say_release(m, ret);
}
