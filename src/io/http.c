/* http.c: see http.h. */
#include "io/http.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/valid.h"

enum { CONNECT_MS = 5000 };

struct http {
	CURL *curl;
	char *ca_file, *ca, *cert, *key;
	int stop_fd;
	bool stopped;
	char why[CURL_ERROR_SIZE];
};

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct buf *body = arg;

	buf_add(body, data, size * count);
	return body->failed ? 0 : size * count;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	struct http_answer *answer = arg;
	static const char name[] = "retry-after:";
	size_t len = size * count;
	char text[32] = "";

	if (len > sizeof(name) && strncasecmp(data, name, sizeof(name) - 1) == 0) {
		len -= sizeof(name) - 1;
		memcpy(text, data + sizeof(name) - 1, len < sizeof(text) - 1 ? len : sizeof(text) - 1);
		answer->retry_after = (int)strtol(text, NULL, 10);
		if (answer->retry_after < 0 || answer->retry_after > 3600)
			answer->retry_after = 0;
	}
	return size * count;
}

static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct http *http = arg;
	struct pollfd p = {.fd = http->stop_fd, .events = POLLIN};

	(void)a, (void)b, (void)c, (void)d;
	http->stopped = http->stop_fd >= 0 && poll(&p, 1, 0) > 0;
	return http->stopped;
}

static CURLcode
set_blob(CURL *curl, CURLoption option, const char *pem)
{
	struct curl_blob blob = {.data = (void *)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY};

	return curl_easy_setopt(curl, option, &blob);
}

/* What holds for every request; curl_easy_reset() keeps connections and sessions. */
static CURLcode
set_common(struct http *h)
{
	CURLcode rc = curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->why);

	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "store-platform");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, h);
	if (rc == CURLE_OK && h->ca)
		rc = set_blob(h->curl, CURLOPT_CAINFO_BLOB, h->ca);
	if (rc == CURLE_OK && h->ca_file)
		rc = curl_easy_setopt(h->curl, CURLOPT_CAINFO, h->ca_file);
	/* A pinned authority alone, not the system's folder beside it. */
	if (rc == CURLE_OK && (h->ca || h->ca_file))
		rc = curl_easy_setopt(h->curl, CURLOPT_CAPATH, NULL);
	if (rc == CURLE_OK && h->cert)
		rc = set_blob(h->curl, CURLOPT_SSLCERT_BLOB, h->cert);
	if (rc == CURLE_OK && h->key)
		rc = set_blob(h->curl, CURLOPT_SSLKEY_BLOB, h->key);
	return rc;
}

static CURLcode
set_request(struct http *h, const struct http_request *r, struct http_answer *answer,
	    struct curl_slist *headers, struct curl_slist *connect_to)
{
	long left = clock_until(r->deadline);
	CURLcode rc = curl_easy_setopt(h->curl, CURLOPT_URL, r->url);

	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, r->method);
	if (rc == CURLE_OK && r->body)
		rc = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	if (rc == CURLE_OK && r->body)
		rc = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, r->body);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_CONNECT_TO, connect_to);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_UNIX_SOCKET_PATH, r->socket);
	if (rc == CURLE_OK) /* 0 would mean no limit */
		rc = curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, left > 0 ? left : 1L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &answer->body);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, on_header);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, answer);
	return rc;
}

static char *
copy(const char *s, bool *ok)
{
	char *p = s ? strdup(s) : NULL;

	if (s && !p)
		*ok = false;
	return p;
}

int
http_open(struct http **ret, const struct http_tls *tls, int stop_fd, struct err *err)
{
	CLEANUP(http_closep) struct http *h = calloc(1, sizeof(*h));
	bool ok = h != NULL;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		ok = false;
	if (ok) {
		h->stop_fd = stop_fd;
		h->ca_file = copy(tls->ca_file, &ok);
		h->ca = copy(tls->ca, &ok);
		h->cert = copy(tls->cert, &ok);
		h->key = copy(tls->key, &ok);
		h->curl = curl_easy_init();
	}
	if (!ok || !h->curl)
		return err_set(err, ERR_INTERNAL, "libcurl cannot be set up");
	*ret = h;
	h = NULL;
	return 0;
}

void
http_close(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	free(h->ca_file);
	free(h->ca);
	free(h->cert);
	if (h->key)
		explicit_bzero(h->key, strlen(h->key));
	free(h->key);
	free(h);
}

static int
explain(struct http *h, CURLcode rc, const struct http_answer *answer, struct err *err)
{
	if (h->stopped)
		return err_set(err, ERR_STOPPED, "the request was given up");
	if (answer->body.failed)
		return err_set(err, ERR_CLUSTER_ANSWER, "the answer is larger than %zu bytes",
			       answer->body.max);
	err_set(err, ERR_CLUSTER_UNREACHABLE, "%s", h->why[0] ? h->why : curl_easy_strerror(rc));
	valid_clean(err->text);
	return -1;
}

int
http_do(struct http *h, const struct http_request *r, struct http_answer *ret, struct err *err)
{
	struct curl_slist *headers = NULL, *connect_to = NULL;
	char target[300];
	long status = 0;
	CURLcode rc;

	*ret = (struct http_answer){.body = {.max = r->max_bytes}};
	h->why[0] = '\0';
	h->stopped = false;
	for (const char *const *p = r->headers; p && *p; p++)
		headers = curl_slist_append(headers, *p);
	if (r->connect_to && *r->connect_to) {
		snprintf(target, sizeof(target), "::%s", r->connect_to);
		connect_to = curl_slist_append(NULL, target);
	}
	curl_easy_reset(h->curl);
	rc = set_common(h);
	if (rc == CURLE_OK)
		rc = set_request(h, r, ret, headers, connect_to);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(h->curl);
	if (rc == CURLE_OK)
		rc = curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_slist_free_all(connect_to);
	ret->status = (int)status;
	return rc == CURLE_OK ? 0 : explain(h, rc, ret, err);
}

void
http_answer_free(struct http_answer *answer)
{
	buf_free(&answer->body);
}
