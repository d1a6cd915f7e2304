/*
 * reconcile.h: stores against cluster, both ways, at start and every
 * RECONCILE_SECONDS, in a worker of its own:
 *
 *	a ready store lacks a part		health `degraded`, with a sentence;
 *						`ok` again when it is mended
 *	a namespace of ours without a store	told: log, audit, /api/ready
 *	a store on its way without a job	the job is queued again; so is a
 *						removal that was given up an hour ago
 *
 * It changes nothing in the cluster: what was deleted is not made again, and
 * what is too much is not removed. `storectl namespace` does that, when asked.
 */
#ifndef PROVISIONER_RECONCILE_H
#define PROVISIONER_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

#include "io/conf.h"
#include "io/db.h"

/* ret_again: something is not well, so that it pays to look again soon. */
MUST_CHECK int reconcile_run(const struct conf *conf, struct db *db, int stop_fd, int64_t deadline,
			     bool *ret_again, struct err *err);

#endif
