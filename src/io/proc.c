/* proc.c: see proc.h. */
#include "io/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { HIGH_FD = 16, REAP_POLL_MS = 20, LINGER_MS = 2000 };

/* The child's side between fork and exec; only async-signal-safe calls. */
static void
become(const struct proc_spec *spec, const int std[3], pid_t parent)
{
	sigset_t none;
	int high[PROC_FDS];

	if (prctl(PR_SET_PDEATHSIG, spec->death_signal) < 0 || getppid() != parent)
		_exit(127);
	if (spec->own_group && setpgid(0, 0) < 0)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int i = 0; i < 3; i++)
		if (std && dup2(std[i], i) < 0)
			_exit(127);
	/* Out of the way first: dup2(3, 3) would keep close-on-exec, and 3 may be in use. */
	for (int i = 0; i < PROC_FDS && spec->fds[i].theirs; i++) {
		high[i] = fcntl(spec->fds[i].ours, F_DUPFD_CLOEXEC, HIGH_FD);
		if (high[i] < 0)
			_exit(127);
	}
	for (int i = 0; i < PROC_FDS && spec->fds[i].theirs; i++)
		if (dup2(high[i], spec->fds[i].theirs) < 0)
			_exit(127);
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

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(err, "cannot start %s", spec->path);
	pid = fork();
	if (pid == 0) {
		become(spec, std, parent);
		code = errno;
		(void)!write(report[1], &code, sizeof(code));
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

/* One tool that runs. Pipe ends are -1 once closed. */
struct run {
	pid_t pid;
	int in, out, err;
	size_t written;
	int64_t reaped_at; /* 0: still there */
	int wstatus;
	int64_t kill_at; /* when TERM becomes KILL; 0: not told to end */
};

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
feed(struct run *run, const struct proc_job *job, struct proc_result *ret)
{
	ssize_t n = write(run->in, job->input + run->written, job->input_len - run->written);

	if (n >= 0)
		run->written += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR) {
		ret->input_cut = true;
		shut(&run->in);
		return;
	}
	if (run->written == job->input_len)
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
	if (run->reaped_at || waitpid(run->pid, &run->wstatus, WNOHANG) != run->pid)
		return;
	run->reaped_at = clock_mono_ms();
	/* Whatever it left behind in its group has no business any more. */
	kill(-run->pid, SIGKILL);
	shut(&run->in);
}

/* Tells the group to end, once; then, after the grace, makes it. */
static void
enforce(struct run *run, const struct proc_job *job, struct proc_result *ret, bool stop)
{
	int64_t now = clock_mono_ms();

	if (run->reaped_at)
		return;
	if (run->kill_at == 0 && (stop || now >= job->deadline)) {
		ret->stopped = stop;
		ret->timed_out = !stop;
		run->kill_at = now + job->grace_ms;
		kill(-run->pid, SIGTERM);
	} else if (run->kill_at != 0 && now >= run->kill_at)
		kill(-run->pid, SIGKILL);
}

/* A descendant that left the group may hold an output open; it gets LINGER_MS. */
static bool
over(const struct run *run)
{
	return run->reaped_at && ((run->out < 0 && run->err < 0) ||
				  clock_mono_ms() - run->reaped_at > LINGER_MS);
}

static void
serve(struct run *run, const struct proc_job *job, struct proc_result *ret)
{
	while (!over(run)) {
		struct pollfd p[] = {
			{.fd = run->in, .events = POLLOUT},
			{.fd = run->out, .events = POLLIN},
			{.fd = run->err, .events = POLLIN},
			{.fd = run->kill_at ? -1 : job->stop_fd, .events = POLLIN},
		};
		int wait = clock_until(run->kill_at ? run->kill_at : job->deadline);

		/* What no descriptor tells: that it can be reaped, or lingers. */
		if ((run->out < 0 && run->err < 0) || run->reaped_at || wait == 0)
			wait = REAP_POLL_MS;
		if (poll(p, ARRAY_SIZE(p), wait) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			feed(run, job, ret);
		if (p[1].revents)
			drain(&run->out, &ret->out);
		if (p[2].revents)
			drain(&run->err, &ret->err);
		enforce(run, job, ret, p[3].revents != 0);
		reap(run);
	}
}

int
proc_run(const struct proc_spec *spec, const struct proc_job *job, struct proc_result *ret,
	 struct err *err)
{
	struct run run = {.in = -1, .out = -1, .err = -1};
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errs[2] = {-1, -1};
	int result = -1;

	*ret = (struct proc_result){.status = 0};
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(errs, O_CLOEXEC) < 0)
		err_errno(err, "cannot start %s", spec->path);
	else {
		const int std[3] = {in[0], out[1], errs[1]};

		run.pid = start(spec, std, err);
		result = run.pid < 0 ? -1 : 0;
	}
	shut(&in[0]);
	shut(&out[1]);
	shut(&errs[1]);
	run.in = in[1];
	run.out = out[0];
	run.err = errs[0];
	if (result == 0) {
		if (fcntl(run.in, F_SETFL, O_NONBLOCK) < 0 || fcntl(run.out, F_SETFL, O_NONBLOCK) < 0 ||
		    fcntl(run.err, F_SETFL, O_NONBLOCK) < 0)
			kill(-run.pid, SIGKILL);
		if (job->input_len == 0)
			shut(&run.in);
		serve(&run, job, ret);
		ret->input_cut = ret->input_cut || run.written < job->input_len;
		ret->exited = WIFEXITED(run.wstatus);
		ret->status = ret->exited ? WEXITSTATUS(run.wstatus) : 0;
		ret->signal = WIFSIGNALED(run.wstatus) ? WTERMSIG(run.wstatus) : 0;
	}
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
proc_stop_fd(struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd >= 0 ? fd : err_errno(err, "signalfd");
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
