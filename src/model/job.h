/*
 * job.h: the queue between the two programs. At-least-once: a job that was
 * running when its supervisor died is run again.
 *
 *	queued -> running -> done | failed | cancelled
 *	             |  ^
 *	             v  |
 *	            retry          (run_at says when)
 *
 * One job of a store runs at a time, and at most one of a kind waits (unique
 * indexes). The fence token is raised by every claim; a write that carries an
 * older one is refused (ERR_LEASE_LOST), so a worker that was given up cannot
 * harm the one that follows it. Writes belong into the caller's transaction.
 */
#ifndef MODEL_JOB_H
#define MODEL_JOB_H

#include "io/db.h"
#include "model/jobrow.h"

/* No pause between two attempts is longer: Retry-After is cut at an hour. */
enum { JOB_PAUSE_MAX_MS = 3900 * 1000 };

extern const struct db_table job_sql;

/*
 * Queues a job, due now. If one of the kind waits already, that one becomes due
 * now; if one runs, it is the job asked for, and nothing is added.
 */
MUST_CHECK int job_queue(struct db *db, const char *store_id, enum job_kind kind, int max_attempts,
			 const char *actor, const char *request_id, struct err *err);
/* Ends the waiting jobs of a kind as cancelled, and asks a running one to stop. */
MUST_CHECK int job_cancel(struct db *db, const char *store_id, enum job_kind kind, struct err *err);

/* Due jobs of a kind, oldest first, whose store has none that runs. */
struct db_query *job_due(struct db *db, enum job_kind kind, int64_t now);
/* Those that run, of every instance. */
struct db_query *job_running(struct db *db);
MUST_CHECK int job_next(struct db_query *q, struct job *ret, struct err *err);

/* 1: ret is filled, 0: there is none, -1. */
MUST_CHECK int job_get(struct db *db, int64_t id, struct job *ret, struct err *err);
/* The job that speaks for a store: the running one, else the newest. */
MUST_CHECK int job_of_store(struct db *db, const char *store_id, struct job *ret, struct err *err);
/* 1 if a job of the kind waits or runs, 0, -1. */
MUST_CHECK int job_active(struct db *db, const char *store_id, enum job_kind kind, struct err *err);
/* Jobs of the kind that wait and are due before this one, plus one. */
MUST_CHECK int job_position(struct db *db, const struct job *job, int64_t *ret, struct err *err);
/* Since when the oldest waiting job of a kind is due; 0 if none waits. */
MUST_CHECK int job_oldest(struct db *db, enum job_kind kind, int64_t *ret, struct err *err);
/* How many failed, by reason: job_next_failure() until 0, then db_done(). */
struct db_query *job_failures(struct db *db);
MUST_CHECK int job_next_failure(struct db_query *q, enum err_code *ret_code, int64_t *ret_count,
				struct err *err);
MUST_CHECK int job_count(struct db *db, enum job_kind kind, enum job_state state, int64_t *ret,
			 struct err *err);

/* queued or retry -> running: raises fence and attempt, and tells both in *job. */
MUST_CHECK int job_start(struct db *db, struct job *job, const char *instance_id,
			 int64_t lease_until, struct err *err);
/* Renews the leases of all jobs that an instance runs, in a transaction of its own. */
MUST_CHECK int job_renew(struct db *db, const char *instance_id, int64_t lease_until,
			 struct err *err);
/* Whether the claim still stands: ERR_LEASE_LOST if not. */
MUST_CHECK int job_hold(struct db *db, int64_t id, int64_t fence, struct err *err);
MUST_CHECK int job_set_step(struct db *db, int64_t id, int64_t fence, const char *step,
			    struct err *err);

/*
 * running -> state, with the reason (NULL: none). For JOB_RETRY run_at says
 * when; JOB_QUEUED hands it back and takes the attempt back too.
 */
MUST_CHECK int job_end(struct db *db, const struct job *job, enum job_state state, int64_t run_at,
		       const char *error_code, const char *error_message, struct err *err);

#endif
