/*
 * proc.h: child processes, of two kinds.
 *
 * proc_spawn() starts a worker: it gets exactly the descriptors it is given and
 * lives in the caller's event loop.
 *
 * proc_run() runs a tool (helm) to its end: argv without a shell, an
 * environment of the caller's choice, input on standard input, both outputs
 * kept up to PROC_KEEP bytes from their end. It is over when the tool was
 * reaped and both outputs are closed: what it left in its group is killed, and
 * a descendant outside of it holds us for two seconds at most. At the deadline
 * or at a stop the group gets TERM, and KILL after grace_ms.
 *
 * A child gets death_signal when its parent dies (prctl PR_SET_PDEATHSIG), and
 * leaves at once if the parent was gone before that took effect.
 */
#ifndef IO_PROC_H
#define IO_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

enum { PROC_KEEP = 64 * 1024, PROC_FDS = 4 };

/* A descriptor of ours and the number that the child shall have it under. */
struct proc_fd {
	int ours;
	int theirs;
};

struct proc_spec {
	const char *path;	  /* absolute */
	const char *const *argv;  /* NULL-terminated, argv[0] included */
	const char *const *env;	  /* NULL: ours */
	struct proc_fd fds[PROC_FDS]; /* beside 0, 1 and 2; ended by theirs == 0 */
	int note_fd; /* > 0: gets the pid ("12345\n"), a hint for who has to end it later */
	int death_signal;
	bool own_group; /* proc_run() always makes one */
};

struct proc_job {
	const char *input; /* for standard input, which is closed after it */
	size_t input_len;
	int64_t deadline; /* monotonic */
	int grace_ms;
	int stop_fd; /* readable: stop; -1: none */
};

struct proc_result {
	bool exited;
	int status, signal; /* the first if it exited, else the second */
	bool timed_out, stopped;
	bool input_cut; /* it did not read all of its input */
	struct buf out, err;
};

/* Returns the child's pid. Standard streams are inherited. */
MUST_CHECK pid_t proc_spawn(const struct proc_spec *spec, struct err *err);

/* ret's buffers are the caller's, also after an error: proc_result_free(). */
MUST_CHECK int proc_run(const struct proc_spec *spec, const struct proc_job *job,
			struct proc_result *ret, struct err *err);
void proc_result_free(struct proc_result *r);

/* Blocks SIGTERM, SIGINT and SIGUSR1 (and SIGCHLD); readable while one is pending. */
MUST_CHECK int proc_signal_fd(bool children, struct err *err);
/* Takes the next pending signal: its number, 0 if there is none. */
int proc_signal_read(int fd);
/* Naps for ms, or until stop_fd is readable: then true. */
bool proc_nap(int stop_fd, int ms);

/* A new lock on path, made if need be: the descriptor, or -1 with EWOULDBLOCK. */
int proc_lock(const char *path);

#endif
