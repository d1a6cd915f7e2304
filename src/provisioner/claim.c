/* claim.c: see claim.h. */
#include "provisioner/claim.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "io/proc.h"
#include "io/seal.h"
#include "model/health.h"
#include "model/store.h"
#include "provisioner/outcome.h"
#include "provisioner/stray.h"
#include "provisioner/ticket.h"

enum {
	LEASE_MS = 30000,
	RENEW_MS = 10000,
	KILL_AFTER_MS = 40000, /* helm has 30 s to end in an orderly way */
	LATE_MS = 60000,       /* a worker sees its deadline itself, between two calls */
	INSPECT_EVERY_MS = 30000,
	INSPECT_AGAIN_MS = 2000, /* while something is wrong */
	INSPECT_MS = 20000,
	RECONCILE_MS = 120000,
	RECONCILE_AGAIN_MS = 30000, /* while a store is degraded: it may be mended by now */
	DUE_MAX = 32,
};

static struct claim_worker *
free_slot(struct claim *c)
{
	for (int i = 0; i < CLAIM_WORKERS; i++)
		if (c->workers[i].pid == 0)
			return &c->workers[i];
	return NULL;
}

static bool
is_job(const struct claim_worker *w)
{
	return w->pid && w->task == TICKET_JOB;
}

static int
count(const struct claim *c, enum job_kind kind)
{
	int n = 0;

	for (int i = 0; i < CLAIM_WORKERS; i++)
		n += is_job(&c->workers[i]) && c->workers[i].job.kind == kind;
	return n;
}

static bool
has_worker(const struct claim *c, int64_t job)
{
	for (int i = 0; i < CLAIM_WORKERS; i++)
		if (is_job(&c->workers[i]) && c->workers[i].job.id == job)
			return true;
	return false;
}

static bool
is_at(const struct claim *c, enum ticket_task task)
{
	for (int i = 0; i < CLAIM_WORKERS; i++)
		if (c->workers[i].pid && c->workers[i].task == task)
			return true;
	return false;
}

/* Starts a worker with its ticket; lock -1: none. Its pid, or -1. */
static pid_t
spawn(struct claim *c, int lock, const struct ticket *ticket, struct err *err)
{
	const char *argv[] = {"store-worker", c->conf_file ? "-c" : NULL, c->conf_file, NULL};
	struct proc_spec spec = {
		.path = c->worker,
		.argv = argv,
		.death_signal = SIGKILL,
		.note_fd = lock,
	};
	int ends[2], n = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, "cannot start a worker");
	if (lock >= 0)
		spec.fds[n++] = (struct proc_fd){lock, TICKET_LOCK_FD};
	spec.fds[n] = (struct proc_fd){ends[0], TICKET_FD};
	pid = proc_spawn(&spec, err);
	close(ends[0]);
	if (lock >= 0)
		crash_point("forked");
	/* A worker without its ticket sees the pipe's end and leaves. */
	if (pid > 0 && ticket_write(ends[1], ticket, err) < 0)
		log_error("%s", err->text);
	close(ends[1]);
	return pid;
}

static void
end_job(struct claim *c, const struct job *job, const struct err *failure, uint32_t random)
{
	struct err err = ERR_INIT;
	struct outcome outcome;

	if (outcome_write(c->db, job, failure, random, &outcome, &err) < 0) {
		/* The row is still `running`: it is looked at again, see inherit(). */
		c->left_rows = c->left_rows || err.code != ERR_LEASE_LOST;
		log_error("job %lld: %s", (long long)job->id, err.text);
	} else
		log_warn("job %lld is %s: %s", (long long)job->id, job_state_words[outcome.state],
			 failure->text);
}

/* A worker without a job: it looks around, and ends. */
static void
start_look(struct claim *c, enum ticket_task task, int64_t deadline)
{
	struct claim_worker *w = free_slot(c);
	struct ticket ticket = {.task = task, .supervisor = getpid(), .deadline = deadline};
	struct err err = ERR_INIT;
	pid_t pid = w ? spawn(c, -1, &ticket, &err) : -1;

	if (pid > 0)
		*w = (struct claim_worker){.pid = pid, .task = task, .deadline = deadline};
	else if (w)
		log_error("no worker can be started to look around: %s", err.text);
}

static void
start_looks(struct claim *c, int64_t now)
{
	if (now >= c->inspect_at && !is_at(c, TICKET_INSPECT)) {
		c->inspect_at = now + INSPECT_EVERY_MS;
		start_look(c, TICKET_INSPECT, now + INSPECT_MS);
	}
	if (c->cluster_ok && now >= c->reconcile_at && !is_at(c, TICKET_RECONCILE)) {
		c->reconcile_at = now + c->conf->reconcile_seconds * 1000LL;
		start_look(c, TICKET_RECONCILE, now + RECONCILE_MS);
	}
}

