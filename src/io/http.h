/*
 * http.h: the only door to libcurl. One client keeps its connections alive;
 * every request has a deadline and a ceiling for the answer, no proxy of the
 * environment is used, and no redirect is followed.
 *
 * A request that got an answer succeeds, whatever its status: the caller knows
 * what a status means. Without an answer the error is ERR_CLUSTER_UNREACHABLE
 * with libcurl's reason, or ERR_STOPPED when the stop descriptor got readable.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct http;

/* PEM texts, of the authorities a text or a file; NULL: the system's, no client certificate. */
struct http_tls {
	const char *ca_file;
	const char *ca;
	const char *cert;
	const char *key;
};

struct http_request {
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	const char *body;	    /* NULL: none */
	size_t body_len;
	int64_t deadline; /* monotonic */
	size_t max_bytes; /* of the answer's body */
	const char *socket; /* path of a unix socket to speak through; NULL: none */
	const char *connect_to; /* ADDRESS:PORT instead of the URL's host; NULL or "": as DNS says */
};

struct http_answer {
	int status;
	int retry_after; /* seconds; 0: not said */
	struct buf body;
};

/* stop_fd: gets readable when a request has to be given up; -1: never. */
MUST_CHECK int http_open(struct http **ret, const struct http_tls *tls, int stop_fd,
			 struct err *err);
void http_close(struct http *http);
CLEANUP_FUNC(struct http *, http_close)

/* ret's body is the caller's to free, also after an error. */
MUST_CHECK int http_do(struct http *http, const struct http_request *request,
		       struct http_answer *ret, struct err *err);
/* For CLEANUP. */
void http_answer_free(struct http_answer *answer);

#endif
