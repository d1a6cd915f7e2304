/* backup.c: see backup.h. */
#include "io/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/dbparts.h"
#include "io/migrate.h"

enum { BUSY_MS = 30000, DB_MODE = 0660, BACKUP_MODE = 0600 };

/* The file's folder, or the file: flushed, since a rename counts only with it. */
static int
flush(const char *path, bool folder, struct err *err)
{
	char name[PATH_MAX];
	char *slash;
	int fd, r;

	snprintf(name, sizeof(name), "%s", path);
	slash = strrchr(name, '/');
	if (folder)
		snprintf(slash ? slash + 1 : name, 2, ".");
	fd = open(name, (folder ? O_RDONLY | O_DIRECTORY : O_RDWR) | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "cannot open %s", name);
	r = fsync(fd) < 0 ? err_errno(err, "cannot write %s", name) : 0;
	close(fd);
	return r;
}

static void
remove_all(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

/* All of it in one read transaction, which writers do not make begin anew. */
static int
copy_pages(struct db *from, struct db *to, struct err *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to->handle, "main", from->handle, "main");
	int rc;

	if (!b)
		return dbparts_fail(to, sqlite3_errcode(to->handle), "backup", err);
	rc = sqlite3_backup_step(b, -1);
	sqlite3_backup_finish(b);
	if (rc == SQLITE_DONE)
		return 0;
	/* The code is of either side; only the copy's has words of its own. */
	return dbparts_fail(to, rc, "backup", err);
}

/* One of ours, whole, and not newer than this program. */
static int
check_copy(const char *path, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	int version = 0;

	if (db_open_read(&db, path, BUSY_MS, err) < 0 || migrate_look(db, &version, err) < 0 ||
	    migrate_verify(db, true, err) < 0)
		return err_prefix(err, "%s", path);
	return version > 0 ? 0
			   : err_set(err, ERR_DB_VERSION, "%s has no tables of Store Platform.", path);
}

/* A copy of from under the name part, then script; nothing stays beside it. */
static int
write_copy(const char *from, const char *part, mode_t mode, const char *script, struct err *err)
{
	CLEANUP(db_closep) struct db *source = NULL;
	CLEANUP(db_closep) struct db *copy = NULL;
	int fd;

	remove_all(part);
	if (db_open_read(&source, from, BUSY_MS, err) < 0)
		return -1;
	fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0 || fchmod(fd, mode) < 0) {
		err_errno(err, "cannot write %s", part);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd); /* before SQLite opens it: a close drops all locks of the process on it */
	if (dbparts_open(&copy, part, SQLITE_OPEN_READWRITE, BUSY_MS, err) < 0)
		return -1;
	/* Of WAL mode it would need two more files wherever it is looked at; db_open() sets it. */
	if (copy_pages(source, copy, err) < 0 || db_script(copy, "PRAGMA journal_mode=DELETE", err) < 0)
		return -1;
	return script ? db_script(copy, script, err) : 0;
}

static int
give_name(const char *part, const char *file, bool replace, struct err *err)
{
	if (replace ? rename(part, file) < 0 : link(part, file) < 0) {
		if (errno == EEXIST)
			return err_set(err, ERR_CONFIG,
				       "%s is there already; choose another name, or use --force.",
				       file);
		return err_errno(err, "cannot make %s", file);
	}
	return flush(file, true, err);
}

int
backup_make(const char *path, const char *file, bool replace, struct err *err)
{
	char part[PATH_MAX];
	int r;

	if (!replace && access(file, F_OK) == 0)
		return err_set(err, ERR_CONFIG,
			       "%s is there already; choose another name, or use --force.", file);
	snprintf(part, sizeof(part), "%s.part", file);
	r = write_copy(path, part, BACKUP_MODE, NULL, err);
	if (r == 0)
		r = check_copy(part, err);
	if (r == 0)
		r = flush(part, false, err);
	if (r == 0)
		r = give_name(part, file, replace, err);
	remove_all(part);
	return r;
}

/* Every open connection has a lock on the file or on its "-shm". */
int
backup_unused(const char *path, struct err *err)
{
	static const char *const ends[] = {"", "-shm"};
	char name[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd, r;

		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		fd = open(name, O_RDWR | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		r = fd < 0 ? -1 : fcntl(fd, F_GETLK, &lock);
		if (r < 0)
			err_errno(err, "cannot look at %s", name);
		if (fd >= 0)
			close(fd);
		if (r < 0)
			return -1;
		if (lock.l_type != F_UNLCK)
			return err_set(err, ERR_DB_BUSY,
				       "Process %d has the database open; stop store-provisioner and "
				       "the pool of store-api first.",
				       (int)lock.l_pid);
	}
	return 0;
}

/*
 * The file belongs to whom the old one did. Who may give nothing away, as in a container,
 * gives it the group, which may write it as well.
 */
static int
take_owner(const char *part, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "%s", path);
	if (chown(part, st.st_uid, st.st_gid) == 0 ||
	    (errno == EPERM && chown(part, (uid_t)-1, st.st_gid) == 0))
		return 0;
	return err_errno(err, "cannot give %s its owner", part);
}

/* The log goes first: beside the new file it would be taken for its own. */
static int
put_aside(const char *path, char ret_kept[BACKUP_NAME], struct err *err)
{
	char log[PATH_MAX], kept_log[PATH_MAX + 8];

	ret_kept[0] = '\0';
	if (access(path, F_OK) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "%s", path);
	snprintf(ret_kept, BACKUP_NAME, "%s.replaced-%lld", path, (long long)clock_wall_ms() / 1000);
	snprintf(log, sizeof(log), "%s-wal", path);
	snprintf(kept_log, sizeof(kept_log), "%s-wal", ret_kept);
	if (link(path, ret_kept) < 0)
		return err_errno(err, "cannot keep the old database as %s", ret_kept);
	if (rename(log, kept_log) < 0 && errno != ENOENT)
		return err_errno(err, "cannot keep %s", log);
	snprintf(log, sizeof(log), "%s-shm", path);
	if (unlink(log) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove %s", log);
	return 0;
}

int
backup_restore(const char *file, const char *path, char ret_kept[BACKUP_NAME], struct err *err)
{
	char part[PATH_MAX];
	int r;

	if (backup_unused(path, err) < 0 || check_copy(file, err) < 0)
		return -1;
	snprintf(part, sizeof(part), "%s.part", path);
	r = write_copy(file, part, DB_MODE,
		       "UPDATE generation SET epoch = lower(hex(randomblob(8)))", err);
	if (r == 0)
		r = check_copy(part, err);
	if (r == 0)
		r = take_owner(part, path, err);
	if (r == 0)
		r = flush(part, false, err);
	if (r == 0)
		r = put_aside(path, ret_kept, err);
	if (r == 0)
		r = give_name(part, path, true, err);
	remove_all(part);
	return r;
}