/* queued or retry -> running, in one transaction. */
static int
take(struct claim *c, struct job *job, struct err *err)
{
	if (db_begin(c->db, err) < 0)
		return -1;
	if (job_start(c->db, job, c->instance, clock_wall_ms() + LEASE_MS, err) < 0 ||
	    (job->kind == JOB_PROVISION && store_set_started(c->db, job->store_id, err) < 0)) {
		db_rollback(c->db);
		return -1;
	}
	return db_commit(c->db, err);
}

/* Claims one due job and starts its worker. false: no more can be started now. */
static bool
claim_job(struct claim *c, struct job *job, int64_t now)
{
	struct claim_worker *w = free_slot(c);
	struct ticket ticket = {
		.job = job->id,
		.supervisor = getpid(),
		.deadline = now + c->conf->provision_timeout * 1000LL,
	};
	struct err err = ERR_INIT;
	int lock = w ? stray_lock(c, job->store_id) : -1;
	pid_t pid;

	if (lock < 0)
		return w != NULL;
	if (take(c, job, &err) < 0) {
		/* ERR_LEASE_LOST: cancelled between the look and the claim. */
		if (err.code != ERR_LEASE_LOST)
			log_error("job %lld cannot be claimed: %s", (long long)job->id, err.text);
		close(lock);
		return err.code == ERR_LEASE_LOST;
	}
	crash_point("claimed");
	ticket.fence = job->fence;
	pid = spawn(c, lock, &ticket, &err);
	close(lock);
	if (pid < 0) {
		end_job(c, job, &err, 0);
		return false;
	}
	*w = (struct claim_worker){.pid = pid, .job = *job, .deadline = ticket.deadline};
	log_info("job %lld: %s of store %s, attempt %d of %d, begun", (long long)job->id,
		 job_kind_words[job->kind], job->store_id, job->attempt, job->max_attempts);
	return true;
}

static void
claim_kind(struct claim *c, enum job_kind kind, int room, int64_t now)
{
	struct job due[DUE_MAX];
	struct err err = ERR_INIT;
	struct db_query *q;
	int n = 0, r = 1;

	if (room <= count(c, kind))
		return;
	q = job_due(c->db, kind, clock_wall_ms());
	while (n < DUE_MAX && (r = job_next(q, &due[n], &err)) > 0)
		n++;
	db_done(q);
	if (r < 0)
		log_error("the queue cannot be read: %s", err.text);
	for (int i = 0; i < n && count(c, kind) < room; i++)
		if (!claim_job(c, &due[i], now))
			return;
}

/* TERM once; KILL when that did not help in time. */
static void
end_worker(struct claim_worker *w, int64_t now)
{
	if (w->kill_at == 0) {
		w->kill_at = now + KILL_AFTER_MS;
		kill(w->pid, SIGTERM);
	} else if (now >= w->kill_at)
		kill(w->pid, SIGKILL);
}

static bool
cancelled(struct claim *c, const struct claim_worker *w)
{
	struct err err = ERR_INIT;
	struct job now;

	if (job_get(c->db, w->job.id, &now, &err) <= 0)
		return false; /* asked again at the next tick */
	return now.cancel_requested_at != 0;
}

static void
watch(struct claim *c, int64_t now)
{
	for (int i = 0; i < CLAIM_WORKERS; i++) {
		struct claim_worker *w = &c->workers[i];

		if (w->pid == 0)
			continue;
		/* At its deadline a worker ends by itself; this is for one that cannot. */
		if (w->kill_at || now >= w->deadline + LATE_MS || (is_job(w) && cancelled(c, w)))
			end_worker(w, now);
	}
}

static void
renew(struct claim *c, int64_t now)
{
	struct err err = ERR_INIT;

	c->renew_at = now + RENEW_MS;
	if (count(c, JOB_PROVISION) + count(c, JOB_DELETE) > 0 &&
	    job_renew(c->db, c->instance, clock_wall_ms() + LEASE_MS, &err) < 0)
		log_warn("leases cannot be renewed: %s", err.text);
}

/*
 * Another provisioner, with a PROVISIONER_DIR of its own on the same database,
 * may be at work on it: then we never had a lock of that store, and the lease
 * has not run out.
 */
static bool
belongs_elsewhere(struct claim *c, const struct job *job)
{
	return !stray_known(c, job->store_id) && job->lease_until > clock_wall_ms();
}

