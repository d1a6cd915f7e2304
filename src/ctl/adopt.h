/*
 * adopt.h: the command that makes a store of a namespace in the cluster: of one
 * of the platform whose row is lost (namespace.h), or of a shop that was here
 * before it (cluster/seed.h). The second is prepared first: its Secrets are kept
 * from the next upgrade, then its namespace gets our labels, then the row is
 * written. What was cut short anywhere is done by doing it again: the label
 * carries the id of the row that is to come.
 */
#ifndef CTL_ADOPT_H
#define CTL_ADOPT_H

#include "ctl/command.h"

int adopt_run(const struct command_call *call, struct err *err);

#endif
