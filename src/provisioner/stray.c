/* stray.c: see stray.h. */
#include "provisioner/stray.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/proc.h"
#include "provisioner/ticket.h"

enum { KILL_AFTER_MS = 30000, FORGET_AFTER_MS = 2 * KILL_AFTER_MS };

/* false: the id, which comes from the database, is none and may name any file. */
static bool
path_of(const struct claim *c, const char *store_id, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/jobs/%s.lock", c->conf->provisioner_dir, store_id);
	return valid_uuid(store_id);
}

/* The pid noted in the file, if that process really has the file open as its lock; 0 else. */
static pid_t
holder(const char *path)
{
	char text[24] = "", link[64], target[PATH_MAX] = "", real[PATH_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t pid = 0;

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	text[strcspn(text, "\n")] = '\0';
	if (!valid_int(text, 2, INT_MAX, &pid))
		return 0;
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, TICKET_LOCK_FD);
	if (readlink(link, target, sizeof(target) - 1) < 0 || !realpath(path, real) ||
	    strcmp(target, real) != 0)
		return 0;
	return (pid_t)pid;
}

/* The entry of the store, or a free one for it; NULL if there are too many. */
static struct claim_stray *
entry(struct claim *c, const char *store_id)
{
	struct claim_stray *unused = NULL;

	for (int i = 0; i < CLAIM_STRAYS; i++) {
		struct claim_stray *s = &c->strays[i];

		if (s->since && clock_mono_ms() - s->since <= FORGET_AFTER_MS &&
		    strcmp(s->store_id, store_id) == 0)
			return s;
		if (!unused && (!s->since || clock_mono_ms() - s->since > FORGET_AFTER_MS))
			unused = s;
	}
	if (unused) {
		unused->since = 0;
		snprintf(unused->store_id, sizeof(unused->store_id), "%s", store_id);
	}
	return unused;
}

static void
end_holder(struct claim *c, const char *store_id, const char *path)
{
	struct claim_stray *s = entry(c, store_id);
	int64_t now = clock_mono_ms();
	pid_t pid = holder(path);
	bool first = s && s->since == 0;

	if (!s || pid == 0)
		return;
	if (first) {
		s->since = now;
		log_warn("process %d of an older job of store %s is told to end", (int)pid, store_id);
		kill(pid, SIGTERM);
	} else if (now - s->since >= KILL_AFTER_MS) {
		/* helm leads a group of its own; a worker does not, and ESRCH is no harm. */
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
}

int
stray_lock(struct claim *c, const char *store_id)
{
	char path[PATH_MAX];
	int lock;

	if (!path_of(c, store_id, path))
		return -1;
	lock = proc_lock(path);
	if (lock >= 0) {
		struct claim_stray *s = entry(c, store_id);

		if (s)
			s->since = 0;
	} else if (errno == EWOULDBLOCK)
		end_holder(c, store_id, path);
	else
		log_error("%s: %s", path, strerror(errno));
	return lock;
}

bool
stray_known(const struct claim *c, const char *store_id)
{
	char path[PATH_MAX];

	return path_of(c, store_id, path) && access(path, F_OK) == 0;
}

void
stray_forget(struct claim *c, const char *store_id)
{
	char path[PATH_MAX];

	if (path_of(c, store_id, path))
		unlink(path);
}
