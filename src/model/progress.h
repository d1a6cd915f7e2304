/*
 * progress.h: how far a store's job is, as a pure function of rows. The steps
 * of each kind of job are named here, once; provisioner/ has their functions
 * in the same order.
 */
#ifndef MODEL_PROGRESS_H
#define MODEL_PROGRESS_H

#include "model/event.h"
#include "model/job.h"

enum provision_step {
	STEP_NAMESPACE,
	STEP_SECRETS,
	STEP_RELEASE,
	STEP_DATABASE,
	STEP_WORDPRESS,
	STEP_WOOCOMMERCE,
	STEP_STOREFRONT,
	PROVISION_STEPS
};
enum delete_step { STEP_UNINSTALL, STEP_REMOVE_NAMESPACE, STEP_REMOVE_VOLUMES, DELETE_STEPS };

enum { PROGRESS_STEPS_MAX = PROVISION_STEPS, PROGRESS_PLACES_MAX = 64 };

struct progress_step {
	const char *name;
	const char *doing; /* a sentence for people while it runs */
};

struct progress_plan {
	const struct progress_step *steps;
	int count;
};

extern const struct progress_plan progress_plans[JOB_KINDS];

struct progress {
	const char *step; /* NULL before the first */
	int index;	  /* 1-based; 0 before the first */
	int of;
	int percent;
	char message[ERR_TEXT_MAX];
	int64_t queue_position;	    /* 0: not waiting */
	int64_t estimated_ready_at; /* 0: unknown */
};

/*
 * last: the job's newest event, NULL if it has none. position: job_position()
 * of a waiting job. hold: why waiting jobs are not begun, NULL if nothing does.
 * times: event_times() of each step of the kind.
 */
struct progress progress_of(const struct job *job, const struct event *last, int64_t position,
			    const char *hold, const struct event_times *times);

/* The places in which jobs of a kind are at work, and when each job in one is expected to end. */
struct progress_places {
	int count; /* at most PROGRESS_PLACES_MAX */
	int taken;
	int64_t free_at[PROGRESS_PLACES_MAX]; /* of those taken */
};

/*
 * When the waiting job at that position is expected to be done, if those before
 * it take as long as most did; 0: unknown. A point in time, like all estimates.
 */
int64_t progress_wait(const struct progress_places *places, const struct job *job,
		      int64_t position, const struct event_times *times);

#endif
