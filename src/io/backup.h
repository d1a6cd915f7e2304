/*
 * backup.h: the database as one file: a checked copy of one in use, and the way
 * back. Both keep the rules of db.h: no checkpoint is made.
 *
 * A copy has a temporary name ("FILE.part") until it is whole: written, checked
 * (integrity_check, references, schema), flushed; then it gets its name, mode 0600.
 */
#ifndef IO_BACKUP_H
#define IO_BACKUP_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* Copies the database at path, which may be in use. replace: file may be there already. */
MUST_CHECK int backup_make(const char *path, const char *file, bool replace, struct err *err);

/* ERR_DB_BUSY, with the process, if one has the database at path open. */
MUST_CHECK int backup_unused(const char *path, struct err *err);

/*
 * Puts a copy of file in the place of the database at path, which nobody may have
 * open. What was there is kept under *ret_kept ("" if nothing was). The copy gets a
 * new epoch, so that no answer that a client has kept counts as the same.
 */
enum { BACKUP_NAME = 1100 };
MUST_CHECK int backup_restore(const char *file, const char *path, char ret_kept[BACKUP_NAME],
			      struct err *err);

#endif
