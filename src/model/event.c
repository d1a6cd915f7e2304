/* event.c: see event.h. */
#include "model/event.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

const char *const event_state_words[EVENT_STATES] = {"started", "done", "failed", "info"};

#define COLUMNS "id, job_id, kind, attempt, step, state, message, created_at, duration_ms"

enum { ADD, LIST, LAST, PASSED, PRUNE, TIMES };

static const char *const statements[] = {
	[ADD] = "INSERT INTO events (store_id, job_id, kind, attempt, step, state, message,"
		" created_at, duration_ms) VALUES (:store, :job, :kind, :attempt, :step, :state,"
		" :message, :now, :duration)",
	[LIST] = "SELECT " COLUMNS " FROM events WHERE store_id = :store ORDER BY id",
	[LAST] = "SELECT " COLUMNS " FROM events WHERE job_id = :job AND state <> 'info'"
		 " ORDER BY id DESC LIMIT 1",
	[PASSED] = "SELECT 1 FROM events WHERE job_id = :job AND attempt = :attempt"
		   " AND step = :step AND state = 'done' LIMIT 1",
	[PRUNE] = "DELETE FROM events WHERE store_id IN"
		  " (SELECT id FROM stores WHERE deleted_at < :before)",
	[TIMES] = "SELECT duration_ms FROM events WHERE kind = :kind AND step = :step"
		  " AND state = 'done' ORDER BY id DESC LIMIT :limit",
};
DB_TABLE(event_sql, statements);

int
event_add(struct db *db, const struct job *job, const char *step, enum event_state state,
	  const char *message, int64_t duration_ms, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &event_sql, ADD);

	db_bind_text(q, ":store", job->store_id);
	db_bind_int(q, ":job", job->id);
	db_bind_text(q, ":kind", job_kind_words[job->kind]);
	db_bind_int(q, ":attempt", job->attempt);
	db_bind_text(q, ":step", step);
	db_bind_text(q, ":state", event_state_words[state]);
	db_bind_text(q, ":message", message);
	db_bind_int(q, ":now", clock_wall_ms());
	if (duration_ms >= 0)
		db_bind_int(q, ":duration", duration_ms);
	return db_run(q, err) < 0 ? -1 : 0;
}

struct db_query *
event_list(struct db *db, const char *store_id)
{
	struct db_query *q = db_query(db, &event_sql, LIST);

	db_bind_text(q, ":store", store_id);
	return q;
}

int
event_next(struct db_query *q, struct event *ret, struct err *err)
{
	int r = db_step(q, err);

	if (r <= 0)
		return r;
	*ret = (struct event){
		.id = db_int(q, 0),
		.job_id = db_int(q, 1),
		.attempt = (int)db_int(q, 3),
		.created_at = db_int(q, 7),
		.duration_ms = db_null(q, 8) ? -1 : db_int(q, 8),
	};
	snprintf(ret->kind, sizeof(ret->kind), "%s", db_text(q, 2));
	snprintf(ret->step, sizeof(ret->step), "%s", db_text(q, 4));
	snprintf(ret->state, sizeof(ret->state), "%s", db_text(q, 5));
	snprintf(ret->message, sizeof(ret->message), "%s", db_text(q, 6));
	return 1;
}

int
event_last(struct db *db, int64_t job_id, struct event *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &event_sql, LAST);

	db_bind_int(q, ":job", job_id);
	return event_next(q, ret, err);
}

int
event_passed(struct db *db, const struct job *job, const char *step, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &event_sql, PASSED);

	db_bind_int(q, ":job", job->id);
	db_bind_int(q, ":attempt", job->attempt);
	db_bind_text(q, ":step", step);
	return db_step(q, err);
}

int
event_prune(struct db *db, int64_t deleted_before, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &event_sql, PRUNE);

	db_bind_int(q, ":before", deleted_before);
	return db_run(q, err) < 0 ? -1 : 0;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The least of the sorted values that so many percent of all are not above. */
static int64_t
nearest_rank(const int64_t *sorted, int64_t count, int64_t percent)
{
	return count ? sorted[(count * percent + 99) / 100 - 1] : 0;
}

int
event_times(struct db *db, enum job_kind kind, const char *step, struct event_times *ret,
	    struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &event_sql, TIMES);
	int64_t took[EVENT_HISTORY], n = 0;
	int r;

	db_bind_text(q, ":kind", job_kind_words[kind]);
	db_bind_text(q, ":step", step);
	db_bind_int(q, ":limit", EVENT_HISTORY);
	while ((r = db_step(q, err)) > 0 && n < EVENT_HISTORY)
		took[n++] = db_int(q, 0);
	if (r < 0)
		return -1;
	qsort(took, (size_t)n, sizeof(took[0]), compare);
	*ret = (struct event_times){n, nearest_rank(took, n, 50), nearest_rank(took, n, 95)};
	return 0;
}
