/*
 * stray.h: the locks of the stores, and what to do about a process of an older
 * job that still holds one (a helm whose worker was killed, say).
 */
#ifndef PROVISIONER_STRAY_H
#define PROVISIONER_STRAY_H

#include "provisioner/claim.h"

/*
 * The store's lock, or -1 while somebody else holds it. The holder is sent TERM
 * when it is first met, and KILL 30 s later.
 */
MUST_CHECK int stray_lock(struct claim *c, const char *store_id);

/* Whether this provisioner, or one before it in the same folder, has had the store's lock. */
bool stray_known(const struct claim *c, const char *store_id);

/* Removes the lock file of a store that is no more. */
void stray_forget(struct claim *c, const char *store_id);

#endif
