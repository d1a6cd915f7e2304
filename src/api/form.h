/*
 * form.h: the body of a request by a table of its fields: a JSON tree in,
 * checked values out, or a list of everything that is wrong with it. Pure but
 * for form_open(), which reads the request, and form_close(), which answers.
 *
 *	CLEANUP(form_freep) struct form *form = form_open(call, err);
 *	form_read(form, fields, ARRAY_SIZE(fields), &values);
 *	if (!role_ok(values.role)) form_fault(form, "role", "must be ...");
 *	if (form_close(form, ret, err) < 0) ...
 */
#ifndef API_FORM_H
#define API_FORM_H

#include "api/route.h"
#include "io/json.h"

struct form {
	struct json *body;
	struct json *details; /* {field, message} of each fault */
	int faults;
};

enum form_type { FORM_TEXT, FORM_NUMBER };

struct form_field {
	const char *key;
	enum form_type type;
	bool required;
	size_t offset, size; /* of the value: a text (size bytes) or an int64_t */
	int min, max;	     /* characters, or the number's range */
};

#define FORM_AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/* NULL if the body is no JSON object. */
struct form *form_open(const struct call *call, struct err *err);
void form_free(struct form *f);
CLEANUP_FUNC(struct form *, form_free)

/* Fills what is there and right; the rest of values stays as it is. */
void form_read(struct form *f, const struct form_field *fields, size_t count, void *values);
bool form_has(const struct json *body, const char *key);
PRINTF(3, 4) void form_fault(struct form *f, const char *field, const char *fmt, ...);
/* A key that is no field, shown cleanly. */
void form_unknown(struct form *f, const char *key);

/* ERR_VALIDATION if there was a fault; the answer gets the details. */
MUST_CHECK int form_close(struct form *f, struct answer *ret, struct err *err);

#endif
