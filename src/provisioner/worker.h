/*
 * worker.h: one job in one process: `store-provisioner --worker`, started by
 * the supervisor alone (claim.c) with
 *
 *	3	the store's lock; helm inherits it, so that it is held until the
 *		last descendant is gone
 *	4	a pipe with one line, the ticket: {"job", "fence", "supervisor", "deadline"}
 *
 * and nothing else: neither arguments nor environment tell of the job. SIGTERM
 * asks it to end; the parent's death ends it at once. Job 0 is an inspection.
 */
#ifndef PROVISIONER_WORKER_H
#define PROVISIONER_WORKER_H

#include <sys/types.h>

#include "io/conf.h"

enum { WORKER_LOCK_FD = 3, WORKER_TICKET_FD = 4, WORKER_TICKET_MAX = 512 };

/* Exit statuses. Whatever it is, the job's row has the truth. */
enum { WORKER_DONE = 0, WORKER_FAILED = 1, WORKER_OUTAGE = 3 };

struct ticket {
	int64_t job; /* 0: inspect */
	int64_t fence;
	pid_t supervisor;
	int64_t deadline; /* monotonic */
};

MUST_CHECK int worker_ticket_write(int fd, const struct ticket *ticket, struct err *err);
MUST_CHECK int worker_ticket_read(int fd, struct ticket *ret, struct err *err);

/* Returns the exit status. */
int worker_run(const struct conf *conf);

#endif
