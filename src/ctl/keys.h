/*
 * keys.h: the commands "storectl keys ...": the files of keys, which rows still
 * need those of before, and a new key in the place of one. The programs run on
 * meanwhile.
 */
#ifndef CTL_KEYS_H
#define CTL_KEYS_H

#include "ctl/command.h"

int keys_list(const struct command_call *call, struct err *err);
int keys_replace(const struct command_call *call, struct err *err);

#endif