/* Rows that nobody works on, a dead supervisor's: the next attempt follows at once. */
static void
inherit(struct claim *c)
{
	struct job left[DUE_MAX];
	struct err err = ERR_INIT;
	struct err died = ERR_INIT;
	struct db_query *q = job_running(c->db);
	int n = 0, r = 1;

	err_set(&died, ERR_WORKER_DIED, "The provisioner was ended while it worked on this store; retry.");
	while (n < DUE_MAX && (r = job_next(q, &left[n], &err)) > 0)
		n += !has_worker(c, left[n].id) && !belongs_elsewhere(c, &left[n]);
	db_done(q);
	c->left_rows = n > 0 || r < 0;
	for (int i = 0; i < n; i++) {
		int lock = stray_lock(c, left[i].store_id);

		if (lock < 0)
			continue;
		end_job(c, &left[i], &died, 0);
		close(lock);
	}
}

void
claim_tick(struct claim *c)
{
	int64_t now = clock_mono_ms();

	start_looks(c, now);
	watch(c, now);
	if (now >= c->renew_at)
		renew(c, now);
	if (c->left_rows)
		inherit(c);
	/* A job that would only find the door closed stays in the queue. */
	if (!c->cluster_ok)
		return;
	claim_kind(c, JOB_DELETE, c->conf->max_concurrent_deletions, now);
	if (c->helm_ok)
		claim_kind(c, JOB_PROVISION, c->conf->max_concurrent_provisions, now);
}

static void
read_gate(struct claim *c)
{
	struct health found[HEALTH_COMPONENTS];
	struct err err = ERR_INIT;

	if (health_get(c->db, found, &err) < 0) {
		log_error("%s", err.text);
		return;
	}
	c->cluster_ok = found[HEALTH_CLUSTER].ok;
	c->helm_ok = found[HEALTH_HELM].ok;
	if (!c->cluster_ok || !c->helm_ok) {
		c->inspect_at = clock_mono_ms() + INSPECT_AGAIN_MS;
		log_warn("jobs wait: %s",
			 found[c->cluster_ok ? HEALTH_HELM : HEALTH_CLUSTER].sentence);
	}
}

/* The row of a job whose worker has ended. */
static void
settle(struct claim *c, const struct claim_worker *w, int status)
{
	struct err err = ERR_INIT;
	struct err died = ERR_INIT;
	struct job now;
	int r = job_get(c->db, w->job.id, &now, &err);

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && w->kill_at)
		err_set(&died, ERR_STOPPED, "the job was told to stop before it had begun");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == TICKET_OUTAGE)
		err_set(&died, ERR_CONFIG,
			"The configuration of the provisioner has a fault; see its log.");
	else if (WIFSIGNALED(status))
		err_set(&died, ERR_WORKER_DIED,
			"The process that worked on this store was ended by signal %d; look at the "
			"provisioner's log, then retry.",
			WTERMSIG(status));
	else
		err_set(&died, ERR_WORKER_DIED,
			"The process that worked on this store gave up (status %d); look at the "
			"provisioner's log, then retry.",
			WEXITSTATUS(status));
	if (r < 0)
		c->left_rows = true; /* the database did not answer: looked at again */
	else if (r > 0 && now.state == JOB_RUNNING && now.fence == w->job.fence)
		end_job(c, &w->job, &died, seal_random());
	else if (r > 0 && now.kind == JOB_DELETE && now.state == JOB_DONE)
		stray_forget(c, now.store_id);
}

/* What follows from the end of a worker. */
static void
end_task(struct claim *c, const struct claim_worker *ended, int status)
{
	int64_t now = clock_mono_ms();

	switch (ended->task) {
	case TICKET_INSPECT:
		if (status == 0)
			read_gate(c);
		else {
			c->cluster_ok = false;
			c->inspect_at = now + INSPECT_AGAIN_MS;
		}
		break;
	case TICKET_RECONCILE:
		/* A look that failed is made again soon, too: the inspection tells of an outage. */
		if (status != 0 && c->reconcile_at > now + RECONCILE_AGAIN_MS)
			c->reconcile_at = now + RECONCILE_AGAIN_MS;
		break;
	default:
		settle(c, ended, status);
		if (WIFEXITED(status) && WEXITSTATUS(status) == TICKET_OUTAGE)
			c->inspect_at = 0;
	}
}

void
claim_reap(struct claim *c)
{
	for (int i = 0; i < CLAIM_WORKERS; i++) {
		struct claim_worker *w = &c->workers[i];
		struct claim_worker ended = *w;
		int status;

		/* By its own pid: nobody else's child is reaped here. */
		if (w->pid == 0 || waitpid(w->pid, &status, WNOHANG) != w->pid)
			continue;
		w->pid = 0;
		end_task(c, &ended, status);
	}
}

bool
claim_stop(struct claim *c)
{
	int64_t now = clock_mono_ms();
	bool left = false;

	for (int i = 0; i < CLAIM_WORKERS; i++)
		if (c->workers[i].pid) {
			left = true;
			end_worker(&c->workers[i], now);
		}
	return !left;
}
