/* replay.c: see replay.h. */
#include "api/replay.h"

#include <string.h>

#include "base/clock.h"
#include "model/idem.h"

/* Adds a text with its NUL, so that no two lists of texts read the same. */
static void
add(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s) + 1);
}

static int
hash_key(const struct call *call, const struct secret_key *by, char ret[SECRET_MAC],
	 struct err *err)
{
	const char *key = call->req->idempotency_key;
	struct buf text = BUF_INIT;

	for (const char *c = key; *c; c++)
		if (*c < '!' || *c > '~')
			return err_set(err, ERR_BAD_REQUEST,
				       "Idempotency-Key has to be 1 to 255 letters, digits and "
				       "signs of ASCII, without blanks.");
	add(&text, call->caller.user_id);
	add(&text, key);
	secret_mac(by, "idempotency key", buf_text(&text), text.len, ret);
	buf_free(&text);
	return 0;
}

/* What is asked for: on which route, for which id, with which bytes. */
static void
hash_request(const struct call *call, const struct secret_key *by, char ret[SECRET_MAC])
{
	struct buf text = BUF_INIT;

	add(&text, call->route->method);
	add(&text, call->route->path);
	add(&text, call->id);
	buf_add(&text, call->req->body ? call->req->body : "", call->req->body_len);
	secret_mac(by, "idempotency request", buf_text(&text), text.len, ret);
	buf_free(&text);
}

int
replay_find(const struct call *call, struct answer *ret, struct err *err)
{
	char key[SECRET_MAC], request[SECRET_MAC], before[SECRET_MAC];
	int r = 0;

	if (!call->req->idempotency_key[0])
		return 0;
	/* What was answered before the key of our hashes changed counts, too. */
	for (int i = 0; i < call->keys->count && r == 0; i++) {
		if (hash_key(call, &call->keys->keys[i], key, err) < 0)
			return -1;
		r = idem_find(call->db, key, clock_wall_ms(), before, &ret->body, err);
		if (r > 0)
			hash_request(call, &call->keys->keys[i], request);
	}
	if (r <= 0)
		return r;
	if (!secret_same(before, request))
		return err_set(err, ERR_KEY_REUSED,
			       "This Idempotency-Key was used for another request; take a new one "
			       "for every change.");
	ret->status = 200;
	ret->type = "application/json";
	return 1;
}

int
replay_keep(const struct call *call, const struct json *body, struct err *err)
{
	char key[SECRET_MAC], request[SECRET_MAC];
	struct buf text = BUF_INIT;
	int r;

	if (!call->req->idempotency_key[0])
		return 0;
	if (hash_key(call, &call->keys->keys[0], key, err) < 0)
		return -1;
	hash_request(call, &call->keys->keys[0], request);
	json_write(body, &text);
	buf_str(&text, "\n");
	r = text.failed ? err_set(err, ERR_INTERNAL, "out of memory")
			: idem_keep(call->db, key, request, buf_text(&text), clock_wall_ms(), err);
	buf_free(&text);
	return r;
}
