/* install.c: see install.h. */
#include "provisioner/install.h"

#include <string.h>

#include "base/crash.h"
#include "cluster/release.h"
#include "cluster/workload.h"
#include "provisioner/nudge.h"
#include "provisioner/recovery.h"

enum { PENDING_MAX = 8 }; /* helm keeps five records */

/* Keeps the values and their digest in the store's row, before helm gets them. */
static int
keep_values(struct work *w, const char *values, const char *digest, struct err *err)
{
	if (db_begin(w->db, err) < 0)
		return -1;
	if (job_hold(w->db, w->job.id, w->job.fence, err) < 0 ||
	    store_set_release(w->db, w->store.id, values, digest, err) < 0) {
		db_rollback(w->db);
		return -1;
	}
	return db_commit(w->db, err);
}

static int
stop_at(const struct work *w, const struct release *r, struct err *err)
{
	return err_set(err, ERR_RELEASE_UNREADABLE,
		       "The newest record of the release, Secret %s in %s, cannot be read, so helm "
		       "was not run. Delete that Secret (the shop's data stays) and retry, or delete "
		       "the store.",
		       r->record, w->names.namespace);
}

/*
 * The record that counts, after those that a killed helm left pending were
 * deleted and an uninstall that was begun has been ended.
 */
static int
settle_release(struct work *w, struct release *ret, enum recovery *ret_action, struct err *err)
{
	for (int i = 0; i < PENDING_MAX; i++) {
		int r = release_decode(w->kube, w->names.namespace, w->names.release, ret, err);

		if (r < 0)
			return -1;
		*ret_action = recovery_of(ret->status, JOB_PROVISION);
		if (*ret_action == RECOVERY_STOP)
			return stop_at(w, ret, err);
		if (*ret_action == RECOVERY_UNINSTALL)
			r = helm_uninstall(&w->helm, w->names.release, w->names.namespace, err);
		else if (*ret_action == RECOVERY_FORGET)
			r = release_forget(w->kube, w->names.namespace, ret, err);
		else
			return 0;
		if (r < 0)
			return -1;
	}
	return err_set(err, ERR_RELEASE_STATE, "The release %s stays %s.", w->names.release,
		       release_word(ret->status));
}

/* The init Job of a revision: 1: found, 0, -1. */
static int
get_init_job(struct work *w, int revision, struct json **ret, struct err *err)
{
	return kube_get(w->kube, ret, err, "/apis/batch/v1/namespaces/%s/jobs/%s-%d",
			w->names.namespace, w->names.init_job, revision);
}

static int
is_there(struct work *w, const char *resource, const char *name, struct err *err)
{
	CLEANUP(json_freep) struct json *meta = NULL;

	return kube_get_meta(w->kube, &meta, err, "/apis/apps/v1/namespaces/%s/%s/%s",
			     w->names.namespace, resource, name);
}

/* 1 if what is deployed is what we would deploy, is all there, and may still succeed; 0, -1. */
static int
is_current(struct work *w, const struct release *r, const char *digest, struct err *err)
{
	CLEANUP(json_freep) struct json *job = NULL;
	int found;

	if (strcmp(r->digest, digest) != 0)
		return 0;
	found = is_there(w, "statefulsets", w->names.mariadb, err);
	if (found > 0)
		found = is_there(w, "deployments", w->names.wordpress, err);
	if (found > 0)
		found = get_init_job(w, r->revision, &job, err);
	return found <= 0 ? found : workload_state(job) != WORKLOAD_FAILED;
}

/*
 * helm said no. If the chart cannot even be rendered, another attempt is in
 * vain; if it can, the cluster is what stood in the way.
 */
static int
explain_helm(struct work *w, const char *values, struct err *err)
{
	struct err why = ERR_INIT;

	if (err->code == ERR_HELM_FAILED &&
	    helm_render(&w->helm, w->names.release, w->names.namespace, values, &why) == 0)
		return err_set(err, ERR_CHART_FAILED,
			       "The chart cannot be rendered for this store (%.500s). Correct "
			       "HELM_VALUES_FILE or the chart, then retry.",
			       why.text);
	return -1;
}

static int
install(struct work *w, const char *values, const char *digest, struct err *err)
{
	struct release r;
	struct err said = ERR_INIT;
	int status;

	if (keep_values(w, values, digest, err) < 0 || nudge_claims(w, err) < 0)
		return -1;
	crash_point("helm-unstarted");
	status = helm_upgrade(&w->helm, w->names.release, w->names.namespace, values, digest, &said);
	crash_point("helm-unread");
	if (status < 0 && said.code == ERR_STOPPED) {
		*err = said;
		return -1;
	}
	/* Whatever helm said, the record says what is. */
	if (release_read(w->kube, w->names.namespace, w->names.release, &r, err) < 0)
		return -1;
	if (r.status == RELEASE_DEPLOYED && strcmp(r.digest, digest) == 0)
		return 0;
	if (status < 0) {
		*err = said;
		return explain_helm(w, values, err);
	}
	return err_set(err, ERR_RELEASE_STATE,
		       "helm reported success, but the cluster has the release %s as \"%s\".",
		       w->names.release, release_word(r.status));
}

int
install_release(struct work *w, struct err *err)
{
	const struct chart_store store = {
		.names = &w->names,
		.id = w->store.id,
		.title = w->store.name,
		.plan = w->store.plan,
		.port = w->conf->store_port,
		.https = conf_https(w->conf),
		.kept = w->has_kept ? &w->kept : NULL,
	};
	char digest[SEAL_DIGEST];
	struct buf values = BUF_INIT;
	struct release release;
	enum recovery action;
	int r = -1;

	chart_values(&store, &values);
	if (values.failed)
		err_set(err, ERR_INTERNAL, "out of memory");
	else if (chart_digest(w->conf->helm_chart_path, w->conf->helm_values_file,
			      buf_text(&values), digest, err) == 0 &&
		 settle_release(w, &release, &action, err) == 0) {
		r = action == RECOVERY_COMPARE ? is_current(w, &release, digest, err) : 0;
		if (r >= 0)
			r = r ? 0 : install(w, buf_text(&values), digest, err);
	}
	buf_free(&values);
	return r;
}
