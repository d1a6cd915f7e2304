/* db.c: see db.h. */
#include "io/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { DB_ROOMS = 16, DB_MODE = 0660, WAL_KEEP_BYTES = 4 * 1024 * 1024 };

struct db_query {
	struct db *db;
	sqlite3_stmt *stmt;
	int fault; /* first SQLITE_* code of a bind */
};

struct room {
	const struct db_table *table;
	struct db_query *queries;
};

struct db {
	sqlite3 *handle;
	struct room rooms[DB_ROOMS];
	int nrooms;
	int busy_ms;
	int64_t busy_since;
	unsigned nap_seed;
	char opener[64]; /* who began the open transaction */
};

static int
fail(struct db *db, int rc, const char *what, struct err *err)
{
	const char *why = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_DB_BUSY, "The database is busy; try again in a moment.");
	case SQLITE_FULL:
		return err_set(err, ERR_DB_FULL,
			       "The disk of the platform's database is full; nothing was changed.");
	case SQLITE_CONSTRAINT:
		return err_set(err, ERR_DB_CONSTRAINT, "%s", why);
	case SQLITE_READONLY:
	case SQLITE_IOERR:
		return err_set(err, ERR_DB_FULL,
			       "The platform's database cannot be written (%s); nothing was changed.",
			       why);
	default:
		return err_set(err, ERR_DB_FAILED, "database: %s, in: %.200s", why, what);
	}
}

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
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, DB_MODE);

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
note_wal(void *wal, int columns, char **values, char **names)
{
	(void)names;
	*(bool *)wal = columns == 1 && values[0] && strcmp(values[0], "wal") == 0;
	return 0;
}

static int
configure(struct db *db, struct err *err)
{
	static const char pragmas[] = "PRAGMA journal_mode=WAL;"
				      "PRAGMA synchronous=FULL;"
				      "PRAGMA foreign_keys=ON;"
				      "PRAGMA secure_delete=ON;"
				      "PRAGMA trusted_schema=OFF;"
				      "PRAGMA wal_autocheckpoint=0;";
	char limit[64];
	bool wal = false;
	int rc;

	rc = sqlite3_busy_handler(db->handle, nap, db);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, "configure", err);
	snprintf(limit, sizeof(limit), "PRAGMA journal_size_limit=%d", WAL_KEEP_BYTES);
	if (db_script(db, pragmas, err) < 0 || db_script(db, limit, err) < 0)
		return -1;
	rc = sqlite3_exec(db->handle, "PRAGMA journal_mode", note_wal, &wal, NULL);
	if (rc != SQLITE_OK)
		return fail(db, rc, "journal_mode", err);
	return wal ? 0
		   : err_set(err, ERR_DB_FAILED,
			     "the file system cannot share memory between processes (WAL); use a "
			     "local one");
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

int
db_open(struct db **ret, const char *path, int busy_ms, struct err *err)
{
	CLEANUP(db_closep) struct db *db = calloc(1, sizeof(*db));
	int rc;

	if (!db)
		return err_errno(err, "cannot open %s", path);
	db->busy_ms = busy_ms;
	db->nap_seed = (unsigned)getpid() ^ (unsigned)clock_wall_ms();
	if (create_file(path, err) < 0)
		return -1;
	rc = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		fail(db, rc, "open", err);
		return err_prefix(err, "%s", path);
	}
	sqlite3_extended_result_codes(db->handle, 1);
	db->busy_since = clock_mono_ms();
	if (configure_patiently(db, err) < 0)
		return err_prefix(err, "%s", path);
	*ret = db;
	db = NULL;
	return 0;
}

struct db *
db_close(struct db *db)
{
	if (!db)
		return NULL;
	for (int i = 0; i < db->nrooms; i++) {
		for (int j = 0; j < db->rooms[i].table->count; j++)
			sqlite3_finalize(db->rooms[i].queries[j].stmt);
		free(db->rooms[i].queries);
	}
	sqlite3_close_v2(db->handle);
	free(db);
	return NULL;
}

int
db_prepare(struct db *db, const struct db_table *const *tables, struct err *err)
{
	for (; *tables; tables++) {
		struct room *room = &db->rooms[db->nrooms];

		if (db->nrooms == DB_ROOMS)
			return err_set(err, ERR_INTERNAL, "database: too many statement tables");
		room->queries = calloc((size_t)(*tables)->count, sizeof(*room->queries));
		if (!room->queries)
			return err_errno(err, "database");
		room->table = *tables;
		db->nrooms++;
		for (int i = 0; i < (*tables)->count; i++) {
			int rc = sqlite3_prepare_v3(db->handle, (*tables)->sql[i], -1,
						    SQLITE_PREPARE_PERSISTENT,
						    &room->queries[i].stmt, NULL);
			if (rc != SQLITE_OK) {
				fail(db, rc, (*tables)->sql[i], err);
				return err_prefix(err, "statement %d of %s", i, (*tables)->room);
			}
			room->queries[i].db = db;
		}
	}
	return 0;
}

