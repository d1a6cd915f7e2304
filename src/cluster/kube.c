/* kube.c: see kube.h. */
#include "cluster/kube.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/valid.h"
#include "cluster/kubeconfig.h"
#include "io/http.h"
#include "io/seal.h"

enum {
	CALL_MS = 15000,
	ANSWER_MAX = 8 * 1024 * 1024,
	PATH_BYTES = 512,
	TOKEN_HEADER = 16 * 1024,
};

#define ACCEPT_META "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define ACCEPT_META_LIST "Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

struct kube {
	struct http *http;
	char *server;
	char authorization[TOKEN_HEADER]; /* "" without a token */
	int64_t deadline;		  /* 0: none */
};

int
kube_open(struct kube **ret, const char *kubeconfig, int stop_fd, struct err *err)
{
	CLEANUP(kube_closep) struct kube *kube = calloc(1, sizeof(*kube));
	struct kubeconfig config;
	struct http_tls tls;
	int r;

	if (!kube)
		return err_errno(err, "cluster");
	if (kubeconfig_load(&config, kubeconfig, err) < 0)
		return -1;
	tls = (struct http_tls){.ca = config.ca, .cert = config.cert, .key = config.key};
	r = http_open(&kube->http, &tls, stop_fd, err);
	if (config.token && snprintf(kube->authorization, sizeof(kube->authorization),
				     "Authorization: Bearer %s",
				     config.token) >= (int)sizeof(kube->authorization))
		r = err_set(err, ERR_CONFIG, "the token of %s is too long", kubeconfig);
	kube->server = config.server;
	config.server = NULL;
	kubeconfig_free(&config);
	if (r < 0)
		return -1;
	*ret = kube;
	kube = NULL;
	return 0;
}

void
kube_close(struct kube *kube)
{
	if (!kube)
		return;
	http_close(kube->http);
	seal_wipe(kube->authorization, sizeof(kube->authorization));
	free(kube->server);
	free(kube);
}

void
kube_deadline(struct kube *kube, int64_t mono)
{
	kube->deadline = mono;
}

/* Whether a Status names this cause (its wording changes, the reason does not). */
static bool
has_cause(const struct json *status, const char *reason)
{
	struct json *causes = json_at(status, "details", "causes");

	for (size_t i = 0; i < json_count(causes); i++)
		if (strcmp(json_text(json_at(json_item(causes, i), "reason")), reason) == 0)
			return true;
	return false;
}

static enum err_code
code_of(int http, const struct json *status)
{
	const char *message = json_text(json_at(status, "message"));

	switch (http) {
	case 401:
		return ERR_CLUSTER_UNAUTHORIZED;
	case 403:
		if (has_cause(status, "NamespaceTerminating"))
			return ERR_NAMESPACE_TERMINATING;
		return strstr(message, "exceeded quota") || strstr(message, "violates PodSecurity")
			       ? ERR_CLUSTER_REFUSED
			       : ERR_CLUSTER_FORBIDDEN;
	case 409:
		return ERR_CLUSTER_CONFLICT;
	case 429:
		return ERR_CLUSTER_THROTTLED;
	case 404: /* of what a new object lies in: it may be there at the next attempt */
		return ERR_CLUSTER_FAILED;
	default:
		return http >= 500 ? ERR_CLUSTER_FAILED : ERR_CLUSTER_REFUSED;
	}
}

/* A failure told by the server, as a sentence with its own words in it. */
static int
explain(const struct http_answer *answer, const char *path, struct err *err)
{
	CLEANUP(json_freep) struct json *status = NULL;
	struct err ignored = ERR_INIT;
	enum err_code code;
	const char *message;

	if (json_parse(&status, buf_text(&answer->body), answer->body.len, &ignored) < 0)
		status = NULL;
	code = code_of(answer->status, status);
	message = json_text(json_at(status, "message"));
	if (code == ERR_CLUSTER_UNAUTHORIZED)
		err_set(err, code,
			"The cluster does not accept the platform's credential (401); it may have "
			"expired. Renew the credential in KUBECONFIG");
	else if (code == ERR_NAMESPACE_TERMINATING)
		err_set(err, code, "The previous store of this name is still being removed");
	else if (code == ERR_CLUSTER_FORBIDDEN)
		err_set(err, code, "The platform's credential lacks a right in the cluster: %.400s",
			*message ? message : path);
	else
		err_set(err, code, "The cluster answered %d to %.120s: %.400s", answer->status, path,
			*message ? message : "no reason given");
	err->retry_after = answer->retry_after;
	valid_clean(err->text);
	return -1;
}

