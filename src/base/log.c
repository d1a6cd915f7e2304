/* log.c: see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/valid.h"

enum { LINE_MAX_BYTES = 4096, VALUE_MAX = 64 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const field_names[LOG_FIELDS] = {"request_id", "store", "job", "step"};

static const char *log_program = "store-platform";
static enum log_level log_level = LOG_LEVEL_INFO;
static char bound[LOG_FIELDS][VALUE_MAX];

void
log_open(const char *program, enum log_level level)
{
	log_program = program;
	log_level = level;
}

void
log_bind(enum log_field field, const char *value)
{
	size_t n = value ? strnlen(value, VALUE_MAX - 1) : 0;

	memcpy(bound[field], value ? value : "", n);
	bound[field][n] = '\0';
	valid_clean(bound[field]);
}

/* Appends clean text as the inside of a JSON string; stops before the line is full. */
static size_t
escape(char *line, size_t at, const char *s)
{
	/* A character that was begun is finished: at most three bytes more. */
	for (; *s && (at < LINE_MAX_BYTES - 16 || ((unsigned char)*s & 0xc0) == 0x80); s++) {
		if (*s == '"' || *s == '\\')
			line[at++] = '\\';
		line[at++] = *s;
	}
	return at;
}

static size_t
add_field(char *line, size_t at, const char *name, const char *value)
{
	at += (size_t)snprintf(line + at, LINE_MAX_BYTES - at, "%s\"%s\":\"", at > 1 ? "," : "",
			       name);
	at = escape(line, at, value);
	line[at++] = '"';
	return at;
}

static void
emit(enum log_level level, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES + 8], message[2048], when[CLOCK_TEXT];
	size_t at = 0;

	if (level < log_level)
		return;
	vsnprintf(message, sizeof(message), fmt, ap);
	valid_clean(message);
	line[at++] = '{';
	at = add_field(line, at, "time", clock_rfc3339(clock_wall_ms(), when));
	at = add_field(line, at, "level", level_names[level]);
	at = add_field(line, at, "program", log_program);
	for (int i = 0; i < LOG_FIELDS; i++)
		if (bound[i][0])
			at = add_field(line, at, field_names[i], bound[i]);
	at = add_field(line, at, "message", message);
	line[at++] = '}';
	line[at++] = '\n';
	/* A log that cannot be written has nowhere to complain. */
	if (write(STDERR_FILENO, line, at) < 0)
		return;
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		emit(level, fmt, ap);                                                              \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
