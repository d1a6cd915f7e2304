/*
 * worker.c: store-worker, one job in one process: plain code, step after step.
 * It is a program of its own so that the supervisor, which runs for months,
 * carries neither libcurl nor libyaml. ticket.h has how it is started.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "io/migrate.h"
#include "io/proc.h"
#include "model/audit.h"
#include "model/drift.h"
#include "model/event.h"
#include "model/health.h"
#include "model/progress.h"
#include "provisioner/inspect.h"
#include "provisioner/outcome.h"
#include "provisioner/reconcile.h"
#include "provisioner/ticket.h"
#include "provisioner/work.h"

enum {
	BUSY_MS = 30000,
	STEP_LEAST_MS = 30000,
	LAST_CALL_MS = 5000, /* what a call that begins just before the deadline still gets */
};

static const struct work_step *const kinds[JOB_KINDS] = {
	[JOB_PROVISION] = provision_steps,
	[JOB_DELETE] = delete_steps,
};

/* One event, and with a begin the job's step, while the claim stands. */
static int
write_event(struct work *w, const char *step, enum event_state state, const char *message,
	    int64_t duration_ms, struct err *err)
{
	if (db_begin(w->db, err) < 0)
		return -1;
	if (job_set_step(w->db, w->job.id, w->job.fence, step, err) < 0 ||
	    event_add(w->db, &w->job, step, state, message, duration_ms, err) < 0) {
		db_rollback(w->db);
		return -1;
	}
	return db_commit(w->db, err);
}

/* Tells a failed step; failure stays what the step's function said. */
static int
tell_failure(struct work *w, const char *step, int64_t duration_ms, struct err *failure)
{
	struct err err = ERR_INIT;
	enum event_state state =
		err_class(failure->code) == ERR_OUTAGE ? EVENT_INFO : EVENT_FAILED;

	if (err_class(failure->code) == ERR_INTERRUPTED)
		return -1;
	if (write_event(w, step, state, failure->text, duration_ms, &err) < 0 &&
	    err.code == ERR_LEASE_LOST)
		*failure = err;
	return -1;
}

/* Whatever a step does ends at its deadline: naps, calls to the cluster, helm. */
static void
set_deadline(struct work *w, int share)
{
	int64_t most = w->conf->provision_timeout * 10LL * share;

	w->deadline = clock_mono_ms() + (most > STEP_LEAST_MS ? most : STEP_LEAST_MS);
	if (w->deadline > w->attempt_deadline)
		w->deadline = w->attempt_deadline;
	w->helm.deadline = w->deadline;
	kube_deadline(w->kube, w->deadline + LAST_CALL_MS);
}

static int
run_step(struct work *w, const struct progress_step *step, const struct work_step *do_step,
	 struct err *err)
{
	int64_t begin = clock_mono_ms(), took;
	char label[64];
	/* Resumed within the same attempt: it is looked at again, but not told again. */
	int passed = event_passed(w->db, &w->job, step->name, err);

	if (passed < 0 ||
	    (!passed && write_event(w, step->name, EVENT_STARTED, step->doing, -1, err) < 0))
		return -1;
	log_bind(LOG_STEP, step->name);
	snprintf(label, sizeof(label), "begin-%s", step->name);
	crash_point(label);
	set_deadline(w, do_step->share);
	if (do_step->run(w, err) < 0) {
		work_explain(w, err);
		return tell_failure(w, step->name, clock_mono_ms() - begin, err);
	}
	took = clock_mono_ms() - begin;
	snprintf(label, sizeof(label), "end-%s", step->name);
	crash_point(label);
	if (!passed && write_event(w, step->name, EVENT_DONE, "", took, err) < 0)
		return -1;
	log_info("step done in %lld ms", (long long)took);
	return 0;
}

static int
run_steps(struct work *w, struct err *err)
{
	const struct progress_plan *plan = &progress_plans[w->job.kind];

	for (int i = 0; i < plan->count; i++)
		if (run_step(w, &plan->steps[i], &kinds[w->job.kind][i], err) < 0)
			return -1;
	return 0;
}

/* The rest of what the steps need; the database and the job are there already. */
static int
equip(struct work *w, struct err *err)
{
	int r = store_get(w->db, w->job.store_id, &w->store, err);

	if (r < 0)
		return -1;
	/* The database is not trusted with names of the cluster, nor of files. */
	if (r == 0 || !valid_slug(w->store.slug) || !valid_uuid(w->store.id))
		return err_set(err, ERR_INTERNAL, "The job's store is missing or its slug is damaged.");
	names_of(&w->names, w->store.slug, w->conf->base_domain, w->conf->store_port,
		 conf_https(w->conf));
	if (seal_load(&w->key, w->conf->provisioner_dir, err) < 0 ||
	    seal_platform(w->conf->provisioner_dir, w->platform, err) < 0 ||
	    kube_open(&w->kube, w->conf->kubeconfig, w->stop_fd, err) < 0)
		return -1;
	return 0;
}