/* Whether the API server itself says so; a proxy in front of it has a 404 of its own. */
static bool
says(const struct http_answer *answer, const char *reason)
{
	CLEANUP(json_freep) struct json *status = NULL;
	struct err ignored = ERR_INIT;

	return json_parse(&status, buf_text(&answer->body), answer->body.len, &ignored) == 0 &&
	       strcmp(json_text(json_at(status, "kind")), "Status") == 0 &&
	       strcmp(json_text(json_at(status, "reason")), reason) == 0;
}

struct call {
	const char *method;
	const char *accept; /* a header */
	const char *content; /* a header, with body */
	struct buf body;
};

/* The answer's status, or -1. */
static int
perform(struct kube *kube, struct call *call, struct http_answer *answer, struct err *err,
	const char *format, va_list ap)
{
	char path[PATH_BYTES];
	const char *headers[4] = {call->accept};
	struct buf url = BUF_INIT;
	struct http_request request = {.method = call->method, .max_bytes = ANSWER_MAX};
	int n = 1, r;

	if (vsnprintf(path, sizeof(path), format, ap) >= (int)sizeof(path))
		return err_set(err, ERR_INTERNAL, "a path of the cluster API is too long");
	buf_printf(&url, "%s%s", kube->server, path);
	if (kube->authorization[0])
		headers[n++] = kube->authorization;
	if (call->content) {
		headers[n++] = call->content;
		request.body = buf_text(&call->body);
		request.body_len = call->body.len;
	}
	request.url = buf_text(&url);
	request.headers = headers;
	request.deadline = clock_mono_ms() + CALL_MS;
	if (kube->deadline && kube->deadline < request.deadline)
		request.deadline = kube->deadline;
	r = http_do(kube->http, &request, answer, err);
	buf_free(&url);
	if (call->body.data)
		seal_wipe(call->body.data, call->body.size); /* it may be a Secret */
	buf_free(&call->body);
	if (r < 0)
		return err->code == ERR_STOPPED
			       ? -1
			       : err_prefix(err, "The cluster API cannot be reached");
	if (answer->status >= 200 && answer->status < 300)
		return answer->status;
	if (strcmp(call->method, "POST") == 0 ? answer->status == 409 && says(answer, "AlreadyExists")
					      : answer->status == 404 && says(answer, "NotFound"))
		return answer->status;
	if (answer->status == 404 && !says(answer, "NotFound"))
		return err_set(err, ERR_CLUSTER_ANSWER,
			       "What answers at the cluster's address is no Kubernetes API (404 for "
			       "%.120s). Check KUBECONFIG",
			       path);
	return explain(answer, path, err);
}

static int
perform_path(struct kube *kube, struct call *call, struct http_answer *answer, struct err *err,
	     const char *path, ...)
{
	va_list ap;
	int r;

	va_start(ap, path);
	r = perform(kube, call, answer, err, path, ap);
	va_end(ap);
	return r;
}

static int
fetch(struct kube *kube, const char *accept, struct json **ret, struct err *err, const char *format,
      va_list ap)
{
	CLEANUP(json_freep) struct json *got = NULL;
	struct call call = {"GET", accept, NULL, BUF_INIT};
	CLEANUP(http_answer_free) struct http_answer answer = {.status = 0};
	int status = perform(kube, &call, &answer, err, format, ap);

	if (status < 0)
		return -1;
	if (status == 404)
		return 0;
	if (json_parse(&got, buf_text(&answer.body), answer.body.len, err) < 0) {
		err->code = ERR_CLUSTER_ANSWER;
		return err_prefix(err, "The cluster API sent an answer that cannot be read");
	}
	if (!*json_text(json_at(got, "kind"))) /* {} may come from anything */
		return err_set(err, ERR_CLUSTER_ANSWER,
			       "The cluster API sent an answer that is not what was asked for");
	*ret = got;
	got = NULL;
	return 1;
}

int
kube_get(struct kube *kube, struct json **ret, struct err *err, const char *path, ...)
{
	va_list ap;
	int r;

	va_start(ap, path);
	r = fetch(kube, "Accept: application/json", ret, err, path, ap);
	va_end(ap);
	return r;
}

int
kube_version(struct kube *kube, char ret[KUBE_VERSION], struct err *err)
{
	struct call call = {"GET", "Accept: application/json", NULL, BUF_INIT};
	CLEANUP(http_answer_free) struct http_answer answer = {.status = 0};
	CLEANUP(json_freep) struct json *about = NULL;
	const char *version;

	if (perform_path(kube, &call, &answer, err, "/version") < 0)
		return -1;
	if (json_parse(&about, buf_text(&answer.body), answer.body.len, err) < 0)
		about = NULL;
	version = json_text(json_at(about, "gitVersion"));
	if (!*version)
		return err_set(err, ERR_CLUSTER_ANSWER,
			       "What answers at the cluster's address is no Kubernetes API. Check "
			       "KUBECONFIG");
	snprintf(ret, KUBE_VERSION, "%s", version);
	return 0;
}

