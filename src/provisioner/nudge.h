/*
 * nudge.h: takes out of the way what Kubernetes would wait for in vain after
 * the cause of a failure was corrected.
 */
#ifndef PROVISIONER_NUDGE_H
#define PROVISIONER_NUDGE_H

#include "provisioner/work.h"

/*
 * The controller of a workload whose pods were refused tries again only after
 * up to 17 minutes. If the workload (path: its API path) has no pod, it is
 * touched, once a worker, so that the controller looks at it now.
 */
MUST_CHECK int nudge_controller(struct work *w, const struct json *workload, const char *component,
				const char *path, struct err *err);

/*
 * A StatefulSet replaces its pod by one of a newer revision only when the old
 * one is ready. Deletes a pod of an older revision, for a caller who knows that
 * it does not get ready.
 */
MUST_CHECK int nudge_pod(struct work *w, const struct json *workload, const char *component,
			 const char *step, struct err *err);

/*
 * A claim's storage class cannot be changed. Deletes the release's claims that
 * never got a volume and so hold nothing, and waits until they are gone; helm
 * makes them anew.
 */
MUST_CHECK int nudge_claims(struct work *w, struct err *err);

#endif
