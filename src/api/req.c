/* req.c: see req.h. */
#include "api/req.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/proc.h"
#include "io/seal.h"

enum { LISTEN_FD = 0, REARM_MS = 1000, LOOK_EVERY = 16 };

static FCGX_Request fcgi;
static int signal_fd = -1, wait_fd = -1;
static volatile sig_atomic_t in_hand; /* a connection */

/* What req_next() copies out of the request; a longer value is a fault. */
static const struct {
	const char *name;
	size_t name_len, offset, size;
} params[] = {
#define FIELD(name, member)                                                                        \
	{name, sizeof(name) - 1, offsetof(struct req, member), sizeof(((struct req *)0)->member)}
	FIELD("REQUEST_METHOD", method),
	FIELD("DOCUMENT_URI", path),
	FIELD("QUERY_STRING", query),
	FIELD("CONTENT_TYPE", type),
	FIELD("REMOTE_ADDR", remote),
	FIELD("HTTP_HOST", host),
	FIELD("HTTP_SEC_FETCH_SITE", fetch_site),
	FIELD("HTTP_ORIGIN", origin),
	FIELD("OWN_ORIGIN", own_origin),
	FIELD("HTTP_AUTHORIZATION", authorization),
	FIELD("HTTP_COOKIE", cookie),
	FIELD("HTTP_IDEMPOTENCY_KEY", idempotency_key),
	FIELD("HTTP_IF_NONE_MATCH", if_none_match),
#undef FIELD
};

/* Only async-signal-safe calls; the request in hand has a peer that says nothing. */
static void
give_up(int signo)
{
	static const char line[] = "{\"level\":\"warn\",\"program\":\"store-api\",\"message\":"
				   "\"a connection stood still; this process makes way\"}\n";

	(void)signo;
	if (!in_hand)
		return;
	(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
	_exit(1);
}

/*
 * From here on a peer is waited for. The alarm is set anew once a second at most:
 * a connection in hand has REQ_SECONDS, or a second less, and costs no system call.
 */
static void
watch(void)
{
	static int64_t armed_at;
	int64_t now = clock_mono_ms();

	if (!armed_at || now < armed_at || now - armed_at >= REARM_MS) {
		alarm(REQ_SECONDS);
		armed_at = now;
	}
	in_hand = 1;
}

/*
 * The processes of the pool wait for the same socket. A connection wakes one of
 * them (EPOLLEXCLUSIVE); with poll(2) it would wake all, for nothing.
 */
static int
open_wait(struct err *err)
{
	struct epoll_event on_signal = {.events = EPOLLIN, .data.fd = signal_fd};
	struct epoll_event on_peer = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = LISTEN_FD};

	wait_fd = epoll_create1(EPOLL_CLOEXEC);
	if (wait_fd < 0 || epoll_ctl(wait_fd, EPOLL_CTL_ADD, signal_fd, &on_signal) < 0 ||
	    epoll_ctl(wait_fd, EPOLL_CTL_ADD, LISTEN_FD, &on_peer) < 0)
		return err_errno(err, "epoll");
	return 0;
}

