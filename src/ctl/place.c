/* place.c: see place.h. */
#include "ctl/place.h"

#include <unistd.h>

#include "io/migrate.h"
#include "io/seal.h"

enum { BUSY_MS = 10000 };

int
place_open(const struct command_call *call, const struct db_table *const *tables, struct db **ret,
	   struct err *err)
{
	const char *path = call->conf->database_path;

	if (seal_init(err) < 0)
		return -1;
	if (access(path, R_OK | W_OK) < 0) {
		err_errno(err, "cannot write %s", path);
		return err_prefix(err, "Start store-api first, and run this as root");
	}
	return db_open(ret, path, BUSY_MS, err) < 0 || migrate_require(*ret, err) < 0 ||
			       db_prepare(*ret, tables, err) < 0
		       ? -1
		       : 0;
}
