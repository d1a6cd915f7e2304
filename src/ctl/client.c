/* client.c: see client.h. */
#include "ctl/client.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/valid.h"
#include "ctl/site.h"
#include "io/http.h"
#include "io/seal.h"

/* Where a site may listen beside its ports: only for this machine, without TLS. */
#define USUAL_SOCKET "/run/store-platform/http.sock"

enum {
	URL = 1024,
	TOKEN = 128,
	SOCKET = sizeof(((struct sockaddr_un *)0)->sun_path),
	CA_BYTES = 256 * 1024,
	ANSWER_BYTES = 64 * 1024 * 1024,
	REQUEST_MS = 40 * 1000,
	TRIES = 4,
	PAUSE_MAX_SECONDS = 15,
};

struct client {
	struct http *http;
	char url[URL];
	char socket[SOCKET];  /* "": by the network */
	char here[SITE_HERE]; /* this machine's own site; "": where DNS says */
	char ca[PATHS_MAX];   /* who vouches for it, a file; "": the system's */
	char bearer[TOKEN + 32];
};

/* The first size - 1 bytes of a file as text; the bytes read, or -1. */
static long
read_text(const char *path, char *ret, size_t size, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n < 0)
		err_errno(err, "cannot read %s", path);
	if (fd >= 0)
		close(fd);
	if (n >= 0)
		ret[n] = '\0';
	return n;
}

static int
read_token(const struct command_call *call, char ret[TOKEN], struct err *err)
{
	const char *path = command_option(call, "token-file"), *home = getenv("HOME");
	char usual[PATH_MAX];
	struct stat st;

	if (!path) {
		snprintf(usual, sizeof(usual), "%s/.config/store-platform/token", home ? home : "");
		path = usual;
		if (stat(path, &st) < 0)
			return 0; /* AUTH=off asks for none */
	}
	if (stat(path, &st) < 0)
		return err_errno(err, "cannot read %s", path);
	if (st.st_mode & 077)
		return err_set(err, ERR_CONFIG,
			       "%s may be read by others; make it yours alone: chmod 600.", path);
	if (read_text(path, ret, TOKEN, err) < 0)
		return -1;
	ret[strcspn(ret, " \t\r\n")] = '\0';
	return 0;
}

/* Whether the URL's host is this machine. */
static bool
is_local(const char *host)
{
	char name[VALID_HOST_MAX + 1];
	size_t n = strcspn(host, ":/");

	if (*host == '[')
		return strncmp(host, "[::1]", 5) == 0;
	snprintf(name, sizeof(name), "%.*s", n < sizeof(name) ? (int)n : 0, host);
	return strcmp(name, "localhost") == 0 || valid_loopback(name);
}

/* A path of a socket: the Host of such a request is "localhost". */
static int
read_socket(struct client *c, const char *path, struct err *err)
{
	if (path[0] != '/' || strlen(path) >= SOCKET)
		return err_set(err, ERR_BAD_REQUEST,
			       "A socket has to be unix: and an absolute path of at most %d bytes.",
			       SOCKET - 1);
	snprintf(c->socket, SOCKET, "%s", path);
	snprintf(c->url, URL, "http://localhost");
	return 0;
}

/* Nobody has said where: the socket if there is one, else the site that setup has made here. */
static const char *
usual_url(struct client *c, char ret[SITE_URL])
{
	struct site site;

	if (access(USUAL_SOCKET, W_OK) == 0)
		return "unix:" USUAL_SOCKET;
	if (!site_read("", &site))
		return "http://127.0.0.1";
	site_address(&site, ret, c->here);
	if (access(site.certificate, R_OK) == 0)
		snprintf(c->ca, sizeof(c->ca), "%s", site.certificate);
	return ret;
}

static int
read_url(const struct command_call *call, bool token, struct client *c, struct err *err)
{
	static const char plain[] = "http://", secure[] = "https://", local[] = "unix:";
	const char *url = command_option(call, "url");
	char *ret = c->url, own[SITE_URL];
	size_t n;

	if (!url)
		url = getenv("STORE_URL");
	if (!url || !*url)
		url = usual_url(c, own);
	if (strncmp(url, local, strlen(local)) == 0)
		return read_socket(c, url + strlen(local), err);
	if (strlen(url) >= URL || strpbrk(url, "@?# ") ||
	    (strncmp(url, plain, strlen(plain)) != 0 && strncmp(url, secure, strlen(secure)) != 0))
		return err_set(err, ERR_BAD_REQUEST,
			       "The URL has to be https://HOST or http://127.0.0.1, with a port if "
			       "need be, or unix:PATH.");
	if (token && strncmp(url, plain, strlen(plain)) == 0 && !is_local(url + strlen(plain)))
		return err_set(
			err, ERR_BAD_REQUEST,
			"A token is not sent over plain HTTP to another machine; use https.");
	snprintf(ret, URL, "%s", url);
	for (n = strlen(ret); n > 0 && ret[n - 1] == '/'; n--)
		ret[n - 1] = '\0';
	return 0;
}

