/*
 * req.h: the only door to libfcgi: one request in, one answer out.
 *
 * The path is DOCUMENT_URI alone, which nginx has decoded and normalised. A
 * second source (SCRIPT_NAME, REQUEST_URI) would be a second opinion about what
 * was asked for, so a request without it is refused.
 *
 * libfcgi has no time limit anywhere. The process waits for a connection with
 * epoll(7); from then until the answer is sent it is watched, and a peer that is
 * silent for REQ_SECONDS costs this process, which its supervisor replaces.
 */
#ifndef API_REQ_H
#define API_REQ_H

#include "api/answer.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/valid.h"

enum {
	REQ_BODY_MAX = 64 * 1024,
	REQ_PATH = 512,
	REQ_QUERY = 2048,
	REQ_WORD = 256,
	REQ_COOKIE = 8192, /* nginx takes no longer header line */
	REQ_SECONDS = 20,
};

struct req {
	char id[VALID_UUID_BYTES]; /* ours, fresh */
	char method[16];
	char path[REQ_PATH];
	char query[REQ_QUERY];
	char type[REQ_WORD];
	char remote[64];
	char host[REQ_WORD];	   /* "" if it was not told */
	char fetch_site[REQ_WORD]; /* what a browser says about the page that asks */
	char origin[REQ_WORD];	   /* and which page that is */
	char own_origin[REQ_WORD + 16]; /* where the request came to, as a browser writes it */
	char authorization[REQ_WORD];
	char cookie[REQ_COOKIE];
	char idempotency_key[REQ_WORD];
	char if_none_match[REQ_QUERY];
	char *body; /* NUL-terminated; NULL: none */
	size_t body_len;
};

/* Once a process. Descriptor 0 has to be a listening socket. */
MUST_CHECK int req_open(struct err *err);

/*
 * Waits for the next request. 1: ret is filled; 0: SIGTERM or SIGINT has come;
 * -1: fatal. What is wrong with the request itself is in *fault (else
 * ERR_NONE), and it has to be answered all the same. Ended by req_close().
 */
MUST_CHECK int req_next(struct req *ret, struct err *fault, struct err *err);

/* Sends the answer; a client that is gone is no error. */
void req_answer(const struct req *req, const struct answer *a);

/* Wipes body and credentials, and lets the connection go. */
void req_close(struct req *req);

#endif
