/*
 * err.c: the table of failures. One row a code; nothing else maps a failure
 * to a status or decides whether it is worth another attempt.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/valid.h"

static const struct {
	const char *word;
	int http;
	enum err_class class;
} kinds[ERR_CODES] = {
	[ERR_NONE] = {"none", 200, ERR_TERMINAL},
	[ERR_INTERNAL] = {"internal_error", 500, ERR_TERMINAL},
	[ERR_BAD_REQUEST] = {"bad_request", 400, ERR_TERMINAL},
	[ERR_BAD_JSON] = {"bad_json", 400, ERR_TERMINAL},
	[ERR_VALIDATION] = {"validation_failed", 400, ERR_TERMINAL},
	[ERR_ENGINE_UNAVAILABLE] = {"engine_unavailable", 400, ERR_TERMINAL},
	[ERR_BAD_CURSOR] = {"bad_cursor", 400, ERR_TERMINAL},
	[ERR_UNAUTHORIZED] = {"unauthorized", 401, ERR_TERMINAL},
	[ERR_LOGIN_FAILED] = {"login_failed", 401, ERR_TERMINAL},
	[ERR_LOGIN_LOCKED] = {"login_locked", 429, ERR_TERMINAL},
	[ERR_LOGIN_BUSY] = {"login_busy", 429, ERR_TERMINAL},
	[ERR_SETUP_REFUSED] = {"setup_refused", 403, ERR_TERMINAL},
	[ERR_FORBIDDEN] = {"forbidden", 403, ERR_TERMINAL},
	[ERR_NOT_OWNER] = {"not_owner", 403, ERR_TERMINAL},
	[ERR_LOOPBACK_ONLY] = {"loopback_only", 403, ERR_TERMINAL},
	[ERR_CROSS_SITE] = {"cross_site", 403, ERR_TERMINAL},
	[ERR_ROUTE_NOT_FOUND] = {"route_not_found", 404, ERR_TERMINAL},
	[ERR_STORE_NOT_FOUND] = {"store_not_found", 404, ERR_TERMINAL},
	[ERR_USER_NOT_FOUND] = {"user_not_found", 404, ERR_TERMINAL},
	[ERR_TOKEN_NOT_FOUND] = {"token_not_found", 404, ERR_TERMINAL},
	[ERR_METHOD_NOT_ALLOWED] = {"method_not_allowed", 405, ERR_TERMINAL},
	[ERR_DUPLICATE_NAME] = {"duplicate_name", 409, ERR_TERMINAL},
	[ERR_STORE_LIMIT] = {"store_limit", 409, ERR_TERMINAL},
	[ERR_USER_LIMIT] = {"user_store_limit", 409, ERR_TERMINAL},
	[ERR_QUEUE_LIMIT] = {"queue_limit", 409, ERR_TERMINAL},
	[ERR_DUPLICATE_USER] = {"duplicate_user", 409, ERR_TERMINAL},
	[ERR_LAST_ADMIN] = {"last_admin", 409, ERR_TERMINAL},
	[ERR_NOT_FAILED] = {"not_failed", 409, ERR_TERMINAL},
	[ERR_KEY_REUSED] = {"idempotency_key_reused", 422, ERR_TERMINAL},
	[ERR_BODY_TOO_LARGE] = {"body_too_large", 413, ERR_TERMINAL},
	[ERR_MEDIA_TYPE] = {"unsupported_media_type", 415, ERR_TERMINAL},
	[ERR_NOT_STARTED] = {"provisioner_not_started", 503, ERR_OUTAGE},
	[ERR_DB_BUSY] = {"database_busy", 503, ERR_OUTAGE},
	[ERR_DB_FULL] = {"disk_full", 507, ERR_OUTAGE},
	[ERR_DB_UNUSABLE] = {"database_unusable", 503, ERR_OUTAGE},
	[ERR_DB_CORRUPT] = {"database_corrupt", 503, ERR_OUTAGE},
	[ERR_DB_CONSTRAINT] = {"database_constraint", 500, ERR_TERMINAL},
	[ERR_DB_FAILED] = {"database_failed", 500, ERR_OUTAGE},
	[ERR_DB_VERSION] = {"database_version", 503, ERR_OUTAGE},
	[ERR_CONFIG] = {"configuration", 500, ERR_OUTAGE},
	[ERR_SYSTEM] = {"system_error", 500, ERR_OUTAGE},
	[ERR_CLUSTER_UNREACHABLE] = {"cluster_unreachable", 503, ERR_OUTAGE},
	[ERR_CLUSTER_UNAUTHORIZED] = {"cluster_unauthorized", 503, ERR_OUTAGE},
	[ERR_CLUSTER_FORBIDDEN] = {"cluster_forbidden", 503, ERR_TERMINAL},
	[ERR_CLUSTER_CONFLICT] = {"cluster_conflict", 503, ERR_TRANSIENT},
	[ERR_CLUSTER_THROTTLED] = {"cluster_throttled", 503, ERR_TRANSIENT},
	[ERR_CLUSTER_FAILED] = {"cluster_failed", 503, ERR_TRANSIENT},
	[ERR_CLUSTER_ANSWER] = {"cluster_bad_answer", 503, ERR_OUTAGE},
	[ERR_CLUSTER_REFUSED] = {"cluster_refused", 503, ERR_TERMINAL},
	[ERR_HELM_UNUSABLE] = {"helm_unusable", 503, ERR_OUTAGE},
	[ERR_HELM_FAILED] = {"helm_failed", 503, ERR_TRANSIENT},
	[ERR_CHART_FAILED] = {"chart_failed", 503, ERR_TERMINAL},
	[ERR_RELEASE_STATE] = {"release_not_deployed", 503, ERR_TRANSIENT},
	[ERR_RELEASE_UNREADABLE] = {"release_unreadable", 503, ERR_TERMINAL},
	[ERR_NAMESPACE_FOREIGN] = {"namespace_not_ours", 409, ERR_TERMINAL},
	[ERR_NAMESPACE_TERMINATING] = {"namespace_terminating", 503, ERR_TRANSIENT},
	[ERR_PASSWORD_LOST] = {"admin_password_lost", 409, ERR_TERMINAL},
	[ERR_STORE_STUCK] = {"store_stuck", 503, ERR_TERMINAL},
	[ERR_INIT_FAILED] = {"init_job_failed", 503, ERR_TRANSIENT},
	[ERR_NOT_GONE] = {"not_gone", 503, ERR_TRANSIENT},
	[ERR_DEADLINE] = {"deadline_exceeded", 503, ERR_TERMINAL},
	[ERR_WORKER_DIED] = {"worker_died", 503, ERR_TRANSIENT},
	[ERR_STOPPED] = {"stopped", 503, ERR_INTERRUPTED},
	[ERR_LEASE_LOST] = {"lease_lost", 503, ERR_INTERRUPTED},
};

int
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->retry_after = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	valid_clean(err->text); /* it may end in half a character, or quote a program's output */
	return -1;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	va_list ap;
	size_t n;

	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", old);
	valid_clean(err->text);
	return -1;
}

int
err_errno(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	err->code = saved == ENOSPC || saved == EDQUOT ? ERR_DB_FULL : ERR_SYSTEM;
	err->retry_after = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	snprintf(err->text + n, sizeof(err->text) - n, ": %s", strerror(saved));
	valid_clean(err->text);
	errno = saved;
	return -1;
}

const char *
err_word(enum err_code code)
{
	return kinds[code].word;
}

int
err_http(enum err_code code)
{
	return kinds[code].http;
}

enum err_class
err_class(enum err_code code)
{
	return kinds[code].class;
}
