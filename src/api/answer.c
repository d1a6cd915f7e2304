/* answer.c: see answer.h. */
#include "api/answer.h"

#include "io/seal.h"

enum { BUSY_SECONDS = 1, OUTAGE_SECONDS = 5 };

static const char json_type[] = "application/json";

void
answer_free(struct answer *a)
{
	json_free(a->details);
	a->details = NULL;
	if (a->body.data)
		seal_wipe(a->body.data, a->body.size);
	seal_wipe(a->cookie, sizeof(a->cookie));
	buf_free(&a->body);
}

const struct buf *
answer_body(const struct answer *a)
{
	return a->kept ? a->kept : &a->body;
}

/* Writes a tree as the body, and drops the tree. */
static void
write_body(struct answer *a, struct json *body)
{
	a->kept = NULL;
	buf_reset(&a->body);
	json_write(body, &a->body);
	json_free(body);
	buf_str(&a->body, "\n");
	a->type = json_type;
}

int
answer_json(struct answer *a, int status, struct json *body, struct err *err)
{
	a->status = status;
	write_body(a, body);
	return a->body.failed ? err_set(err, ERR_INTERNAL, "The answer is too large.") : 0;
}

void
answer_error(struct answer *a, const struct err *why, const char *request_id)
{
	struct json *body = json_new_object();

	a->status = err_http(why->code);
	a->etag[0] = a->location[0] = a->cookie[0] = a->link[0] = '\0';
	a->total = 0;
	a->retry_after = why->retry_after;
	if (a->status == 429 && !a->retry_after)
		a->retry_after = BUSY_SECONDS;
	if (a->status == 503)
		a->retry_after = why->code == ERR_DB_BUSY ? BUSY_SECONDS : OUTAGE_SECONDS;
	json_set_text(body, "error", why->text);
	json_set_text(body, "code", err_word(why->code));
	if (a->details)
		json_set(body, "details", json_ref(a->details));
	json_set_text(body, "request_id", request_id);
	write_body(a, body);
}
