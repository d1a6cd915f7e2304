/*
 * archive.c: see archive.h. A backup is made in the folder ".part" and gets its name
 * when it is whole and flushed. Removed is only what has the form of such a name,
 * and in it only the files that a backup has.
 */
#include "ctl/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/valid.h"
#include "io/backup.h"
#include "io/keyring.h"
#include "io/proc.h"
#include "io/seal.h"

enum { KEEP = 14, KEEP_MAX = 3650, KEY_MAX = 4096 };

#define DATABASE "store-platform.db"
#define PART ".part"

/* 2026-11-25T031500.123Z: in the order of names the newest is the last. */
static const char name_form[] = "dddd-dd-ddTdddddd.dddZ";
enum { NAME = sizeof(name_form) };

/* Key files of a folder of the configuration; a key has older ones beside it (keyring.h). */
static const struct {
	const char *name;
	bool of_api, needed;
} keys[] = {
	{"seal.key", false, true},
	{"platform", false, false},
	{"api.key", true, true},
};

static void
name_of(int64_t wall_ms, char ret[NAME])
{
	char text[CLOCK_TEXT];
	size_t n = 0;

	clock_rfc3339(wall_ms, text);
	for (const char *s = text; *s && n + 1 < NAME; s++)
		if (*s != ':')
			ret[n++] = *s;
	ret[n] = '\0';
}

static int
has_form(const struct dirent *entry)
{
	const char *s = entry->d_name;
	size_t i;

	for (i = 0; name_form[i] && s[i]; i++)
		if (name_form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != name_form[i])
			return 0;
	return name_form[i] == s[i];
}

/* Whether a backup has a file of that name. */
static bool
is_part(const char *name)
{
	if (strcmp(name, DATABASE) == 0 || strcmp(name, DATABASE ".part") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = strlen(keys[i].name);

		if (strncmp(name, keys[i].name, n) == 0 &&
		    (name[n] == '\0' || (name[n] == '.' && keyring_is_id(name + n + 1))))
			return true;
	}
	return false;
}

/* A backup, whole or not. What else somebody has put there is not touched. */
static int
remove_backup(const char *folder, const char *name, struct err *err)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int r = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read %s", path);
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (is_part(entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) < 0)
			r = err_errno(err, "cannot remove %s/%s", path, entry->d_name);
	closedir(dir);
	return r < 0 || rmdir(path) == 0 ? r : err_errno(err, "cannot remove %s", path);
}

static int
flush_folder(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : fsync(fd);

	if (r < 0)
		err_errno(err, "cannot flush %s", path);
	if (fd >= 0)
		close(fd);
	return r;
}

static int
write_key(const char *path, const char *key, ssize_t n, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 || write(fd, key, (size_t)n) != n || fsync(fd) < 0 ? -1 : 0;

	if (r < 0)
		err_errno(err, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	return r;
}

/* Copies from/name into PART. 1: there is no such file; 0; -1. */
static int
copy_key(const char *from, const char *folder, const char *name, struct err *err)
{
	char path[PATH_MAX], key[KEY_MAX];
	ssize_t n;
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", from, name);
	/* Its folder belongs to a daemon, whose link could lead anywhere. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 1;
	n = fd < 0 ? -1 : read(fd, key, sizeof(key));
	if (n < 0)
		err_errno(err, "cannot read %s", path);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/" PART "/%s", folder, name);
	r = write_key(path, key, n, err);
	seal_wipe(key, sizeof(key));
	return r;
}

/* A key with those that were current before it. 1: it is missing, which was told; 0; -1. */
static int
copy_keys(const char *from, const char *folder, const char *name, bool needed, struct err *err)
{
	char ids[KEYRING_MAX][KEYRING_ID], old[KEYRING_PATH];
	int r = copy_key(from, folder, name, err), n;

	if (r < 0)
		return -1;
	if (r > 0 && needed)
		printf("%s/%s is not there, and not in this backup; see storectl db check.\n", from,
		       name);
	if (r > 0)
		return needed;
	n = keyring_retired(from, name, ids, err);
	for (int i = 0; i < n; i++) {
		snprintf(old, sizeof(old), "%s.%s", name, ids[i]);
		if (copy_key(from, folder, old, err) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

/* All of a backup, under the name PART. Returns how many keys are missing, -1. */
static int
fill(const struct conf *conf, const char *folder, struct err *err)
{
	char part[PATH_MAX], copy[PATH_MAX];
	int missing = 0;

	if (remove_backup(folder, PART, err) < 0)
		return -1;
	snprintf(part, sizeof(part), "%s/" PART, folder);
	if (mkdir(part, 0700) < 0)
		return err_errno(err, "cannot make %s", part);
	snprintf(copy, sizeof(copy), "%s/" PART "/" DATABASE, folder);
	if (backup_make(conf->database_path, copy, false, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		int r = copy_keys(keys[i].of_api ? conf->api_dir : conf->provisioner_dir, folder,
				  keys[i].name, keys[i].needed, err);

		if (r < 0)
			return -1;
		missing += r;
	}
	return flush_folder(part, err) < 0 ? -1 : missing;
}

static int
give_name(const char *folder, const char *name, struct err *err)
{
	char part[PATH_MAX], path[PATH_MAX];

	snprintf(part, sizeof(part), "%s/" PART, folder);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (rename(part, path) < 0)
		return err_errno(err, "cannot make %s", path);
	return flush_folder(folder, err);
}

/* The oldest go until keep are left. With a clock that was put back, new is not the newest. */
static int
thin_out(const char *folder, const char *new, int keep, struct err *err)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, has_form, alphasort), left = n, r = 0;

	if (n < 0)
		return err_errno(err, "cannot read %s", folder);
	for (int i = 0; i < n; i++) {
		if (r == 0 && left > keep && strcmp(list[i]->d_name, new) != 0) {
			r = remove_backup(folder, list[i]->d_name, err);
			if (r == 0)
				printf("%s/%s was removed.\n", folder, list[i]->d_name);
			left--;
		}
		free(list[i]);
	}
	free(list);
	return r;
}

int
archive_make(const struct command_call *call, struct err *err)
{
	const char *folder = call->args[0], *wish = command_option(call, "keep");
	char path[PATH_MAX], name[NAME];
	int64_t keep = KEEP;
	int lock, missing = -1;

	if (wish && !valid_int(wish, 1, KEEP_MAX, &keep))
		return err_set(err, ERR_BAD_REQUEST, "--keep takes a number from 1 to %d", KEEP_MAX);
	if (access(call->conf->database_path, R_OK) < 0)
		return err_errno(err, "cannot read %s", call->conf->database_path);
	snprintf(path, sizeof(path), "%s/.lock", folder);
	lock = proc_lock(path);
	if (lock < 0)
		return errno == EWOULDBLOCK
			       ? err_set(err, ERR_CONFIG, "another backup is being made in %s", folder)
			       : err_errno(err, "cannot write %s", path);
	name_of(clock_wall_ms(), name);
	missing = fill(call->conf, folder, err);
	if (missing < 0 || give_name(folder, name, err) < 0) {
		struct err ignored = ERR_INIT;

		(void)!remove_backup(folder, PART, &ignored);
		close(lock);
		return -1;
	}
	printf("%s/%s is a backup of database and keys.\n", folder, name);
	if (thin_out(folder, name, (int)keep, err) < 0)
		missing = -1;
	close(lock);
	return missing > 0 ? 1 : missing;
}
