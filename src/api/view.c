/* view.c: see view.h. */
#include "api/view.h"

#include <stdio.h>
#include <string.h>

#include "model/drift.h"

static const char *
or_null(const char *s)
{
	return s[0] ? s : NULL;
}

int
view_open(struct view *v, struct db *db, const struct conf *conf, struct err *err)
{
	struct health health[HEALTH_COMPONENTS];

	*v = (struct view){.db = db, .conf = conf};
	if (health_get(db, health, err) < 0)
		return -1;
	for (int i = HEALTH_COMPONENTS - 1; i >= 0; i--)
		if (health[i].known && !health[i].ok)
			snprintf(v->hold, sizeof(v->hold), "%s", health[i].sentence);
	return 0;
}

int
view_times(struct view *v, enum job_kind kind, const struct event_times **ret, struct err *err)
{
	const struct progress_plan *plan = &progress_plans[kind];

	for (int i = 0; i < plan->count && !v->timed[kind]; i++)
		if (event_times(v->db, kind, plan->steps[i].name, &v->times[kind][i], err) < 0)
			return -1;
	v->timed[kind] = true;
	*ret = v->times[kind];
	return 0;
}

static struct json *
progress_json(const struct progress *p)
{
	struct json *o = json_new_object();

	json_set_text(o, "step", p->step);
	json_set_int(o, "index", p->index);
	json_set_int(o, "of", p->of);
	json_set_int(o, "percent", p->percent);
	json_set_text(o, "message", p->message);
	if (p->queue_position)
		json_set_int(o, "queue_position", p->queue_position);
	else
		json_set(o, "queue_position", NULL);
	json_set_time(o, "estimated_ready_at", p->estimated_ready_at);
	return o;
}

/* The places of a kind, and when the jobs in them are expected to end; read at the first use. */
static int
find_places(struct view *v, enum job_kind kind, const struct event_times *times, struct err *err)
{
	struct progress_places *p = &v->places[kind];
	struct job job;
	struct event last;
	struct db_query *q;
	int r;

	p->count = kind == JOB_DELETE ? v->conf->max_concurrent_deletions
				      : v->conf->max_concurrent_provisions;
	q = job_running(v->db);
	while ((r = job_next(q, &job, err)) > 0 && p->taken < p->count) {
		int known = job.kind == kind ? event_last(v->db, job.id, &last, err) : 0;

		if (known < 0) {
			db_done(q);
			return -1;
		}
		if (job.kind == kind)
			p->free_at[p->taken++] =
				progress_of(&job, known ? &last : NULL, 0, NULL, times)
					.estimated_ready_at;
	}
	db_done(q);
	v->placed[kind] = r >= 0;
	return r < 0 ? -1 : 0;
}

/* The job's progress, from its newest event, its place in the queue and the steps' history. */
static int
add_progress(struct view *v, const struct job *job, struct json *row, struct err *err)
{
	bool waits = job->state == JOB_QUEUED || job->state == JOB_RETRY;
	const struct event_times *times;
	struct progress p;
	struct event last;
	int64_t position = 0;
	int r;

	if (view_times(v, job->kind, &times, err) < 0 ||
	    (waits && job_position(v->db, job, &position, err) < 0))
		return -1;
	r = event_last(v->db, job->id, &last, err);
	if (r < 0)
		return -1;
	p = progress_of(job, r ? &last : NULL, position, or_null(v->hold), times);
	if (waits && !*v->hold) {
		if (!v->placed[job->kind] && find_places(v, job->kind, times, err) < 0)
			return -1;
		p.estimated_ready_at = progress_wait(&v->places[job->kind], job, position, times);
	}
	json_set(row, "progress", progress_json(&p));
	return 0;
}

static struct json *
job_json(const struct job *j)
{
	struct json *o = json_new_object();

	json_set_int(o, "id", j->id);
	json_set_text(o, "kind", job_kind_words[j->kind]);
	json_set_text(o, "state", job_state_words[j->state]);
	json_set_int(o, "attempt", j->attempt);
	json_set_int(o, "max_attempts", j->max_attempts);
	json_set_int(o, "outages", j->outages);
	json_set_time(o, "run_at", j->run_at);
	json_set_time(o, "next_attempt_at",
		      j->state == JOB_QUEUED || j->state == JOB_RETRY ? j->run_at : 0);
	json_set_text(o, "step", or_null(j->step));
	json_set_text(o, "error_code", or_null(j->error_code));
	json_set_text(o, "error_message", or_null(j->error_message));
	json_set_time(o, "created_at", j->created_at);
	json_set_time(o, "started_at", j->started_at);
	json_set_time(o, "finalized_at", j->finalized_at);
	return o;
}

