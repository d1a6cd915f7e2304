/* workload.c: see workload.h. */
#include "cluster/workload.h"

#include <string.h>

struct json *
workload_condition(const struct json *object, const char *type, const char *status)
{
	struct json *conditions = json_at(object, "status", "conditions");

	for (size_t i = 0; i < json_count(conditions); i++) {
		struct json *c = json_item(conditions, i);

		if (strcmp(json_text(json_at(c, "type")), type) == 0 &&
		    strcmp(json_text(json_at(c, "status")), status) == 0)
			return c;
	}
	return NULL;
}

static int64_t
number(const struct json *object, const char *section, const char *key)
{
	return json_int(json_at(object, section, key));
}

static bool
observed(const struct json *object)
{
	return number(object, "status", "observedGeneration") >=
	       number(object, "metadata", "generation");
}

/* ready: the counter of those that work, which the two kinds call differently. */
static enum workload_state
replicated(const struct json *o, const char *ready)
{
	int64_t wanted = number(o, "spec", "replicas");

	return wanted > 0 && observed(o) && number(o, "status", "updatedReplicas") == wanted &&
			       number(o, "status", "replicas") == wanted &&
			       number(o, "status", ready) == wanted
		       ? WORKLOAD_READY
		       : WORKLOAD_WAITING;
}

static enum workload_state
statefulset(const struct json *o)
{
	return replicated(o, "readyReplicas");
}

static enum workload_state
deployment(const struct json *o)
{
	return replicated(o, "availableReplicas");
}

static enum workload_state
job(const struct json *o)
{
	if (workload_condition(o, "Complete", "True"))
		return WORKLOAD_READY;
	return workload_condition(o, "Failed", "True") ? WORKLOAD_FAILED : WORKLOAD_WAITING;
}

static const struct {
	const char *kind;
	enum workload_state (*rule)(const struct json *);
} rules[] = {{"StatefulSet", statefulset}, {"Deployment", deployment}, {"Job", job}};

enum workload_state
workload_state(const struct json *object)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(json_text(json_at(object, "kind")), rules[i].kind) == 0)
			return rules[i].rule(object);
	return WORKLOAD_WAITING;
}