int
client_open(const struct command_call *call, struct client **ret, struct err *err)
{
	CLEANUP(client_closep) struct client *c = calloc(1, sizeof(*c));
	const char *ca = command_option(call, "ca");
	struct http_tls tls = {.ca = NULL};
	char token[TOKEN] = "", *pem = NULL;
	int r;

	if (!c)
		return err_errno(err, "storectl");
	if (seal_init(err) < 0 || read_token(call, token, err) < 0 ||
	    read_url(call, token[0], c, err) < 0)
		return -1;
	if (token[0])
		snprintf(c->bearer, sizeof(c->bearer), "Authorization: Bearer %s", token);
	seal_wipe(token, sizeof(token));
	if (ca) {
		tls.ca = pem = malloc(CA_BYTES);
		if (!pem || read_text(ca, pem, CA_BYTES, err) < 0) {
			free(pem);
			return err->code == ERR_NONE ? err_errno(err, "storectl") : -1;
		}
	}
	if (!ca && *c->ca)
		tls.ca_file = c->ca;
	r = http_open(&c->http, &tls, -1, err);
	free(pem);
	if (r < 0)
		return -1;
	*ret = c;
	c = NULL;
	return 0;
}

void
client_close(struct client *c)
{
	if (!c)
		return;
	http_close(c->http);
	seal_wipe(c->bearer, sizeof(c->bearer));
	free(c);
}

/*
 * Whether asking once more may get another answer and does no harm: what was not
 * looked at (429, 503) always, what may have been done and only got lost (no
 * answer, 502, 504) where the API knows it again.
 */
static bool
comes_again(int status, bool known_again)
{
	if (status == 429 || status == 503)
		return true;
	return known_again && (status == 0 || status == 502 || status == 504);
}

static void
rest(int seconds)
{
	struct timespec ts = {seconds, 0};

	nanosleep(&ts, NULL);
}

/* What an error's body says; a body that is none of ours is told by its status. */
static int
tell_error(const struct http_answer *answer, const struct json *body, struct err *err)
{
	const char *sentence = json_text(json_at(body, "error"));
	const struct json *details = json_at(body, "details");
	char list[ERR_TEXT_MAX / 2] = "";
	enum err_code code = ERR_INTERNAL;

	for (size_t i = 0; i < json_count(details); i++) {
		size_t n = strlen(list);

		snprintf(list + n, sizeof(list) - n, "%s %s %s", i ? ";" : ":",
			 json_text(json_at(json_item(details, i), "field")),
			 json_text(json_at(json_item(details, i), "message")));
	}
	for (int i = 0; i < ERR_CODES; i++)
		if (strcmp(err_word((enum err_code)i), json_text(json_at(body, "code"))) == 0)
			code = (enum err_code)i;
	/* It is not the command that was wrong, but what it was given. */
	if (code == ERR_BAD_REQUEST)
		code = ERR_VALIDATION;
	if (!*sentence)
		return err_set(err, ERR_INTERNAL, "The server answered %d.", answer->status);
	return err_set(err, code, "%s%s", sentence, list);
}

static int
ask_once(struct client *c, const struct http_request *request, struct http_answer *answer,
	 struct json **ret, struct err *err)
{
	struct json *body = NULL;
	struct err ignored = ERR_INIT;

	if (http_do(c->http, request, answer, err) < 0)
		return -1;
	if (json_parse(&body, buf_text(&answer->body), answer->body.len, &ignored) < 0)
		body = NULL;
	if (answer->status >= 200 && answer->status < 300 && body) {
		*ret = body;
		return 0;
	}
	tell_error(answer, body, err);
	json_free(body);
	return -1;
}

int
client_ask(struct client *c, const char *method, const char *path, const struct json *body,
	   int *ret_status, struct json **ret, struct err *err)
{
	char url[URL + URL], key[VALID_UUID_BYTES], once[VALID_UUID_BYTES + 32];
	const char *headers[4] = {once, "Content-Type: application/json", NULL, NULL};
	struct http_request request = {
		.method = method,
		.url = url,
		.socket = c->socket[0] ? c->socket : NULL,
		.connect_to = c->here,
		.headers = headers,
		.max_bytes = ANSWER_BYTES,
	};
	/* Only the routes of stores know a key again; a body is sent by no other harmless one. */
	bool again = !body || strncmp(path, "/api/stores", strlen("/api/stores")) == 0;
	struct buf text = BUF_INIT;
	int r = -1, status = 0;

	seal_uuid(key);
	snprintf(once, sizeof(once), "Idempotency-Key: %s", key);
	if (c->bearer[0])
		headers[2] = c->bearer;
	snprintf(url, sizeof(url), "%s%s", c->url, path);
	if (body) {
		json_write(body, &text);
		request.body = buf_text(&text);
		request.body_len = text.len;
	}
	for (int i = 0; i < TRIES && (i == 0 || (r < 0 && comes_again(status, again))); i++) {
		CLEANUP(http_answer_free) struct http_answer answer = {.status = 0};

		request.deadline = clock_mono_ms() + REQUEST_MS;
		r = ask_once(c, &request, &answer, ret, err);
		status = answer.status;
		if (r < 0 && i + 1 < TRIES && comes_again(status, again))
			rest(answer.retry_after > PAUSE_MAX_SECONDS ? PAUSE_MAX_SECONDS
			     : answer.retry_after		    ? answer.retry_after
								    : i + 1);
	}
	if (text.data)
		seal_wipe(text.data, text.size);
	buf_free(&text);
	if (ret_status)
		*ret_status = status;
	return r;
}

void
client_print(const struct json *answer)
{
	struct buf text = BUF_INIT;

	json_write(answer, &text);
	puts(buf_text(&text));
	buf_free(&text);
}
