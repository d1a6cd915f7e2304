/* test_notify.c: what a service manager hands over, and what it is told. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/notify.h"

static const char *const names[] = {"LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES",
				    "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

static void
set(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

static void
set_number(const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	set(name, text);
}

static void
nothing_is_left(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_null(getenv(names[i]));
}

/* A manager's end: bound to a path, or to a name without a file. */
static int
manager(const char *address)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	size_t n = strlen(address);

	assert_true(fd >= 0 && n < sizeof(sa.sun_path));
	memcpy(sa.sun_path, address, n);
	if (*address == '@')
		sa.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&sa,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
			 0);
	set("NOTIFY_SOCKET", address);
	return fd;
}

/* What has arrived next, "" if nothing has. */
static const char *
heard(int fd)
{
	static char text[64];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
without_a_manager(void **state)
{
	struct notify n;

	(void)state;
	OK(notify_open(&n, E));
	assert_int_equal(n.listening, -1);
	notify_say(&n, "READY=1");
	notify_alive(&n, 1);
	set("NOTIFY_SOCKET", "relative");
	OK(notify_open(&n, E));
	assert_int_equal(n.to_len, 0);
	set("NOTIFY_SOCKET", tool_path("nobody listens"));
	OK(notify_open(&n, E));
	notify_say(&n, "READY=1");
	nothing_is_left();
}

static void
is_told(void **state)
{
	char hidden[64];
	const char *addresses[] = {tool_path("manager"), hidden};

	(void)state;
	snprintf(hidden, sizeof(hidden), "@store-test-%d", (int)getpid());
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		int fd = manager(addresses[i]);
		struct notify n;

		OK(notify_open(&n, E));
		nothing_is_left();
		assert_string_equal(heard(fd), "");
		notify_say(&n, "READY=1");
		assert_string_equal(heard(fd), "READY=1");
		notify_alive(&n, 100000); /* no watchdog */
		assert_string_equal(heard(fd), "");
		/* One that does not read cannot hold us up. */
		for (int k = 0; k < 5000; k++)
			notify_say(&n, "READY=1");
		close(fd);
		notify_say(&n, "STOPPING=1");
	}
}

static void
signs_of_life(void **state)
{
	int fd = manager(tool_path("watching"));
	struct notify n;

	(void)state;
	set("WATCHDOG_USEC", "30000000");
	set_number("WATCHDOG_PID", getpid());
	OK(notify_open(&n, E));
	assert_int_equal(n.every_ms, 10000);
	notify_alive(&n, 5000);
	assert_string_equal(heard(fd), "WATCHDOG=1");
	notify_alive(&n, 14999);
	assert_string_equal(heard(fd), "");
	notify_alive(&n, 15000);
	assert_string_equal(heard(fd), "WATCHDOG=1");

	set("WATCHDOG_USEC", "30000000"); /* somebody else's */
	set_number("WATCHDOG_PID", getppid());
	OK(notify_open(&n, E));
	assert_int_equal(n.every_ms, 0);
	set("WATCHDOG_USEC", "1");
	OK(notify_open(&n, E));
	assert_int_equal(n.every_ms, 1);
	set("WATCHDOG_USEC", "much");
	OK(notify_open(&n, E));
	assert_int_equal(n.every_ms, 0);
	close(fd);
}

/* Descriptor 3 of a child; the exit status says what went wrong. */
static int
takes_the_socket(void *arg)
{
	int fd = *(int *)arg;
	struct notify n;

	if (fd != 3 && (dup2(fd, 3) < 0 || close(fd) < 0))
		return 1;
	set("LISTEN_FDS", "1");
	set_number("LISTEN_PID", getpid());
	if (notify_open(&n, E) < 0 || n.listening != 3)
		return 2;
	if (fcntl(3, F_GETFD) != FD_CLOEXEC || !(fcntl(3, F_GETFL) & O_NONBLOCK))
		return 3;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (getenv(names[i]))
			return 4;
	set("LISTEN_FDS", "1"); /* handed on by a parent that did not take it out */
	set_number("LISTEN_PID", getppid());
	if (notify_open(&n, E) < 0 || n.listening != -1)
		return 5;
	set("LISTEN_FDS", "2");
	set_number("LISTEN_PID", getpid());
	if (notify_open(&n, E) == 0 || tool_err.code != ERR_CONFIG)
		return 6;
	close(3);
	set("LISTEN_FDS", "1");
	set_number("LISTEN_PID", getpid());
	return notify_open(&n, E) == 0 || tool_err.code != ERR_SYSTEM ? 7 : 0;
}

static void
is_handed_a_socket(void **state)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(tool_wait(tool_fork(takes_the_socket, &fd)), 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_manager),
		cmocka_unit_test(is_told),
		cmocka_unit_test(signs_of_life),
		cmocka_unit_test(is_handed_a_socket),
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	return TOOL_RUN(tests);
}
