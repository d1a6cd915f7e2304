/*
 * workload.h: whether a workload has reached what its object asks for, as a
 * pure function of the object. The rules and their order are those of kstatus
 * (fluxcd/cli-utils pkg/kstatus/status/core.go): an answer counts only when
 * the controller has seen the newest generation.
 */
#ifndef CLUSTER_WORKLOAD_H
#define CLUSTER_WORKLOAD_H

#include "io/json.h"

enum workload_state { WORKLOAD_WAITING, WORKLOAD_READY, WORKLOAD_FAILED };

/* object: a StatefulSet, Deployment or Job; anything else is WORKLOAD_WAITING. */
enum workload_state workload_state(const struct json *object);

/* The member of status.conditions whose type and status ("True") are these, or NULL. */
struct json *workload_condition(const struct json *object, const char *type, const char *status);

#endif
