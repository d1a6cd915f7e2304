/*
 * kube.h: the Kubernetes API as a few calls. Every call has a deadline (the
 * shorter of 15 s and kube_deadline()), verifies TLS, and puts a failure into
 * the class that decides about another attempt:
 *
 *	no answer		cluster_unreachable	outage
 *	401			cluster_unauthorized	outage
 *	403 of access control	cluster_forbidden	terminal
 *	403 namespace ending	namespace_terminating	transient
 *	409			cluster_conflict	transient
 *	429			cluster_throttled	transient, with Retry-After
 *	5xx			cluster_failed		transient
 *	400, 422, quota		cluster_refused		terminal
 *	2xx that is not JSON, or not what was asked for, and a 404
 *	that is no API server's	cluster_bad_answer	outage
 *
 * Paths are made by the caller of constants and validated slugs only.
 */
#ifndef CLUSTER_KUBE_H
#define CLUSTER_KUBE_H

#include <stdint.h>

#include "io/json.h"

#define KUBE_PART_OF "app.kubernetes.io/part-of"
#define KUBE_PLATFORM "store-platform"
#define KUBE_STORE_ID "store-platform.io/store-id"
/* On a namespace: id of the platform that made it; several may share a cluster. */
#define KUBE_MAKER "store-platform.io/platform"

struct kube;

/* kubeconfig: see kubeconfig.h. stop_fd: see http.h. */
MUST_CHECK int kube_open(struct kube **ret, const char *kubeconfig, int stop_fd, struct err *err);
void kube_close(struct kube *kube);
CLEANUP_FUNC(struct kube *, kube_close)

/* No call goes on after this point of monotonic time. */
void kube_deadline(struct kube *kube, int64_t mono);

/* What the server calls itself: "v1.36.3". */
enum { KUBE_VERSION = 64 };
MUST_CHECK int kube_version(struct kube *kube, char ret[KUBE_VERSION], struct err *err);

/* 1: found, 0: the API server says NotFound, -1. */
PRINTF(4, 5) MUST_CHECK int kube_get(struct kube *kube, struct json **ret, struct err *err,
				     const char *path, ...);
/* The same with metadata only, for an object and for a list: Secrets are not carried along. */
PRINTF(4, 5) MUST_CHECK int kube_get_meta(struct kube *kube, struct json **ret, struct err *err,
					  const char *path, ...);
PRINTF(4, 5) MUST_CHECK int kube_list_meta(struct kube *kube, struct json **ret, struct err *err,
					   const char *path, ...);
/* The end of a container's log as text; "" if there is none. Never fails for its absence. */
PRINTF(4, 5) MUST_CHECK int kube_get_text(struct kube *kube, struct buf *ret, struct err *err,
					  const char *path, ...);
/* 1: created, 0: an object of that name exists, -1. */
PRINTF(4, 5) MUST_CHECK int kube_create(struct kube *kube, const struct json *object,
					struct err *err, const char *path, ...);
/* The same for what is only asked, as whether we have a right: *ret is the answer. */
PRINTF(5, 6) MUST_CHECK int kube_ask(struct kube *kube, const struct json *object,
				     struct json **ret, struct err *err, const char *path, ...);
/* Server-side apply: made, or made to be so; the path says the field manager. 1: done, 0: 404, -1. */
PRINTF(4, 5) MUST_CHECK int kube_apply(struct kube *kube, const struct json *object,
				       struct err *err, const char *path, ...);
/* A merge patch (RFC 7386). 1: done, 0: 404, -1. */
PRINTF(4, 5) MUST_CHECK int kube_patch(struct kube *kube, const struct json *patch,
				       struct err *err, const char *path, ...);
/* What it made goes along. uid: delete only that very object; NULL: whichever. 1: accepted, 0: 404, -1. */
PRINTF(4, 5) MUST_CHECK int kube_delete(struct kube *kube, const char *uid, struct err *err,
					const char *path, ...);

#endif
