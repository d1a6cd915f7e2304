/*
 * import.h: the command that takes over stores and audit log of the platform
 * that this one grew out of, out of its database file, which is only read.
 * Nothing is deleted, and nothing in the cluster is touched: a store that was
 * imported is listed, and its namespace stays the other platform's.
 */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include "ctl/command.h"

int import_run(const struct command_call *call, struct err *err);

#endif
