/* dbopen.c: the file below a connection, for db.h: opening, settings, checkpoints. */
#include "io/dbparts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/ballast.h"

/* The log keeps the room that it had, for to write over old blocks costs half of new ones. */
enum { DB_MODE = 0660, WAL_KEEP_BYTES = 64 * 1024 * 1024, ANSWER = 32 };

/*
 * SQLite's own busy handler backs off to naps of 100 ms and starves writers; ours
 * are random, 0.2 to 0.8 ms, until busy_ms have passed.
 */
static int
nap(void *arg, int count)
{
	struct db *db = arg;
	struct timespec ts = {0, 0};

	if (count == 0)
		db->busy_since = clock_mono_ms();
	else if (clock_mono_ms() - db->busy_since > db->busy_ms)
		return 0;
	ts.tv_nsec = 200000 + rand_r(&db->nap_seed) % 600000;
	nanosleep(&ts, NULL);
	return 1;
}

/* The file exists with our mode before SQLite would make it with 0644; -wal and -shm copy it. */
static int
create_file(const char *path, struct err *err)
{
	int fd;

	do {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, DB_MODE);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return errno == EEXIST ? 0 : err_errno(err, "cannot create %s", path);
	if (fchmod(fd, DB_MODE) < 0) {
		err_errno(err, "cannot set the mode of %s", path);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static int
keep_text(void *text, int columns, char **values, char **names)
{
	(void)names;
	snprintf(text, ANSWER, "%s", columns == 1 && values[0] ? values[0] : "");
	return 0;
}

/* The one value that a statement gives, as text. */
static int
ask(struct db *db, const char *sql, char ret[ANSWER], struct err *err)
{
	int rc = sqlite3_exec(db->handle, sql, keep_text, ret, NULL);

	return rc == SQLITE_OK ? 0 : dbparts_fail(db, rc, sql, err);
}

/*
 * A file that is not ours stays as it is: the change to WAL would be the first
 * thing that we do to it. Ours are in WAL mode from their first moment.
 */
static int
spare_foreign(struct db *db, struct err *err)
{
	char mode[ANSWER] = "", application[ANSWER] = "", objects[ANSWER] = "";

	if (ask(db, "PRAGMA journal_mode", mode, err) < 0 ||
	    ask(db, "PRAGMA application_id", application, err) < 0 ||
	    ask(db, "SELECT count(*) FROM sqlite_schema", objects, err) < 0)
		return -1;
	if (strcmp(mode, "wal") == 0 || strtol(application, NULL, 10) == DB_APPLICATION ||
	    (strcmp(application, "0") == 0 && strcmp(objects, "0") == 0))
		return 0;
	return err_set(err, ERR_DB_VERSION, DB_FOREIGN);
}

/* What every connection is bound to, one that only reads too. */
static int
restrain(struct db *db, struct err *err)
{
	int rc = sqlite3_busy_handler(db->handle, nap, db);

	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc != SQLITE_OK)
		return dbparts_fail(db, rc, "configure", err);
	return db_script(db, "PRAGMA trusted_schema=OFF; PRAGMA wal_autocheckpoint=0", err);
}

static int
configure(struct db *db, struct err *err)
{
	static const char pragmas[] = "PRAGMA journal_mode=WAL;"
				      "PRAGMA synchronous=FULL;"
				      "PRAGMA foreign_keys=ON;"
				      "PRAGMA secure_delete=ON;"
				      "PRAGMA schema_version;"; /* a first look, which makes log and index */
	char limit[64], mode[ANSWER] = "";

	if (restrain(db, err) < 0 || spare_foreign(db, err) < 0)
		return -1;
	snprintf(limit, sizeof(limit), "PRAGMA journal_size_limit=%d", WAL_KEEP_BYTES);
	if (db_script(db, pragmas, err) < 0 || db_script(db, limit, err) < 0 ||
	    ask(db, "PRAGMA journal_mode", mode, err) < 0)
		return -1;
	return strcmp(mode, "wal") == 0
		       ? 0
		       : err_set(err, ERR_DB_FAILED,
				 "the file system cannot share memory between processes (WAL); use "
				 "a local one");
}

/* The change of a new file to WAL reports "busy" at once, without asking the busy handler. */
static int
configure_patiently(struct db *db, struct err *err)
{
	int64_t until = clock_mono_ms() + db->busy_ms;
	int r;

	do {
		r = configure(db, err);
	} while (r < 0 && err->code == ERR_DB_BUSY && clock_mono_ms() < until && nap(db, 1));
	return r;
}

static struct db *
connect(const char *path, int flags, int busy_ms, struct err *err)
{
	struct db *db = calloc(1, sizeof(*db));
	int rc;

	if (!db) {
		err_errno(err, "cannot open %s", path);
		return NULL;
	}
	db->turn.fd = -1;
	db->busy_ms = busy_ms;
	db->nap_seed = (unsigned)getpid() ^ (unsigned)clock_wall_ms();
	rc = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		dbparts_fail(db, rc, "open", err);
		err_prefix(err, "%s", path);
		return db_close(db);
	}
	sqlite3_extended_result_codes(db->handle, 1);
	db->busy_since = clock_mono_ms();
	return dbparts_prepare(db, err) < 0 ? db_close(db) : db;
}

