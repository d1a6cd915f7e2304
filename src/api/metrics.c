/* metrics.c: see metrics.h. */
#include "api/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/counters.h"
#include "api/view.h"
#include "base/clock.h"
#include "model/audit.h"

/* Everything both forms are made of. */
struct figures {
	struct store_totals stores;
	int64_t alive; /* not deleted */
	int64_t failures;
	int64_t jobs[JOB_KINDS][JOB_STATES];
	const struct event_times *times[JOB_KINDS];
	struct health health[HEALTH_COMPONENTS];
	int64_t oldest[JOB_KINDS]; /* since when the oldest waiting job is due; 0: none waits */
};

static int
gather(const struct call *call, struct view *view, struct figures *f, struct err *err)
{
	*f = (struct figures){.alive = 0};
	if (view_open(view, call->db, err) < 0 || store_totals(call->db, &f->stores, err) < 0 ||
	    store_count(call->db, NULL, &f->alive, err) < 0 ||
	    audit_count(call->db, AUDIT_PROVISION_FAILED, &f->failures, err) < 0 ||
	    health_get(call->db, f->health, err) < 0)
		return -1;
	for (int kind = 0; kind < JOB_KINDS; kind++) {
		if (view_times(view, (enum job_kind)kind, &f->times[kind], err) < 0 ||
		    job_oldest(call->db, (enum job_kind)kind, &f->oldest[kind], err) < 0)
			return -1;
		for (int state = 0; state < JOB_STATES; state++)
			if (job_count(call->db, (enum job_kind)kind, (enum job_state)state,
				      &f->jobs[kind][state], err) < 0)
				return -1;
	}
	return 0;
}

static int64_t
waiting(const struct figures *f, enum job_kind kind)
{
	return f->jobs[kind][JOB_QUEUED] + f->jobs[kind][JOB_RETRY];
}

static struct json *
steps_json(const struct figures *f)
{
	struct json *array = json_new_array();

	for (int kind = 0; kind < JOB_KINDS; kind++)
		for (int i = 0; i < progress_plans[kind].count; i++) {
			const struct event_times *t = &f->times[kind][i];
			struct json *row = json_new_object();

			json_set_text(row, "kind", job_kind_words[kind]);
			json_set_text(row, "step", progress_plans[kind].steps[i].name);
			json_set_int(row, "count", t->count);
			json_set(row, "p50_seconds", NULL);
			json_set(row, "p95_seconds", NULL);
			if (t->count) {
				json_set_real(row, "p50_seconds", (double)t->p50_ms / 1000);
				json_set_real(row, "p95_seconds", (double)t->p95_ms / 1000);
			}
			json_add(array, row);
		}
	return array;
}

int
metrics_json(const struct call *call, struct answer *ret, struct err *err)
{
	struct json *body, *statuses;
	struct figures f;
	struct view view;

	if (gather(call, &view, &f, err) < 0)
		return -1;
	body = json_new_object();
	statuses = json_new_object();
	for (int i = 0; i < STORE_STATUSES; i++)
		json_set_int(statuses, store_status_words[i], f.stores.by_status[i]);
	json_set_int(body, "total_stores", f.alive);
	json_set(body, "stores_by_status", statuses);
	json_set_int(body, "total_failures", f.failures);
	json_set_real(body, "avg_provision_duration_seconds", f.stores.avg_provision_seconds);
	json_set_int(body, "active_provisions", f.jobs[JOB_PROVISION][JOB_RUNNING]);
	json_set_int(body, "queued_provisions", waiting(&f, JOB_PROVISION));
	json_set_int(body, "active_deletions", f.jobs[JOB_DELETE][JOB_RUNNING]);
	json_set_int(body, "queued_deletions", waiting(&f, JOB_DELETE));
	json_set_int(body, "max_concurrent_provisions", call->conf->max_concurrent_provisions);
	json_set_int(body, "max_concurrent_deletions", call->conf->max_concurrent_deletions);
	json_set_int(body, "max_stores", call->conf->max_stores);
	json_set(body, "steps", steps_json(&f));
	return answer_json(ret, 200, body, err);
}

static void
head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
	head(out, name, "gauge", help);
	buf_printf(out, "%s %lld\n", name, (long long)value);
}

static void
text_stores(struct buf *out, const struct call *call, const struct figures *f)
{
	head(out, "store_platform_stores", "gauge", "Stores by status.");
	for (int i = 0; i < STORE_STATUSES; i++)
		buf_printf(out, "store_platform_stores{status=\"%s\"} %lld\n",
			   store_status_words[i], (long long)f->stores.by_status[i]);
	gauge(out, "store_platform_max_stores", "Most stores at a time.", call->conf->max_stores);
	head(out, "store_platform_provision_failures_total", "counter",
	     "Stores whose set-up was given up.");
	buf_printf(out, "store_platform_provision_failures_total %lld\n", (long long)f->failures);
}

