/*
 * activity.h: the handlers that tell what has happened: a store's timeline,
 * and the audit log of all.
 */
#ifndef API_ACTIVITY_H
#define API_ACTIVITY_H

#include "api/route.h"

route_handler activity_events, activity_log;

#endif
