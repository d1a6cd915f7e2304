/* test_wake.c: the datagram that wakes, and that nothing about it can hold anybody up. */
#include "tool.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/wake.h"

static bool
rung(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
rings(void **state)
{
	const char *path = tool_path("wake");
	mode_t old = umask(0);
	struct stat st;
	int fd = wake_listen(path, E);

	(void)state;
	OK(fd);
	assert_int_equal(umask(old), 0); /* given back */
	OK(stat(path, &st));
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_false(rung(fd));
	wake_ring(path);
	assert_true(rung(fd));
	wake_drain(fd);
	assert_false(rung(fd));
	wake_drain(fd); /* nothing there: does not wait */
	close(fd);
}

/* Far more than the queue holds: no call waits, none fails, one wake is left. */
static void
never_waits(void **state)
{
	const char *path = tool_path("full");
	int fd = wake_listen(path, E);

	(void)state;
	OK(fd);
	for (int i = 0; i < 5000; i++)
		wake_ring(path);
	assert_true(rung(fd));
	wake_drain(fd);
	assert_false(rung(fd));
	close(fd);
}

static void
rings_nobody(void **state)
{
	char longest[300];
	const char *path = tool_path("nobody");
	int before = tool_descriptors();

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	wake_ring(path);
	wake_ring(longest);
	tool_write(path, "a plain file");
	wake_ring(path);
	assert_int_equal(tool_descriptors(), before);
	REFUSED(wake_listen(longest, E), ERR_SYSTEM);
	REFUSED(wake_listen(tool_path("no/folder"), E), ERR_SYSTEM);
	REFUSED(wake_listen(tool_path(""), E), ERR_SYSTEM); /* a folder is not replaced */
	assert_int_equal(tool_descriptors(), before);
}

static void
replaces_a_stale_socket(void **state)
{
	const char *path = tool_path("stale");
	int first = wake_listen(path, E), second;

	(void)state;
	OK(first);
	close(first); /* its file stays, as after kill -9 */
	wake_ring(path);
	second = wake_listen(path, E);
	OK(second);
	wake_ring(path);
	assert_true(rung(second));
	close(second);
}

/* What a service manager hands over is taken only if it is the socket that others ring at. */
static void
is_adopted(void **state)
{
	const char *path = tool_path("adopted"), *other = tool_path("other");
	int fd = wake_listen(path, E), pair[2];

	(void)state;
	OK(fd);
	OK(wake_adopt(fd, path, E));
	REFUSED(wake_adopt(fd, other, E), ERR_CONFIG);
	assert_contains(tool_err.text, "WAKE_SOCKET");
	assert_contains(tool_err.text, other);
	OK(pipe(pair));
	REFUSED(wake_adopt(pair[0], path, E), ERR_SYSTEM);
	close(pair[0]);
	close(pair[1]);
	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	REFUSED(wake_adopt(pair[0], path, E), ERR_CONFIG);
	close(pair[0]);
	close(pair[1]);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest wake[] = {
		cmocka_unit_test(rings),
		cmocka_unit_test(never_waits),
		cmocka_unit_test(is_adopted),
		cmocka_unit_test(rings_nobody),
		cmocka_unit_test(replaces_a_stale_socket),
	};

	return TOOL_RUN(wake);
}
