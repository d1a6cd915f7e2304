/* cause.c: see cause.h. */
#include "cluster/cause.h"

#include <stdio.h>
#include <string.h>

#include "base/valid.h"
#include "cluster/workload.h"

enum { QUOTE_MAX = 280 };

struct container {
	const struct json *pod;
	const struct json *status;
};

static const char *
text_at(const struct json *j, const char *a, const char *b)
{
	return b ? json_text(json_at(j, a, b)) : json_text(json_at(j, a));
}

/* The first container of the pods that fits, init containers first. */
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

/* The newest warning with this reason whose text has this word in it. */
static const char *
find_event(const struct evidence *e, const char *reason, const char *word)
{
	for (size_t i = json_count(e->events); i > 0; i--) {
		struct json *event = json_item(e->events, i - 1);
		const char *message = text_at(event, "message", NULL);

		if (strcmp(text_at(event, "reason", NULL), reason) == 0 && strstr(message, word))
			return message;
	}
	return NULL;
}

static bool
quota(const struct evidence *e, char *out)
{
	const char *message = find_event(e, "FailedCreate", "exceeded quota: ");

	if (message)
		snprintf(out, ERR_TEXT_MAX,
			 "The store's quota is used up for its %s (%.*s). Choose a larger plan or "
			 "raise resourceQuota in the values file, then retry.",
			 e->part, QUOTE_MAX, strstr(message, "exceeded quota: "));
	return message != NULL;
}

static bool
pod_security(const struct evidence *e, char *out)
{
	const char *message = find_event(e, "FailedCreate", "violates PodSecurity");

	if (message)
		snprintf(out, ERR_TEXT_MAX,
			 "Pod Security refuses the store's %s (%.*s). The chart or the values file "
			 "asks for more than a store may have; correct it, then retry.",
			 e->part, QUOTE_MAX, strstr(message, "violates PodSecurity"));
	return message != NULL;
}

static bool
refused(const struct evidence *e, char *out)
{
	const char *message = find_event(e, "FailedCreate", "");

	/* A quota that was not counted yet refuses for a moment. */
	if (message && strstr(message, "status unknown for quota"))
		return false;
	if (message)
		snprintf(out, ERR_TEXT_MAX,
			 "The cluster refuses to make the store's %s: %.*s. Correct the cause, then "
			 "retry.",
			 e->part, QUOTE_MAX, message);
	return message != NULL;
}

static bool
claim(const struct evidence *e, char *out)
{
	static const char *const reasons[] = {"ProvisioningFailed", "FailedBinding"};

	for (size_t i = 0; i < json_count(e->claims); i++) {
		struct json *c = json_item(e->claims, i);
		const char *why = NULL;

		if (strcmp(text_at(c, "status", "phase"), "Bound") == 0)
			continue;
		for (size_t r = 0; r < ARRAY_SIZE(reasons) && !why; r++)
			why = find_event(e, reasons[r], "");
		/* Without a reason it may only be waiting for its first pod. */
		if (!why && strcmp(text_at(c, "status", "phase"), "Lost") != 0)
			continue;
		snprintf(out, ERR_TEXT_MAX,
			 "The volume claim %.100s is not bound: %.*s. Check the storage class and the "
			 "free space of its disk, then retry.",
			 text_at(c, "metadata", "name"), QUOTE_MAX,
			 why ? why : "its volume is lost");
		return true;
	}
	return false;
}

static bool
no_room(const struct evidence *e, char *out)
{
	for (size_t i = 0; i < json_count(e->pods); i++) {
		struct json *c = workload_condition(json_item(e->pods, i), "PodScheduled", "False");

		if (!c || strcmp(text_at(c, "reason", NULL), "Unschedulable") != 0)
			continue;
		snprintf(out, ERR_TEXT_MAX,
			 "The server has no room for the store's %s: %.*s Free memory or CPU, or add "
			 "a node; it goes on by itself then.",
			 e->part, QUOTE_MAX, text_at(c, "message", NULL));
		return true;
	}
	return false;
}

static bool
is_pull(const struct json *status)
{
	static const char *const reasons[] = {"ErrImagePull",	   "ImagePullBackOff",
					      "InvalidImageName",  "ErrImageNeverPull",
					      "ImageInspectError", "RegistryUnavailable", NULL};

	return waits_for(status, reasons);
}

static bool
image_pull(const struct evidence *e, char *out)
{
	struct container c;

	if (!find_container(e, is_pull, &c))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The image %.150s of the store's %s cannot be pulled (%.*s). Check its name and the "
		 "registry's access, then retry.",
		 text_at(c.status, "image", NULL), e->part, QUOTE_MAX,
		 json_text(json_at(c.status, "state", "waiting", "message")));
	return true;
}

static bool
is_config(const struct json *status)
{
	static const char *const reasons[] = {"CreateContainerConfigError", "CreateContainerError",
					      "RunContainerError", NULL};

	return waits_for(status, reasons);
}

