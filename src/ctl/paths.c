/* paths.c: see paths.h. */
#include "ctl/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
paths_join(char ret[PATHS_MAX], const char *root, const char *path)
{
	snprintf(ret, PATHS_MAX, "%s%s", root, path);
	return ret;
}

int
paths_read(const char *path, struct buf *ret, struct err *err)
{
	char chunk[4096];
	FILE *in = fopen(path, "re");
	size_t n;

	if (!in)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read %s", path);
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0 && ret->len <= PATHS_FILE_MAX)
		buf_add(ret, chunk, n);
	if (ferror(in)) {
		err_errno(err, "cannot read %s", path);
		fclose(in);
		return -1;
	}
	fclose(in);
	if (ret->failed || ret->len > PATHS_FILE_MAX ||
	    (ret->len && memchr(ret->data, '\0', ret->len)))
		return err_set(err, ERR_CONFIG, "%s is not a text of at most 1 MiB", path);
	return 1;
}

static int
write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd);
}

int
paths_write(const char *path, const char *text, unsigned mode, struct err *err)
{
	char aside[PATHS_MAX];
	int fd;

	if (snprintf(aside, sizeof(aside), "%s.new", path) >= (int)sizeof(aside))
		return err_set(err, ERR_BAD_REQUEST, "the path %.80s... is too long", path);
	if (unlink(aside) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove %s", aside);
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, "cannot make %s", aside);
	if (fchmod(fd, mode) < 0 || write_all(fd, text) < 0) {
		err_errno(err, "cannot write %s", aside);
		close(fd);
		unlink(aside);
		return -1;
	}
	if (close(fd) < 0 || rename(aside, path) < 0) {
		err_errno(err, "cannot put %s in its place", path);
		unlink(aside);
		return -1;
	}
	return 0;
}
