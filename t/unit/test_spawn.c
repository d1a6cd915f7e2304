/* test_spawn.c: what a child is given, how it dies with its parent, signals and locks. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static void
gives_only_what_is_named(void **state)
{
	int mine[2], extra[2];
	const char *const argv[] = {"sh", "-c", "echo hi >&4; echo $A$HOME; ls /proc/self/fd", NULL};
	const char *const env[] = {"A=b", NULL};
	struct proc_spec spec = {.path = "/bin/sh", .argv = argv, .env = env,
				 .death_signal = SIGKILL};
	const struct proc_job job = {.deadline = clock_mono_ms() + TOOL_PATIENCE_MS, .stop_fd = -1};
	struct proc_result r;
	char text[8] = "";

	(void)state;
	OK(pipe2(mine, O_CLOEXEC));
	OK(pipe2(extra, O_CLOEXEC));
	/* Crosswise on purpose: ours may have the very number that the child shall have. */
	spec.fds[0] = (struct proc_fd){mine[1], 4};
	spec.fds[1] = (struct proc_fd){mine[0], 3};
	OK(proc_run(&spec, &job, &r, E));
	assert_string_equal(buf_text(&r.err), "");
	assert_string_equal(buf_text(&r.out), "b\n0\n1\n2\n3\n4\n5\n"); /* 5: ls reads the folder */
	OK((int)read(mine[0], text, sizeof(text) - 1));
	assert_string_equal(text, "hi\n");
	proc_result_free(&r);
	for (int i = 0; i < 2; i++) {
		close(mine[i]);
		close(extra[i]);
	}
}

/*
 * With all low numbers free, the descriptors that a start needs for itself must
 * not land on those that the child is promised.
 */
static int
cross_body(void *arg)
{
	static const char *const scripts[] = {"echo hi >&4; read -r x <&3; test \"$x\" = hi",
					      "echo hi >&6; read -r x <&5; test \"$x\" = hi"};
	struct proc_spec spec = {.path = "/bin/sh", .death_signal = SIGKILL};
	struct err err = ERR_INIT;
	int p[2];

	(void)arg;
	if (pipe2(p, O_CLOEXEC) < 0 || dup3(p[0], 30, O_CLOEXEC) < 0 || dup3(p[1], 31, O_CLOEXEC) < 0 ||
	    close_range(3, 29, 0) < 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		const char *const argv[] = {"sh", "-c", scripts[i], NULL};
		int pid;

		spec.argv = argv;
		spec.fds[0] = (struct proc_fd){31, 4 + 2 * i};
		spec.fds[1] = (struct proc_fd){30, 3 + 2 * i};
		pid = proc_spawn(&spec, &err);
		if (pid < 0 || tool_wait(pid) != 0)
			return 2;
		spec.path = "/no/such/program"; /* told, and not written into their pipe */
		if (proc_spawn(&spec, &err) >= 0 || err.code != ERR_SYSTEM)
			return 3;
		spec.path = "/bin/sh";
	}
	return 0;
}

static void
crosses_descriptors(void **state)
{
	(void)state;
	assert_int_equal(tool_wait(tool_fork(cross_body, NULL)), 0);
}

static void
keeps_a_descriptor_at_its_number(void **state)
{
	const char *const argv[] = {"sh", "-c", "echo same >&9", NULL};
	struct proc_spec spec = {.path = "/bin/sh", .argv = argv, .death_signal = SIGKILL};
	const struct proc_job job = {.deadline = clock_mono_ms() + TOOL_PATIENCE_MS, .stop_fd = -1};
	struct proc_result r;
	char text[8] = "";
	int p[2];

	(void)state;
	OK(pipe2(p, O_CLOEXEC));
	OK(dup3(p[1], 9, O_CLOEXEC));
	spec.fds[0] = (struct proc_fd){9, 9};
	OK(proc_run(&spec, &job, &r, E));
	assert_int_equal(r.status, 0);
	OK((int)read(p[0], text, sizeof(text) - 1));
	assert_string_equal(text, "same\n");
	proc_result_free(&r);
	close(p[0]);
	close(p[1]);
	close(9);
}

static void
notes_the_pid(void **state)
{
	const char *const argv[] = {"sh", "-c", "echo $$", NULL};
	const char *path = tool_path("note");
	struct proc_spec spec = {.path = "/bin/sh", .argv = argv, .death_signal = SIGKILL};
	const struct proc_job job = {.deadline = clock_mono_ms() + TOOL_PATIENCE_MS, .stop_fd = -1};
	struct proc_result r;

	(void)state;
	tool_write(path, "123456789012\nan older and longer note\n");
	spec.note_fd = proc_lock(path);
	assert_true(spec.note_fd > 0);
	OK(proc_run(&spec, &job, &r, E));
	assert_string_equal(tool_read(path), buf_text(&r.out));
	proc_result_free(&r);
	close(spec.note_fd);
}

