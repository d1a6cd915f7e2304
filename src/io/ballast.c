/* ballast.c: see ballast.h. */
#include "io/ballast.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BYTES = 256 * 1024, ROOM_TIMES = 8, MODE = 0660 };

static void
path_of(const char *database, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s.ballast", database);
}

/* What is not there in full is taken away again: it is tried anew at the next look. */
void
ballast_keep(const char *database)
{
	char path[PATH_MAX];
	int fd;

	path_of(database, path);
	if (access(path, F_OK) == 0 || ballast_room(database) < (int64_t)BYTES * ROOM_TIMES)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
	if (fd < 0)
		return;
	if (posix_fallocate(fd, 0, BYTES) != 0)
		unlink(path);
	close(fd);
}

bool
ballast_drop(const char *database)
{
	char path[PATH_MAX];

	path_of(database, path);
	return unlink(path) == 0;
}

int64_t
ballast_room(const char *database)
{
	char folder[PATH_MAX];
	struct statvfs st;
	char *slash;

	snprintf(folder, sizeof(folder), "%s", database);
	slash = strrchr(folder, '/');
	if (!slash)
		return -1;
	slash[slash == folder] = '\0';
	return statvfs(folder, &st) == 0 ? (int64_t)st.f_bavail * (int64_t)st.f_frsize : -1;
}
