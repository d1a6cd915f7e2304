/* outcome.c: see outcome.h. */
#include "provisioner/outcome.h"

#include "base/clock.h"
#include "base/crash.h"
#include "io/json.h"
#include "model/audit.h"

enum { BACKOFF_MS = 5000, BACKOFF_MAX_MS = 300000, OUTAGE_MS = 2000, OUTAGE_MAX_MS = 60000 };

/* What a job's success and its final failure mean for the store, by kind. */
static const struct {
	enum store_status success;
	enum audit_action succeeded, failed;
} kinds[JOB_KINDS] = {
	[JOB_PROVISION] = {STORE_READY, AUDIT_PROVISION_SUCCESS, AUDIT_PROVISION_FAILED},
	[JOB_DELETE] = {STORE_DELETED, AUDIT_DELETE_SUCCESS, AUDIT_DELETE_FAILED},
};

/* Full jitter: anything from nothing to a limit that doubles with each time. */
static int64_t
backoff(int times, int64_t limit, int64_t most, uint32_t random)
{
	for (int i = 0; i < times && limit < most; i++)
		limit *= 2;
	return (int64_t)random % ((limit < most ? limit : most) + 1);
}

struct outcome
outcome_of(const struct job *job, const struct err *failure, bool cancelled, uint32_t random)
{
	int64_t asked = failure->retry_after * 1000LL, pause;

	if (cancelled)
		return (struct outcome){.state = JOB_CANCELLED};
	if (failure->code == ERR_NONE)
		return (struct outcome){.state = JOB_DONE};
	switch (err_class(failure->code)) {
	case ERR_INTERRUPTED:
		return (struct outcome){.state = JOB_QUEUED};
	case ERR_OUTAGE:
		pause = OUTAGE_MS + backoff(job->outages, OUTAGE_MS, OUTAGE_MAX_MS, random);
		return (struct outcome){JOB_QUEUED, asked > pause ? asked : pause};
	case ERR_TRANSIENT:
		pause = backoff(job->attempt - 1, BACKOFF_MS, BACKOFF_MAX_MS, random);
		if (job->attempt < job->max_attempts)
			return (struct outcome){JOB_RETRY, asked > pause ? asked : pause};
		break;
	case ERR_TERMINAL:
		break;
	}
	return (struct outcome){.state = JOB_FAILED};
}

/* Without a pause it keeps its place: what was begun is resumed before what never was. */
static int64_t
due_at(const struct job *job, const struct outcome *o)
{
	int64_t now = clock_wall_ms();

	return o->delay_ms == 0 && job->run_at < now ? job->run_at : now + o->delay_ms;
}

static int
audit(struct db *db, const struct job *job, enum audit_action action, const struct err *failure,
      struct err *err)
{
	struct audit_entry entry = {
		.action = action,
		.store_id = job->store_id,
		.actor = "provisioner",
		.request_id = job->request_id,
	};
	struct json *details = json_new_object();

	json_set_int(details, "job", job->id);
	json_set_int(details, "attempt", job->attempt);
	json_set_text(details, "requested_by", job->actor);
	if (failure->code != ERR_NONE) {
		json_set_text(details, "code", err_word(failure->code));
		json_set_text(details, "error", failure->text);
	}
	return audit_add(db, &entry, details, err);
}

static int
write_store(struct db *db, const struct job *job, const struct err *failure, enum job_state state,
	    struct err *err)
{
	if (state == JOB_DONE) {
		if (store_set_status(db, job->store_id, kinds[job->kind].success, NULL, NULL, err) < 0)
			return -1;
		return audit(db, job, kinds[job->kind].succeeded, failure, err);
	}
	if (state == JOB_FAILED) {
		if (store_set_status(db, job->store_id, STORE_FAILED, err_word(failure->code),
				     failure->text, err) < 0)
			return -1;
		return audit(db, job, kinds[job->kind].failed, failure, err);
	}
	return 0;
}

static int
write_all(struct db *db, const struct job *job, const struct err *failure, uint32_t random,
	  struct outcome *ret, struct err *err)
{
	struct job now;
	const char *code = failure->code == ERR_NONE ? NULL : err_word(failure->code);
	struct outcome o;
	int r = job_get(db, job->id, &now, err); /* a delete may have asked for the end meanwhile */

	if (r != 1)
		return r < 0 ? -1 : err_set(err, ERR_LEASE_LOST, "the job is not there any more");
	o = outcome_of(job, failure, now.cancel_requested_at != 0, random);
	/* A stop is no failure: what was told before stays to be seen. */
	if (o.state == JOB_QUEUED && err_class(failure->code) == ERR_INTERRUPTED)
		code = NULL;
	if (job_end(db, job, o.state, due_at(job, &o), code, code ? failure->text : NULL, err) < 0)
		return -1;
	if (write_store(db, job, failure, o.state, err) < 0)
		return -1;
	*ret = o;
	return 0;
}

/* A late worker's end changes nothing, but it is no secret either. */
static int
tell_lost(struct db *db, const struct job *job, const struct err *failure, struct err *err)
{
	struct err lost = *err;

	if (db_begin(db, err) < 0)
		return -1;
	if (audit(db, job, AUDIT_LEASE_LOST, failure, err) < 0) {
		db_rollback(db);
		return -1;
	}
	if (db_commit(db, err) < 0)
		return -1;
	*err = lost;
	return -1;
}

int
outcome_write(struct db *db, const struct job *job, const struct err *failure, uint32_t random,
	      struct outcome *ret, struct err *err)
{
	static const struct err success = ERR_INIT;

	if (!failure)
		failure = &success;
	crash_point("outcome-unwritten");
	if (db_begin(db, err) < 0)
		return -1;
	if (write_all(db, job, failure, random, ret, err) < 0) {
		db_rollback(db);
		return err->code == ERR_LEASE_LOST ? tell_lost(db, job, failure, err) : -1;
	}
	crash_point("outcome-uncommitted");
	if (db_commit(db, err) < 0)
		return -1;
	crash_point("outcome-written");
	return 0;
}
