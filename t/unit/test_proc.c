/*
 * test_proc.c: children that end, hang, flood, ignore and hide. "/bin/sleep
 * 600" stands for "would never end"; nothing here waits for it.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/proc.h"

/* Waits until pid is no process any more, or somebody's zombie. */
static void
await_end(int pid)
{
	int64_t until = clock_mono_ms() + TOOL_PATIENCE_MS;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		FILE *in = fopen(path, "re");
		bool there = in && fgets(line, sizeof(line), in) && !strstr(line, ") Z ");

		if (in)
			fclose(in);
		if (!there)
			return;
		assert_true(clock_mono_ms() < until);
		poll(NULL, 0, 1);
	}
}

static void
tells_how_it_ended(void **state)
{
	struct proc_result r = tool_run("echo out; echo err >&2; exit 3", NULL);

	(void)state;
	assert_true(r.exited);
	assert_int_equal(r.status, 3);
	assert_int_equal(r.signal, 0);
	assert_string_equal(buf_text(&r.out), "out\n");
	assert_string_equal(buf_text(&r.err), "err\n");
	assert_false(r.timed_out || r.stopped || r.input_cut);
	proc_result_free(&r);
	r = tool_run("kill -SEGV $$", NULL);
	assert_false(r.exited);
	assert_int_equal(r.signal, SIGSEGV);
	proc_result_free(&r);
}

static void
cannot_run(void **state)
{
	const char *const argv[] = {"x", NULL};
	struct proc_spec spec = {.path = "/no/such/program", .argv = argv, .death_signal = SIGKILL};
	const struct proc_job job = {.deadline = clock_mono_ms() + TOOL_PATIENCE_MS, .stop_fd = -1};
	struct proc_result r;
	int before = tool_descriptors();

	(void)state;
	REFUSED(proc_run(&spec, &job, &r, E), ERR_SYSTEM);
	assert_contains(tool_err.text, "/no/such/program: No such file");
	proc_result_free(&r);
	tool_write(tool_path("plain"), "#!/bin/sh\nexit 0\n");
	spec.path = tool_path("plain");
	REFUSED(proc_run(&spec, &job, &r, E), ERR_SYSTEM);
	assert_contains(tool_err.text, "Permission denied");
	proc_result_free(&r);
	REFUSED(proc_spawn(&spec, E), ERR_SYSTEM);
	spec.path = "/bin/true";
	spec.fds[0] = (struct proc_fd){250, 3}; /* not open */
	REFUSED(proc_spawn(&spec, E), ERR_SYSTEM);
	assert_contains(tool_err.text, "Bad file descriptor");
	assert_int_equal(tool_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie either */
	assert_int_equal(errno, ECHILD);
}

static void
ends_it_at_the_deadline(void **state)
{
	struct proc_job job = {.deadline = clock_mono_ms() + 50, .grace_ms = TOOL_PATIENCE_MS,
			       .stop_fd = -1};
	struct proc_result r = tool_run("trap 'echo told; exit 9' TERM; echo up; sleep 600 & wait", &job);

	(void)state;
	assert_true(r.timed_out);
	assert_false(r.stopped);
	assert_true(r.exited);
	assert_int_equal(r.status, 9);
	assert_string_equal(buf_text(&r.out), "up\ntold\n");
	proc_result_free(&r);
}

static void
kills_what_ignores_term(void **state)
{
	struct proc_job job = {.deadline = clock_mono_ms() + 50, .grace_ms = 50, .stop_fd = -1};
	int64_t start = clock_mono_ms();
	struct proc_result r = tool_run("trap '' TERM; echo up; sleep 600; sleep 600", &job);

	(void)state;
	assert_true(r.timed_out);
	assert_false(r.exited);
	assert_int_equal(r.signal, SIGKILL);
	assert_true(clock_mono_ms() - start >= 100);
	assert_true(clock_mono_ms() - start < TOOL_PATIENCE_MS);
	proc_result_free(&r);
}

static void
stops_when_told(void **state)
{
	int stop[2];
	struct proc_job job = {.deadline = clock_mono_ms() + TOOL_PATIENCE_MS, .grace_ms = TOOL_PATIENCE_MS};
	struct proc_result r;

	(void)state;
	OK(pipe(stop));
	OK((int)write(stop[1], "x", 1));
	job.stop_fd = stop[0];
	r = tool_run("exec sleep 600", &job);
	assert_true(r.stopped);
	assert_false(r.timed_out);
	assert_int_equal(r.signal, SIGTERM);
	proc_result_free(&r);
	close(stop[0]);
	close(stop[1]);
}

static void
keeps_the_end_of_a_flood(void **state)
{
	struct rusage before, after;
	struct proc_result r;

	(void)state;
	OK(getrusage(RUSAGE_SELF, &before));
	r = tool_run("head -c 100000000 /dev/zero; echo end; head -c 100000 /dev/zero >&2", NULL);
	OK(getrusage(RUSAGE_SELF, &after));
	assert_int_equal(r.status, 0);
	assert_int_equal(r.out.len, PROC_KEEP);
	assert_memory_equal(r.out.data + PROC_KEEP - 4, "end\n", 4);
	assert_int_equal(r.err.len, PROC_KEEP);
	assert_true(r.out.size <= 4 * PROC_KEEP);
	assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024); /* KiB */
	proc_result_free(&r);
}

