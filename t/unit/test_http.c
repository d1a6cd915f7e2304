/* test_http.c: the HTTP client against a small server that behaves badly on request. */
#include "tool.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http.h"

/* What the server says to a path; NULL: nothing, until the client goes away. */
static const struct {
	const char *path, *answer;
} answers[] = {
	{"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"},
	{"/none", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"},
	{"/empty", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
	{"/moved", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	{"/later", "HTTP/1.1 429 No\r\nretry-after: 7\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	{"/date", "HTTP/1.1 503 No\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n"
		  "Content-Length: 0\r\nConnection: close\r\n\r\n"},
	{"/huge", "HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\n"
		  "Content-Length: 0\r\nConnection: close\r\n\r\n"},
	{"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf"},
	{"/garbage", "\x16\x03\x01\x00 this is not HTTP\r\n\r\n"},
	{"/hang", NULL},
};

static int port, server;

static void
answer(int conn)
{
	char request[4096] = "";
	size_t len = 0;
	ssize_t n;

	/* A request here fits one buffer; its body follows within the same write. */
	while (!strstr(request, "\r\n\r\n") && len < sizeof(request) - 1 &&
	       (n = read(conn, request + len, sizeof(request) - 1 - len)) > 0)
		len += (size_t)n;
	tool_write(tool_path("request"), request);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const char *text = answers[i].answer;

		if (!strstr(request, answers[i].path))
			continue;
		if (text && write(conn, text, strlen(text)) < 0)
			return;
		if (!text)
			while (read(conn, request, sizeof(request)) > 0)
				;
		return;
	}
}

static int
serve(void *arg)
{
	int listener = *(int *)arg, conn;

	while ((conn = accept(listener, NULL, NULL)) >= 0) {
		answer(conn);
		close(conn);
	}
	return 1;
}

static int
start(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (tool_setup(state) < 0 || listener < 0 ||
	    bind(listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(listener, 16) < 0 ||
	    getsockname(listener, (struct sockaddr *)&sa, &len) < 0)
		return -1;
	port = ntohs(sa.sin_port);
	server = tool_fork(serve, &listener);
	return close(listener);
}

static int
stop(void **state)
{
	kill(server, SIGKILL);
	return tool_wait(server) == 128 + SIGKILL ? tool_teardown(state) : -1;
}

/* One GET by a client of its own; request may be NULL. */
static int
get(const char *path, const struct http_request *more, struct http_answer *ret, int stop_fd)
{
	static const struct http_tls no_tls;
	CLEANUP(http_closep) struct http *http = NULL;
	struct http_request r = {.method = "GET", .max_bytes = 1000};
	char url[200];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	if (more)
		r = *more;
	if (!r.url)
		r.url = url;
	if (!r.deadline)
		r.deadline = clock_mono_ms() + TOOL_PATIENCE_MS;
	OK(http_open(&http, &no_tls, stop_fd, E));
	return http_do(http, &r, ret, E);
}

static void
tells_every_status(void **state)
{
	static const struct {
		const char *path;
		int status, retry_after;
		const char *body;
	} cases[] = {
		{"/ok", 200, 0, "hello"}, {"/none", 404, 0, "{}"}, {"/empty", 204, 0, ""},
		{"/moved", 302, 0, ""},	  {"/later", 429, 7, ""},  {"/date", 503, 0, ""},
		{"/huge", 503, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_answer a;

		OK(get(cases[i].path, NULL, &a, -1));
		assert_int_equal(a.status, cases[i].status);
		assert_int_equal(a.retry_after, cases[i].retry_after);
		assert_string_equal(buf_text(&a.body), cases[i].body);
		http_answer_free(&a);
	}
}

static void
sends_what_it_is_given(void **state)
{
	static const char *const headers[] = {"Content-Type: application/json", "X-One: 1", NULL};
	const struct http_request r = {.method = "PATCH", .headers = headers, .body = "{\"a\":1}",
				       .body_len = 7, .max_bytes = 1000};
	struct http_answer a;
	const char *seen;

	(void)state;
	OK(get("/ok", &r, &a, -1));
	http_answer_free(&a);
	seen = tool_read(tool_path("request"));
	assert_contains(seen, "PATCH /ok HTTP/1.1\r\n");
	assert_contains(seen, "Content-Type: application/json\r\n");
	assert_contains(seen, "X-One: 1\r\n");
	assert_contains(seen, "Content-Length: 7\r\n");
}

static void
fails_without_an_answer(void **state)
{
	static const char *const paths[] = {"/cut", "/garbage"};
	const struct http_request nobody = {.method = "GET", .url = "http://127.0.0.1:1/"};
	const struct http_request file = {.method = "GET", .url = "file:///etc/passwd"};
	struct http_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		REFUSED(get(paths[i], NULL, &a, -1), ERR_CLUSTER_UNREACHABLE);
		assert_true(strlen(tool_err.text) > 5);
		http_answer_free(&a);
	}
	REFUSED(get("", &nobody, &a, -1), ERR_CLUSTER_UNREACHABLE);
	http_answer_free(&a);
	REFUSED(get("", &file, &a, -1), ERR_CLUSTER_UNREACHABLE);
	assert_int_equal(a.body.len, 0);
	http_answer_free(&a);
}

static void
is_bounded(void **state)
{
	const struct http_request small = {.method = "GET", .max_bytes = 4};
	const struct http_request enough = {.method = "GET", .max_bytes = 5};
	struct http_request soon = {.method = "GET", .max_bytes = 5,
				    .deadline = clock_mono_ms() + 100};
	int64_t begin = clock_mono_ms();
	struct http_answer a;

	(void)state;
	REFUSED(get("/ok", &small, &a, -1), ERR_CLUSTER_ANSWER);
	assert_contains(tool_err.text, "larger than 4 bytes");
	http_answer_free(&a);
	OK(get("/ok", &enough, &a, -1));
	http_answer_free(&a);
	REFUSED(get("/hang", &soon, &a, -1), ERR_CLUSTER_UNREACHABLE);
	http_answer_free(&a);
	assert_true(clock_mono_ms() - begin < TOOL_PATIENCE_MS);
	soon.deadline = 1; /* long over: no request without a limit */
	REFUSED(get("/hang", &soon, &a, -1), ERR_CLUSTER_UNREACHABLE);
	http_answer_free(&a);
}

static void
gives_up_when_told(void **state)
{
	struct http_answer a;
	int told[2];

	(void)state;
	OK(pipe(told));
	OK((int)write(told[1], "x", 1));
	REFUSED(get("/hang", NULL, &a, told[0]), ERR_STOPPED);
	http_answer_free(&a);
	close(told[0]);
	close(told[1]);
}

/* The shop page is asked for by its name, at the ingress's address; no proxy of ours is in it. */
static void
connects_where_it_is_told(void **state)
{
	char where[64], url[64] = "http://shop.example.org/ok";
	const struct http_request r = {.method = "GET", .url = url, .connect_to = where,
				       .max_bytes = 10};
	struct http_answer a;

	(void)state;
	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	OK(get("", &r, &a, -1));
	assert_int_equal(a.status, 200);
	http_answer_free(&a);
	assert_contains(tool_read(tool_path("request")), "Host: shop.example.org\r\n");
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void
goes_on_after_a_failure(void **state)
{
	static const struct http_tls no_tls;
	CLEANUP(http_closep) struct http *http = NULL;
	char good[64], bad[64];
	struct http_request r = {.method = "POST", .body = "x", .body_len = 1, .max_bytes = 10,
				 .deadline = clock_mono_ms() + TOOL_PATIENCE_MS};

	(void)state;
	snprintf(good, sizeof(good), "http://127.0.0.1:%d/ok", port);
	snprintf(bad, sizeof(bad), "http://127.0.0.1:%d/cut", port);
	OK(http_open(&http, &no_tls, -1, E));
	for (int i = 0; i < 6; i++) {
		CLEANUP(http_answer_free) struct http_answer a;

		r.url = i % 2 ? good : bad;
		assert_int_equal(http_do(http, &r, &a, E), i % 2 ? 0 : -1);
		r.body = NULL; /* and nothing of an earlier request is left in a later one */
		r.method = "GET";
	}
	assert_null(strstr(tool_read(tool_path("request")), "Content-Length"));
}

int
main(void)
{
	const struct CMUnitTest http[] = {
		cmocka_unit_test(tells_every_status),	   cmocka_unit_test(sends_what_it_is_given),
		cmocka_unit_test(fails_without_an_answer), cmocka_unit_test(is_bounded),
		cmocka_unit_test(gives_up_when_told),	   cmocka_unit_test(connects_where_it_is_told),
		cmocka_unit_test(goes_on_after_a_failure),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("http", http, start, stop);
}
