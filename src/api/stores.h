/*
 * stores.h: the handlers of stores. A change, its job and its audit row are
 * one transaction; the provisioner is woken after it, and the answer is sent
 * last, so that a client that is gone undoes nothing.
 */
#ifndef API_STORES_H
#define API_STORES_H

#include "api/route.h"

route_handler stores_list, stores_get, stores_create, stores_delete, stores_retry;

#endif
