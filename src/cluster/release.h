/*
 * release.h: helm's release records, as the cluster keeps them: one Secret a
 * revision, labelled owner=helm, name, version and status. They are the truth
 * about a release; what helm's exit status says is not (it can be 0 with the
 * record left at "pending-install", and 1 with everything in place).
 */
#ifndef CLUSTER_RELEASE_H
#define CLUSTER_RELEASE_H

#include <stdbool.h>

#include "cluster/kube.h"
#include "io/seal.h"

enum release_status {
	RELEASE_NONE,
	RELEASE_DEPLOYED,
	RELEASE_FAILED,
	RELEASE_SUPERSEDED,
	RELEASE_PENDING_INSTALL,
	RELEASE_PENDING_UPGRADE,
	RELEASE_PENDING_ROLLBACK,
	RELEASE_UNINSTALLING,
	RELEASE_UNINSTALLED,
	RELEASE_UNREADABLE, /* a payload that cannot be decoded, or a word of no helm known to us */
	RELEASE_STATUSES
};

/* The label that helm_upgrade() puts on the record: digest of chart and values. */
#define RELEASE_DIGEST "store-platform-digest"

struct release {
	enum release_status status;
	int revision; /* 0: none */
	char record[128];
	char digest[SEAL_DIGEST]; /* "" where a person ran helm */
};

const char *release_word(enum release_status status);

/* Reads a record Secret's labels; false if it is none of the release. */
bool release_labels(const struct json *metadata, const char *name, struct release *ret);

/* The newest record by its labels alone; RELEASE_NONE if there is none. */
MUST_CHECK int release_read(struct kube *kube, const char *namespace, const char *name,
			    struct release *ret, struct err *err);

/* The same, with the status that its payload holds: that is the one helm goes by. */
MUST_CHECK int release_decode(struct kube *kube, const char *namespace, const char *name,
			      struct release *ret, struct err *err);

/* The same, with the whole payload; NULL if there is none, or it cannot be read. */
MUST_CHECK int release_fetch(struct kube *kube, const char *namespace, const char *name,
			     struct release *ret, struct json **ret_payload, struct err *err);

/* The status in a record Secret's data.release: base64 of base64 of gzip of JSON. */
enum release_status release_payload(const char *data);

/*
 * Deletes a record that a killed helm left behind. Only for somebody who holds
 * the store's lock and so knows that no helm is at work. What the record's
 * revision has made stays, and the next upgrade takes it over.
 */
MUST_CHECK int release_forget(struct kube *kube, const char *namespace,
			      const struct release *release, struct err *err);

#endif
