/*
 * namespace.h: the commands "storectl namespace ...": what becomes of a
 * namespace of the platform that has no store. An order only writes a row and
 * a job; the provisioner does the rest, with its locks and its audit.
 */
#ifndef CTL_NAMESPACE_H
#define CTL_NAMESPACE_H

#include "ctl/order.h"

int namespace_list(const struct command_call *call, struct err *err);
int namespace_remove(const struct command_call *call, struct err *err);

/* The address name in a namespace's name, lent by it; NULL if there is none. */
const char *namespace_slug(const char *name);

/* Gives an order about a namespace that is known to have no store, and tells it. */
MUST_CHECK int namespace_give(const struct command_call *call, struct db *db,
			      const struct order *order, struct err *err);

#endif
