/*
 * migrate.h: the schema, as a list of steps. `user_version` counts the steps a
 * file has seen; all missing ones run in one transaction.
 */
#ifndef IO_MIGRATE_H
#define IO_MIGRATE_H

#include "io/db.h"

/*
 * Brings db to this program's schema. Refuses a file of another application,
 * and (ERR_DB_VERSION) one that a newer program has written.
 */
MUST_CHECK int migrate_run(struct db *db, struct err *err);

#endif
