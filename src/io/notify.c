/* notify.c: see notify.h. */
#include "io/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/valid.h"

/* A manager wants a sign of life in each interval; thrice as many get over one that is late. */
enum { FIRST_FD = 3, SIGNS = 3, US_PER_MS = 1000 };

/* The number that a variable has, 0 if it has none above that. */
static int64_t
number(const char *name)
{
	const char *text = getenv(name);
	int64_t n;

	return text && valid_int(text, 1, INT64_MAX, &n) ? n : 0;
}

/* A variable meant for another process, as a parent's that was handed on, counts for nothing. */
static bool
meant_for_us(const char *name)
{
	return number(name) == getpid();
}

static int
take_listening(struct notify *n, struct err *err)
{
	int64_t count = number("LISTEN_FDS");
	int flags;

	if (count == 0 || !meant_for_us("LISTEN_PID"))
		return 0;
	if (count > 1)
		return err_set(err, ERR_CONFIG,
			       "The service manager hands over %d sockets; this program takes one.",
			       (int)(count > INT32_MAX ? INT32_MAX : count));
	flags = fcntl(FIRST_FD, F_GETFL);
	if (flags < 0 || fcntl(FIRST_FD, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC) < 0)
		return err_errno(err, "the socket handed over (descriptor %d)", FIRST_FD);
	n->listening = FIRST_FD;
	return 0;
}

/* Path or, with '@' in the place of its first byte, a name without a file. */
static void
take_address(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(n->to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, path, len);
	if (path[0] == '@')
		n->to.sun_path[0] = '\0';
	n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void
take_watchdog(struct notify *n)
{
	int64_t us = number("WATCHDOG_USEC");

	if (us == 0 || (getenv("WATCHDOG_PID") && !meant_for_us("WATCHDOG_PID")))
		return;
	n->every_ms = us / US_PER_MS / SIGNS;
	if (n->every_ms == 0)
		n->every_ms = 1;
}

int
notify_open(struct notify *ret, struct err *err)
{
	static const char *const names[] = {"LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES",
					    "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

	*ret = (struct notify){.listening = -1};
	if (take_listening(ret, err) < 0)
		return -1;
	take_address(ret);
	take_watchdog(ret);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (unsetenv(names[i]) < 0)
			return err_errno(err, "%s", names[i]);
	return 0;
}

void
notify_say(const struct notify *n, const char *state)
{
	int fd;

	if (n->to_len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
		     n->to_len);
	close(fd);
}

void
notify_alive(struct notify *n, int64_t now_mono_ms)
{
	if (n->every_ms == 0 || now_mono_ms < n->next)
		return;
	n->next = now_mono_ms + n->every_ms;
	notify_say(n, "WATCHDOG=1");
}
