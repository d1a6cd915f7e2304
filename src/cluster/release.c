/* release.c: see release.h. */
#include "cluster/release.h"

#include <stdio.h>
#include <string.h>

#include "base/valid.h"

static const char *const words[RELEASE_STATUSES] = {
	[RELEASE_NONE] = "none",
	[RELEASE_DEPLOYED] = "deployed",
	[RELEASE_FAILED] = "failed",
	[RELEASE_SUPERSEDED] = "superseded",
	[RELEASE_PENDING_INSTALL] = "pending-install",
	[RELEASE_PENDING_UPGRADE] = "pending-upgrade",
	[RELEASE_PENDING_ROLLBACK] = "pending-rollback",
	[RELEASE_UNINSTALLING] = "uninstalling",
	[RELEASE_UNINSTALLED] = "uninstalled",
	[RELEASE_UNKNOWN] = "unknown",
};

const char *
release_word(enum release_status status)
{
	return words[status];
}

bool
release_pending(enum release_status status)
{
	return status == RELEASE_PENDING_INSTALL || status == RELEASE_PENDING_UPGRADE ||
	       status == RELEASE_PENDING_ROLLBACK;
}

static enum release_status
status_of(const char *word)
{
	for (int i = 0; i < RELEASE_STATUSES; i++)
		if (strcmp(words[i], word) == 0)
			return (enum release_status)i;
	return RELEASE_UNKNOWN;
}

int
release_read(struct kube *kube, const char *namespace, const char *name, struct release *ret,
	     struct err *err)
{
	CLEANUP(json_freep) struct json *list = NULL;
	struct release newest = {.status = RELEASE_NONE};
	struct json *items;

	if (kube_list_meta(kube, &list, err,
			  "/api/v1/namespaces/%s/secrets?labelSelector=owner%%3Dhelm%%2Cname%%3D%s",
			  namespace, name) < 0)
		return -1;
	items = json_at(list, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		struct json *meta = json_at(json_item(items, i), "metadata");
		int64_t revision = 0;

		/* Compared as numbers: v10 comes after v9. */
		if (!valid_int(json_text(json_at(meta, "labels", "version")), 1, 1 << 30,
			       &revision) ||
		    revision <= newest.revision)
			continue;
		newest.revision = (int)revision;
		newest.status = status_of(json_text(json_at(meta, "labels", "status")));
		snprintf(newest.record, sizeof(newest.record), "%s",
			 json_text(json_at(meta, "name")));
		snprintf(newest.digest, sizeof(newest.digest), "%s",
			 json_text(json_at(meta, "labels", RELEASE_DIGEST)));
	}
	*ret = newest;
	return 0;
}

int
release_forget(struct kube *kube, const char *namespace, const struct release *release,
	       struct err *err)
{
	if (!*release->record) /* the path would be that of all Secrets */
		return err_set(err, ERR_INTERNAL, "there is no release record to delete");
	return kube_delete(kube, NULL, err, "/api/v1/namespaces/%s/secrets/%s", namespace,
			   release->record) < 0
		       ? -1
		       : 0;
}
