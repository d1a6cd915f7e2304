/* db.c: see db.h: statements and transactions. The file itself is dbopen.c's. */
#include "io/dbparts.h"

#include <stdio.h>
#include <stdlib.h>

int
dbparts_fail(struct db *db, int rc, const char *what, struct err *err)
{
	const char *why = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc);

	/* The second: a new "-shm" file, which even a reader needs, found no room. */
	if ((rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_SHMSIZE)
		return err_set(err, ERR_DB_FULL,
			       "The disk of the platform's database is full; nothing was changed.");
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_DB_BUSY, DB_BUSY);
	case SQLITE_CONSTRAINT:
		return err_set(err, ERR_DB_CONSTRAINT, "%s", why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ERR_DB_CORRUPT, DB_DAMAGED, why);
	case SQLITE_READONLY:
	case SQLITE_IOERR:
		return err_set(err, ERR_DB_UNUSABLE,
			       "The platform's database cannot be used (%s); nothing was changed.",
			       why);
	default:
		return err_set(err, ERR_DB_FAILED, "database: %s, in: %.200s", why, what);
	}
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
	sqlite3_finalize(db->version);
	for (int i = 0; i < DB_FRAMES; i++)
		sqlite3_finalize(db->frames[i]);
	sqlite3_close_v2(db->handle);
	dbturn_close(&db->turn);
	free(db);
	return NULL;
}

static bool
is_prepared(const struct db *db, const struct db_table *table)
{
	for (int i = 0; i < db->nrooms; i++)
		if (db->rooms[i].table == table)
			return true;
	return false;
}

int
db_prepare(struct db *db, const struct db_table *const *tables, struct err *err)
{
	for (; *tables; tables++) {
		struct room *room = &db->rooms[db->nrooms];

		if (is_prepared(db, *tables))
			continue;
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
				dbparts_fail(db, rc, (*tables)->sql[i], err);
				return err_prefix(err, "statement %d of %s", i, (*tables)->room);
			}
			room->queries[i].db = db;
		}
	}
	return 0;
}

static const char *const frames[DB_FRAMES] = {
	[DB_READ] = "BEGIN",
	[DB_WRITE] = "BEGIN IMMEDIATE",
	[DB_COMMIT] = "COMMIT",
	[DB_ROLLBACK] = "ROLLBACK",
};

int
dbparts_prepare(struct db *db, struct err *err)
{
	for (int i = 0; i < DB_FRAMES; i++) {
		int rc = sqlite3_prepare_v3(db->handle, frames[i], -1, SQLITE_PREPARE_PERSISTENT,
					    &db->frames[i], NULL);

		if (rc != SQLITE_OK)
			return dbparts_fail(db, rc, frames[i], err);
	}
	return 0;
}

static int
run_frame(struct db *db, enum db_frame frame, struct err *err)
{
	int rc = sqlite3_step(db->frames[frame]);

	if (rc != SQLITE_DONE)
		dbparts_fail(db, rc, frames[frame], err);
	sqlite3_reset(db->frames[frame]);
	return rc == SQLITE_DONE ? 0 : -1;
}

int
db_script(struct db *db, const char *sql, struct err *err)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : dbparts_fail(db, rc, sql, err);
}

/*
 * A log that cannot start anew grows with each write until the disk is full. It
 * gets short by the next write after a whole checkpoint: who checkpoints has to
 * be able to write, so not every connection is bounded.
 */
static int
check_log(struct db *db, struct err *err)
{
	const char *path = sqlite3_db_filename(db->handle, "main");

	if (!db->bounded || !path || db_wal_bytes(path) < WAL_MAX_BYTES)
		return 0;
	return err_set(err, ERR_DB_BUSY,
		       "The database's log has reached %d MiB, since some process reads without end "
		       "or store-provisioner is not running; nothing was changed. Start "
		       "store-provisioner, or restart the pool.",
		       WAL_MAX_BYTES >> 20);
}

void
db_bound_log(struct db *db)
{
	db->bounded = true;
}

int
dbparts_floor(int user_version)
{
	return user_version < DB_FLOOR ? user_version : user_version / DB_FLOOR;
}

/* A newer program may have brought the file to a schema whose rules we do not know. */
static int
check_schema(struct db *db, struct err *err)
{
	static const char sql[] = "PRAGMA user_version";
	int rc = SQLITE_OK, found;

	if (db->schema == 0)
		return 0;
	if (!db->version)
		rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
					&db->version, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(db->version);
	if (rc != SQLITE_ROW)
		return dbparts_fail(db, rc, sql, err);
	found = sqlite3_column_int(db->version, 0);
	sqlite3_reset(db->version);
	if (found == db->schema ||
	    (found % DB_FLOOR >= db->schema && dbparts_floor(found) <= db->schema))
		return 0;
	return err_set(err, ERR_DB_VERSION, DB_OUTDATED, found % DB_FLOOR, db->schema);
}

int
db_begin_at(struct db *db, const char *file, int line, struct err *err)
{
	if (!sqlite3_get_autocommit(db->handle))
		return err_set(err, ERR_INTERNAL, "database: %s:%d begins inside %s", file, line,
			       db->opener);
	if (check_log(db, err) < 0 || dbturn_take(&db->turn, db->busy_ms, err) < 0)
		return -1;
	if (run_frame(db, DB_WRITE, err) < 0 || check_schema(db, err) < 0) {
		db_rollback(db);
		return -1;
	}
	snprintf(db->opener, sizeof(db->opener), "%s:%d", file, line);
	return 0;
}

int
db_begin_read(struct db *db, struct err *err)
{
	if (!sqlite3_get_autocommit(db->handle))
		return err_set(err, ERR_INTERNAL, "database: a read transaction begins inside %s",
			       db->opener);
	if (run_frame(db, DB_READ, err) < 0)
		return -1;
	snprintf(db->opener, sizeof(db->opener), "a read transaction");
	return 0;
}

int
db_commit(struct db *db, struct err *err)
{
	int r = run_frame(db, DB_COMMIT, err);

	if (r < 0)
		db_rollback(db);
	dbturn_end(&db->turn);
	return r;
}

void
db_rollback(struct db *db)
{
	struct err ignored = ERR_INIT;

	/* A failed ROLLBACK means that SQLite has rolled back already. */
	if (!sqlite3_get_autocommit(db->handle))
		(void)!run_frame(db, DB_ROLLBACK, &ignored);
	dbturn_end(&db->turn);
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
	dbparts_fail(q->db, rc, sqlite3_sql(q->stmt), err);
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
