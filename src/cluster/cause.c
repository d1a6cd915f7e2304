/*
 * cause.c: see cause.h. Here are the table and the rules for a pod that has its
 * place; those for one that has none yet are in placing.c.
 */
#include "cluster/cause.h"

#include <stdio.h>
#include <string.h>

#include "base/valid.h"
#include "cluster/placing.h"
#include "cluster/workload.h"

enum { CRASHES = 2 }; /* so many are no accident */

struct container {
	const struct json *pod;
	const struct json *status;
};

static const char *
text_at(const struct json *j, const char *a, const char *b)
{
	return b ? json_text(json_at(j, a, b)) : json_text(json_at(j, a));
}

/* The first container that fits, newest pod first and init containers before the others. */
static bool
find_container(const struct evidence *e, bool (*fits)(const struct json *status),
	       struct container *ret)
{
	static const char *const lists[] = {"initContainerStatuses", "containerStatuses"};

	for (size_t i = 0; i < json_count(e->pods); i++)
		for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
			struct json *pod = json_item(e->pods, i);
			struct json *statuses = json_at(pod, "status", lists[l]);

			for (size_t c = 0; c < json_count(statuses); c++)
				if (fits(json_item(statuses, c))) {
					*ret = (struct container){pod, json_item(statuses, c)};
					return true;
				}
		}
	return false;
}

static bool
waits_for(const struct json *status, const char *const *reasons)
{
	const char *reason = json_text(json_at(status, "state", "waiting", "reason"));

	for (; *reasons; reasons++)
		if (strcmp(reason, *reasons) == 0)
			return true;
	return false;
}

/* Why a container waits: the message, or the bare reason where there is none. */
static const char *
waiting_text(const struct json *status)
{
	const char *message = json_text(json_at(status, "state", "waiting", "message"));

	return *message ? message : json_text(json_at(status, "state", "waiting", "reason"));
}

static bool
is_pull(const struct json *status)
{
	static const char *const reasons[] = {"ErrImagePull",	   "ImagePullBackOff",
					      "InvalidImageName",  "ErrImageNeverPull",
					      "ImageInspectError", "RegistryUnavailable", NULL};

	return waits_for(status, reasons);
}

/* The end of a long text: there a chain of errors says what it was. */
static const char *
tail(const char *text)
{
	size_t len = strlen(text);

	return len > CAUSE_QUOTE ? text + len - CAUSE_QUOTE : text;
}

static bool
image_pull(const struct evidence *e, char *out)
{
	struct container c;

	if (!find_container(e, is_pull, &c))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The image %.150s of the store's %s cannot be pulled (%.*s). Check its name and "
		 "the registry's access, then retry.",
		 text_at(c.status, "image", NULL), e->part, CAUSE_QUOTE,
		 tail(waiting_text(c.status)));
	return true;
}

/* How it ended last: now, or before its restart. */
static struct json *
last_end(const struct json *status)
{
	struct json *now = json_at(status, "state", "terminated");

	return now ? now : json_at(status, "lastState", "terminated");
}

static bool
waits_for_config(const struct json *status)
{
	static const char *const reasons[] = {"CreateContainerConfigError", "CreateContainerError",
					      "RunContainerError", NULL};

	return waits_for(status, reasons);
}

/* Between two tries to start it, only its last end tells that it never ran. */
static bool
is_config(const struct json *status)
{
	return waits_for_config(status) ||
	       (!json_at(status, "state", "running") &&
		strcmp(text_at(last_end(status), "reason", NULL), "StartError") == 0);
}

static bool
container_config(const struct evidence *e, char *out)
{
	struct container c;

	if (!find_container(e, is_config, &c))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The container %.60s of the store's %s cannot be started (%.*s). Correct the "
		 "cause, then retry.",
		 text_at(c.status, "name", NULL), e->part, CAUSE_QUOTE,
		 tail(waits_for_config(c.status) ? waiting_text(c.status)
						 : text_at(last_end(c.status), "message", NULL)));
	return true;
}

