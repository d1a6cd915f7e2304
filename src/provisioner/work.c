/* work.c: see work.h. */
#include "provisioner/work.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cluster/grant.h"
#include "io/proc.h"
#include "model/audit.h"
#include "model/event.h"

enum { NAP_FIRST_MS = 50, NAP_MAX_MS = 2000 };

int
work_nap(struct work *w, int *ms, struct err *err)
{
	int64_t left = w->deadline - clock_mono_ms();

	*ms = *ms == 0 ? NAP_FIRST_MS : *ms * 9 / 8 > NAP_MAX_MS ? NAP_MAX_MS : *ms * 9 / 8;
	/* Not at the very end: the next look would have no time to be answered. */
	if (left <= *ms)
		return err_set(err, ERR_DEADLINE, "It took longer than the %d s of PROVISION_TIMEOUT; retry.",
			       w->conf->provision_timeout);
	if (proc_nap(w->stop_fd, *ms))
		return err_set(err, ERR_STOPPED, "the job was told to stop");
	return 0;
}

int
work_note(struct work *w, const char *step, const char *message, struct err *err)
{
	if (db_begin(w->db, err) < 0)
		return -1;
	if (job_hold(w->db, w->job.id, w->job.fence, err) < 0 ||
	    event_add(w->db, &w->job, step, EVENT_INFO, message, -1, err) < 0) {
		db_rollback(w->db);
		return -1;
	}
	return db_commit(w->db, err);
}

static int
write_report(struct work *w, const char *step, const struct cause *cause, struct err *err)
{
	struct audit_entry entry = {
		.action = w->job.kind == JOB_DELETE ? AUDIT_DELETE_STUCK : AUDIT_PROVISION_STUCK,
		.store_id = w->store.id,
		.actor = "provisioner",
		.request_id = w->job.request_id,
	};
	struct json *details;

	if (job_hold(w->db, w->job.id, w->job.fence, err) < 0)
		return -1;
	if (!*cause->word)
		return store_set_reason(w->db, w->store.id, NULL, NULL, err);
	if (store_set_reason(w->db, w->store.id, cause->word, cause->sentence, err) < 0 ||
	    event_add(w->db, &w->job, step, EVENT_INFO, cause->sentence, -1, err) < 0)
		return -1;
	details = json_new_object();
	json_set_int(details, "job", w->job.id);
	json_set_text(details, "step", step);
	json_set_text(details, "code", cause->word);
	json_set_text(details, "error", cause->sentence);
	return audit_add(w->db, &entry, details, err);
}

int
work_report(struct work *w, const char *step, const struct cause *cause, struct err *err)
{
	if (strcmp(cause->word, w->store.error_code) == 0 &&
	    strcmp(cause->sentence, w->store.error_message) == 0)
		return 0;
	if (db_begin(w->db, err) < 0)
		return -1;
	if (write_report(w, step, cause, err) < 0) {
		db_rollback(w->db);
		return -1;
	}
	if (db_commit(w->db, err) < 0)
		return -1;
	snprintf(w->store.error_code, sizeof(w->store.error_code), "%s", cause->word);
	snprintf(w->store.error_message, sizeof(w->store.error_message), "%s", cause->sentence);
	return 0;
}

int
work_report_end(struct work *w, const char *step, struct err *err)
{
	return work_report(w, step, &(struct cause){.word = ""}, err);
}

int
work_grant(struct work *w, struct err *err)
{
	w->granted = grant_secrets(w->kube, w->names.namespace, err) == 0;
	return w->granted ? 0 : -1;
}

void
work_explain(struct work *w, struct err *err)
{
	CLEANUP(json_freep) struct json *namespace = NULL;
	struct err ignored = ERR_INIT;
	int r;

	if (err->code != ERR_CLUSTER_FORBIDDEN || !w->granted)
		return;
	r = kube_get_meta(w->kube, &namespace, &ignored, "/api/v1/namespaces/%s",
			  w->names.namespace);
	if (r == 0 || (r > 0 && json_at(namespace, "metadata", "deletionTimestamp")))
		err_set(err, ERR_NAMESPACE_TERMINATING,
			"The namespace %s is being removed by somebody, and the platform's rights in "
			"it are gone", w->names.namespace);
}

struct helm
work_helm(const struct conf *conf, char *home, size_t size)
{
	snprintf(home, size, "%s/helm", conf->provisioner_dir);
	return (struct helm){
		.program = conf->helm,
		.chart = conf->helm_chart_path,
		.values_file = conf->helm_values_file,
		.kubeconfig = conf->kubeconfig,
		.home = home,
		.timeout = conf->helm_timeout,
		.stop_fd = -1,
	};
}

bool
work_owns(const struct work *w, const struct json *namespace)
{
	const struct json *labels = json_at(namespace, "metadata", "labels");

	return strcmp(json_text(json_at(labels, KUBE_PART_OF)), KUBE_PLATFORM) == 0 &&
	       strcmp(json_text(json_at(labels, KUBE_STORE_ID)), w->store.id) == 0;
}
