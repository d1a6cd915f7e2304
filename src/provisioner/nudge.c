/* nudge.c: see nudge.h. */
#include "provisioner/nudge.h"

#include <stdio.h>
#include <string.h>

#include "cluster/diagnose.h"

#define NUDGED "store-platform.io/nudged"
#define REVISION "controller-revision-hash"

/* The first pod of a list that is the workload's, NULL if there is none. */
static struct json *
find_pod(const struct json *list, const struct json *workload)
{
	struct json *items = json_at(list, "items");

	for (size_t i = 0; i < json_count(items); i++)
		if (diagnose_owns(workload, json_item(items, i)))
			return json_item(items, i);
	return NULL;
}

/* An annotation that changes nothing but the object's version. */
static int
touch(struct work *w, const struct json *workload, const char *path, struct err *err)
{
	CLEANUP(json_freep) struct json *patch = NULL;
	struct json *annotations, *metadata;
	char claim[48];

	snprintf(claim, sizeof(claim), "%lld-%lld", (long long)w->job.id, (long long)w->job.fence);
	if (strcmp(json_text(json_at(workload, "metadata", "annotations", NUDGED)), claim) == 0)
		return 0;
	annotations = json_new_object();
	metadata = json_new_object();
	patch = json_new_object();
	json_set_text(annotations, NUDGED, claim);
	json_set(metadata, "annotations", annotations);
	json_set(patch, "metadata", metadata);
	return kube_patch(w->kube, patch, err, "%s", path);
}

static int
replace(struct work *w, const struct json *pod, const char *step, struct err *err)
{
	if (kube_delete(w->kube, json_text(json_at(pod, "metadata", "uid")), err,
			"/api/v1/namespaces/%s/pods/%s", w->names.namespace,
			json_text(json_at(pod, "metadata", "name"))) < 0 ||
	    work_note(w, step,
		      "The pod with the old settings was removed; one with the new follows.",
		      err) < 0)
		return -1;
	return 1;
}

int
nudge_workload(struct work *w, const struct json *workload, const char *component,
	       const char *path, const char *step, struct err *err)
{
	CLEANUP(json_freep) struct json *list = NULL;
	const char *newest = json_text(json_at(workload, "status", "updateRevision"));
	struct json *pod;

	if (!workload)
		return 0;
	if (kube_list_meta(w->kube, &list, err,
			   "/api/v1/namespaces/%s/pods?labelSelector="
			   "app.kubernetes.io%%2Fcomponent%%3D%s",
			   w->names.namespace, component) < 0)
		return -1;
	pod = find_pod(list, workload);
	if (!pod)
		return touch(w, workload, path, err);
	/* Only a StatefulSet has an update revision; it is old itself until that is observed. */
	if (!*newest || json_int(json_at(workload, "status", "observedGeneration")) <
				json_int(json_at(workload, "metadata", "generation")))
		return 0;
	return strcmp(json_text(json_at(pod, "metadata", "labels", REVISION)), newest) == 0
		       ? 0
		       : replace(w, pod, step, err);
}

int
nudge_claim(struct work *w, const struct json *claim, struct err *err)
{
	int r;

	if (json_at(claim, "metadata", "deletionTimestamp"))
		return 0;
	r = kube_delete(w->kube, json_text(json_at(claim, "metadata", "uid")), err,
			"/api/v1/namespaces/%s/persistentvolumeclaims/%s", w->names.namespace,
			json_text(json_at(claim, "metadata", "name")));
	return r < 0 ? -1 : 0;
}

/* Deletes those that have no volume; how many there are, -1. */
static int
drop_unbound(struct work *w, struct err *err)
{
	CLEANUP(json_freep) struct json *list = NULL;
	struct json *items;
	int found = 0;

	if (kube_get(w->kube, &list, err,
		     "/api/v1/namespaces/%s/persistentvolumeclaims?labelSelector="
		     "app.kubernetes.io%%2Finstance%%3D%s",
		     w->names.namespace, w->names.release) < 0)
		return -1;
	items = json_at(list, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		struct json *claim = json_item(items, i);

		if (strcmp(json_text(json_at(claim, "status", "phase")), "Pending") != 0 ||
		    *json_text(json_at(claim, "spec", "volumeName")))
			continue;
		found++;
		if (nudge_claim(w, claim, err) < 0)
			return -1;
	}
	return found;
}

int
nudge_claims(struct work *w, struct err *err)
{
	int nap = 0, r;

	while ((r = drop_unbound(w, err)) > 0)
		if (work_nap(w, &nap, err) < 0)
			return -1;
	return r;
}
