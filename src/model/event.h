/*
 * event.h: the timeline of a store, one row when a step begins and one when it
 * ends. Its finished steps are also the history that estimates come from.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "model/job.h"

enum event_state { EVENT_STARTED, EVENT_DONE, EVENT_FAILED, EVENT_INFO, EVENT_STATES };

extern const char *const event_state_words[EVENT_STATES];

struct event {
	int64_t id;
	int64_t job_id;
	char kind[JOB_WORD];
	int attempt;
	char step[JOB_WORD];
	char state[JOB_WORD];
	char message[ERR_TEXT_MAX];
	int64_t created_at;
	int64_t duration_ms; /* -1: none */
};

/* How long a step took, over its last EVENT_HISTORY successes; 0 without any. */
struct event_times {
	int64_t count;
	int64_t p50_ms;
	int64_t p95_ms;
};

enum { EVENT_HISTORY = 100 };

extern const struct db_table event_sql;

/* duration_ms -1: none. Belongs into the caller's transaction. */
MUST_CHECK int event_add(struct db *db, const struct job *job, const char *step,
			 enum event_state state, const char *message, int64_t duration_ms,
			 struct err *err);
/* Oldest first; event_next() until 0, then db_done(). */
struct db_query *event_list(struct db *db, const char *store_id);
MUST_CHECK int event_next(struct db_query *q, struct event *ret, struct err *err);
/* The newest event of a job; 0 if it has none. */
MUST_CHECK int event_last(struct db *db, int64_t job_id, struct event *ret, struct err *err);
/* 1 if this attempt of the job has ended the step already, 0, -1. */
MUST_CHECK int event_passed(struct db *db, const struct job *job, const char *step,
			    struct err *err);
/* Forgets the timelines of stores that were deleted before that time. */
MUST_CHECK int event_prune(struct db *db, int64_t deleted_before, struct err *err);
MUST_CHECK int event_times(struct db *db, enum job_kind kind, const char *step,
			   struct event_times *ret, struct err *err);

#endif
