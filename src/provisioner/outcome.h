/*
 * outcome.h: what follows from the end of an attempt: a pure rule, and the one
 * transaction that writes it (job, store and audit together). The worker calls
 * it for what it has seen, the supervisor for a worker that said nothing.
 *
 *	success			done		store ready or deleted
 *	cancelled by a delete	cancelled	store left to the delete job
 *	told to stop		queued		attempt handed back
 *	outage			queued		the same, after a random pause
 *	transient, tries left	retry		after a random pause
 *	all else		failed		store failed, with the sentence
 */
#ifndef PROVISIONER_OUTCOME_H
#define PROVISIONER_OUTCOME_H

#include "model/job.h"
#include "model/store.h"

struct outcome {
	enum job_state state;
	int64_t delay_ms; /* until the job is due again */
};

/*
 * failure: ERR_NONE for success. random: any number, it picks the point within
 * the back-off (full jitter: 0 to min(300 s, 5 s * 2^(attempt - 1)); of an
 * outage 2 s more than 0 to min(60 s, 2 s * 2^outages)).
 */
struct outcome outcome_of(const struct job *job, const struct err *failure, bool cancelled,
			  uint32_t random);

/*
 * Ends the running job. failure: NULL for success; random: as above, 0 means no pause.
 * ERR_LEASE_LOST if it is not ours any more: then only the audit is told.
 */
MUST_CHECK int outcome_write(struct db *db, const struct job *job, const struct err *failure,
			     uint32_t random, struct outcome *ret, struct err *err);

#endif