/* Whether the cluster still has what a ready store needs; the status says all else. */
static struct json *
health_json(const struct store *s)
{
	static const char *const messages[STORE_HEALTHS] = {
		[STORE_UNKNOWN] = "It is looked at when the store is ready.",
		[STORE_OK] = "All of its parts are in the cluster and run.",
		[STORE_DEGRADED] = "A part of it is missing.",
	};
	struct json *o = json_new_object();

	json_set_text(o, "state", store_health_words[s->health]);
	json_set_text(o, "message", *s->health_message ? s->health_message : messages[s->health]);
	json_set_time(o, "checked_at", s->health_checked_at);
	return o;
}

static struct json *
store_json(const struct store *s)
{
	struct json *o = json_new_object();

	json_set_text(o, "id", s->id);
	json_set_text(o, "name", s->name);
	json_set_text(o, "slug", s->slug);
	json_set_text(o, "type", s->type);
	json_set_text(o, "plan", s->plan);
	json_set_text(o, "status", store_status_words[s->status]);
	json_set_text(o, "namespace", s->namespace);
	json_set_text(o, "store_url", s->store_url);
	json_set_text(o, "admin_url", s->admin_url);
	json_set_text(o, "admin_user", s->admin_user);
	json_set_text(o, "owner", or_null(s->owner));
	json_set_text(o, "error_code", or_null(s->error_code));
	json_set_text(o, "error_message", or_null(s->error_message));
	json_set_time(o, "provision_started_at", s->provision_started_at);
	json_set_time(o, "provision_finished_at", s->provision_finished_at);
	json_set_time(o, "created_at", s->created_at);
	json_set_time(o, "updated_at", s->updated_at);
	json_set(o, "health", health_json(s));
	return o;
}

int
view_store(struct view *v, const struct store *s, struct json **ret, struct err *err)
{
	CLEANUP(json_freep) struct json *row = store_json(s);
	struct job job;
	int r = 0;

	if (s->status == STORE_PROVISIONING || s->status == STORE_DELETING)
		r = job_of_store(v->db, s->id, &job, err);
	if (r < 0 || (r > 0 && add_progress(v, &job, row, err) < 0))
		return -1;
	*ret = row;
	row = NULL;
	return 0;
}

/* null where it is not known. */
static int
add_resources(struct view *v, const char *id, struct json *row, struct err *err)
{
	char text[DRIFT_RESOURCES];
	struct json *resources = NULL;

	if (drift_get_resources(v->db, id, text, err) < 0 ||
	    (*text && json_parse(&resources, text, strlen(text), err) < 0))
		return -1;
	json_set(row, "resources", resources);
	return 0;
}

int
view_store_whole(struct view *v, const struct store *s, struct json **ret, struct err *err)
{
	CLEANUP(json_freep) struct json *row = store_json(s);
	struct job job;
	int r = job_of_store(v->db, s->id, &job, err);

	json_set(row, "progress", NULL);
	if (r < 0 || (r > 0 && add_progress(v, &job, row, err) < 0))
		return -1;
	json_set(row, "job", r > 0 ? job_json(&job) : NULL);
	if (add_resources(v, s->id, row, err) < 0)
		return -1;
	*ret = row;
	row = NULL;
	return 0;
}

struct json *
view_event(const struct event *e)
{
	struct json *o = json_new_object();

	json_set_int(o, "id", e->id);
	json_set_int(o, "job_id", e->job_id);
	json_set_text(o, "kind", e->kind);
	json_set_int(o, "attempt", e->attempt);
	json_set_text(o, "step", e->step);
	json_set_text(o, "state", e->state);
	json_set_text(o, "message", e->message);
	json_set_time(o, "created_at", e->created_at);
	if (e->duration_ms >= 0)
		json_set_int(o, "duration_ms", e->duration_ms);
	else
		json_set(o, "duration_ms", NULL);
	return o;
}
