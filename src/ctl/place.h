/*
 * place.h: the platform's own database, for the commands that change it. It is
 * never made here: who makes it first is a daemon, whose file it then is.
 */
#ifndef CTL_PLACE_H
#define CTL_PLACE_H

#include "ctl/command.h"
#include "io/db.h"

/* Opens it, refuses one of another schema than ours, and prepares these statements. */
MUST_CHECK int place_open(const struct command_call *call, const struct db_table *const *tables,
			  struct db **ret, struct err *err);

#endif
