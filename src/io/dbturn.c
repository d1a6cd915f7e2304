/* dbturn.c: see dbturn.h. */
#include "io/dbturn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/dbparts.h"

enum { MS = 1000 * 1000, AGAIN_MS = 10 };

/* That it was called is all: flock() returns with EINTR. */
static void
interrupt(int signo)
{
	(void)signo;
}

int
dbturn_open(struct dbturn *turn, const char *path, struct err *err)
{
	const struct sigaction action = {.sa_handler = interrupt}; /* without SA_RESTART */
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	const char *slash = strrchr(path, '/');
	char folder[4096];

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 2,
		 slash ? path : "./");
	if (sigaction(SIGRTMIN, &action, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &turn->timer) < 0)
		return err_errno(err, "a timer for the database");
	turn->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (turn->fd >= 0)
		return 0;
	err_errno(err, "cannot open %s", folder);
	timer_delete(turn->timer);
	return -1;
}

void
dbturn_close(struct dbturn *turn)
{
	if (turn->fd < 0)
		return;
	close(turn->fd);
	timer_delete(turn->timer);
	turn->fd = -1;
}

static int
wait_bounded(struct dbturn *turn, int busy_ms)
{
	/* Again and again, for the first one may come before flock() waits. */
	const struct itimerspec ring = {.it_value = {busy_ms / 1000, busy_ms % 1000 * MS + 1},
					.it_interval = {0, AGAIN_MS * MS}};
	const struct itimerspec rest = {.it_value = {0, 0}};
	int64_t until = clock_mono_ms() + busy_ms;
	int r;

	if (timer_settime(turn->timer, 0, &ring, NULL) < 0)
		return -1;
	do {
		r = flock(turn->fd, LOCK_EX);
	} while (r < 0 && errno == EINTR && clock_mono_ms() < until);
	return timer_settime(turn->timer, 0, &rest, NULL) < 0 ? -1 : r;
}

int
dbturn_take(struct dbturn *turn, int busy_ms, struct err *err)
{
	if (turn->fd < 0 || flock(turn->fd, LOCK_EX | LOCK_NB) == 0 ||
	    wait_bounded(turn, busy_ms) == 0)
		return 0;
	return errno == EINTR ? err_set(err, ERR_DB_BUSY, DB_BUSY)
			      : err_errno(err, "the database's folder");
}

void
dbturn_end(struct dbturn *turn)
{
	if (turn->fd >= 0)
		(void)!flock(turn->fd, LOCK_UN); /* fails for no valid descriptor */
}
