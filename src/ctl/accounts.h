/*
 * accounts.h: the commands of accounts that need no account: the first admin of
 * all, and a way back in for who has lost his password. They write to the
 * database itself, as "storectl" in the audit log.
 *
 * A password comes from the terminal, without being shown, or as the first
 * line of standard input; never from an argument. With --generate one is made
 * and printed.
 */
#ifndef CTL_ACCOUNTS_H
#define CTL_ACCOUNTS_H

#include "ctl/command.h"

int accounts_add(const struct command_call *call, struct err *err);
int accounts_list(const struct command_call *call, struct err *err);
int accounts_passwd(const struct command_call *call, struct err *err);
int accounts_role(const struct command_call *call, struct err *err);
int accounts_remove(const struct command_call *call, struct err *err);

#endif
