/* proc.c: see proc.h. */
#include "io/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { HIGH_FD = 16, LINGER_MS = 2000 };

/*
 * In the child, so that there is no moment without it; only async-signal-safe
 * calls. It is a hint: who reads it trusts the lock on the file, so a failed
 * write harms nothing.
 */
static void
note(int fd)
{
	char text[16];
	size_t at = sizeof(text);
	int pid = (int)getpid();

	text[--at] = '\n';
	for (; pid > 0; pid /= 10)
		text[--at] = (char)('0' + pid % 10);
	if (pwrite(fd, text + at, sizeof(text) - at, 0) == (ssize_t)(sizeof(text) - at))
		(void)!ftruncate(fd, (off_t)(sizeof(text) - at));
}

/* The child's side between fork and exec; only async-signal-safe calls. Returns on failure. */
static void
become(const struct proc_spec *spec, const int std[3], pid_t parent)
{
	sigset_t none;
	int high[PROC_FDS];

	if (prctl(PR_SET_PDEATHSIG, spec->death_signal) < 0)
		return;
	if (getppid() != parent)
		_exit(127);
	if (spec->own_group && setpgid(0, 0) < 0)
		return;
	if (spec->note_fd > 0)
		note(spec->note_fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 3; i++)
		if (std && dup2(std[i], i) < 0)
			return;
	/* Ours are all close-on-exec; those that we inherited shall be so too. */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return;
	/* Out of the way first: dup2(3, 3) would keep close-on-exec, and 3 may be in use. */
	for (int i = 0; i < PROC_FDS && spec->fds[i].theirs; i++) {
		high[i] = fcntl(spec->fds[i].ours, F_DUPFD_CLOEXEC, HIGH_FD);
		if (high[i] < 0)
			return;
	}
	for (int i = 0; i < PROC_FDS && spec->fds[i].theirs; i++)
		if (dup2(high[i], spec->fds[i].theirs) < 0)
			return;
	if (spec->env)
		execve(spec->path, (char *const *)spec->argv, (char *const *)spec->env);
	else
		execv(spec->path, (char *const *)spec->argv);
}

/*
 * Forks and executes; a failed exec is told through a close-on-exec pipe, so
 * that "not executable" is an error here and not a status later.
 */
static pid_t
start(const struct proc_spec *spec, const int *std, struct err *err)
{
	int report[2], code = 0;
	pid_t parent = getpid(), pid;
	ssize_t n;

	signal(SIGCHLD, SIG_DFL); /* an inherited SIG_IGN would take every status from us */
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(err, "cannot start %s", spec->path);
	pid = fork();
	if (pid == 0) {
		/* Out of the way of the numbers that the child is promised. */
		int out = fcntl(report[1], F_DUPFD_CLOEXEC, HIGH_FD);

		if (out >= 0)
			become(spec, std, parent);
		code = errno;
		(void)!write(out >= 0 ? out : report[1], &code, sizeof(code));
		_exit(127);
	}
	close(report[1]);
	if (pid < 0) {
		err_errno(err, "cannot start %s", spec->path);
		close(report[0]);
		return -1;
	}
	do {
		n = read(report[0], &code, sizeof(code));
	} while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n == (ssize_t)sizeof(code)) {
		waitpid(pid, NULL, 0);
		errno = code;
		return err_errno(err, "cannot run %s", spec->path);
	}
	return pid;
}

pid_t
proc_spawn(const struct proc_spec *spec, struct err *err)
{
	return start(spec, NULL, err);
}

/* One tool that runs. Descriptors are -1 once closed. */
struct run {
	pid_t pid;
	int gone; /* its pidfd: readable once it can be reaped */
	int in, out, err;
	size_t written;
	int wstatus;
	int64_t until; /* the next instant at which time alone changes something */
	bool told;     /* TERM was sent */
};

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
feed(struct run *run, const struct proc_job *job)
{
	ssize_t n = write(run->in, job->input + run->written, job->input_len - run->written);

	if (n >= 0)
		run->written += (size_t)n;
	else if (errno == EAGAIN || errno == EINTR)
		return;
	if (n < 0 || run->written == job->input_len)
		shut(&run->in);
}

static void
drain(int *fd, struct buf *keep)
{
	char chunk[16384];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n > 0)
		buf_tail(keep, chunk, (size_t)n, PROC_KEEP);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		shut(fd);
}

static void
reap(struct run *run)
{
	/*
	 * Whatever it left behind in its group has no business any more. First
	 * the signal: as long as it is not reaped its number is not given to others.
	 */
	kill(-run->pid, SIGKILL);
	while (waitpid(run->pid, &run->wstatus, 0) < 0 && errno == EINTR)
		;
	shut(&run->gone);
	shut(&run->in);
	/* A descendant that left the group may hold an output open. */
	run->until = clock_mono_ms() + LINGER_MS;
}