int
db_open(struct db **ret, const char *path, int busy_ms, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	mode_t mask;
	int r;

	if (create_file(path, err) < 0)
		return -1;
	db = connect(path, SQLITE_OPEN_READWRITE, busy_ms, err);
	if (!db)
		return -1;
	/*
	 * SQLite gives the log and its index the file's mode, but under a strict umask only
	 * after it has made them: who opens the index just then may never write with it.
	 */
	mask = umask(0);
	r = configure_patiently(db, err);
	/* On a full disk even reading needs a little room, once. */
	if (r < 0 && err->code == ERR_DB_FULL && ballast_drop(path))
		r = configure_patiently(db, err);
	umask(mask);
	if (r < 0 || dbturn_open(&db->turn, path, err) < 0)
		return err_prefix(err, "%s", path);
	*ret = db;
	db = NULL;
	return 0;
}

int
dbparts_open(struct db **ret, const char *path, int flags, int busy_ms, struct err *err)
{
	CLEANUP(db_closep) struct db *db = connect(path, flags, busy_ms, err);

	if (!db)
		return -1;
	if (restrain(db, err) < 0)
		return err_prefix(err, "%s", path);
	*ret = db;
	db = NULL;
	return 0;
}

int
db_open_read(struct db **ret, const char *path, int busy_ms, struct err *err)
{
	return dbparts_open(ret, path, SQLITE_OPEN_READONLY, busy_ms, err);
}

int
db_checkpoint(struct db *db, struct db *locker, struct err *err)
{
	int in_log = 0, moved = 0, rc;

	/*
	 * While the locker has the write lock no writer starts the log anew. Without it
	 * SQLite 3.40 loses rows: https://sqlite.org/wal.html#walresetbug
	 */
	if (db_begin(locker, err) < 0)
		return -1;
	rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
	db_rollback(locker);
	if (rc != SQLITE_OK)
		return dbparts_fail(db, rc, "checkpoint", err);
	return in_log - moved;
}

bool
db_moved(struct db *db)
{
	int moved = 0;

	return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		       SQLITE_OK &&
	       moved;
}

int64_t
db_wal_bytes(const char *path)
{
	char wal[4096];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	return stat(wal, &st) == 0 ? (int64_t)st.st_size : 0;
}

const char *
db_library(void)
{
	return sqlite3_libversion();
}

bool
db_library_fixed(void)
{
	int n = sqlite3_libversion_number();

	return n >= 3051003 || (n >= 3050007 && n < 3051000) || (n >= 3044006 && n < 3045000);
}