int
db_script(struct db *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(db, rc, sql, err);
}

int
db_begin_at(struct db *db, const char *file, int line, struct err *err)
{
	if (!sqlite3_get_autocommit(db->handle))
		return err_set(err, ERR_INTERNAL, "database: %s:%d begins inside %s", file, line,
			       db->opener);
	if (db_script(db, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	snprintf(db->opener, sizeof(db->opener), "%s:%d", file, line);
	return 0;
}

int
db_begin_read(struct db *db, struct err *err)
{
	if (!sqlite3_get_autocommit(db->handle))
		return err_set(err, ERR_INTERNAL, "database: a read transaction begins inside %s",
			       db->opener);
	if (db_script(db, "BEGIN", err) < 0)
		return -1;
	snprintf(db->opener, sizeof(db->opener), "a read transaction");
	return 0;
}

int
db_commit(struct db *db, struct err *err)
{
	if (db_script(db, "COMMIT", err) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

void
db_rollback(struct db *db)
{
	/* A failed ROLLBACK means that SQLite has rolled back already. */
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

struct db_query *
db_query(struct db *db, const struct db_table *table, int index)
{
	for (int i = 0; i < db->nrooms; i++)
		if (db->rooms[i].table == table) {
			struct db_query *q = &db->rooms[i].queries[index];

			db_done(q);
			return q;
		}
	/* A room that its program never prepared: a fault of the program, found by any test. */
	abort();
}

static int
parameter(struct db_query *q, const char *name)
{
	int at = sqlite3_bind_parameter_index(q->stmt, name);

	if (at == 0 && q->fault == SQLITE_OK)
		q->fault = SQLITE_RANGE;
	return at;
}

static void
note(struct db_query *q, int rc)
{
	if (rc != SQLITE_OK && q->fault == SQLITE_OK)
		q->fault = rc;
}

void
db_bind_text(struct db_query *q, const char *name, const char *value)
{
	note(q, value ? sqlite3_bind_text(q->stmt, parameter(q, name), value, -1, SQLITE_TRANSIENT)
		      : sqlite3_bind_null(q->stmt, parameter(q, name)));
}

void
db_bind_int(struct db_query *q, const char *name, int64_t value)
{
	note(q, sqlite3_bind_int64(q->stmt, parameter(q, name), value));
}

void
db_bind_blob(struct db_query *q, const char *name, const void *data, size_t len)
{
	note(q, data ? sqlite3_bind_blob64(q->stmt, parameter(q, name), data, len, SQLITE_TRANSIENT)
		     : sqlite3_bind_null(q->stmt, parameter(q, name)));
}

int
db_step(struct db_query *q, struct err *err)
{
	int rc = q->fault;

	if (rc != SQLITE_OK)
		return err_set(err, ERR_INTERNAL, "database: %s in: %s", sqlite3_errstr(rc),
			       sqlite3_sql(q->stmt));
	rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	fail(q->db, rc, sqlite3_sql(q->stmt), err);
	sqlite3_reset(q->stmt);
	return -1;
}

int
db_run(struct db_query *q, struct err *err)
{
	int r;

	do {
		r = db_step(q, err);
	} while (r > 0);
	return r < 0 ? -1 : sqlite3_changes(q->db->handle);
}

void
db_done(struct db_query *q)
{
	if (!q)
		return;
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	q->fault = SQLITE_OK;
}

const char *
db_text(struct db_query *q, int column)
{
	const unsigned char *s = sqlite3_column_text(q->stmt, column);

	return s ? (const char *)s : "";
}

int64_t
db_int(struct db_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

double
db_real(struct db_query *q, int column)
{
	return sqlite3_column_double(q->stmt, column);
}

const void *
db_blob(struct db_query *q, int column, size_t *ret_len)
{
	const void *data = sqlite3_column_blob(q->stmt, column);

	*ret_len = (size_t)sqlite3_column_bytes(q->stmt, column);
	return data;
}

bool
db_null(struct db_query *q, int column)
{
	return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

int
db_checkpoint(struct db *db, struct db *locker, struct err *err)
{
	int in_log = 0, moved = 0, rc;

	/* Without it SQLite 3.40 loses rows: https://sqlite.org/wal.html#walresetbug */
	if (db_begin(locker, err) < 0)
		return -1;
	rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
	db_rollback(locker);
	if (rc != SQLITE_OK)
		return fail(db, rc, "checkpoint", err);
	return in_log - moved;
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