/* Tells the group to end, once; then, after the grace, makes it. */
static void
enforce(struct run *run, const struct proc_job *job, struct proc_result *ret, bool stop)
{
	if (!run->told) {
		ret->stopped = stop;
		ret->timed_out = !stop;
		run->told = true;
		run->until = clock_mono_ms() + job->grace_ms;
		kill(-run->pid, SIGTERM);
	} else {
		run->until = INT64_MAX;
		kill(-run->pid, SIGKILL);
	}
}

static int
serve(struct run *run, const struct proc_job *job, struct proc_result *ret, struct err *err)
{
	while (run->gone >= 0 || run->out >= 0 || run->err >= 0) {
		struct pollfd p[] = {
			{.fd = run->in, .events = POLLOUT},
			{.fd = run->out, .events = POLLIN},
			{.fd = run->err, .events = POLLIN},
			{.fd = run->gone, .events = POLLIN},
			{.fd = run->told ? -1 : job->stop_fd, .events = POLLIN},
		};
		int wait = clock_until(run->until);

		if (poll(p, ARRAY_SIZE(p), wait) < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, "poll");
		}
		if (p[0].revents)
			feed(run, job);
		if (p[1].revents)
			drain(&run->out, &ret->out);
		if (p[2].revents)
			drain(&run->err, &ret->err);
		if (p[3].revents)
			reap(run);
		else if (run->gone >= 0 && (p[4].revents || wait == 0))
			enforce(run, job, ret, p[4].revents != 0);
		else if (run->gone < 0 && wait == 0)
			break;
	}
	return 0;
}

/* The tool's three pipes: ours in run, its ends in std. -1: what was made is still there. */
static int
make_pipes(struct run *run, int std[3])
{
	int in[2], out[2], errs[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return -1;
	std[0] = in[0];
	run->in = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return -1;
	run->out = out[0];
	std[1] = out[1];
	if (pipe2(errs, O_CLOEXEC) < 0)
		return -1;
	run->err = errs[0];
	std[2] = errs[1];
	/* Ours alone: the flag belongs to an end of a pipe, not to the pipe. */
	return fcntl(run->in, F_SETFL, O_NONBLOCK) < 0 || fcntl(run->out, F_SETFL, O_NONBLOCK) < 0 ||
			       fcntl(run->err, F_SETFL, O_NONBLOCK) < 0
		       ? -1
		       : 0;
}

/* Serves a started tool to its end and reads how it ended. */
static int
attend(struct run *run, const struct proc_job *job, struct proc_result *ret, struct err *err)
{
	int r;

	if (job->input_len == 0)
		shut(&run->in);
	run->gone = pidfd_open(run->pid, 0);
	r = run->gone < 0 ? err_errno(err, "pidfd_open") : serve(run, job, ret, err);
	if (run->gone >= 0 || r < 0)
		reap(run);
	ret->input_cut = run->written < job->input_len;
	ret->exited = WIFEXITED(run->wstatus);
	ret->status = ret->exited ? WEXITSTATUS(run->wstatus) : 0;
	ret->signal = WIFSIGNALED(run->wstatus) ? WTERMSIG(run->wstatus) : 0;
	return r;
}

int
proc_run(const struct proc_spec *spec, const struct proc_job *job, struct proc_result *ret,
	 struct err *err)
{
	struct run run = {.gone = -1, .in = -1, .out = -1, .err = -1, .until = job->deadline};
	struct proc_spec grouped = *spec;
	int std[3] = {-1, -1, -1};
	int result = -1;

	*ret = (struct proc_result){.status = 0};
	grouped.own_group = true;
	signal(SIGPIPE, SIG_IGN); /* a tool that closes its input early must not end us */
	if (make_pipes(&run, std) < 0)
		err_errno(err, "cannot start %s", spec->path);
	else
		run.pid = start(&grouped, std, err);
	for (int i = 0; i < 3; i++)
		shut(&std[i]);
	if (run.pid > 0)
		result = attend(&run, job, ret, err);
	shut(&run.in);
	shut(&run.out);
	shut(&run.err);
	return result;
}

void
proc_result_free(struct proc_result *r)
{
	buf_free(&r->out);
	buf_free(&r->err);
}

int
proc_signal_fd(bool children, struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1); /* FastCGI's own word for it, which multiwatch uses */
	if (children)
		sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_errno(err, "sigprocmask");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : err_errno(err, "signalfd");
}

int
proc_signal_read(int fd)
{
	struct signalfd_siginfo info;
	ssize_t n;

	do {
		n = read(fd, &info, sizeof(info));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

bool
proc_nap(int stop_fd, int ms)
{
	struct pollfd p = {.fd = stop_fd, .events = POLLIN};
	int64_t until = clock_mono_ms() + ms;
	int r;

	do {
		r = poll(&p, 1, clock_until(until));
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

int
proc_lock(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}
