/* form.c: see form.h. */
#include "api/form.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DETAILS_MAX = 32, KEY_SHOWN = 64 };

void
form_free(struct form *f)
{
	if (!f)
		return;
	json_free(f->body);
	json_free(f->details);
	free(f);
}

struct form *
form_open(const struct call *call, struct err *err)
{
	CLEANUP(form_freep) struct form *f = calloc(1, sizeof(*f));
	struct form *ret = f;

	if (!f) {
		err_set(err, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	f->details = json_new_array();
	if (json_parse(&f->body, call->req->body ? call->req->body : "", call->req->body_len, err) <
	    0)
		return NULL;
	if (json_kind(f->body) != JSON_OBJECT) {
		err_set(err, ERR_BAD_REQUEST, "The body has to be a JSON object.");
		return NULL;
	}
	f = NULL;
	return ret;
}

void
form_fault(struct form *f, const char *field, const char *fmt, ...)
{
	char message[256];
	struct json *row;
	va_list ap;

	if (f->faults++ >= DETAILS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	row = json_new_object();
	json_set_text(row, "field", field);
	json_set_text(row, "message", message);
	json_add(f->details, row);
}

void
form_unknown(struct form *f, const char *key)
{
	char shown[KEY_SHOWN];

	snprintf(shown, sizeof(shown), "%s", key);
	valid_clean(shown);
	form_fault(f, shown, "is not a known field.");
}

bool
form_has(const struct json *body, const char *key)
{
	const char *have;

	for (size_t k = 0; (have = json_key(body, k)); k++)
		if (strcmp(have, key) == 0)
			return true;
	return false;
}

static void
read_text(struct form *f, const struct form_field *field, const struct json *value, char *to)
{
	int n = json_kind(value) == JSON_TEXT ? valid_text(json_text(value)) : 0;

	if (json_kind(value) != JSON_TEXT)
		form_fault(f, field->key, "must be text.");
	else if (n < 0)
		form_fault(f, field->key, "must not have line breaks or other control characters.");
	else if (n < field->min || n > field->max || strlen(json_text(value)) >= field->size)
		form_fault(f, field->key, "must have %d to %d characters.", field->min, field->max);
	else
		snprintf(to, field->size, "%s", json_text(value));
}

static void
read_number(struct form *f, const struct form_field *field, const struct json *value, void *to)
{
	int64_t n = json_int(value);

	if (json_kind(value) != JSON_INT || n < field->min || n > field->max)
		form_fault(f, field->key, "must be a whole number from %d to %d.", field->min,
			   field->max);
	else
		memcpy(to, &n, sizeof(n));
}

void
form_read(struct form *f, const struct form_field *fields, size_t count, void *values)
{
	const char *key;

	for (size_t i = 0; i < count; i++) {
		const struct json *value = json_at(f->body, fields[i].key);
		char *to = (char *)values + fields[i].offset;

		if (form_has(f->body, fields[i].key)) {
			if (fields[i].type == FORM_TEXT)
				read_text(f, &fields[i], value, to);
			else
				read_number(f, &fields[i], value, to);
		} else if (fields[i].required)
			form_fault(f, fields[i].key, "is required.");
	}
	for (size_t k = 0; (key = json_key(f->body, k)); k++) {
		bool known = false;

		for (size_t i = 0; i < count; i++)
			known = known || strcmp(fields[i].key, key) == 0;
		if (!known)
			form_unknown(f, key);
	}
}

int
form_close(struct form *f, struct answer *ret, struct err *err)
{
	if (!f->faults)
		return 0;
	ret->details = json_ref(f->details);
	return err_set(err, ERR_VALIDATION, "Validation error");
}
