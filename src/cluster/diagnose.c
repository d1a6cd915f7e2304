/* diagnose.c: see diagnose.h. */
#include "cluster/diagnose.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cluster/mask.h"

enum {
	LIST_MAX = 500,
	LOG_LINES = 10,
	LOG_BYTES = 16 * 1024,
	LOG_SHOWN = CAUSE_QUOTE,
	TO_SECONDS = 19, /* of RFC 3339 in UTC, which sorts as text */
};

static const char *
meta(const struct json *object, const char *key)
{
	return json_text(json_at(object, "metadata", key));
}

/* An array in the making, in the order of its items' times; equal times as they came. */
struct sorted {
	struct json *items[LIST_MAX];
	const char *times[LIST_MAX];
	size_t count;
};

static void
insert(struct sorted *s, struct json *item, const char *time)
{
	size_t at = s->count;

	if (at == LIST_MAX)
		return;
	for (; at > 0 && strncmp(s->times[at - 1], time, TO_SECONDS) > 0; at--) {
		s->items[at] = s->items[at - 1];
		s->times[at] = s->times[at - 1];
	}
	s->items[at] = item;
	s->times[at] = time;
	s->count++;
}

static struct json *
sorted_array(const struct sorted *s, bool newest_first)
{
	struct json *array = json_new_array();

	for (size_t i = 0; i < s->count; i++)
		json_add(array, json_ref(s->items[newest_first ? s->count - 1 - i : i]));
	return array;
}

/* Whether name is that of the workload or, as for a ReplicaSet or a pod, begins with it and "-". */
static bool
named_after(const struct json *workload, const char *name)
{
	const char *own = meta(workload, "name");
	size_t len = strlen(own);

	return len > 0 && strncmp(name, own, len) == 0 && (name[len] == '\0' || name[len] == '-');
}

bool
diagnose_owns(const struct json *workload, const struct json *pod)
{
	struct json *owners = json_at(pod, "metadata", "ownerReferences");

	if (*meta(pod, "deletionTimestamp"))
		return false;
	for (size_t i = 0; i < json_count(owners); i++) {
		struct json *owner = json_item(owners, i);
		bool replicas = strcmp(json_text(json_at(owner, "kind")), "ReplicaSet") == 0;

		if (replicas ? named_after(workload, json_text(json_at(owner, "name")))
			     : strcmp(json_text(json_at(owner, "uid")), meta(workload, "uid")) == 0)
			return true;
	}
	return false;
}

/* A new array of the workload's pods, newest first. */
static struct json *
select_pods(const struct json *list, const struct json *workload)
{
	struct json *items = json_at(list, "items");
	struct sorted s = {.count = 0};

	for (size_t i = 0; i < json_count(items); i++)
		if (diagnose_owns(workload, json_item(items, i)))
			insert(&s, json_item(items, i),
			       meta(json_item(items, i), "creationTimestamp"));
	return sorted_array(&s, true);
}

/* When the event was last seen: its fields differ between the two event APIs. */
static const char *
seen_at(const struct json *event)
{
	static const char *const keys[] = {"lastTimestamp", "eventTime", "firstTimestamp"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *when = json_text(json_at(event, keys[i]));

		if (*when)
			return when;
	}
	return meta(event, "creationTimestamp");
}

/* Whether the event is about the workload or what it makes its pods with. */
static bool
about_maker(const struct json *event, const struct json *workload)
{
	static const char *const makers[] = {"StatefulSet", "Deployment", "ReplicaSet", "Job"};
	const char *kind = json_text(json_at(event, "involvedObject", "kind"));

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (strcmp(kind, makers[i]) == 0)
			return named_after(workload,
					   json_text(json_at(event, "involvedObject", "name")));
	return false;
}

/* Whether the event is about one of the claims that have no volume yet. */
static bool
about_claim(const struct json *claims, const char *uid)
{
	for (size_t i = 0; i < json_count(claims); i++) {
		struct json *claim = json_item(claims, i);

		if (strcmp(meta(claim, "uid"), uid) == 0)
			return strcmp(json_text(json_at(claim, "status", "phase")), "Bound") != 0;
	}
	return false;
}

/*
 * Whether the event still counts. One about the newest pod or an unbound claim
 * does as long as that very object is there. One about what makes pods does if
 * it is of this attempt and no pod was made since.
 */
