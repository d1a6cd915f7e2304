/*
 * view.h: rows as the API shows them. What several rows of one answer need
 * (why the queue stands, how long steps take) is read once per view.
 */
#ifndef API_VIEW_H
#define API_VIEW_H

#include "io/conf.h"
#include "io/json.h"
#include "model/event.h"
#include "model/health.h"
#include "model/progress.h"
#include "model/store.h"

struct view {
	struct db *db;
	const struct conf *conf;
	char hold[ERR_TEXT_MAX]; /* "": nothing holds the queue up */
	bool timed[JOB_KINDS];
	struct event_times times[JOB_KINDS][PROGRESS_STEPS_MAX];
	bool placed[JOB_KINDS];
	struct progress_places places[JOB_KINDS];
};

MUST_CHECK int view_open(struct view *v, struct db *db, const struct conf *conf, struct err *err);

/* A row of the list: progress is there while the store is on its way. */
MUST_CHECK int view_store(struct view *v, const struct store *s, struct json **ret,
			  struct err *err);
/* One store alone: progress and job always, null for a store without a job. */
MUST_CHECK int view_store_whole(struct view *v, const struct store *s, struct json **ret,
				struct err *err);
struct json *view_event(const struct event *e);

/* How long each step of a kind took; read at the first use. */
MUST_CHECK int view_times(struct view *v, enum job_kind kind, const struct event_times **ret,
			  struct err *err);

#endif
