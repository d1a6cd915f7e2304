/* await.c: see await.h. */
#include "provisioner/await.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/valid.h"
#include "cluster/release.h"
#include "cluster/workload.h"
#include "io/http.h"
#include "provisioner/nudge.h"

enum {
	DIAGNOSE_AFTER_MS = 3000, /* what is quick needs no reason */
	DIAGNOSE_EVERY_MS = 5000,
	OVER_AFTER_MS = 10000,
	PATH_BYTES = 256,
	PAGE_MS = 10000,
	PAGE_GRACE_MS = 30000, /* an ingress takes a moment to learn of a new shop */
	PAGE_BYTES = 4 * 1024 * 1024,
};

/* A workload that a step waits for. */
struct target {
	const char *step;
	const char *component; /* label of its pods */
	const char *part;      /* what people call it */
	const char *group;     /* API path in front of the namespace */
	const char *resource;
	const char *name;
	enum err_code failed; /* code if it fails for good */
};

struct watch {
	struct cause cause; /* as last found */
	int64_t since;	    /* monotonic: when it appeared */
	int64_t looked;
};

/*
 * Tells what is found: a cause as soon as it has lasted for its grace; and that
 * the one told before is over, when it was not seen for a while.
 */
static int
tell_cause(struct work *w, const struct target *t, const struct watch *watch, struct err *err)
{
	const struct cause *cause = &watch->cause;
	int64_t lasted = watch->looked - watch->since;

	/* Told once, however its details change: a back-off counts its seconds. */
	if (strcmp(cause->word, w->store.error_code) == 0)
		return 0;
	if (*cause->word && lasted >= cause->grace * 1000LL)
		return work_report(w, t->step, cause, err);
	return lasted >= OVER_AFTER_MS ? work_report_end(w, t->step, err) : 0;
}

/*
 * Helps where the cluster would wait for ever. Finds the cause, tells it, and
 * gives up when it lasts longer than its patience, or at once if the workload
 * has failed for good.
 */
static int
look_for_cause(struct work *w, const struct target *t, const struct json *object, const char *path,
	       struct watch *watch, struct err *err)
{
	const struct diagnose_part part = {w->names.namespace,
					   t->component,
					   t->part,
					   w->started_wall,
					   {w->names.db_secret, w->names.wp_secret}};
	bool failed = workload_state(object) == WORKLOAD_FAILED;
	struct cause cause;
	int r = failed ? 0 : nudge_workload(w, object, t->component, path, t->step, err);

	watch->looked = clock_mono_ms();
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (diagnose(w->kube, &part, object, &cause, err) < 0)
		return -1;
	if (strcmp(cause.word, watch->cause.word) != 0)
		watch->since = watch->looked;
	watch->cause = cause;
	if (failed) /* which job_failed says at the least */
		return work_report(w, t->step, &cause, err) < 0
			       ? -1
			       : err_set(err, t->failed, "%s", cause.sentence);
	if (tell_cause(w, t, watch, err) < 0)
		return -1;
	return *cause.word && watch->looked - watch->since >= cause.patience * 1000LL
		       ? err_set(err, t->failed, "%s", cause.sentence)
		       : 0;
}

static int
await(struct work *w, const struct target *t, struct err *err)
{
	int64_t begin = clock_mono_ms();
	struct watch watch = {
		.cause.word = "",
		.since = begin,
		.looked = begin + DIAGNOSE_AFTER_MS - DIAGNOSE_EVERY_MS,
	};
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/namespaces/%s/%s/%s", t->group, w->names.namespace,
		 t->resource, t->name);
	for (int nap = 0;;) {
		CLEANUP(json_freep) struct json *object = NULL;
		enum workload_state state;

		if (kube_get(w->kube, &object, err, "%s", path) < 0)
			return -1;
		state = workload_state(object);
		if (state == WORKLOAD_READY)
			return work_report_end(w, t->step, err);
		if ((state == WORKLOAD_FAILED ||
		     clock_mono_ms() - watch.looked >= DIAGNOSE_EVERY_MS) &&
		    look_for_cause(w, t, object, path, &watch, err) < 0)
			return -1;
		if (work_nap(w, &nap, err) < 0)
			return err->code == ERR_DEADLINE
				       ? err_set(err, ERR_DEADLINE,
						 "The store's %s did not get ready in time. %s",
						 t->part, watch.cause.sentence)
				       : -1;
	}
}