static bool
counts(const struct json *event, const struct evidence *e, const char *since)
{
	const char *uid = json_text(json_at(event, "involvedObject", "uid"));
	const struct json *pod = json_item(e->pods, 0);

	if (*uid && (about_claim(e->claims, uid) || strcmp(uid, meta(pod, "uid")) == 0))
		return true;
	return about_maker(event, e->workload) &&
	       strncmp(seen_at(event), since, TO_SECONDS) >= 0 &&
	       strncmp(seen_at(event), meta(pod, "creationTimestamp"), TO_SECONDS) > 0;
}

/* A new array of the events that matter, oldest first. */
static struct json *
select_events(const struct json *list, const struct evidence *e, int64_t since)
{
	struct json *items = json_at(list, "items");
	struct sorted s = {.count = 0};
	char from[CLOCK_TEXT];

	clock_rfc3339(since, from);
	for (size_t i = 0; i < json_count(items); i++)
		if (counts(json_item(items, i), e, from))
			insert(&s, json_item(items, i), seen_at(json_item(items, i)));
	return sorted_array(&s, false);
}

/* The log is a help, not a must: a node that does not hand it out has the cause told without. */
static int
read_log(struct kube *kube, const char *namespace, const struct evidence *e, struct buf *log,
	 struct err *err)
{
	struct cause_log from;

	if (!cause_log(e, &from))
		return 0;
	if (kube_get_text(kube, log, err,
			  "/api/v1/namespaces/%s/pods/%s/log?container=%s&tailLines=%d"
			  "&limitBytes=%d%s",
			  namespace, from.pod, from.container, LOG_LINES, LOG_BYTES,
			  from.previous ? "&previous=true" : "") < 0)
		return err_class(err->code) == ERR_TRANSIENT ? 0 : -1;
	return 0;
}

/* No password in the log, not even the first half of one at its cut end. */
static int
mask_log(struct kube *kube, const struct diagnose_part *part, struct buf *log, struct err *err)
{
	char *end;

	if (log->len == 0)
		return 0;
	if (log->len >= LOG_BYTES) {
		end = strrchr(log->data, '\n');
		*(end ? end : log->data) = '\0';
	}
	for (size_t i = 0; i < ARRAY_SIZE(part->secrets); i++) {
		CLEANUP(json_freep) struct json *secret = NULL;

		if (kube_get(kube, &secret, err, "/api/v1/namespaces/%s/secrets/%s",
			     part->namespace, part->secrets[i]) < 0)
			return -1;
		mask_secret(log->data, secret);
	}
	return 0;
}

/* The end of a log says more than its begin; it starts with a whole line if one fits. */
static const char *
log_end(struct buf *log)
{
	char *text = log->data, *line;
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return "";
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len <= LOG_SHOWN)
		return text;
	line = strchr(text + len - LOG_SHOWN, '\n');
	return line ? line + 1 : text + len - LOG_SHOWN;
}

int
diagnose(struct kube *kube, const struct diagnose_part *part, const struct json *workload,
	 struct cause *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *list = NULL;
	CLEANUP(json_freep) struct json *warnings = NULL;
	CLEANUP(json_freep) struct json *claims = NULL;
	CLEANUP(json_freep) struct json *pods = NULL;
	CLEANUP(json_freep) struct json *events = NULL;
	struct evidence e = {.part = part->part, .workload = workload, .log = ""};
	struct buf log = {.max = LOG_BYTES * 2};
	int r;

	if (kube_get(kube, &list, err,
		     "/api/v1/namespaces/%s/pods?labelSelector=app.kubernetes.io%%2Fcomponent%%3D%s",
		     part->namespace, part->component) < 0 ||
	    kube_get(kube, &warnings, err,
		     "/api/v1/namespaces/%s/events?fieldSelector=type%%3DWarning&limit=%d",
		     part->namespace, LIST_MAX) < 0 ||
	    kube_get(kube, &claims, err, "/api/v1/namespaces/%s/persistentvolumeclaims",
		     part->namespace) < 0)
		return -1;
	e.claims = json_at(claims, "items");
	e.pods = pods = select_pods(list, workload);
	e.events = events = select_events(warnings, &e, part->since);
	r = read_log(kube, part->namespace, &e, &log, err);
	if (r == 0)
		r = mask_log(kube, part, &log, err);
	if (r == 0) {
		e.log = log_end(&log);
		*ret = cause_find(&e);
	}
	buf_free(&log);
	return r;
}
