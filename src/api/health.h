/*
 * health.h: two answers for who watches the platform: "this process answers"
 * and "the platform can do its work", the latter check by check.
 */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "api/route.h"

route_handler health_alive, health_ready;

#endif
