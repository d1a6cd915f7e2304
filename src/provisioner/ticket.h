/*
 * ticket.h: what supervisor and worker say to each other. The supervisor
 * (claim.c) starts a store-worker with
 *
 *	3	the store's lock; helm inherits it, so that it is held until the
 *		last descendant is gone
 *	4	a pipe with one line, the ticket: {"task", "job", "fence", "supervisor", "deadline"}
 *
 * and nothing else: neither arguments nor environment tell of the job. SIGTERM
 * asks the worker to end; its parent's death ends it at once. What became of
 * the job stands in its row; the exit status only says whether to look around
 * (TICKET_OUTAGE), or to look again soon (TICKET_AGAIN).
 */
#ifndef PROVISIONER_TICKET_H
#define PROVISIONER_TICKET_H

#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

enum { TICKET_LOCK_FD = 3, TICKET_FD = 4 };

/* Exit statuses of a worker. */
enum { TICKET_DONE = 0, TICKET_FAILED = 1, TICKET_OUTAGE = 3, TICKET_AGAIN = 4 };

enum ticket_task { TICKET_JOB, TICKET_INSPECT, TICKET_RECONCILE, TICKET_TASKS };

struct ticket {
	enum ticket_task task;
	int64_t job; /* of TICKET_JOB */
	int64_t fence;
	pid_t supervisor;
	int64_t deadline; /* monotonic */
};

MUST_CHECK int ticket_write(int fd, const struct ticket *ticket, struct err *err);
/* Reads to the pipe's end. */
MUST_CHECK int ticket_read(int fd, struct ticket *ret, struct err *err);

#endif
