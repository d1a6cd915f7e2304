/* placing.c: see placing.h. */
#include "cluster/placing.h"

#include <stdio.h>
#include <string.h>

#include "cluster/workload.h"

static const char *
text_at(const struct json *j, const char *a, const char *b)
{
	return b ? json_text(json_at(j, a, b)) : json_text(json_at(j, a));
}

/* The newest refusal of a pod whose text has this word in it, from that word on. */
static const char *
refusal(const struct evidence *e, const char *word)
{
	for (size_t i = json_count(e->events); i > 0; i--) {
		struct json *event = json_item(e->events, i - 1);
		const char *hit = strstr(text_at(event, "message", NULL), word);

		if (strcmp(text_at(event, "reason", NULL), "FailedCreate") == 0 && hit)
			return hit;
	}
	return NULL;
}

bool
placing_quota(const struct evidence *e, char *out)
{
	const char *message = refusal(e, "exceeded quota: ");

	if (message)
		snprintf(out, ERR_TEXT_MAX,
			 "The store's quota is used up for its %s (%.*s). Choose a larger plan or "
			 "raise resourceQuota in the values file, then retry.",
			 e->part, CAUSE_QUOTE, message);
	return message != NULL;
}

bool
placing_pod_security(const struct evidence *e, char *out)
{
	const char *message = refusal(e, "violates PodSecurity");

	if (message)
		snprintf(out, ERR_TEXT_MAX,
			 "Pod Security refuses the store's %s (%.*s). The chart or the values file "
			 "asks for more than a store may have; correct it, then retry.",
			 e->part, CAUSE_QUOTE, message);
	return message != NULL;
}

bool
placing_refused(const struct evidence *e, char *out)
{
	const char *message = refusal(e, "");

	/* A quota that was not counted yet refuses for a moment. */
	if (message && strstr(message, "status unknown for quota"))
		return false;
	if (message)
		snprintf(out, ERR_TEXT_MAX,
			 "The cluster refuses to make the store's %s: %.*s. Correct the cause, "
			 "then retry.",
			 e->part, CAUSE_QUOTE, message);
	return message != NULL;
}

/* Why this claim has no volume; NULL if it only waits as far as can be seen. */
static const char *
unbound(const struct evidence *e, const struct json *claim)
{
	static const char *const reasons[] = {"ProvisioningFailed", "FailedBinding"};
	const char *name = text_at(claim, "metadata", "name");

	if (strcmp(text_at(claim, "status", "phase"), "Lost") == 0)
		return "its volume is lost";
	if (!*text_at(claim, "spec", "storageClassName"))
		return "it names no storage class, and the cluster has no default one";
	for (size_t i = json_count(e->events); i > 0; i--) {
		struct json *event = json_item(e->events, i - 1);

		if (strcmp(text_at(event, "involvedObject", "name"), name) != 0)
			continue;
		for (size_t r = 0; r < ARRAY_SIZE(reasons); r++)
			if (strcmp(text_at(event, "reason", NULL), reasons[r]) == 0)
				return text_at(event, "message", NULL);
	}
	return NULL;
}

bool
placing_claim(const struct evidence *e, char *out)
{
	for (size_t i = 0; i < json_count(e->claims); i++) {
		struct json *claim = json_item(e->claims, i);
		const char *why;

		if (strcmp(text_at(claim, "status", "phase"), "Bound") == 0)
			continue;
		why = unbound(e, claim);
		if (!why)
			continue;
		snprintf(out, ERR_TEXT_MAX,
			 "The volume claim %.100s is not bound: %.*s. Check storageClass in the "
			 "values file, the class itself and the space of its disk, then retry.",
			 text_at(claim, "metadata", "name"), CAUSE_QUOTE, why);
		return true;
	}
	return false;
}

/* Why the scheduler finds no node for a pod, without its remarks on other ways; "" if it does. */
static void
unscheduled(const struct evidence *e, char ret[CAUSE_QUOTE])
{
	ret[0] = '\0';
	for (size_t i = 0; i < json_count(e->pods); i++) {
		struct json *c = workload_condition(json_item(e->pods, i), "PodScheduled", "False");
		char *end;

		if (!c || strcmp(text_at(c, "reason", NULL), "Unschedulable") != 0)
			continue;
		snprintf(ret, CAUSE_QUOTE, "%s", text_at(c, "message", NULL));
		end = strstr(ret, ". ");
		if (end)
			end[1] = '\0';
		return;
	}
}

bool
placing_claim_waits(const struct evidence *e, char *out)
{
	char why[CAUSE_QUOTE];

	unscheduled(e, why);
	if (!strstr(why, "PersistentVolumeClaim"))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The store's %s waits for its volume: %s Nothing has made it yet; check that the "
		 "provisioner of its storage class runs. It goes on by itself then.",
		 e->part, why);
	return true;
}

bool
placing_no_room(const struct evidence *e, char *out)
{
	char why[CAUSE_QUOTE];

	unscheduled(e, why);
	if (!strstr(why, "Insufficient") && !strstr(why, "Too many pods"))
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The server has no room for the store's %s: %s Free memory or CPU, or add a node; "
		 "it goes on by itself then.",
		 e->part, why);
	return true;
}

bool
placing_unschedulable(const struct evidence *e, char *out)
{
	char why[CAUSE_QUOTE];

	unscheduled(e, why);
	if (*why)
		snprintf(out, ERR_TEXT_MAX,
			 "No node of the cluster takes the store's %s: %s It goes on by itself "
			 "when one does.",
			 e->part, why);
	return *why != '\0';
}

bool
placing_evicted(const struct evidence *e, char *out)
{
	struct json *pod = json_item(e->pods, 0); /* an older one has a successor */

	if (strcmp(text_at(pod, "status", "reason"), "Evicted") != 0)
		return false;
	snprintf(out, ERR_TEXT_MAX,
		 "The server ran low and stopped the store's %s (%.*s). Free disk or memory on the "
		 "server.",
		 e->part, CAUSE_QUOTE, text_at(pod, "status", "message"));
	return true;
}
