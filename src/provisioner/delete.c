/*
 * delete.c: the steps that remove a shop, in the order of model/progress. What
 * is not this store's by its labels is never touched. Done means seen gone.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "cluster/release.h"
#include "model/progress.h"
#include "provisioner/work.h"

enum { BLOCKER_AFTER_MS = 10000 };

/* 1: the namespace is there and this store's, 0: there is nothing of ours, -1. */
static int
find_namespace(struct work *w, struct json **ret, struct err *err)
{
	int r = kube_get(w->kube, ret, err, "/api/v1/namespaces/%s", w->names.namespace);

	return r > 0 && !work_owns(w, *ret) ? 0 : r;
}

/* With the namespace the release goes anyway; helm only makes it orderly. */
static int
uninstall(struct work *w, struct err *err)
{
	CLEANUP(json_freep) struct json *namespace = NULL;
	struct release release;
	struct err said = ERR_INIT;
	char note[ERR_TEXT_MAX];
	int r = find_namespace(w, &namespace, err);

	if (r <= 0)
		return r;
	if (release_read(w->kube, w->names.namespace, w->names.release, &release, err) < 0)
		return -1;
	if (release.status == RELEASE_NONE)
		return 0;
	crash_point("helm-unstarted");
	r = helm_uninstall(&w->helm, w->names.release, w->names.namespace, &said);
	crash_point("helm-unread");
	if (r < 0 && said.code == ERR_STOPPED) {
		*err = said;
		return -1;
	}
	if (release_read(w->kube, w->names.namespace, w->names.release, &release, err) < 0)
		return -1;
	if (release.status == RELEASE_NONE)
		return 0;
	snprintf(note, sizeof(note), "helm left the release behind; it goes with its namespace. %.500s",
		 said.text);
	return work_note(w, "release", note, err);
}

static int
remove_namespace(struct work *w, struct err *err)
{
	int64_t begin = clock_mono_ms();
	char blocker[ERR_TEXT_MAX] = "";
	bool told = false;

	for (int nap = 0;;) {
		CLEANUP(json_freep) struct json *namespace = NULL;
		int r = find_namespace(w, &namespace, err);

		if (r <= 0)
			return r;
		if (!json_at(namespace, "metadata", "deletionTimestamp")) {
			const char *uid = json_text(json_at(namespace, "metadata", "uid"));

			if (kube_delete(w->kube, uid, err, "/api/v1/namespaces/%s",
					w->names.namespace) < 0)
				return -1;
			crash_point("namespace-deleting");
		}
		cause_namespace(namespace, blocker);
		if (!told && *blocker && clock_mono_ms() - begin > BLOCKER_AFTER_MS) {
			told = true;
			if (work_note(w, "namespace", blocker, err) < 0)
				return -1;
		}
		if (work_nap(w, &nap, err) < 0)
			return err->code == ERR_DEADLINE
				       ? err_set(err, ERR_NOT_GONE,
						 "The namespace %s is still there. %.400s Remove what "
						 "holds it, then retry.",
						 w->names.namespace, blocker)
				       : -1;
	}
}

/* Whether the volume belonged to a claim of the store's namespace. */
static bool
is_ours(const struct work *w, const struct json *volume)
{
	return strcmp(json_text(json_at(volume, "spec", "claimRef", "namespace")),
		      w->names.namespace) == 0;
}

/* 1: none is left, 0: ret names one that is, -1. */
static int
find_volume(struct work *w, char ret[ERR_TEXT_MAX], struct err *err)
{
	CLEANUP(json_freep) struct json *list = NULL;
	struct json *items;

	if (kube_get(w->kube, &list, err, "/api/v1/persistentvolumes") < 0)
		return -1;
	items = json_at(list, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		struct json *volume = json_item(items, i);
		const char *policy =
			json_text(json_at(volume, "spec", "persistentVolumeReclaimPolicy"));

		if (!is_ours(w, volume))
			continue;
		snprintf(ret, ERR_TEXT_MAX, "%.100s (%.30s%s)",
			 json_text(json_at(volume, "metadata", "name")),
			 json_text(json_at(volume, "status", "phase")),
			 strcmp(policy, "Retain") == 0 ? ", its storage class keeps volumes" : "");
		return 0;
	}
	return 1;
}

static int
remove_volumes(struct work *w, struct err *err)
{
	CLEANUP(json_freep) struct json *namespace = NULL;
	char left[ERR_TEXT_MAX] = "";
	int nap = 0, r;

	/* A namespace that is there now is somebody else's, and so are its volumes. */
	r = kube_get(w->kube, &namespace, err, "/api/v1/namespaces/%s", w->names.namespace);
	if (r != 0)
		return r < 0 ? -1 : 0;
	while ((r = find_volume(w, left, err)) == 0)
		if (work_nap(w, &nap, err) < 0)
			return err->code == ERR_DEADLINE
				       ? err_set(err, ERR_NOT_GONE,
						 "The volume %.200s of the store is still there. Delete "
						 "it, then retry.",
						 left)
				       : -1;
	return r < 0 ? -1 : 0;
}

const work_step delete_steps[DELETE_STEPS] = {
	[STEP_UNINSTALL] = uninstall,
	[STEP_REMOVE_NAMESPACE] = remove_namespace,
	[STEP_REMOVE_VOLUMES] = remove_volumes,
};