static void
text_jobs(struct buf *out, const struct figures *f)
{
	head(out, "store_platform_jobs", "gauge", "Jobs by kind and state.");
	for (int kind = 0; kind < JOB_KINDS; kind++)
		for (int state = 0; state < JOB_STATES; state++)
			buf_printf(out, "store_platform_jobs{kind=\"%s\",state=\"%s\"} %lld\n",
				   job_kind_words[kind], job_state_words[state],
				   (long long)f->jobs[kind][state]);
	head(out, "store_platform_step_duration_seconds", "gauge",
	     "Duration of a step, over its last successes.");
	for (int kind = 0; kind < JOB_KINDS; kind++)
		for (int i = 0; i < progress_plans[kind].count; i++) {
			const struct event_times *t = &f->times[kind][i];
			const struct {
				const char *quantile;
				int64_t ms;
			} both[] = {{"0.5", t->p50_ms}, {"0.95", t->p95_ms}};

			for (size_t q = 0; q < ARRAY_SIZE(both) && t->count; q++)
				buf_printf(out,
					   "store_platform_step_duration_seconds{kind=\"%s\","
					   "step=\"%s\",quantile=\"%s\"} %.3f\n",
					   job_kind_words[kind], progress_plans[kind].steps[i].name,
					   both[q].quantile, (double)both[q].ms / 1000);
		}
}

/* How long the longest has waited for its turn, and why jobs were given up. */
static int
text_queue(struct buf *out, const struct call *call, const struct figures *f, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = job_failures(call->db);
	static const char *const classes[] = {"terminal", "transient", "outage", "interrupted"};
	int64_t now = clock_wall_ms(), count;
	enum err_code code;
	int r;

	head(out, "store_platform_queue_age_seconds", "gauge",
	     "How long the oldest job that waits is due; 0 if none is.");
	for (int kind = 0; kind < JOB_KINDS; kind++) {
		int64_t age = f->oldest[kind] && f->oldest[kind] < now ? now - f->oldest[kind] : 0;

		buf_printf(out, "store_platform_queue_age_seconds{kind=\"%s\"} %.3f\n",
			   job_kind_words[kind], (double)age / 1000);
	}
	head(out, "store_platform_job_failures", "gauge", "Jobs that were given up, by reason.");
	while ((r = job_next_failure(q, &code, &count, err)) > 0)
		buf_printf(out, "store_platform_job_failures{class=\"%s\",code=\"%s\"} %lld\n",
			   classes[err_class(code)], err_word(code), (long long)count);
	return r;
}

static void
text_database(struct buf *out, const struct conf *conf)
{
	struct stat st;

	gauge(out, "store_platform_wal_bytes", "The log beside the database.",
	      db_wal_bytes(conf->database_path));
	/* Nothing but a checkpoint writes to the file itself. */
	if (stat(conf->database_path, &st) == 0) {
		gauge(out, "store_platform_database_bytes", "The database without its log.",
		      (int64_t)st.st_size);
		gauge(out, "store_platform_checkpoint_timestamp_seconds",
		      "When a checkpoint last moved something.", (int64_t)st.st_mtime);
	}
}

static void
text_health(struct buf *out, const struct figures *f)
{
	head(out, "store_platform_component_up", "gauge",
	     "Whether the provisioner's last look found it usable.");
	for (int i = 0; i < HEALTH_COMPONENTS; i++)
		buf_printf(out, "store_platform_component_up{component=\"%s\"} %d\n",
			   health_words[i], f->health[i].known && f->health[i].ok);
	head(out, "store_platform_component_checked_timestamp_seconds", "gauge",
	     "When the provisioner last looked at it; 0 for never.");
	for (int i = 0; i < HEALTH_COMPONENTS; i++)
		buf_printf(out,
			   "store_platform_component_checked_timestamp_seconds{component=\"%s\"}"
			   " %.3f\n",
			   health_words[i], (double)f->health[i].checked_at / 1000);
}

/* Resident pages of this process; 0 where /proc is not there. */
static int64_t
resident_bytes(void)
{
	FILE *in = fopen("/proc/self/statm", "re");
	long long pages = 0;

	if (!in)
		return 0;
	if (fscanf(in, "%*d %lld", &pages) != 1)
		pages = 0;
	fclose(in);
	return pages * sysconf(_SC_PAGESIZE);
}

static int64_t
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t n = -1; /* the one that looks */

	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

int
metrics_text(const struct call *call, struct answer *ret, struct err *err)
{
	struct buf *out = &ret->body;
	struct figures f;
	struct view view;

	if (gather(call, &view, &f, err) < 0)
		return -1;
	text_stores(out, call, &f);
	text_jobs(out, &f);
	if (text_queue(out, call, &f, err) < 0)
		return -1;
	text_database(out, call->conf);
	counters_text(call->counters, out);
	text_health(out, &f);
	head(out, "store_platform_build_info", "gauge", "The program that answers.");
	buf_printf(out, "store_platform_build_info{version=\"%s\",sqlite=\"%s\"} 1\n",
		   STORE_VERSION, db_library());
	gauge(out, "process_resident_memory_bytes", "Memory of the pool process that answered.",
	      resident_bytes());
	gauge(out, "process_open_fds", "Descriptors of the pool process that answered.",
	      open_fds());
	ret->status = 200;
	ret->type = "text/plain; version=0.0.4; charset=utf-8";
	return out->failed ? err_set(err, ERR_INTERNAL, "The answer is too large.") : 0;
}