static void
feeds_more_than_a_pipe_holds(void **state)
{
	size_t len = 3 * 1000 * 1000;
	char *text = malloc(len);
	struct proc_job job = {.input = text, .input_len = len, .grace_ms = TOOL_PATIENCE_MS,
			       .deadline = clock_mono_ms() + TOOL_PATIENCE_MS, .stop_fd = -1};
	struct proc_result r;

	(void)state;
	assert_non_null(text);
	memset(text, 'y', len);
	/* It writes while it reads: both directions have to be served at once. */
	r = tool_run("tee /dev/stderr | wc -c", &job);
	assert_string_equal(buf_text(&r.out), "3000000\n");
	assert_int_equal(r.err.len, PROC_KEEP);
	assert_false(r.input_cut);
	proc_result_free(&r);
	r = tool_run("head -c 10 >/dev/null; exec 0<&-; echo done", &job);
	assert_true(r.exited);
	assert_string_equal(buf_text(&r.out), "done\n");
	assert_true(r.input_cut);
	proc_result_free(&r);
	r = tool_run("exit 0", &job);
	assert_true(r.input_cut);
	assert_int_equal(r.status, 0);
	proc_result_free(&r);
	free(text);
}

static void
gives_an_empty_input(void **state)
{
	struct proc_result r = tool_run("cat; echo end", NULL);

	(void)state;
	assert_string_equal(buf_text(&r.out), "end\n");
	assert_false(r.input_cut);
	proc_result_free(&r);
}

static void
waits_after_the_outputs_are_closed(void **state)
{
	struct proc_result r = tool_run("exec >&- 2>&-; read x </dev/null; exit 4", NULL);

	(void)state;
	assert_true(r.exited);
	assert_int_equal(r.status, 4);
	proc_result_free(&r);
}

/* The leader is gone; what it left in its group is killed, and the pipe with it. */
static void
kills_the_group_it_leaves(void **state)
{
	int64_t start = clock_mono_ms();
	struct proc_result r = tool_run("trap '' TERM; sleep 600 & echo $!", NULL);
	int pid = atoi(buf_text(&r.out));

	(void)state;
	assert_true(r.exited);
	assert_true(pid > 1);
	await_end(pid);
	assert_true(clock_mono_ms() - start < TOOL_PATIENCE_MS);
	proc_result_free(&r);
}

/* One that left the group and holds our pipe delays us by two seconds, and lives on. */
static void
leaves_a_stranger_with_the_pipe(void **state)
{
	char script[1200];
	struct proc_result r;
	int64_t start = clock_mono_ms();
	int pid;

	(void)state;
	snprintf(script, sizeof(script),
		 "setsid sh -c 'echo $$; echo >%s; exec sleep 600' & while ! test -s %s; do :; done",
		 tool_path("left"), tool_path("left"));
	r = tool_run(script, NULL);
	pid = atoi(buf_text(&r.out));
	assert_true(r.exited);
	assert_true(pid > 1);
	assert_true(clock_mono_ms() - start >= 2000);
	assert_true(clock_mono_ms() - start < TOOL_PATIENCE_MS);
	assert_int_equal(kill(pid, SIGKILL), 0);
	proc_result_free(&r);
}

static void
leaks_no_descriptor(void **state)
{
	int before = tool_descriptors();

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct proc_result r = tool_run("echo x", NULL);

		proc_result_free(&r);
	}
	assert_int_equal(tool_descriptors(), before);
}

int
main(void)
{
	const struct CMUnitTest proc[] = {
		cmocka_unit_test(tells_how_it_ended),
		cmocka_unit_test(cannot_run),
		cmocka_unit_test(ends_it_at_the_deadline),
		cmocka_unit_test(kills_what_ignores_term),
		cmocka_unit_test(stops_when_told),
		cmocka_unit_test(keeps_the_end_of_a_flood),
		cmocka_unit_test(feeds_more_than_a_pipe_holds),
		cmocka_unit_test(gives_an_empty_input),
		cmocka_unit_test(waits_after_the_outputs_are_closed),
		cmocka_unit_test(kills_the_group_it_leaves),
		cmocka_unit_test(leaves_a_stranger_with_the_pipe),
		cmocka_unit_test(leaks_no_descriptor),
	};

	return TOOL_RUN(proc);
}
