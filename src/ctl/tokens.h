/*
 * tokens.h: the commands of API tokens, for who has the token of an admin. A new
 * one is printed once.
 */
#ifndef CTL_TOKENS_H
#define CTL_TOKENS_H

#include "ctl/command.h"

int tokens_list(const struct command_call *call, struct err *err);
int tokens_create(const struct command_call *call, struct err *err);
int tokens_revoke(const struct command_call *call, struct err *err);

#endif