static int
parent_body(void *arg)
{
	const char *const argv[] = {"sleep", "600", NULL};
	const struct proc_spec spec = {.path = "/bin/sleep", .argv = argv, .death_signal = SIGTERM};
	struct err err = ERR_INIT;
	int pid = proc_spawn(&spec, &err);

	if (write(*(int *)arg, &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		return 1;
	raise(SIGKILL);
	return 1;
}

static void
dies_with_its_parent(void **state)
{
	int report[2], pid = 0, status = 0;

	(void)state;
	OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	OK(pipe2(report, O_CLOEXEC));
	assert_int_equal(tool_wait(tool_fork(parent_body, &report[1])), 128 + SIGKILL);
	assert_int_equal(read(report[0], &pid, sizeof(pid)), sizeof(pid));
	assert_true(pid > 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	close(report[0]);
	close(report[1]);
	OK(prctl(PR_SET_CHILD_SUBREAPER, 0));
}

/* A status is not lost where SIGCHLD was ignored, and SIGPIPE is the child's own again. */
static void
stands_inherited_signals(void **state)
{
	struct proc_result r;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	r = tool_run("kill -PIPE $$; exit 7", NULL);
	assert_false(r.exited);
	assert_int_equal(r.signal, SIGPIPE);
	proc_result_free(&r);
	signal(SIGCHLD, SIG_DFL);
}

static int
signal_body(void *arg)
{
	struct err err = ERR_INIT;
	int fd = proc_signal_fd(true, &err);
	struct proc_result r;
	char got[64];

	(void)arg;
	if (fd < 0 || proc_signal_read(fd) != 0)
		return 1;
	if (proc_nap(fd, 1))
		return 2;
	raise(SIGINT);
	if (!proc_nap(fd, TOOL_PATIENCE_MS) || proc_signal_read(fd) != SIGINT || proc_signal_read(fd) != 0)
		return 3;
	raise(SIGTERM);
	if (proc_signal_read(fd) != SIGTERM)
		return 4;
	r = tool_run("exit 0", NULL);
	if (proc_signal_read(fd) != SIGCHLD)
		return 5;
	proc_result_free(&r);
	r = tool_run("kill -TERM $$; exit 0", NULL); /* not blocked in the child */
	if (r.exited || r.signal != SIGTERM)
		return 6;
	snprintf(got, sizeof(got), "%d", fcntl(fd, F_GETFD));
	return got[0] == '1' ? 0 : 7; /* close-on-exec */
}

static void
reads_signals(void **state)
{
	(void)state;
	assert_int_equal(tool_wait(tool_fork(signal_body, NULL)), 0);
}

static int
quiet_body(void *arg)
{
	struct err err = ERR_INIT;
	int fd = proc_signal_fd(false, &err);
	struct proc_result r = tool_run("exit 0", NULL);

	(void)arg;
	proc_result_free(&r);
	return fd < 0 ? 1 : proc_signal_read(fd);
}

static void
leaves_children_out(void **state)
{
	(void)state;
	assert_int_equal(tool_wait(tool_fork(quiet_body, NULL)), 0);
}

static void
locks(void **state)
{
	const char *path = tool_path("lock");
	const char *const argv[] = {"sleep", "600", NULL};
	struct proc_spec spec = {.path = "/bin/sleep", .argv = argv, .death_signal = SIGKILL};
	int first = proc_lock(path), again, pid;

	(void)state;
	assert_true(first >= 0);
	assert_int_equal(proc_lock(path), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	/* A child that was given it holds it on. */
	spec.fds[0] = (struct proc_fd){first, 3};
	pid = proc_spawn(&spec, E);
	assert_true(pid > 0);
	close(first);
	assert_int_equal(proc_lock(path), -1);
	kill(pid, SIGKILL);
	assert_int_equal(tool_wait(pid), 128 + SIGKILL);
	again = proc_lock(path);
	assert_true(again >= 0);
	close(again);
	OK(symlink(path, tool_path("link")));
	assert_int_equal(proc_lock(tool_path("link")), -1);
	assert_int_equal(proc_lock(tool_path("no/folder")), -1);
}

int
main(void)
{
	const struct CMUnitTest spawn[] = {
		cmocka_unit_test(gives_only_what_is_named),
		cmocka_unit_test(crosses_descriptors),
		cmocka_unit_test(keeps_a_descriptor_at_its_number),
		cmocka_unit_test(notes_the_pid),
		cmocka_unit_test(dies_with_its_parent),
		cmocka_unit_test(stands_inherited_signals),
		cmocka_unit_test(reads_signals),
		cmocka_unit_test(leaves_children_out),
		cmocka_unit_test(locks),
	};

	return TOOL_RUN(spawn);
}
