/*
 * create.h: the handler of POST /api/stores: fields checked, password sealed,
 * and then store, job, audit row and kept answer in one transaction.
 */
#ifndef API_CREATE_H
#define API_CREATE_H

#include "api/route.h"

route_handler create_store;

#endif
