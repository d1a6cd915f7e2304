/*
 * claim.h: from a row that waits to a process that works on it, and back.
 *
 *	1. The store's lock is taken: flock on jobs/<store id>.lock. Busy means
 *	   that a process of an older job is alive: no claim. It is asked to end,
 *	   and killed 30 s later; the pid in the file only says whom.
 *	2. The row becomes `running` in one BEGIN IMMEDIATE, which raises its
 *	   fence token and attempt.
 *	3. A worker is started with the lock and a ticket (ticket.h). Our own
 *	   copy of the lock is closed: worker and helm hold it from now on.
 *	4. A worker that ended without writing its outcome (killed, crashed) has
 *	   it written here: worker_died, which costs an attempt.
 *	5. Rows that a dead supervisor left `running` are ended the same way, as
 *	   soon as their lock shows that nobody works on them any more.
 *
 * The supervisor is single-threaded, and makes no call to the cluster itself.
 */
#ifndef PROVISIONER_CLAIM_H
#define PROVISIONER_CLAIM_H

#include <stdbool.h>
#include <sys/types.h>

#include "io/conf.h"
#include "model/job.h"
#include "provisioner/ticket.h"

enum { CLAIM_WORKERS = 64 + 64 + 2, CLAIM_STRAYS = 64 };

struct claim_worker {
	pid_t pid; /* 0: the slot is free */
	enum ticket_task task;
	struct job job;	  /* of a job's worker */
	int64_t deadline; /* monotonic, when it is told to end */
	int64_t kill_at;  /* when it is killed; 0: it was not told to end yet */
};

/* A store whose lock is held by a process of an older job. */
struct claim_stray {
	char store_id[VALID_UUID_BYTES];
	int64_t since; /* 0: the slot is free */
};

struct claim {
	const struct conf *conf;
	const char *conf_file; /* NULL: the default one */
	const char *worker;    /* path of store-worker */
	struct db *db;
	char instance[VALID_UUID_BYTES];
	struct claim_worker workers[CLAIM_WORKERS];
	struct claim_stray strays[CLAIM_STRAYS];
	bool cluster_ok, helm_ok; /* as the last inspection saw them */
	bool left_rows;		  /* a predecessor's rows are still `running` */
	int64_t inspect_at;	  /* monotonic: when the next inspection is due */
	int64_t reconcile_at;	  /* monotonic: when stores and cluster are compared next */
	int64_t renew_at;	  /* monotonic: when leases are renewed */
};

/* Ends of workers: to be called after SIGCHLD. */
void claim_reap(struct claim *c);
/* Everything else that may be due: inspection, cancels, deadlines, leases, claims. */
void claim_tick(struct claim *c);
/* Tells all workers to end, once, and kills them when their time is over. True when none is left. */
bool claim_stop(struct claim *c);

#endif