static int
open_database(const struct conf *conf, struct db **ret, struct err *err)
{
	static const struct db_table *const tables[] = {&store_sql, &job_sql,	 &event_sql, &audit_sql,
							&drift_sql, &health_sql, NULL};

	if (db_open(ret, conf->database_path, BUSY_MS, err) < 0 || migrate_require(*ret, err) < 0)
		return -1;
	return db_prepare(*ret, tables, err);
}

/* Runs the job and writes how it ended. */
static int
run_job(struct work *w, const struct ticket *ticket, struct err *err)
{
	struct err failure = ERR_INIT;
	struct outcome outcome;
	int r = job_get(w->db, ticket->job, &w->job, err);

	if (r < 0)
		return TICKET_FAILED;
	if (r == 0 || w->job.state != JOB_RUNNING || w->job.fence != ticket->fence) {
		err_set(err, ERR_LEASE_LOST, "the job was given to somebody else");
		return TICKET_FAILED;
	}
	log_bind(LOG_STORE, w->job.store_id);
	r = equip(w, &failure);
	if (r == 0)
		r = run_steps(w, &failure);
	log_bind(LOG_STEP, NULL);
	if (outcome_write(w->db, &w->job, r < 0 ? &failure : NULL, seal_random(), &outcome, err) < 0)
		return TICKET_FAILED;
	if (r < 0)
		log_warn("%s %s: %s", job_kind_words[w->job.kind], job_state_words[outcome.state],
			 failure.text);
	else
		log_info("%s %s", job_kind_words[w->job.kind], job_state_words[outcome.state]);
	return r < 0 && err_class(failure.code) == ERR_OUTAGE ? TICKET_OUTAGE : TICKET_DONE;
}

static int
run_look(const struct conf *conf, struct db *db, const struct ticket *ticket, int stop_fd,
	 struct err *err)
{
	bool again = false;
	int r = ticket->task == TICKET_INSPECT
			? inspect_run(conf, db, stop_fd, ticket->deadline, err)
			: reconcile_run(conf, db, stop_fd, ticket->deadline, &again, err);

	return r < 0 ? TICKET_FAILED : again ? TICKET_AGAIN : TICKET_DONE;
}

static int
run_ticket(const struct conf *conf, const struct ticket *ticket, int stop_fd, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	char home[CONF_TEXT + 16], id[24];
	struct work w = {
		.conf = conf,
		.helm = work_helm(conf, home, sizeof(home)),
		.stop_fd = stop_fd,
		.attempt_deadline = ticket->deadline,
		.started_wall = clock_wall_ms(),
	};
	int status;

	if (open_database(conf, &db, err) < 0)
		return TICKET_FAILED;
	if (ticket->task != TICKET_JOB)
		return run_look(conf, db, ticket, stop_fd, err);
	snprintf(id, sizeof(id), "%lld", (long long)ticket->job);
	log_bind(LOG_JOB, id);
	w.db = db;
	w.helm.stop_fd = stop_fd;
	w.helm.lock_fd = TICKET_LOCK_FD;
	status = run_job(&w, ticket, err);
	kube_close(w.kube);
	seal_wipe(&w.key, sizeof(w.key));
	return status;
}

static int
work(const struct conf *conf)
{
	struct err err = ERR_INIT;
	struct ticket ticket;
	int stop_fd, status;

	if (ticket_read(TICKET_FD, &ticket, &err) < 0 || getppid() != ticket.supervisor) {
		fputs("store-worker: there is no job for it; store-provisioner starts it\n", stderr);
		return TICKET_FAILED;
	}
	close(TICKET_FD);
	if (ticket.task == TICKET_JOB)
		crash_point("ticket-read");
	stop_fd = proc_signal_fd(false, &err);
	if (stop_fd < 0 || seal_init(&err) < 0)
		status = TICKET_FAILED;
	else
		status = run_ticket(conf, &ticket, stop_fd, &err);
	if (status == TICKET_FAILED && err.code != ERR_STOPPED)
		log_error("the worker gives up: %s", err.text);
	return status;
}

int
main(int argc, char **argv)
{
	static struct conf conf;
	struct err err = ERR_INIT;
	const char *file = NULL;

	for (int o; (o = getopt(argc, argv, "c:")) != -1;)
		if (o == 'c')
			file = optarg;
		else
			return 2;
	if (conf_load(&conf, file, &err) < 0) {
		/* Somebody is editing the file: the job waits until it is right again. */
		log_open("store-worker", LOG_LEVEL_ERROR);
		log_error("%s", err.text);
		return TICKET_OUTAGE;
	}
	log_open("store-worker", (enum log_level)conf_log_level(&conf));
	signal(SIGPIPE, SIG_IGN);
	return work(&conf);
}
