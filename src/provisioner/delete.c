/*
 * delete.c: the steps that remove a shop, in the order of model/progress. What
 * is not this store's by its labels is never touched. Done means seen gone.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/valid.h"
#include "cluster/blocker.h"
#include "cluster/release.h"
#include "model/progress.h"
#include "provisioner/nudge.h"
#include "provisioner/recovery.h"
#include "provisioner/work.h"

enum { BLOCKER_AFTER_MS = 15000 }; /* pods may take that long to end in good order */

/* 1: the namespace is there and this store's, 0: there is nothing of ours, -1. */
static int
find_namespace(struct work *w, struct json **ret, struct err *err)
{
	int r = kube_get(w->kube, ret, err, "/api/v1/namespaces/%s", w->names.namespace);

	return r > 0 && !work_owns(w, *ret) ? 0 : r;
}

/* helm would be of no use for it. */
static int
note_passed(struct work *w, const struct release *release, struct err *err)
{
	char note[ERR_TEXT_MAX];

	snprintf(note, sizeof(note), "The release is %s; it goes with its namespace.",
		 release_word(release->status));
	return work_note(w, "release", note, err);
}

/* Asks for the end of each claim. One that is refused goes with the namespace, or is told of then. */
static int
delete_claims(struct work *w, const struct json *list, struct err *err)
{
	struct json *items = json_at(list, "items");
	struct err said = ERR_INIT;

	for (size_t i = 0; i < json_count(items); i++)
		if (nudge_claim(w, json_item(items, i), &said) < 0 &&
		    err_class(said.code) != ERR_TERMINAL) {
			*err = said;
			return -1;
		}
	return 0;
}

/* With the namespace the release goes anyway; helm makes it orderly, and ends the pods before. */
static int
run_helm(struct work *w, struct err *err)
{
	struct release release;
	struct err said = ERR_INIT;
	char note[ERR_TEXT_MAX];
	int r;

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
uninstall(struct work *w, struct err *err)
{
	CLEANUP(json_freep) struct json *claims = NULL;
	CLEANUP(json_freep) struct json *namespace = NULL;
	struct release release;
	char note[ERR_TEXT_MAX];
	int r;

	/* Listed before the namespace is looked at: if that is ours then, so were they. */
	if (kube_get(w->kube, &claims, err, "/api/v1/namespaces/%s/persistentvolumeclaims",
		     w->names.namespace) < 0)
		return -1;
	r = find_namespace(w, &namespace, err);
	if (r == 0 && namespace) {
		snprintf(note, sizeof(note),
			 "The namespace %s is not this store's; it was left untouched.",
			 w->names.namespace);
		return work_note(w, "release", note, err);
	}
	/* In one that ends helm has nothing left to do, nor we a right to its records. */
	if (r <= 0 || json_at(namespace, "metadata", "deletionTimestamp"))
		return r < 0 ? -1 : 0;
	if (work_grant(w, err) < 0 ||
	    release_decode(w->kube, w->names.namespace, w->names.release, &release, err) < 0)
		return -1;
	/*
	 * helm keeps the claims. Asked now, they go with the last pod that uses them. The
	 * cluster looks into a namespace 5 s after its end was asked for; a claim that it
	 * has to delete itself is there still when it counts, and it comes back 5 s later.
	 */
	if (delete_claims(w, claims, err) < 0)
		return -1;
	if (recovery_of(release.status, JOB_DELETE) == RECOVERY_PASS)
		return release.status == RELEASE_NONE ? 0 : note_passed(w, &release, err);
	return run_helm(w, err);
}

/* Tells what holds the removal back: not at once, and not each of its small steps. */
static int
tell_blocker(struct work *w, const char *step, const char *left, const char *advice,
	     int64_t *tell_at, struct err *err)
{
	struct cause cause = {.word = err_word(ERR_NOT_GONE)};
	int64_t now = clock_mono_ms();

	if (now < *tell_at)
		return 0;
	*tell_at = now + BLOCKER_AFTER_MS;
	snprintf(cause.sentence, sizeof(cause.sentence), "%.650s %s; it goes on by itself then.",
		 left, advice);
	valid_clean(cause.sentence);
	return work_report(w, step, &cause, err);
}

/* look: 0 when it is gone, 1 while it is not, with a sentence about what is left, -1. */
static int
await_gone(struct work *w, const char *step, const char *advice,
	   int (*look)(struct work *w, char left[ERR_TEXT_MAX], struct err *err), struct err *err)
{
	int64_t tell_at = clock_mono_ms() + BLOCKER_AFTER_MS;
	char left[ERR_TEXT_MAX];
	int nap = 0, r;

	while ((r = look(w, left, err)) > 0) {
		if (tell_blocker(w, step, left, advice, &tell_at, err) < 0)
			return -1;
		if (work_nap(w, &nap, err) < 0)
			return err->code == ERR_DEADLINE
				       ? err_set(err, ERR_NOT_GONE, "%.650s %s, then retry.", left,
						 advice)
				       : -1;
	}
	return r < 0 ? -1 : work_report_end(w, step, err);
}

static int
look_at_namespace(struct work *w, char left[ERR_TEXT_MAX], struct err *err)
{
	CLEANUP(json_freep) struct json *namespace = NULL;
	char blocker[ERR_TEXT_MAX];
	int r = find_namespace(w, &namespace, err);

	if (r <= 0)
		return r;
	if (!json_at(namespace, "metadata", "deletionTimestamp")) {
		if (kube_delete(w->kube, json_text(json_at(namespace, "metadata", "uid")), err,
				"/api/v1/namespaces/%s", w->names.namespace) < 0)
			return -1;
		crash_point("namespace-deleting");
	}
	blocker_namespace(namespace, blocker);
	snprintf(left, ERR_TEXT_MAX, "The namespace %s is not gone yet: %.600s.",
		 w->names.namespace, *blocker ? blocker : "the cluster does not say why");
	return 1;
}

static int
remove_namespace(struct work *w, struct err *err)
{
	return await_gone(w, "namespace", "Remove what holds it", look_at_namespace, err);
}

static int
look_at_volumes(struct work *w, char left[ERR_TEXT_MAX], struct err *err)
{
	CLEANUP(json_freep) struct json *list = NULL;
	char volume[ERR_TEXT_MAX];

	if (kube_get(w->kube, &list, err, "/api/v1/persistentvolumes") < 0)
		return -1;
	if (!blocker_volume(list, w->names.namespace, volume))
		return 0;
	snprintf(left, ERR_TEXT_MAX, "A volume of the store is not gone yet: %.600s.", volume);
	return 1;
}

static int
remove_volumes(struct work *w, struct err *err)
{
	CLEANUP(json_freep) struct json *namespace = NULL;
	int r = kube_get(w->kube, &namespace, err, "/api/v1/namespaces/%s", w->names.namespace);

	/* A namespace that is there now is somebody else's, and so are its volumes. */
	if (r != 0)
		return r < 0 ? -1 : 0;
	return await_gone(w, "volumes", "Delete the volume", look_at_volumes, err);
}

const struct work_step delete_steps[DELETE_STEPS] = {
	[STEP_UNINSTALL] = {uninstall, 50}, /* the namespace takes along what helm leaves */
	[STEP_REMOVE_NAMESPACE] = {remove_namespace, 100},
	[STEP_REMOVE_VOLUMES] = {remove_volumes, 100},
};