static long long
exit_status(const struct container *c)
{
	return (long long)json_int(json_at(last_end(c->status), "exitCode"));
}

static bool
is_oom(const struct json *status)
{
	return strcmp(text_at(last_end(status), "reason", NULL), "OOMKilled") == 0;
}

static const char *
memory_limit(const struct container *c)
{
	static const char *const lists[] = {"initContainers", "containers"};

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json *list = json_at(c->pod, "spec", lists[l]);

		for (size_t i = 0; i < json_count(list); i++)
			if (strcmp(text_at(json_item(list, i), "name", NULL),
				   text_at(c->status, "name", NULL)) == 0)
				return json_text(json_at(json_item(list, i), "resources", "limits",
							 "memory"));
	}
	return "";
}

static bool
out_of_memory(const struct evidence *e, char *out)
{
	struct container c;
	const char *limit;

	if (!find_container(e, is_oom, &c))
		return false;
	limit = memory_limit(&c);
	snprintf(out, ERR_TEXT_MAX,
		 "The container %.60s of the store's %s ran out of its memory%s%.20s. Choose a "
		 "larger plan or raise its limit in the values file, then retry.",
		 text_at(c.status, "name", NULL), e->part, *limit ? " limit of " : "", limit);
	return true;
}

/* It waits for its next start, or runs for a moment before it falls again. */
static bool
is_crash(const struct json *status)
{
	static const char *const reasons[] = {"CrashLoopBackOff", NULL};
	struct json *before = json_at(status, "lastState", "terminated");

	return waits_for(status, reasons) ||
	       (json_int(json_at(status, "restartCount")) >= CRASHES &&
		json_int(json_at(before, "exitCode")) != 0 && !json_true(json_at(status, "ready")));
}

/* Appends what the program said last. */
static void
add_log(const struct evidence *e, char *out)
{
	size_t n = strlen(out);

	if (*e->log)
		snprintf(out + n, ERR_TEXT_MAX - n, " Its last lines: %.*s", CAUSE_QUOTE, e->log);
	else
		snprintf(out + n, ERR_TEXT_MAX - n, " It left no log.");
}

static bool
crash_loop(const struct evidence *e, char *out)
{
	struct container c;

	if (!find_container(e, is_crash, &c))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The container %.60s of the store's %s crashes again and again (exit status "
		 "%lld). Correct its image or settings, then retry.",
		 text_at(c.status, "name", NULL), e->part, exit_status(&c));
	add_log(e, out);
	return true;
}

static bool
job_failed(const struct evidence *e, char *out)
{
	struct json *c = workload_condition(e->workload, "Failed", "True");

	if (!c)
		return false;
	snprintf(out, ERR_TEXT_MAX, "The %s failed (%.60s: %.120s). Correct the cause, then retry.",
		 e->part, text_at(c, "reason", NULL), text_at(c, "message", NULL));
	add_log(e, out);
	return true;
}

static bool
is_broken(const struct json *status)
{
	struct json *end = last_end(status);

	return is_crash(status) || (end && json_int(json_at(end, "exitCode")) != 0);
}

static bool
is_job(const struct evidence *e)
{
	return strcmp(text_at(e->workload, "kind", NULL), "Job") == 0;
}

static bool
try_failed(const struct evidence *e, char *out)
{
	struct container c;

	if (!is_job(e) || !find_container(e, is_broken, &c))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "A try of the %s failed (%.60s: exit status %lld); it is repeated by itself.",
		 e->part, text_at(c.status, "name", NULL), exit_status(&c));
	add_log(e, out);
	return true;
}

static bool
stalled(const struct evidence *e, char *out)
{
	struct json *c = workload_condition(e->workload, "Progressing", "False");

	if (!c)
		c = workload_condition(e->workload, "ReplicaFailure", "True");
	if (c)
		snprintf(out, ERR_TEXT_MAX,
			 "The store's %s does not come up: %.*s Correct the cause, then retry.",
			 e->part, CAUSE_QUOTE, text_at(c, "message", NULL));
	return c != NULL;
}

