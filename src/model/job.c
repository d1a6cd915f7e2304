/* job.c: see job.h. */
#include "model/job.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { BEHIND_MAX = 64 };

const char *const job_kind_words[JOB_KINDS] = {"provision", "delete"};
const char *const job_state_words[JOB_STATES] = {"queued", "running", "retry",
						 "done",   "failed",  "cancelled"};

#define COLUMNS                                                                                    \
	"id, store_id, kind, state, attempt, max_attempts, run_at, fence, instance_id, step,"      \
	" cancel_requested_at, actor, request_id, error_code, error_message, created_at,"          \
	" started_at, finalized_at, lease_until, outages"
#define WAITS "state IN ('queued', 'retry')"

enum {
	RUNS,
	QUEUE,
	CANCEL_WAITING,
	CANCEL_RUNNING,
	DUE,
	RUNNING,
	GET,
	OF_STORE,
	ACTIVE,
	POSITION,
	BEHIND,
	COUNT,
	OLDEST,
	FAILURES,
	START,
	RENEW,
	HOLD,
	SET_STEP,
	END,
	CLAMP,
	SHIFT,
};

static const char *const statements[] = {
	[RUNS] = "SELECT 1 FROM jobs WHERE store_id = :store AND kind = :kind"
		 " AND state = 'running'",
	[QUEUE] = "INSERT INTO jobs (store_id, kind, state, max_attempts, run_at, actor,"
		  " request_id, created_at)"
		  " VALUES (:store, :kind, 'queued', :max, :now, :actor, :request, :now)"
		  " ON CONFLICT (store_id, kind) WHERE " WAITS " DO UPDATE SET run_at = :now",
	[CANCEL_WAITING] = "UPDATE jobs SET state = 'cancelled', cancel_requested_at = :now,"
			   " finalized_at = :now"
			   " WHERE store_id = :store AND kind = :kind AND " WAITS,
	[CANCEL_RUNNING] = "UPDATE jobs SET cancel_requested_at = :now"
			   " WHERE store_id = :store AND kind = :kind AND state = 'running'"
			   " AND cancel_requested_at IS NULL",
	/* A point of time beyond every pause was written while the clock was ahead. */
	[DUE] = "SELECT " COLUMNS " FROM jobs AS j"
		" WHERE kind = :kind AND " WAITS " AND (run_at <= :now OR run_at > :horizon)"
		" AND NOT EXISTS"
		" (SELECT 1 FROM jobs AS o WHERE o.store_id = j.store_id AND o.state = 'running')"
		" ORDER BY run_at, id",
	[RUNNING] = "SELECT " COLUMNS " FROM jobs WHERE state = 'running' ORDER BY id",
	[GET] = "SELECT " COLUMNS " FROM jobs WHERE id = :id",
	[OF_STORE] = "SELECT " COLUMNS " FROM jobs WHERE store_id = :store"
		     " ORDER BY state = 'running' DESC, id DESC LIMIT 1",
	[ACTIVE] = "SELECT 1 FROM jobs WHERE store_id = :store AND kind = :kind"
		   " AND state IN ('queued', 'retry', 'running') LIMIT 1",
	[POSITION] = "SELECT 1 + count(*) FROM jobs WHERE kind = :kind AND " WAITS
		     " AND (run_at, id) < (:run_at, :id)",
	/* How many wait, and at most :most of those behind the job. */
	[BEHIND] = "SELECT (SELECT sum(n) FROM tallies WHERE what = :kind AND word IN"
		   " ('queued', 'retry')), (SELECT count(*) FROM (SELECT 1 FROM jobs"
		   " WHERE kind = :kind AND " WAITS " AND (run_at, id) > (:run_at, :id)"
		   " LIMIT :most))",
	[COUNT] = "SELECT coalesce(sum(n), 0) FROM tallies WHERE what = :kind AND word = :state",
	[OLDEST] = "SELECT coalesce(min(run_at), 0) FROM jobs WHERE kind = :kind"
		   " AND state IN ('queued', 'retry')",
	[FAILURES] = "SELECT error_code, count(*) FROM jobs WHERE state = 'failed'"
		     " AND error_code IS NOT NULL GROUP BY error_code ORDER BY error_code",
	[START] = "UPDATE jobs SET state = 'running', attempt = attempt + 1, fence = fence + 1,"
		  " instance_id = :instance, lease_until = :until, step = NULL,"
		  " started_at = coalesce(started_at, :now)"
		  " WHERE id = :id AND " WAITS " RETURNING attempt, fence",
	[RENEW] = "UPDATE jobs SET lease_until = :until"
		  " WHERE instance_id = :instance AND state = 'running'",
	[HOLD] = "SELECT 1 FROM jobs WHERE id = :id AND fence = :fence AND state = 'running'",
	[SET_STEP] = "UPDATE jobs SET step = :step"
		     " WHERE id = :id AND fence = :fence AND state = 'running'",
	[END] = "UPDATE jobs SET state = :state, run_at = :run_at,"
		" error_code = iif(:state = 'queued' AND :code IS NULL, error_code, :code),"
		" error_message = iif(:state = 'queued' AND :code IS NULL, error_message, :message),"
		" instance_id = NULL, lease_until = NULL,"
		" attempt = attempt - (:state = 'queued'),"
		" outages = outages + (:state = 'queued' AND :code IS NOT NULL),"
		" finalized_at = CASE WHEN :state IN ('queued', 'retry') THEN NULL ELSE :now END"
		" WHERE id = :id AND fence = :fence AND state = 'running'",
	[CLAMP] = "UPDATE jobs SET run_at = :now WHERE " WAITS " AND run_at > :now"
		  " AND (run_at > :horizon OR (state = 'queued' AND attempt = 0 AND outages = 0))",
	[SHIFT] = "UPDATE jobs SET run_at = max(:now, run_at - :back) WHERE " WAITS
		  " AND run_at > :now",
};
DB_TABLE(job_sql, statements);

