/*
 * users.h: the handlers of accounts, for admins. A password that is not given
 * is made and shown once. A new role or password ends the user's sessions.
 */
#ifndef API_USERS_H
#define API_USERS_H

#include "api/route.h"

route_handler users_list, users_create, users_change, users_delete;

#endif