int
req_open(struct err *err)
{
	const struct sigaction watchdog = {.sa_handler = give_up};
	int listening = 0, flags;
	socklen_t len = sizeof(listening);

	if (getsockopt(LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening)
		return err_set(err, ERR_CONFIG,
			       "Descriptor 0 is not a listening socket. store-api serves FastCGI: "
			       "start it with spawn-fcgi, multiwatch or systemd.");
	/* Several processes wait for the same connection; those who lose go on waiting. */
	flags = fcntl(LISTEN_FD, F_GETFL);
	if (flags < 0 || fcntl(LISTEN_FD, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_errno(err, "descriptor 0");
	signal_fd = proc_signal_fd(false, err);
	if (signal_fd < 0)
		return -1;
	if (open_wait(err) < 0)
		return -1;
	if (sigaction(SIGALRM, &watchdog, NULL) < 0)
		return err_errno(err, "sigaction");
	/*
	 * Without this libfcgi, where it closes a connection (of a peer that spoke no FastCGI),
	 * waits up to two seconds for the peer to close first.
	 */
	if (setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) < 0)
		return err_errno(err, "setenv");
	if (FCGX_Init() != 0 || FCGX_InitRequest(&fcgi, LISTEN_FD, 0) != 0)
		return err_set(err, ERR_SYSTEM, "libfcgi cannot be set up");
	return 0;
}

/* 1: there may be a connection; 0: told to end; -1. */
static int
await(struct err *err)
{
	struct epoll_event seen[2];
	int n;

	do {
		n = epoll_wait(wait_fd, seen, ARRAY_SIZE(seen), -1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(err, "epoll_wait");
	for (int i = 0; i < n; i++) {
		if (seen[i].data.fd == signal_fd)
			return 0;
		if (seen[i].events & EPOLLERR)
			return err_set(err, ERR_SYSTEM, "descriptor 0 is of no use any more");
	}
	return 1;
}

/*
 * 1: a connection was taken and its parameters were read; 0: told to end; -1.
 * While there is much to do the next one waits already, and most often it is
 * taken without asking first; a word to end is looked for all the same.
 */
static int
accept_next(struct err *err)
{
	static unsigned turn;
	bool ask = ++turn % LOOK_EVERY == 0;

	for (;; ask = true) {
		int r = ask ? await(err) : 1;

		if (r <= 0)
			return r;
		watch();
		r = FCGX_Accept_r(&fcgi);
		if (r == 0)
			return 1;
		in_hand = 0;
		/* Another process was faster, or the peer was gone or spoke no FastCGI. */
		if (r != -EAGAIN && r != -EINTR && r != -ECONNABORTED)
			return err_set(err, ERR_SYSTEM, "no connection can be taken: %d", r);
	}
}

/* One parameter, "NAME=value"; of two with the same name the first counts. */
static void
read_param(const char *text, struct req *ret, bool seen[ARRAY_SIZE(params)], struct err *fault)
{
	const char *value = strchr(text, '=');
	size_t i = 0, name = value ? (size_t)(value - text) : 0, len;

	while (i < ARRAY_SIZE(params) &&
	       (params[i].name_len != name || memcmp(params[i].name, text, name) != 0))
		i++;
	if (!value || i == ARRAY_SIZE(params) || seen[i])
		return;
	seen[i] = true;
	len = strlen(++value);
	if (len < params[i].size)
		memcpy((char *)ret + params[i].offset, value, len + 1);
	else
		err_set(fault, ERR_BAD_REQUEST, "%s of the request is too long.", params[i].name);
}

static void
read_params(struct req *ret, struct err *fault)
{
	bool seen[ARRAY_SIZE(params)] = {false};

	/* What is beyond the end of a text is of no meaning: it is not cleared each time. */
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		((char *)ret)[params[i].offset] = '\0';
	for (char **at = fcgi.envp; *at; at++)
		read_param(*at, ret, seen, fault);
	if (fault->code == ERR_NONE && (!ret->method[0] || ret->path[0] != '/'))
		err_set(fault, ERR_BAD_REQUEST, "The request has no method or no path.");
}

static void
read_body(struct req *ret, struct err *fault)
{
	const char *text = FCGX_GetParam("CONTENT_LENGTH", fcgi.envp);
	int64_t len;
	int n;

	if (!text || !*text)
		return;
	if (!valid_int(text, 0, INT64_MAX, &len)) {
		err_set(fault, ERR_BAD_REQUEST, "Content-Length is not a number.");
		return;
	}
	if (len > REQ_BODY_MAX) {
		err_set(fault, ERR_BODY_TOO_LARGE, "The body may have %d bytes at most.",
			REQ_BODY_MAX);
		return;
	}
	if (len == 0)
		return;
	ret->body = malloc((size_t)len + 1);
	if (!ret->body) {
		err_set(fault, ERR_INTERNAL, "out of memory");
		return;
	}
	n = FCGX_GetStr(ret->body, (int)len, fcgi.in);
	ret->body_len = n > 0 ? (size_t)n : 0;
	ret->body[ret->body_len] = '\0';
	if (n != (int)len)
		err_set(fault, ERR_BAD_REQUEST, "The body is shorter than its Content-Length.");
}

int
req_next(struct req *ret, struct err *fault, struct err *err)
{
	int r;

	ret->body = NULL;
	ret->body_len = 0;
	*fault = (struct err)ERR_INIT;
	r = accept_next(err);
	if (r <= 0)
		return r;
	seal_uuid(ret->id);
	read_params(ret, fault);
	if (fault->code == ERR_NONE)
		read_body(ret, fault);
	return 1;
}

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{201, "Created"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{503, "Service Unavailable"},
		{507, "Insufficient Storage"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Status";
}

/* Not printf: there are several in every answer. */
static void
write_field(struct buf *out, const char *name, const char *value)
{
	if (!*value)
		return;
	buf_str(out, name);
	buf_str(out, value);
	buf_str(out, "\r\n");
}

/* Everything but the body; no value here has a byte that a client chose. */
static void
write_head(const struct req *req, const struct answer *a, struct buf *out)
{
	buf_printf(out, "Status: %d %s\r\n", a->status, reason(a->status));
	write_field(out, "X-Request-Id: ", req->id);
	write_field(out, "Cache-Control: ", a->etag[0] ? "no-cache" : "no-store");
	write_field(out, "ETag: ", a->etag);
	write_field(out, "Location: ", a->location);
	write_field(out, "Allow: ", a->allow);
	write_field(out, "Link: ", a->link);
	write_field(out, "Set-Cookie: ", a->cookie);
	if (a->total)
		buf_printf(out, "X-Total-Count: %lld\r\n", (long long)a->total - 1);
	if (a->status == 401)
		buf_str(out, "WWW-Authenticate: Bearer\r\n");
	if (a->retry_after)
		buf_printf(out, "Retry-After: %d\r\n", a->retry_after);
	if (a->type && a->status != 304 && a->status != 204)
		buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", a->type,
			   answer_body(a)->len);
	buf_str(out, "\r\n");
}

void
req_answer(const struct req *req, const struct answer *a)
{
	bool whole = strcmp(req->method, "HEAD") != 0 && a->status != 304 && a->status != 204;
	const struct buf *body = answer_body(a);
	struct buf head = BUF_INIT;

	write_head(req, a, &head);
	if (FCGX_PutStr(buf_text(&head), (int)head.len, fcgi.out) < 0 ||
	    (whole && FCGX_PutStr(buf_text(body), (int)body->len, fcgi.out) < 0))
		log_debug("the client is gone");
	buf_free(&head);
}

void
req_close(struct req *req)
{
	char rest[1024];

	if (req->body) {
		seal_wipe(req->body, req->body_len);
		free(req->body);
		req->body = NULL;
	}
	seal_wipe(req->authorization, strlen(req->authorization));
	seal_wipe(req->cookie, strlen(req->cookie));
	while (fcgi.in && FCGX_GetStr(rest, sizeof(rest), fcgi.in) > 0)
		;
	/*
	 * Closed here whatever the peer wishes, since a connection that is kept would pin the
	 * process, and not by libfcgi, which takes four system calls for it. All of the
	 * request was read, so that the peer gets the answer and no reset.
	 */
	fcgi.keepConnection = 1;
	FCGX_Finish_r(&fcgi);
	if (fcgi.ipcFd >= 0)
		close(fcgi.ipcFd);
	fcgi.ipcFd = -1;
	in_hand = 0;
}