static int
index_of(const char *const *words, int count, const char *word)
{
	for (int i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return 0; /* the columns' CHECKs forbid any other word */
}

static void
read_row(struct db_query *q, struct job *j)
{
	*j = (struct job){
		.id = db_int(q, 0),
		.kind = (enum job_kind)index_of(job_kind_words, JOB_KINDS, db_text(q, 2)),
		.state = (enum job_state)index_of(job_state_words, JOB_STATES, db_text(q, 3)),
		.attempt = (int)db_int(q, 4),
		.max_attempts = (int)db_int(q, 5),
		.run_at = db_int(q, 6),
		.fence = db_int(q, 7),
		.cancel_requested_at = db_int(q, 10),
		.created_at = db_int(q, 15),
		.started_at = db_int(q, 16),
		.finalized_at = db_int(q, 17),
		.lease_until = db_int(q, 18),
		.outages = (int)db_int(q, 19),
	};
	snprintf(j->store_id, sizeof(j->store_id), "%s", db_text(q, 1));
	snprintf(j->instance_id, sizeof(j->instance_id), "%s", db_text(q, 8));
	snprintf(j->step, sizeof(j->step), "%s", db_text(q, 9));
	snprintf(j->actor, sizeof(j->actor), "%s", db_text(q, 11));
	snprintf(j->request_id, sizeof(j->request_id), "%s", db_text(q, 12));
	snprintf(j->error_code, sizeof(j->error_code), "%s", db_text(q, 13));
	snprintf(j->error_message, sizeof(j->error_message), "%s", db_text(q, 14));
}

/* A query that has to change exactly the row that the fence token guards. */
static int
run_fenced(struct db_query *q, struct err *err)
{
	int n = db_run(q, err);

	if (n < 0)
		return -1;
	return n == 1 ? 0 : err_set(err, ERR_LEASE_LOST, "another worker has taken over this job");
}

int
job_queue(struct db *db, const char *store_id, enum job_kind kind, int max_attempts,
	  const char *actor, const char *request_id, struct err *err)
{
	/* One statement for both would make a table in between, since it reads what it writes. */
	CLEANUP(db_donep) struct db_query *runs = db_query(db, &job_sql, RUNS);
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, QUEUE);
	int r;

	db_bind_text(runs, ":store", store_id);
	db_bind_text(runs, ":kind", job_kind_words[kind]);
	r = db_step(runs, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	db_bind_text(q, ":store", store_id);
	db_bind_text(q, ":kind", job_kind_words[kind]);
	db_bind_int(q, ":max", max_attempts);
	db_bind_text(q, ":actor", actor);
	db_bind_text(q, ":request", request_id);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err) < 0 ? -1 : 0;
}

