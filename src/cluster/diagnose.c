/* diagnose.c: see diagnose.h. */
#include "cluster/diagnose.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { LOG_LINES = 10, LOG_BYTES = 2000, LOG_SHOWN = 280, TO_SECONDS = 19 };

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
	return json_text(json_at(event, "metadata", "creationTimestamp"));
}

/* Whether the event is about the workload, one of its pods, or a claim. */
static bool
concerns(const struct json *event, const char *workload)
{
	const char *kind = json_text(json_at(event, "involvedObject", "kind"));
	const char *name = json_text(json_at(event, "involvedObject", "name"));

	return strcmp(kind, "PersistentVolumeClaim") == 0 ||
	       (*workload && strncmp(name, workload, strlen(workload)) == 0);
}

/* A new array of the events that matter, in the order of the server's list. */
static struct json *
select_events(const struct json *list, const struct json *workload, int64_t since)
{
	struct json *items = json_at(list, "items");
	struct json *kept = json_new_array();
	const char *name = json_text(json_at(workload, "metadata", "name"));
	char from[CLOCK_TEXT];

	clock_rfc3339(since, from);
	for (size_t i = 0; i < json_count(items); i++) {
		struct json *event = json_item(items, i);

		/* RFC 3339 in UTC sorts as text; fractions of a second may be missing. */
		if (strncmp(seen_at(event), from, TO_SECONDS) >= 0 && concerns(event, name))
			json_add(kept, json_ref(event));
	}
	return kept;
}

static int
read_log(struct kube *kube, const char *namespace, const struct evidence *e, struct buf *log,
	 struct err *err)
{
	struct cause_log from;

	if (!cause_log(e, &from))
		return 0;
	return kube_get_text(kube, log, err,
			     "/api/v1/namespaces/%s/pods/%s/log?container=%s&tailLines=%d"
			     "&limitBytes=%d%s",
			     namespace, from.pod, from.container, LOG_LINES, LOG_BYTES,
			     from.previous ? "&previous=true" : "");
}

/* The end of a log says more than its begin; it starts with a whole line if one fits. */
static const char *
log_end(struct buf *log)
{
	size_t len = log->len;
	char *text = log->data, *line;

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
	CLEANUP(json_freep) struct json *pods = NULL;
	CLEANUP(json_freep) struct json *list = NULL;
	CLEANUP(json_freep) struct json *events = NULL;
	CLEANUP(json_freep) struct json *claims = NULL;
	struct evidence e = {.part = part->part, .workload = workload, .log = ""};
	struct buf log = {.max = LOG_BYTES * 2};
	int r;

	if (kube_get(kube, &pods, err,
		     "/api/v1/namespaces/%s/pods?labelSelector=app.kubernetes.io%%2Fcomponent%%3D%s",
		     part->namespace, part->component) < 0 ||
	    kube_get(kube, &list, err,
		     "/api/v1/namespaces/%s/events?fieldSelector=type%%3DWarning&limit=500",
		     part->namespace) < 0 ||
	    kube_get(kube, &claims, err, "/api/v1/namespaces/%s/persistentvolumeclaims",
		     part->namespace) < 0)
		return -1;
	events = select_events(list, workload, part->since);
	e.pods = json_at(pods, "items");
	e.events = events;
	e.claims = json_at(claims, "items");
	r = read_log(kube, part->namespace, &e, &log, err);
	if (r == 0) {
		e.log = log_end(&log);
		*ret = cause_find(&e);
	}
	buf_free(&log);
	return r;
}
