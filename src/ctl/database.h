/*
 * database.h: the commands "storectl db ...". None of them changes the database
 * that the programs use, but migrate and restore, which refuse while they run.
 */
#ifndef CTL_DATABASE_H
#define CTL_DATABASE_H

#include "ctl/command.h"

int database_check(const struct command_call *call, struct err *err);
int database_schema(const struct command_call *call, struct err *err);
int database_migrate(const struct command_call *call, struct err *err);
int database_backup(const struct command_call *call, struct err *err);
int database_restore(const struct command_call *call, struct err *err);

#endif