int
job_cancel(struct db *db, const char *store_id, enum job_kind kind, struct err *err)
{
	static const int both[] = {CANCEL_WAITING, CANCEL_RUNNING};

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, both[i]);

		db_bind_text(q, ":store", store_id);
		db_bind_text(q, ":kind", job_kind_words[kind]);
		db_bind_int(q, ":now", clock_wall_ms());
		if (db_run(q, err) < 0)
			return -1;
	}
	return 0;
}

struct db_query *
job_due(struct db *db, enum job_kind kind, int64_t now)
{
	struct db_query *q = db_query(db, &job_sql, DUE);

	db_bind_text(q, ":kind", job_kind_words[kind]);
	db_bind_int(q, ":now", now);
	db_bind_int(q, ":horizon", now + JOB_PAUSE_MAX_MS);
	return q;
}

struct db_query *
job_running(struct db *db)
{
	return db_query(db, &job_sql, RUNNING);
}

int
job_next(struct db_query *q, struct job *ret, struct err *err)
{
	int r = db_step(q, err);

	if (r > 0)
		read_row(q, ret);
	return r;
}

int
job_get(struct db *db, int64_t id, struct job *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, GET);

	db_bind_int(q, ":id", id);
	return job_next(q, ret, err);
}

int
job_of_store(struct db *db, const char *store_id, struct job *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, OF_STORE);

	db_bind_text(q, ":store", store_id);
	return job_next(q, ret, err);
}

int
job_active(struct db *db, const char *store_id, enum job_kind kind, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, ACTIVE);

	db_bind_text(q, ":store", store_id);
	db_bind_text(q, ":kind", job_kind_words[kind]);
	return db_step(q, err);
}

static struct db_query *
ask_place(struct db *db, int statement, const struct job *job)
{
	struct db_query *q = db_query(db, &job_sql, statement);

	db_bind_text(q, ":kind", job_kind_words[job->kind]);
	db_bind_int(q, ":run_at", job->run_at);
	db_bind_int(q, ":id", job->id);
	return q;
}

/* One that has just been queued has few behind it, so those are counted first. */
int
job_position(struct db *db, const struct job *job, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *behind = ask_place(db, BEHIND, job);
	CLEANUP(db_donep) struct db_query *before = NULL;

	db_bind_int(behind, ":most", BEHIND_MAX);
	if (db_step(behind, err) < 0)
		return -1;
	if (db_int(behind, 1) < BEHIND_MAX) {
		*ret = db_int(behind, 0) - db_int(behind, 1);
		return 0;
	}
	before = ask_place(db, POSITION, job);
	if (db_step(before, err) < 0)
		return -1;
	*ret = db_int(before, 0);
	return 0;
}

int
job_oldest(struct db *db, enum job_kind kind, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, OLDEST);

	db_bind_text(q, ":kind", job_kind_words[kind]);
	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
}

struct db_query *
job_failures(struct db *db)
{
	return db_query(db, &job_sql, FAILURES);
}

