/*
 * metrics.h: the platform's figures, as JSON with the keys that dashboards
 * know, and in the Prometheus text format (version 0.0.4).
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "api/route.h"

route_handler metrics_json, metrics_text;

#endif
