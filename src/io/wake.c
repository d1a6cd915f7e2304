/* wake.c: see wake.h. */
#include "io/wake.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { RINGS_MAX = 64 };

static int
fill(struct sockaddr_un *sa, const char *path)
{
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(sa->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return 0;
}

int
wake_listen(const char *path, struct err *err)
{
	struct sockaddr_un sa;
	mode_t old;
	int fd, r;

	if (fill(&sa, path) < 0)
		return err_errno(err, "%s", path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, "%s", path);
	if (unlink(path) < 0 && errno != ENOENT) {
		err_errno(err, "cannot replace %s", path);
		close(fd);
		return -1;
	}
	old = umask(0117);
	r = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(old);
	if (r < 0) {
		err_errno(err, "cannot listen on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
wake_adopt(int fd, const char *path, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNSPEC};
	socklen_t len = sizeof(sa), type_len = sizeof(int);
	int type = 0;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0)
		return err_errno(err, "the socket handed over");
	if (sa.sun_family != AF_UNIX || type != SOCK_DGRAM)
		return err_set(err, ERR_CONFIG,
			       "The socket handed over is no datagram socket with a path; see "
			       "ListenDatagram= in store-provisioner.socket.");
	if (strncmp(sa.sun_path, path, sizeof(sa.sun_path)) != 0)
		return err_set(err, ERR_CONFIG,
			       "The socket handed over is %.108s and WAKE_SOCKET says %s; make "
			       "ListenDatagram= in store-provisioner.socket and WAKE_SOCKET the same.",
			       sa.sun_path, path);
	return 0;
}

void
wake_drain(int fd)
{
	char byte;

	/* Bounded: a peer that rings without end shall not keep us here. */
	for (int i = 0; i < RINGS_MAX && recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0; i++)
		;
}

void
wake_ring(const char *path)
{
	struct sockaddr_un sa;
	int fd;

	if (fill(&sa, path) < 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, "!", 1, MSG_NOSIGNAL, (struct sockaddr *)&sa, sizeof(sa));
	close(fd);
}
