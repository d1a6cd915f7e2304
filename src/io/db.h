/*
 * db.h: the only door to SQLite (with db.c; io/migrate uses this interface).
 *
 * A room of model/ owns one const table of statements. db_prepare() prepares
 * all of it at start, so that a wrong statement is a boot failure. A query is
 * borrowed from the connection, bound by name, stepped, and given back:
 *
 *	CLEANUP(db_donep) struct db_query *q = db_query(db, &store_sql, STORE_GET);
 *	db_bind_text(q, ":id", id);
 *	r = db_step(q, err);		1: a row, 0: no more, -1: err is filled
 *
 * A fault of binding is told by the next db_step(). Column values are valid until
 * the next step or db_done().
 * Every writing transaction begins IMMEDIATE, and in turn (dbturn.h). Only db_checkpoint() checkpoints.
 */
#ifndef IO_DB_H
#define IO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct db;
struct db_query;

struct db_table {
	const char *room, *const *sql;
	int count;
};

#define DB_TABLE(name, array) const struct db_table name = {#name, array, ARRAY_SIZE(array)}

/* Opens (and creates, mode 0660) the file at path in WAL mode; waits busy_ms for locks. */
MUST_CHECK int db_open(struct db **ret, const char *path, int busy_ms, struct err *err);
/* Opens one that is there, of whatever kind, and changes nothing in it. */
MUST_CHECK int db_open_read(struct db **ret, const char *path, int busy_ms, struct err *err);
void db_bound_log(struct db *db); /* it writes no more while the log has 256 MiB */
struct db *db_close(struct db *db);
CLEANUP_FUNC(struct db *, db_close)
/* Prepares the statements of a NULL-terminated list of tables, each table once. */
MUST_CHECK int db_prepare(struct db *db, const struct db_table *const *tables, struct err *err);
/* Several statements without parameters. */
MUST_CHECK int db_script(struct db *db, const char *sql, struct err *err);

/* BEGIN IMMEDIATE; nesting is an error that names the place of the first one. */
#define db_begin(db, err) db_begin_at(db, __FILE__, __LINE__, err)
MUST_CHECK int db_begin_at(struct db *db, const char *file, int line, struct err *err);
/* One consistent view for several reads. Ended by db_rollback(). */
MUST_CHECK int db_begin_read(struct db *db, struct err *err);
MUST_CHECK int db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db); /* harmless where there is no transaction */
CLEANUP_FUNC(struct db *, db_rollback)

struct db_query *db_query(struct db *db, const struct db_table *table, int index);
void db_bind_text(struct db_query *q, const char *name, const char *value); /* NULL: null */
void db_bind_int(struct db_query *q, const char *name, int64_t value);
void db_bind_blob(struct db_query *q, const char *name, const void *data, size_t len);
MUST_CHECK int db_step(struct db_query *q, struct err *err);
MUST_CHECK int db_run(struct db_query *q, struct err *err); /* to the end: rows changed, -1 */
void db_done(struct db_query *q);
CLEANUP_FUNC(struct db_query *, db_done)

const char *db_text(struct db_query *q, int column); /* "" for null */
int64_t db_int(struct db_query *q, int column);
double db_real(struct db_query *q, int column);
const void *db_blob(struct db_query *q, int column, size_t *ret_len);
bool db_null(struct db_query *q, int column);

/* Moves the log into the file; `locker` is a second connection. The frames left, or -1. */
MUST_CHECK int db_checkpoint(struct db *db, struct db *locker, struct err *err);
bool db_moved(struct db *db); /* its file was deleted, or is another one now */
int64_t db_wal_bytes(const char *path); /* of the log; 0 if there is none */
const char *db_library(void);
bool db_library_fixed(void); /* of the WAL-reset bug, which db_checkpoint() avoids */

#endif
