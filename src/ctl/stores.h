/*
 * stores.h: the commands of stores. A store is named by its id or by its address
 * name. With --wait a command goes on until what it began has ended, and tells
 * on standard error how far it is.
 */
#ifndef CTL_STORES_H
#define CTL_STORES_H

#include "ctl/command.h"

int stores_list(const struct command_call *call, struct err *err);
int stores_show(const struct command_call *call, struct err *err);
int stores_events(const struct command_call *call, struct err *err);
int stores_create(const struct command_call *call, struct err *err);
int stores_retry(const struct command_call *call, struct err *err);
int stores_delete(const struct command_call *call, struct err *err);

#endif