static bool
container_config(const struct evidence *e, char *out)
{
	struct container c;

	if (!find_container(e, is_config, &c))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The container %.60s of the store's %s cannot be started (%.*s). Correct the cause, "
		 "then retry.",
		 text_at(c.status, "name", NULL), e->part, QUOTE_MAX,
		 json_text(json_at(c.status, "state", "waiting", "message")));
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
is_oom(const struct json *status)
{
	return strcmp(text_at(last_end(status), "reason", NULL), "OOMKilled") == 0;
}

static const char *
memory_limit(const struct container *c)
{
	struct json *list = json_at(c->pod, "spec", "containers");

	for (size_t i = 0; i < json_count(list); i++)
		if (strcmp(text_at(json_item(list, i), "name", NULL),
			   text_at(c->status, "name", NULL)) == 0)
			return json_text(json_at(json_item(list, i), "resources", "limits", "memory"));
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
		 "The container %.60s of the store's %s ran out of its memory%s%.20s. Choose a larger "
		 "plan or raise its limit in the values file, then retry.",
		 text_at(c.status, "name", NULL), e->part, *limit ? " limit of " : "", limit);
	return true;
}

static bool
is_crash(const struct json *status)
{
	static const char *const reasons[] = {"CrashLoopBackOff", NULL};

	return waits_for(status, reasons);
}

static bool
crash_loop(const struct evidence *e, char *out)
{
	struct container c;

	if (!find_container(e, is_crash, &c))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The container %.60s of the store's %s crashes again and again (exit status %lld). "
		 "%s%.*s",
		 text_at(c.status, "name", NULL), e->part,
		 (long long)json_int(json_at(last_end(c.status), "exitCode")),
		 *e->log ? "Its last lines: " : "It left no log; look at its image, then retry.",
		 QUOTE_MAX, e->log);
	return true;
}

static bool
evicted(const struct evidence *e, char *out)
{
	for (size_t i = 0; i < json_count(e->pods); i++) {
		struct json *pod = json_item(e->pods, i);

		if (strcmp(text_at(pod, "status", "reason"), "Evicted") != 0)
			continue;
		snprintf(out, ERR_TEXT_MAX,
			 "The server ran low and stopped the store's %s (%.*s). Free disk or memory "
			 "on the server.",
			 e->part, QUOTE_MAX, text_at(pod, "status", "message"));
		return true;
	}
	return false;
}

static bool
job_failed(const struct evidence *e, char *out)
{
	struct json *c = workload_condition(e->workload, "Failed", "True");

	if (!c)
		return false;
	snprintf(out, ERR_TEXT_MAX, "The %s failed (%.60s: %.120s). %s%.*s", e->part,
		 text_at(c, "reason", NULL), text_at(c, "message", NULL),
		 *e->log ? "Its last lines: " : "It left no log.", QUOTE_MAX, e->log);
	return true;
}

static bool
stalled(const struct evidence *e, char *out)
{
	struct json *c = workload_condition(e->workload, "Progressing", "False");

	if (!c)
		c = workload_condition(e->workload, "ReplicaFailure", "True");
	if (c)
		snprintf(out, ERR_TEXT_MAX, "The store's %s does not come up: %.*s", e->part,
			 QUOTE_MAX, text_at(c, "message", NULL));
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
			 "The store's %s is not ready; the cluster says (%.60s): %.*s", e->part,
			 text_at(event, "reason", NULL), QUOTE_MAX, text_at(event, "message", NULL));
	return event != NULL;
}

/* In the order of their weight. Patience: how likely the cause goes away by itself. */
static const struct {
	const char *word;
	int patience;
	bool (*rule)(const struct evidence *e, char *out);
} causes[] = {
	{"quota_exceeded", 10, quota},
	{"pod_security", 10, pod_security},
	{"pods_refused", 30, refused},
	{"claim_not_bound", 120, claim},
	{"no_room", 300, no_room},
	{"image_pull", 180, image_pull},
	{"container_config", 60, container_config},
	{"out_of_memory", 120, out_of_memory},
	{"crash_loop", 180, crash_loop},
	{"evicted", 300, evicted},
	{"job_failed", 0, job_failed},
	{"stalled", 300, stalled},
	{"warning", CAUSE_PATIENT, warning},
};

struct cause
cause_find(const struct evidence *e)
{
	struct cause found = {.word = "", .patience = CAUSE_PATIENT};

	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		if (causes[i].rule(e, found.sentence)) {
			found.word = causes[i].word;
			found.patience = causes[i].patience;
			break;
		}
	valid_clean(found.sentence);
	return found;
}

static bool
is_broken(const struct json *status)
{
	struct json *end = last_end(status);

	return is_crash(status) || (end && json_int(json_at(end, "exitCode")) != 0);
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

void
cause_namespace(const struct json *namespace, char ret[ERR_TEXT_MAX])
{
	static const char *const types[] = {
		"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure",
		"NamespaceDeletionContentFailure", "NamespaceFinalizersRemaining",
		"NamespaceContentRemaining"};

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(types) && !ret[0]; i++) {
		struct json *c = workload_condition(namespace, types[i], "True");

		if (c)
			snprintf(ret, ERR_TEXT_MAX, "%.*s", QUOTE_MAX, text_at(c, "message", NULL));
	}
	valid_clean(ret);
}
