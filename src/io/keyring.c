/* keyring.c: see keyring.h. */
#include "io/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/seal.h"

bool
keyring_is_id(const char *id)
{
	return strlen(id) == KEYRING_ID - 1 && strspn(id, "0123456789abcdef") == KEYRING_ID - 1;
}

void
keyring_path(const char *dir, const char *name, const char *id, char ret[KEYRING_PATH])
{
	snprintf(ret, KEYRING_PATH, "%s/%s%s%s", dir, name, *id ? "." : "", id);
}

int
keyring_lock(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	err_errno(err, "cannot lock %s", dir);
	if (fd >= 0)
		close(fd);
	return -1;
}

int
keyring_read(const char *path, unsigned char ret[KEYRING_KEY], struct err *err)
{
	unsigned char text[KEYRING_KEY + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return err_errno(err, "cannot read %s", path);
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n == KEYRING_KEY)
		memcpy(ret, text, KEYRING_KEY);
	seal_wipe(text, sizeof(text));
	return n == KEYRING_KEY ? 0
				: err_set(err, ERR_CONFIG, "%s is not a key of %d bytes", path,
					  KEYRING_KEY);
}

/* A new name is durable only with its folder; rows will depend on the key. */
static int
sync_folder(const char *dir, struct err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0) {
		err_errno(err, "cannot write %s", dir);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static int
write_aside(int fd, const char *dir, mode_t mode, const void *data, size_t len)
{
	struct stat st;

	if (stat(dir, &st) < 0 || fchmod(fd, mode) < 0)
		return -1;
	if (geteuid() == 0 && st.st_uid != 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
		return -1;
	return write(fd, data, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : -1;
}

int
keyring_write(const char *dir, const char *name, mode_t mode, const void *data, size_t len,
	      struct err *err)
{
	char path[KEYRING_PATH], aside[KEYRING_PATH + 8];
	int fd;

	keyring_path(dir, name, "", path);
	snprintf(aside, sizeof(aside), "%s.new", path);
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_errno(err, "cannot write %s", aside);
	if (write_aside(fd, dir, mode, data, len) < 0 || rename(aside, path) < 0) {
		err_errno(err, "cannot write %s", path);
		close(fd);
		return -1;
	}
	close(fd);
	return sync_folder(dir, err);
}

int
keyring_retire(const char *dir, const char *name, const char *id, struct err *err)
{
	char path[KEYRING_PATH], kept[KEYRING_PATH];

	keyring_path(dir, name, "", path);
	keyring_path(dir, name, id, kept);
	/* It is there already where a change before this one was cut short. */
	if (link(path, kept) < 0 && errno != EEXIST)
		return err_errno(err, "cannot keep %s as %s", path, kept);
	return sync_folder(dir, err);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
keyring_retired(const char *dir, const char *name, char ret[KEYRING_MAX][KEYRING_ID],
		struct err *err)
{
	size_t len = strlen(name);
	DIR *folder = opendir(dir);
	struct dirent *entry;
	int n = 0;

	if (!folder)
		return err_errno(err, "cannot read %s", dir);
	while (n < KEYRING_MAX && (entry = readdir(folder)) != NULL)
		if (strncmp(entry->d_name, name, len) == 0 && entry->d_name[len] == '.' &&
		    keyring_is_id(entry->d_name + len + 1))
			memcpy(ret[n++], entry->d_name + len + 1, KEYRING_ID);
	closedir(folder);
	qsort(ret, (size_t)n, KEYRING_ID, by_text);
	return n;
}

int
keyring_drop(const char *dir, const char *name, const char *id, struct err *err)
{
	static const unsigned char nothing[KEYRING_KEY];
	char path[KEYRING_PATH];
	struct stat st;
	int fd, r;

	keyring_path(dir, name, id, path);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot remove %s", path);
	r = fstat(fd, &st);
	/* One that also has the name of the current key is only half retired. */
	if (r == 0 && st.st_nlink == 1)
		r = write(fd, nothing, sizeof(nothing)) == sizeof(nothing) ? fsync(fd) : -1;
	if (r == 0)
		r = unlink(path);
	if (r < 0)
		err_errno(err, "cannot remove %s", path);
	close(fd);
	return r < 0 ? -1 : sync_folder(dir, err);
}
