/* blocker.c: see blocker.h. */
#include "cluster/blocker.h"

#include <stdio.h>
#include <string.h>

#include "base/valid.h"
#include "cluster/workload.h"

enum { QUOTE_MAX = 240 };

void
blocker_namespace(const struct json *namespace, char ret[ERR_TEXT_MAX])
{
	/* The blocker comes before what it blocks. */
	static const char *const types[] = {
		"NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure",
		"NamespaceDeletionContentFailure", "NamespaceFinalizersRemaining",
		"NamespaceContentRemaining"};
	size_t n = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(types) && n + QUOTE_MAX + 2 < ERR_TEXT_MAX; i++) {
		struct json *c = workload_condition(namespace, types[i], "True");

		if (c)
			n += (size_t)snprintf(ret + n, ERR_TEXT_MAX - n, "%s%.*s", n ? "; " : "",
					      QUOTE_MAX, json_text(json_at(c, "message")));
	}
	valid_clean(ret);
}

bool
blocker_volume(const struct json *list, const char *namespace, char ret[ERR_TEXT_MAX])
{
	struct json *items = json_at(list, "items");

	for (size_t i = 0; i < json_count(items); i++) {
		struct json *volume = json_item(items, i);
		const char *policy =
			json_text(json_at(volume, "spec", "persistentVolumeReclaimPolicy"));
		const char *message = json_text(json_at(volume, "status", "message"));

		if (strcmp(json_text(json_at(volume, "spec", "claimRef", "namespace")),
			   namespace) != 0)
			continue;
		snprintf(ret, ERR_TEXT_MAX, "%.100s (%.30s%s%s%.*s)",
			 json_text(json_at(volume, "metadata", "name")),
			 json_text(json_at(volume, "status", "phase")),
			 strcmp(policy, "Retain") == 0 ? ", its storage class keeps volumes" : "",
			 *message ? ": " : "", QUOTE_MAX, message);
		valid_clean(ret);
		return true;
	}
	return false;
}
