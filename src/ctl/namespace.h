/*
 * namespace.h: the commands "storectl namespace ...": what becomes of a
 * namespace of the platform that has no store. Both orders only write a row and
 * a job; the provisioner does the rest, with its locks and its audit.
 */
#ifndef CTL_NAMESPACE_H
#define CTL_NAMESPACE_H

#include "ctl/command.h"

int namespace_list(const struct command_call *call, struct err *err);
int namespace_adopt(const struct command_call *call, struct err *err);
int namespace_remove(const struct command_call *call, struct err *err);

#endif
