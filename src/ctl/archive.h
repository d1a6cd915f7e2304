/*
 * archive.h: the command "storectl db archive": a folder for each backup, with all
 * that one has (the checked copy of the database and both key files), named by its
 * time, and as many of them kept as are wanted. A daily timer runs it.
 */
#ifndef CTL_ARCHIVE_H
#define CTL_ARCHIVE_H

#include "ctl/command.h"

int archive_make(const struct command_call *call, struct err *err);

#endif
