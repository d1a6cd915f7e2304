/*
 * log.h: one JSON object a line on standard error, for journald and people.
 * Text is cleaned and escaped, so that nothing a user sends can forge a line.
 * Libraries (every wing but the programs) never log; they return a struct err.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/attr.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* What every later line says beside its message. */
enum log_field { LOG_REQUEST, LOG_STORE, LOG_JOB, LOG_STEP, LOG_FIELDS };

/* program must outlive the process (a literal). */
void log_open(const char *program, enum log_level level);

/* Binds a field to a copy of value (cut at 63 bytes); NULL unbinds it. */
void log_bind(enum log_field field, const char *value);

PRINTF(1, 2) void log_debug(const char *fmt, ...);
PRINTF(1, 2) void log_info(const char *fmt, ...);
PRINTF(1, 2) void log_warn(const char *fmt, ...);
PRINTF(1, 2) void log_error(const char *fmt, ...);

#endif
