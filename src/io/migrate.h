/*
 * migrate.h: the schema, as a list of steps. `user_version` counts the steps a
 * file has seen; all missing ones run in one transaction. A file of a newer schema
 * is worked with where its floor says so (io/dbparts.h, DB_FLOOR), and left as it is.
 */
#ifndef IO_MIGRATE_H
#define IO_MIGRATE_H

#include "io/db.h"

enum { MIGRATE_NEWEST = 8 }; /* the schema of this program */

/*
 * Brings db to this program's schema. Refuses a file of another application,
 * and (ERR_DB_VERSION) one that a newer program has written and does not let this
 * one work with, and (ERR_DB_CORRUPT) a damaged one.
 */
MUST_CHECK int migrate_run(struct db *db, struct err *err);

/*
 * Refuses also an older schema, with what brings it to ours; changes nothing.
 * From here on, as after migrate_run(), a change that meets a schema that is not
 * for us is refused with ERR_DB_VERSION.
 */
MUST_CHECK int migrate_require(struct db *db, struct err *err);

/* The same refusals without a change; else the schema that the file has (0: an empty file). */
MUST_CHECK int migrate_look(struct db *db, int *ret_version, struct err *err);

/* Refuses only another application's; the oldest schema whose programs may work with it. */
MUST_CHECK int migrate_read(struct db *db, int *ret_version, int *ret_floor, struct err *err);

/* Reads every page; whole: also every index entry and reference. ERR_DB_CORRUPT. */
MUST_CHECK int migrate_verify(struct db *db, bool whole, struct err *err);

#endif