int
kube_get_meta(struct kube *kube, struct json **ret, struct err *err, const char *path, ...)
{
	va_list ap;
	int r;

	va_start(ap, path);
	r = fetch(kube, ACCEPT_META, ret, err, path, ap);
	va_end(ap);
	return r;
}

int
kube_list_meta(struct kube *kube, struct json **ret, struct err *err, const char *path, ...)
{
	va_list ap;
	int r;

	va_start(ap, path);
	r = fetch(kube, ACCEPT_META_LIST, ret, err, path, ap);
	va_end(ap);
	return r;
}

int
kube_get_text(struct kube *kube, struct buf *ret, struct err *err, const char *path, ...)
{
	struct call call = {"GET", "Accept: */*", NULL, BUF_INIT};
	CLEANUP(http_answer_free) struct http_answer answer = {.status = 0};
	va_list ap;
	int status;

	va_start(ap, path);
	status = perform(kube, &call, &answer, err, path, ap);
	va_end(ap);
	if (status >= 200 && status < 300)
		buf_add(ret, buf_text(&answer.body), answer.body.len);
	/* A log that is not there yet is refused with 400 or 404: nothing to show. */
	return status < 0 && err_class(err->code) != ERR_TERMINAL ? -1 : 0;
}

/* A call with a body; its answer's content goes to ret, if that is not NULL. */
static int
send_object(struct kube *kube, const char *method, const char *content, const struct json *object,
	    struct json **ret, struct err *err, const char *format, va_list ap)
{
	struct call call = {method, "Accept: application/json", content, BUF_INIT};
	CLEANUP(http_answer_free) struct http_answer answer = {.status = 0};
	int status;

	json_write(object, &call.body);
	if (call.body.failed) {
		seal_wipe(call.body.data, call.body.len); /* it may be a Secret */
		buf_free(&call.body);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	status = perform(kube, &call, &answer, err, format, ap);
	if (status < 0)
		return -1;
	if (ret && json_parse(ret, buf_text(&answer.body), answer.body.len, err) < 0) {
		err->code = ERR_CLUSTER_ANSWER;
		return err_prefix(err, "The cluster API sent an answer that cannot be read");
	}
	return status != 404 && status != 409;
}

int
kube_create(struct kube *kube, const struct json *object, struct err *err, const char *path, ...)
{
	va_list ap;
	int r;

	va_start(ap, path);
	r = send_object(kube, "POST", "Content-Type: application/json", object, NULL, err, path,
			ap);
	va_end(ap);
	return r;
}

int
kube_ask(struct kube *kube, const struct json *object, struct json **ret, struct err *err,
	 const char *path, ...)
{
	va_list ap;
	int r;

	va_start(ap, path);
	r = send_object(kube, "POST", "Content-Type: application/json", object, ret, err, path, ap);
	va_end(ap);
	return r < 0 ? -1 : 0;
}

int
kube_apply(struct kube *kube, const struct json *object, struct err *err, const char *path, ...)
{
	va_list ap;
	int r;

	va_start(ap, path);
	r = send_object(kube, "PATCH", "Content-Type: application/apply-patch+yaml", object, NULL,
			err, path, ap);
	va_end(ap);
	return r;
}

int
kube_patch(struct kube *kube, const struct json *patch, struct err *err, const char *path, ...)
{
	va_list ap;
	int r;

	va_start(ap, path);
	r = send_object(kube, "PATCH", "Content-Type: application/merge-patch+json", patch, NULL,
			err, path, ap);
	va_end(ap);
	return r;
}

int
kube_delete(struct kube *kube, const char *uid, struct err *err, const char *path, ...)
{
	CLEANUP(json_freep) struct json *options = json_new_object();
	va_list ap;
	int r;

	/* A Job would leave its pods there: that is its default, for old clients. */
	json_set_text(options, "propagationPolicy", "Background");
	if (uid) {
		struct json *preconditions = json_new_object();

		json_set_text(preconditions, "uid", uid);
		json_set(options, "preconditions", preconditions);
	}
	va_start(ap, path);
	r = send_object(kube, "DELETE", "Content-Type: application/json", options, NULL, err, path,
			ap);
	va_end(ap);
	return r;
}
