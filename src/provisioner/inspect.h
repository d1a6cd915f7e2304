/*
 * inspect.h: the look at the platform's own surroundings, every 30 s in a
 * worker of its own: does the cluster answer, accept our credential, and is
 * there a helm that we know. What it writes is the heartbeat of /api/ready and
 * the gate of the queue. It has no row in `jobs`: it would be 2,880 a day that
 * nobody wants to read.
 */
#ifndef PROVISIONER_INSPECT_H
#define PROVISIONER_INSPECT_H

#include <stdint.h>

#include "io/conf.h"
#include "io/db.h"

MUST_CHECK int inspect_run(const struct conf *conf, struct db *db, int stop_fd, int64_t deadline,
			   struct err *err);

#endif
