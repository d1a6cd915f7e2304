/*
 * errcode.h: the failures that the platform knows, and their classes. err.c
 * has the table of what each means; err.h is what others include.
 */
#ifndef BASE_ERRCODE_H
#define BASE_ERRCODE_H

enum err_class {
	ERR_TERMINAL,	 /* trying again changes nothing: fail with the sentence */
	ERR_TRANSIENT,	 /* try again after a pause; costs an attempt */
	ERR_OUTAGE,	 /* the platform's own surroundings are down: wait, costs no attempt */
	ERR_INTERRUPTED, /* we were told to stop: hand the job back as it was */
};

enum err_code {
	ERR_NONE,
	/* answers to a client */
	ERR_INTERNAL,
	ERR_BAD_REQUEST,
	ERR_BAD_JSON,
	ERR_VALIDATION,
	ERR_ENGINE_UNAVAILABLE,
	ERR_LOOPBACK_ONLY,
	ERR_CROSS_SITE,
	ERR_ROUTE_NOT_FOUND,
	ERR_STORE_NOT_FOUND,
	ERR_METHOD_NOT_ALLOWED,
	ERR_DUPLICATE_NAME,
	ERR_STORE_LIMIT,
	ERR_NOT_FAILED,
	ERR_BODY_TOO_LARGE,
	ERR_MEDIA_TYPE,
	ERR_NOT_STARTED,
	/* database */
	ERR_DB_BUSY,
	ERR_DB_FULL,
	ERR_DB_UNUSABLE,
	ERR_DB_CORRUPT,
	ERR_DB_CONSTRAINT,
	ERR_DB_FAILED,
	ERR_DB_VERSION,
	/* set-up of a program */
	ERR_CONFIG,
	ERR_SYSTEM,
	/* cluster */
	ERR_CLUSTER_UNREACHABLE,
	ERR_CLUSTER_UNAUTHORIZED,
	ERR_CLUSTER_FORBIDDEN,
	ERR_CLUSTER_CONFLICT,
	ERR_CLUSTER_THROTTLED,
	ERR_CLUSTER_FAILED,
	ERR_CLUSTER_ANSWER,
	ERR_CLUSTER_REFUSED,
	/* a store's job */
	ERR_HELM_UNUSABLE,
	ERR_HELM_FAILED,
	ERR_CHART_FAILED,
	ERR_RELEASE_STATE,
	ERR_RELEASE_UNREADABLE,
	ERR_NAMESPACE_FOREIGN,
	ERR_NAMESPACE_TERMINATING,
	ERR_PASSWORD_LOST,
	ERR_STORE_STUCK,
	ERR_INIT_FAILED,
	ERR_NOT_GONE,
	ERR_DEADLINE,
	ERR_WORKER_DIED,
	ERR_STOPPED,
	ERR_LEASE_LOST,
	ERR_CODES
};

#endif