int
job_next_failure(struct db_query *q, enum err_code *ret_code, int64_t *ret_count, struct err *err)
{
	int r = db_step(q, err);

	if (r <= 0)
		return r;
	/* A word of another version is one of ours that says as little. */
	*ret_code = ERR_INTERNAL;
	for (int i = 0; i < ERR_CODES; i++)
		if (strcmp(err_word((enum err_code)i), db_text(q, 0)) == 0)
			*ret_code = (enum err_code)i;
	*ret_count = db_int(q, 1);
	return 1;
}

int
job_count(struct db *db, enum job_kind kind, enum job_state state, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, COUNT);

	db_bind_text(q, ":kind", job_kind_words[kind]);
	db_bind_text(q, ":state", job_state_words[state]);
	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
}

int
job_start(struct db *db, struct job *job, const char *instance_id, int64_t lease_until,
	  struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, START);
	int r;

	db_bind_int(q, ":id", job->id);
	db_bind_text(q, ":instance", instance_id);
	db_bind_int(q, ":until", lease_until);
	db_bind_int(q, ":now", clock_wall_ms());
	r = db_step(q, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(err, ERR_LEASE_LOST, "job %lld waits no more", (long long)job->id);
	job->attempt = (int)db_int(q, 0);
	job->fence = db_int(q, 1);
	job->state = JOB_RUNNING;
	snprintf(job->instance_id, sizeof(job->instance_id), "%s", instance_id);
	return db_run(q, err) < 0 ? -1 : 0; /* RETURNING is stepped to its end before COMMIT */
}

int
job_renew(struct db *db, const char *instance_id, int64_t lease_until, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;
	CLEANUP(db_donep) struct db_query *q = NULL;

	if (db_begin(open, err) < 0)
		return -1;
	q = db_query(db, &job_sql, RENEW);
	db_bind_text(q, ":instance", instance_id);
	db_bind_int(q, ":until", lease_until);
	if (db_run(q, err) < 0)
		return -1;
	return db_commit(open, err);
}

int
job_hold(struct db *db, int64_t id, int64_t fence, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, HOLD);
	int r;

	db_bind_int(q, ":id", id);
	db_bind_int(q, ":fence", fence);
	r = db_step(q, err);
	return r != 0 ? (r < 0 ? -1 : 0)
		      : err_set(err, ERR_LEASE_LOST, "another worker has taken over this job");
}

int
job_set_step(struct db *db, int64_t id, int64_t fence, const char *step, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, SET_STEP);

	db_bind_int(q, ":id", id);
	db_bind_int(q, ":fence", fence);
	db_bind_text(q, ":step", step);
	return run_fenced(q, err);
}

/* A statement about all waiting jobs, in a transaction of its own. */
static int
adjust(struct db *db, int index, const char *name, int64_t value, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;
	CLEANUP(db_donep) struct db_query *q = NULL;

	if (db_begin(open, err) < 0)
		return -1;
	q = db_query(db, &job_sql, index);
	db_bind_int(q, ":now", clock_wall_ms());
	db_bind_int(q, name, value);
	return db_run(q, err) < 0 ? -1 : db_commit(open, err);
}

int
job_clamp(struct db *db, struct err *err)
{
	return adjust(db, CLAMP, ":horizon", clock_wall_ms() + JOB_PAUSE_MAX_MS, err);
}

int
job_shift(struct db *db, int64_t back_ms, struct err *err)
{
	return adjust(db, SHIFT, ":back", back_ms, err);
}

int
job_end(struct db *db, const struct job *job, enum job_state state, int64_t run_at,
	const char *error_code, const char *error_message, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &job_sql, END);

	db_bind_int(q, ":id", job->id);
	db_bind_int(q, ":fence", job->fence);
	db_bind_text(q, ":state", job_state_words[state]);
	db_bind_int(q, ":run_at", run_at);
	db_bind_text(q, ":code", error_code);
	db_bind_text(q, ":message", error_message);
	db_bind_int(q, ":now", clock_wall_ms());
	return run_fenced(q, err);
}