int
await_database(struct work *w, struct err *err)
{
	return await(w,
		     &(struct target){"database", "mariadb", "database", "/apis/apps/v1",
				      "statefulsets", w->names.mariadb, ERR_STORE_STUCK},
		     err);
}

int
await_wordpress(struct work *w, struct err *err)
{
	return await(w,
		     &(struct target){"wordpress", "wordpress", "WordPress", "/apis/apps/v1",
				      "deployments", w->names.wordpress, ERR_STORE_STUCK},
		     err);
}

int
await_woocommerce(struct work *w, struct err *err)
{
	struct release release;
	char name[NAMES_OBJECT + 16];

	if (release_read(w->kube, w->names.namespace, w->names.release, &release, err) < 0)
		return -1;
	snprintf(name, sizeof(name), "%s-%d", w->names.init_job, release.revision);
	return await(w,
		     &(struct target){"woocommerce", "woocommerce-init", "WooCommerce set-up",
				      "/apis/batch/v1", "jobs", name, ERR_INIT_FAILED},
		     err);
}

/* 1: the shop page answers, 0: not yet, with the reason in why. */
static int
look_at_page(struct work *w, struct http *http, struct err *why)
{
	CLEANUP(http_answer_free) struct http_answer answer = {.status = 0};
	char url[NAMES_URL + 2];
	struct http_request request = {
		.method = "GET",
		.url = url,
		.deadline = clock_mono_ms() + PAGE_MS,
		.max_bytes = PAGE_BYTES,
		.connect_to = w->conf->storefront_address,
	};

	snprintf(url, sizeof(url), "%s/", w->names.url);
	if (http_do(http, &request, &answer, why) < 0)
		return 0;
	if (answer.status == 200)
		return 1;
	err_set(why, ERR_STORE_STUCK, "it answers with status %d", answer.status);
	return 0;
}

/* Why the page does not answer, as a cause. */
static struct cause
page_cause(const struct work *w, const struct err *why)
{
	struct cause cause = {.word = "page_silent"};

	snprintf(cause.sentence, sizeof(cause.sentence),
		 "The shop is installed, but its page does not answer at %s (%.300s). Check the "
		 "ingress controller, the host name and certificate; it goes on by itself then.",
		 w->names.url, why->text);
	valid_clean(cause.sentence);
	return cause;
}

int
await_storefront(struct work *w, struct err *err)
{
	struct http_tls tls = {.ca_file = *w->conf->storefront_ca ? w->conf->storefront_ca : NULL};
	CLEANUP(http_closep) struct http *http = NULL;
	int64_t begin = clock_mono_ms();
	struct err why = ERR_INIT;
	int nap = 0;

	if (strcmp(w->conf->storefront_check, "off") == 0)
		return 0;
	if (http_open(&http, &tls, w->stop_fd, err) < 0)
		return -1;
	while (!look_at_page(w, http, &why)) {
		struct cause cause = page_cause(w, &why);

		if (clock_mono_ms() - begin >= PAGE_GRACE_MS &&
		    strcmp(w->store.error_code, cause.word) != 0 &&
		    work_report(w, "storefront", &cause, err) < 0)
			return -1;
		if (work_nap(w, &nap, err) < 0)
			return err->code == ERR_DEADLINE
				       ? err_set(err, ERR_STORE_STUCK, "%s", cause.sentence)
				       : -1;
	}
	return work_report_end(w, "storefront", err);
}
