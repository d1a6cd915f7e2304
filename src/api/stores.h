/*
 * stores.h: the handlers of stores. A change, its job and its audit row are
 * one transaction; the provisioner is woken after it, and the answer is sent
 * last, so that a client that is gone undoes nothing.
 */
#ifndef API_STORES_H
#define API_STORES_H

#include "api/route.h"
#include "model/audit.h"
#include "model/job.h"
#include "model/store.h"

route_handler stores_list, stores_get, stores_delete, stores_retry;

/* Parts of a change, in its transaction. The first takes over details; the second has a limit. */
MUST_CHECK int stores_audit(const struct call *call, const struct store *s,
			    enum audit_action action, struct json *details, struct err *err);
MUST_CHECK int stores_queue(const struct call *call, const struct store *s, enum job_kind kind,
			    struct err *err);
/* A row that was changed, as the answer to the change. */
MUST_CHECK int stores_show(const struct call *call, const char *id, struct json **ret,
			   struct err *err);

#endif
