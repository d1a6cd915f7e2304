/* release.c: see release.h. */
#include "cluster/release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/valid.h"
#include "io/gzip.h"

enum { PAYLOAD_MAX = 8 * 1024 * 1024 };

static const char *const words[RELEASE_STATUSES] = {
	[RELEASE_NONE] = "none",
	[RELEASE_DEPLOYED] = "deployed",
	[RELEASE_FAILED] = "failed",
	[RELEASE_SUPERSEDED] = "superseded",
	[RELEASE_PENDING_INSTALL] = "pending-install",
	[RELEASE_PENDING_UPGRADE] = "pending-upgrade",
	[RELEASE_PENDING_ROLLBACK] = "pending-rollback",
	[RELEASE_UNINSTALLING] = "uninstalling",
	[RELEASE_UNINSTALLED] = "uninstalled",
	[RELEASE_UNREADABLE] = "unreadable",
};

const char *
release_word(enum release_status status)
{
	return words[status];
}

/* A record has a status, so it is never RELEASE_NONE. */
static enum release_status
status_of(const char *word)
{
	for (int i = RELEASE_NONE + 1; i < RELEASE_STATUSES; i++)
		if (strcmp(words[i], word) == 0)
			return (enum release_status)i;
	return RELEASE_UNREADABLE;
}

/* Takes one layer of base64 off; the caller frees. NULL if it is none, or out of memory. */
static char *
unbase64(const char *text, size_t *ret_len)
{
	size_t size = strlen(text) / 4 * 3 + 4;
	char *data = malloc(size + 1);
	long n = data ? seal_unbase64(data, size, text) : -1;

	if (n < 0) {
		free(data);
		return NULL;
	}
	data[n] = '\0';
	*ret_len = (size_t)n;
	return data;
}

/* What a record holds; NULL if it cannot be read. */
static struct json *
unpack(const char *data)
{
	struct json *payload = NULL;
	struct err ignored = ERR_INIT;
	struct buf text = {.max = PAYLOAD_MAX};
	size_t len = 0;
	char *inner = unbase64(data, &len);
	char *packed = inner ? unbase64(inner, &len) : NULL;

	if (!packed || !gzip_unpack(packed, len, &text) ||
	    json_parse(&payload, buf_text(&text), text.len, &ignored) < 0)
		payload = NULL;
	free(packed);
	free(inner);
	buf_free(&text);
	return payload;
}

static enum release_status
status_in(const struct json *payload)
{
	return payload ? status_of(json_text(json_at(payload, "info", "status")))
		       : RELEASE_UNREADABLE;
}

enum release_status
release_payload(const char *data)
{
	CLEANUP(json_freep) struct json *payload = unpack(data);

	return status_in(payload);
}

bool
release_labels(const struct json *metadata, const char *name, struct release *ret)
{
	const struct json *labels = json_at(metadata, "labels");
	int64_t revision = 0;

	/* Compared as numbers: v10 comes after v9. */
	if (strcmp(json_text(json_at(labels, "name")), name) != 0 ||
	    !valid_int(json_text(json_at(labels, "version")), 1, 1 << 30, &revision))
		return false;
	*ret = (struct release){
		.status = status_of(json_text(json_at(labels, "status"))),
		.revision = (int)revision,
	};
	snprintf(ret->record, sizeof(ret->record), "%s", json_text(json_at(metadata, "name")));
	snprintf(ret->digest, sizeof(ret->digest), "%s",
		 json_text(json_at(labels, RELEASE_DIGEST)));
	return true;
}

int
release_read(struct kube *kube, const char *namespace, const char *name, struct release *ret,
	     struct err *err)
{
	CLEANUP(json_freep) struct json *list = NULL;
	struct release newest = {.status = RELEASE_NONE};
	struct json *items;

	if (kube_list_meta(kube, &list, err,
			  "/api/v1/namespaces/%s/secrets?labelSelector=owner%%3Dhelm%%2Cname%%3D%s",
			  namespace, name) < 0)
		return -1;
	items = json_at(list, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		struct release r;

		if (release_labels(json_at(json_item(items, i), "metadata"), name, &r) &&
		    r.revision > newest.revision)
			newest = r;
	}
	*ret = newest;
	return 0;
}

int
release_decode(struct kube *kube, const char *namespace, const char *name, struct release *ret,
	       struct err *err)
{
	CLEANUP(json_freep) struct json *payload = NULL;

	return release_fetch(kube, namespace, name, ret, &payload, err);
}

int
release_fetch(struct kube *kube, const char *namespace, const char *name, struct release *ret,
	      struct json **ret_payload, struct err *err)
{
	CLEANUP(json_freep) struct json *record = NULL;
	struct release newest;
	int r = release_read(kube, namespace, name, &newest, err);

	*ret_payload = NULL;
	if (r == 0 && newest.status != RELEASE_NONE) {
		r = kube_get(kube, &record, err, "/api/v1/namespaces/%s/secrets/%s", namespace,
			     newest.record);
		if (r == 0)
			return err_set(err, ERR_CLUSTER_CONFLICT,
				       "The release record %s went while it was looked at.",
				       newest.record);
		if (r > 0) {
			*ret_payload = unpack(json_text(json_at(record, "data", "release")));
			newest.status = status_in(*ret_payload);
		}
	}
	if (r < 0)
		return -1;
	*ret = newest;
	return 0;
}

int
release_forget(struct kube *kube, const char *namespace, const struct release *release,
	       struct err *err)
{
	if (!*release->record) /* the path would be that of all Secrets */
		return err_set(err, ERR_INTERNAL, "there is no release record to delete");
	return kube_delete(kube, NULL, err, "/api/v1/namespaces/%s/secrets/%s", namespace,
			   release->record) < 0
		       ? -1
		       : 0;
}