/* Whatever else the cluster warns of, in its own words. */
static bool
warning(const struct evidence *e, char *out)
{
	size_t n = json_count(e->events);
	struct json *event = n > 0 ? json_item(e->events, n - 1) : NULL;

	if (event)
		snprintf(out, ERR_TEXT_MAX,
			 "The store's %s is not ready; the cluster says (%.60s: %.*s). It goes on "
			 "by itself when that is over.",
			 e->part, text_at(event, "reason", NULL), CAUSE_QUOTE,
			 text_at(event, "message", NULL));
	return event != NULL;
}

/* Not even a warning: what can be seen is told. A Job's pod that runs is at its work. */
static bool
silence(const struct evidence *e, char *out)
{
	struct json *pod = json_item(e->pods, 0);
	struct json *c = workload_condition(pod, "Ready", "False");

	if (!e->workload)
		snprintf(out, ERR_TEXT_MAX,
			 "The cluster has no object for the store's %s; somebody removed it.",
			 e->part);
	else if (!pod)
		snprintf(out, ERR_TEXT_MAX,
			 "The cluster makes no pod for the store's %s and does not say why; look "
			 "at its controller manager.",
			 e->part);
	else if (!is_job(e) || strcmp(text_at(pod, "status", "phase"), "Running") != 0)
		snprintf(out, ERR_TEXT_MAX,
			 "The store's %s is not ready, and the cluster does not say why (pod "
			 "%.100s: %.30s%s%.*s). Look at its log.",
			 e->part, text_at(pod, "metadata", "name"), text_at(pod, "status", "phase"),
			 c ? ", " : "", CAUSE_QUOTE, text_at(c, "message", NULL));
	return *out != '\0';
}

/*
 * In the order of their weight. Grace: what a healthy start shows for a moment
 * too. Patience: how likely the cause goes away by itself.
 */
static const struct {
	const char *word;
	int grace, patience;
	bool (*rule)(const struct evidence *e, char *out);
} causes[] = {
	{"quota_exceeded", 0, 10, placing_quota},
	{"pod_security", 0, 10, placing_pod_security},
	{"pods_refused", 0, 30, placing_refused},
	{"claim_not_bound", 0, 120, placing_claim},
	{"claim_waits", 15, 300, placing_claim_waits},
	{"no_room", 15, 300, placing_no_room},
	{"unschedulable", 15, 300, placing_unschedulable},
	{"image_pull", 0, 180, image_pull},
	{"container_config", 0, 60, container_config},
	{"out_of_memory", 0, 120, out_of_memory},
	{"crash_loop", 0, 180, crash_loop},
	{"evicted", 0, 300, placing_evicted},
	{"job_failed", 0, 0, job_failed},
	{"try_failed", 0, CAUSE_PATIENT, try_failed},
	{"stalled", 15, 300, stalled},
	{"warning", 40, CAUSE_PATIENT, warning},
	{"not_ready", 40, CAUSE_PATIENT, silence},
};

struct cause
cause_find(const struct evidence *e)
{
	struct cause found = {.word = "", .patience = CAUSE_PATIENT};

	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		if (causes[i].rule(e, found.sentence)) {
			found.word = causes[i].word;
			found.grace = causes[i].grace;
			found.patience = causes[i].patience;
			break;
		}
	valid_clean(found.sentence);
	return found;
}

bool
cause_log(const struct evidence *e, struct cause_log *ret)
{
	struct container c;

	if (!find_container(e, is_broken, &c))
		return false;
	*ret = (struct cause_log){
		.pod = text_at(c.pod, "metadata", "name"),
		.container = text_at(c.status, "name", NULL),
		.previous = json_at(c.status, "state", "terminated") == NULL,
	};
	return true;
}
