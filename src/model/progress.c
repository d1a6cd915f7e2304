/* progress.c: see progress.h. */
#include "model/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/valid.h"

enum { PROGRESS_FORESEEN = 1000 };

static const struct progress_step provision_steps[PROVISION_STEPS] = {
	[STEP_NAMESPACE] = {"namespace", "Making the shop's own namespace."},
	[STEP_SECRETS] = {"secrets", "Storing the shop's passwords."},
	[STEP_RELEASE] = {"release", "Installing the shop with helm."},
	[STEP_DATABASE] = {"database", "Waiting for the database."},
	[STEP_WORDPRESS] = {"wordpress", "Waiting for WordPress."},
	[STEP_WOOCOMMERCE] = {"woocommerce", "Setting up WooCommerce."},
	[STEP_STOREFRONT] = {"storefront", "Looking at the shop page."},
};
static const struct progress_step delete_steps[DELETE_STEPS] = {
	[STEP_UNINSTALL] = {"release", "Uninstalling the shop with helm."},
	[STEP_REMOVE_NAMESPACE] = {"namespace", "Removing the shop's namespace."},
	[STEP_REMOVE_VOLUMES] = {"volumes", "Waiting until the shop's volumes are gone."},
};

const struct progress_plan progress_plans[JOB_KINDS] = {
	[JOB_PROVISION] = {provision_steps, PROVISION_STEPS},
	[JOB_DELETE] = {delete_steps, DELETE_STEPS},
};

static int
find_step(const struct progress_plan *plan, const char *name)
{
	for (int i = 0; i < plan->count; i++)
		if (strcmp(plan->steps[i].name, name) == 0)
			return i;
	return -1;
}

/* A point in time, so that it stays the same as long as no row changes. */
static int64_t
estimate(const struct progress_plan *plan, int at, const struct event *last,
	 const struct event_times *times)
{
	int64_t ready = last->created_at;

	for (int i = at; i < plan->count; i++) {
		if (times[i].count == 0)
			return 0;
		ready += times[i].p50_ms;
	}
	return ready;
}

static void
fill_waiting(struct progress *p, const struct job *job, int64_t position, const char *hold)
{
	p->queue_position = position;
	if (hold)
		snprintf(p->message, sizeof(p->message), "%s", hold);
	else if (job->state == JOB_RETRY)
		snprintf(p->message, sizeof(p->message), "Waiting for attempt %d of %d: %.500s",
			 job->attempt + 1, job->max_attempts, job->error_message);
	else if (job->outages && job->error_message[0])
		snprintf(p->message, sizeof(p->message), "Waiting to be tried again: %.500s",
			 job->error_message);
	else
		snprintf(p->message, sizeof(p->message), "Waiting in the queue.");
	valid_clean(p->message); /* the quoted error may end in half a character */
}

struct progress
progress_of(const struct job *job, const struct event *last, int64_t position, const char *hold,
	    const struct event_times *times)
{
	const struct progress_plan *plan = &progress_plans[job->kind];
	struct progress p = {.of = plan->count};
	bool waits = job->state == JOB_QUEUED || job->state == JOB_RETRY;
	int at = last ? find_step(plan, last->step) : -1;
	bool finished = last && strcmp(last->state, event_state_words[EVENT_DONE]) == 0;

	if (at >= 0) {
		p.step = plan->steps[at].name;
		p.index = at + 1;
		p.percent = (at + (finished ? 1 : 0)) * 100 / plan->count;
		snprintf(p.message, sizeof(p.message), "%s", plan->steps[at].doing);
	}
	if (job->state == JOB_DONE)
		p.percent = 100;
	else if (job->error_message[0] && job->state == JOB_FAILED)
		snprintf(p.message, sizeof(p.message), "%s", job->error_message);
	if (job->state == JOB_RUNNING && job->cancel_requested_at)
		snprintf(p.message, sizeof(p.message), "The set-up is being stopped, since the shop is deleted.");
	else if (waits)
		fill_waiting(&p, job, position, hold);
	else if (job->state == JOB_RUNNING && at >= 0)
		p.estimated_ready_at = estimate(plan, at + (finished ? 1 : 0), last, times);
	else if (job->state == JOB_RUNNING)
		snprintf(p.message, sizeof(p.message), "Starting.");
	return p;
}

/* How long a whole job takes; 0 without history. */
static int64_t
whole(enum job_kind kind, const struct event_times *times)
{
	int64_t ms = 0;

	for (int i = 0; i < progress_plans[kind].count; i++) {
		if (times[i].count == 0)
			return 0;
		ms += times[i].p50_ms;
	}
	return ms;
}

int64_t
progress_wait(const struct progress_places *places, const struct job *job, int64_t position,
	      const struct event_times *times)
{
	int64_t took = whole(job->kind, times), free_at[PROGRESS_PLACES_MAX], end = 0;

	if (took == 0 || places->count <= 0 || position > PROGRESS_FORESEEN)
		return 0;
	for (int i = 0; i < places->count; i++)
		free_at[i] = i < places->taken && places->free_at[i] > job->run_at
				     ? places->free_at[i]
				     : job->run_at;
	/* One after the other takes the place that gets free first. */
	for (int64_t n = 0; n < position; n++) {
		int first = 0;

		for (int i = 1; i < places->count; i++)
			if (free_at[i] < free_at[first])
				first = i;
		end = free_at[first] += took;
	}
	return end;
}
