/*
 * door.c: a libFuzzer target, and what t/unit/test_door replays: the FastCGI front,
 * given any bytes for a connection. What comes of them is answered, and then a
 * request that is sound has to arrive whole.
 */
#include "fuzz.h"

#include <assert.h>
#include <setjmp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/guard.h"
#include "api/route.h"
#include "io/seal.h"

enum { BYTES_MAX = 64 * 1024 };

/* Begin, parameters, their end, and no body. */
static const char sound[] = "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
			    "\1\4\0\1\0\45\0\0\16\3REQUEST_METHODGET\14\4DOCUMENT_URI/end"
			    "\1\4\0\1\0\0\0\0\1\5\0\1\0\0\0\0";

static jmp_buf too_much;
static struct sockaddr_un address;
static socklen_t address_len;

/* Descriptor 0 becomes a listening socket without a file. */
static void
open_door(void)
{
	struct err err = ERR_INIT;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sun_family = AF_UNIX;
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	address_len = sizeof(address);
	CHECK(getsockname(fd, (struct sockaddr *)&address, &address_len) == 0);
	CHECK(listen(fd, 8) == 0 && dup2(fd, 0) == 0);
	close(fd);
	CHECK(seal_init(&err) == 0 && req_open(&err) == 0);
}

static int
send_bytes(const void *bytes, size_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, address_len) == 0);
	CHECK(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
	CHECK(shutdown(fd, SHUT_WR) == 0);
	return fd;
}

/* What serve() looks at before it knows anybody. */
static void
answer(const struct req *req, struct err *fault)
{
	struct caller nobody = {.kind = CALLER_NOBODY};
	struct answer a = ANSWER_INIT;
	struct route_match match;
	struct query query;

	CHECK(valid_uuid(req->id) && strlen(req->path) < REQ_PATH);
	CHECK(fault->code != ERR_NONE || req->path[0] == '/');
	CHECK(!req->body || req->body[req->body_len] == '\0');
	if (fault->code == ERR_NONE && route_find(req->method, req->path, &match, fault) == 0 &&
	    match.route && guard_machine(req, fault) == 0 &&
	    guard_rule(req, match.route, &nobody, fault) == 0 &&
	    guard_origin(req, match.route, &nobody, fault) == 0 &&
	    guard_body(req, match.route, fault) == 0)
		(void)!query_parse(&query, req->query, match.route->keys, fault);
	answer_error(&a, fault, req->id);
	req_answer(req, &a);
	answer_free(&a);
}

/* libfcgi forgets 48 bytes where a connection breaks in a body, and asks for what a peer tells it to. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=64";
}

/*
 * To a length of 2 GiB libfcgi's own answer is this: one process less, which the
 * pool replaces (t/110-pool.t). Nobody but nginx can send one.
 */
void
__assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
	if (strcmp(function, "Malloc") == 0 && strstr(file, "fcgiapp"))
		longjmp(too_much, 1);
	fprintf(stderr, "%s:%u: %s: not so: %s\n", file, line, function, what);
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct req req;
	static int fds[2];
	struct err fault, err = ERR_INIT;

	if (len > BYTES_MAX)
		return 0;
	if (!address_len)
		open_door();
	fds[0] = send_bytes(data, len);
	fds[1] = send_bytes(sound, sizeof(sound) - 1);
	if (setjmp(too_much))
		req_close(&req);
	do {
		CHECK(req_next(&req, &fault, &err) == 1);
		answer(&req, &fault);
		req_close(&req);
	} while (strcmp(req.path, "/end") != 0);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
