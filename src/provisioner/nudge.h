/*
 * nudge.h: takes out of the way what Kubernetes would wait for in vain after
 * the cause of a failure was corrected, or longer than it must.
 */
#ifndef PROVISIONER_NUDGE_H
#define PROVISIONER_NUDGE_H

#include "provisioner/work.h"

/*
 * For a caller who has waited a moment for a workload (path: its API path).
 *
 * A controller whose pods were refused tries again only after up to 17 minutes:
 * if the workload has no pod, it is touched, once a worker, so that its
 * controller looks at it now. A StatefulSet replaces its pod by one of a newer
 * revision only when the old one is ready: one of an older revision is deleted.
 *
 * 1: something was done, so that what is seen now is no news; 0: nothing, -1.
 */
MUST_CHECK int nudge_workload(struct work *w, const struct json *workload, const char *component,
			      const char *path, const char *step, struct err *err);

/*
 * A claim's storage class cannot be changed. Deletes the release's claims that
 * never got a volume and so hold nothing, and waits until they are gone; helm
 * makes them anew.
 */
MUST_CHECK int nudge_claims(struct work *w, struct err *err);

/* Asks for the end of a claim of the store's namespace, unless it is ending already. */
MUST_CHECK int nudge_claim(struct work *w, const struct json *claim, struct err *err);

#endif
