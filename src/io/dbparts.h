/*
 * dbparts.h: what a connection is made of, for the files of this wing that know
 * SQLite (db.c, dbopen.c, migrate.c, backup.c). Everybody else includes io/db.h.
 */
#ifndef IO_DBPARTS_H
#define IO_DBPARTS_H

#include <sqlite3.h>

#include "io/db.h"
#include "io/dbturn.h"

enum { DB_ROOMS = 16, WAL_MAX_BYTES = 256 * 1024 * 1024 };
enum { DB_APPLICATION = 0x53746f72 }; /* application_id of our files: "Stor" */
/*
 * user_version is the schema of the file, and in thousands its floor: the oldest
 * schema whose programs may work with it (8009: schema 9, also for programs of 8).
 * Without thousands the schema is its own floor.
 */
enum { DB_FLOOR = 1000 };
#define DB_BUSY "The database is busy; try again in a moment."
#define DB_FOREIGN "The database file belongs to another application; set DATABASE_PATH."
#define DB_OUTDATED                                                                                \
	"The database has schema %d by now, and this program was made for %d: a newer "            \
	"store-platform has changed it. Nothing was changed; restart this program."
#define DB_DAMAGED                                                                                 \
	"The platform's database is damaged (%.300s). Stop the programs and give it a backup: "    \
	"storectl db restore FILE"

struct db_query {
	struct db *db;
	sqlite3_stmt *stmt;
	int fault; /* first SQLITE_* code of a bind */
};

struct room {
	const struct db_table *table;
	struct db_query *queries;
};

/* Begins and ends of transactions, prepared with the connection, so that they always can end. */
enum db_frame { DB_READ, DB_WRITE, DB_COMMIT, DB_ROLLBACK, DB_FRAMES };

struct db {
	sqlite3 *handle;
	struct room rooms[DB_ROOMS];
	int nrooms;
	sqlite3_stmt *frames[DB_FRAMES];
	struct dbturn turn;
	int busy_ms;
	int64_t busy_since;
	unsigned nap_seed;
	bool bounded; /* db_bound_log() */
	int schema;   /* of this program, for which every change asks; 0: it does not */
	sqlite3_stmt *version;
	char opener[64]; /* who began the open transaction */
};

int dbparts_floor(int user_version);

/* Fills err out of a code of SQLite; what: the statement or what was done. Returns -1. */
int dbparts_fail(struct db *db, int rc, const char *what, struct err *err);

/* Prepares db->frames; the file is not looked at for it. */
MUST_CHECK int dbparts_prepare(struct db *db, struct err *err);

/* A file that is there, as it is: no schema, no change to WAL. flags: SQLITE_OPEN_... */
MUST_CHECK int dbparts_open(struct db **ret, const char *path, int flags, int busy_ms,
			    struct err *err);

#endif
