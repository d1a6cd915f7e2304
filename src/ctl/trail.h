/*
 * trail.h: the commands of the audit log: whether its chain is whole, and all of
 * it as JSON, one row a line. Both only read.
 */
#ifndef CTL_TRAIL_H
#define CTL_TRAIL_H

#include "ctl/command.h"

int trail_verify(const struct command_call *call, struct err *err);
int trail_export(const struct command_call *call, struct err *err);

#endif
