/* json.c: see json.h. */
#include "io/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/valid.h"

enum { JSON_DEPTH = 64 };

#define C(j) ((struct json_object *)(j)) /* ours to theirs */
#define J(o) ((struct json *)(o))	  /* theirs to ours */

static size_t
digits(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* The length of the number that s starts with, 0 if it is none of RFC 8259. */
static size_t
number(const char *s, size_t len)
{
	size_t at = *s == '-', n = digits(s + at, len - at);

	if (n == 0 || (n > 1 && s[at] == '0'))
		return 0;
	at += n;
	if (at < len && s[at] == '.') {
		n = digits(s + at + 1, len - at - 1);
		at += n + 1;
	}
	if (n > 0 && at < len && (s[at] == 'e' || s[at] == 'E')) {
		at++;
		at += at < len && (s[at] == '+' || s[at] == '-');
		n = digits(s + at, len - at);
		at += n;
	}
	return n > 0 ? at : 0;
}

/*
 * What json-c lets pass. The text is known to be JSON otherwise, so a string
 * followed by a colon is a key. Returns the number of keys, or -1.
 */
static long
scan(const char *text, size_t len, struct err *err)
{
	bool inside = false;
	long keys = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (!inside) {
			size_t n = c == '-' || (c >= '0' && c <= '9') ? number(text + i, len - i) : 1;

			if (n == 0 || c == 'N' || c == 'I')
				return err_set(err, ERR_BAD_JSON, "There is no such number in JSON.");
			inside = c == '"';
			i += n - 1;
		} else if (c == '\\') {
			if (len - i > 5 && memcmp(text + i + 1, "u0000", 5) == 0)
				return err_set(err, ERR_BAD_JSON, "A string has a NUL character.");
			i++;
		} else if (c < 0x20) {
			return err_set(err, ERR_BAD_JSON, "A string has a raw control character.");
		} else if (c == '"') {
			inside = false;
			while (i + 1 < len && memchr(" \t\r\n", text[i + 1], 4))
				i++;
			keys += i + 1 < len && text[i + 1] == ':';
		}
	}
	return keys;
}

static long
count_members(struct json_object *o)
{
	long n = 0;

	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			n += count_members(json_object_array_get_idx(o, i));
	} else if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value)
		{
			(void)key;
			n += 1 + count_members(value);
		}
	}
	return n;
}

int
json_parse(struct json **ret, const char *text, size_t len, struct err *err)
{
	struct json_tokener *tok;
	struct json_object *o;
	enum json_tokener_error state;
	size_t end;
	long keys;

	if (len == 0 || len > INT_MAX)
		return err_set(err, ERR_BAD_JSON, "There is no JSON text.");
	if (memchr(text, '\0', len)) /* json-c takes it for the end and looks no further */
		return err_set(err, ERR_BAD_JSON, "The text has a NUL character.");
	if (!valid_utf8(text, len))
		return err_set(err, ERR_BAD_JSON, "The text is not UTF-8.");
	tok = json_tokener_new_ex(JSON_DEPTH);
	if (!tok)
		return err_set(err, ERR_INTERNAL, "out of memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	errno = 0; /* json-c has no error for it, and would leave out a key, or say "too early" */
	o = json_tokener_parse_ex(tok, text, (int)len);
	state = json_tokener_get_error(tok);
	if (state == json_tokener_continue && !o) /* a bare number ends only with its text */
		o = json_tokener_parse_ex(tok, " ", 1), state = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	if (errno == ENOMEM) {
		json_object_put(o);
		return err_set(err, ERR_INTERNAL, "out of memory");
	}
	if (state != json_tokener_success) {
		json_object_put(o);
		return err_set(err, ERR_BAD_JSON, "The text is not JSON: %s near byte %zu.",
			       state == json_tokener_continue ? "it ends too early"
							      : json_tokener_error_desc(state),
			       end + 1);
	}
	keys = scan(text, len, err);
	if (keys >= 0 && keys != count_members(o))
		keys = err_set(err, ERR_BAD_JSON, "An object has the same key twice.");
	if (keys < 0) {
		json_object_put(o);
		return -1;
	}
	*ret = J(o);
	return 0;
}

/* Something that was to be part of a tree is not: json_write() tells it, once. */
static bool lost;

static struct json *
made(struct json_object *o)
{
	lost = lost || !o;
	return J(o);
}

struct json *
json_new_object(void)
{
	return made(json_object_new_object());
}

struct json *
json_new_array(void)
{
	return made(json_object_new_array());
}

struct json *
json_new_text(const char *s)
{
	return s ? made(json_object_new_string(s)) : NULL;
}

struct json *
json_ref(struct json *j)
{
	return J(json_object_get(C(j)));
}

void
json_free(struct json *j)
{
	json_object_put(C(j));
}

void
json_set(struct json *object, const char *key, struct json *child)
{
	if (object && json_object_object_add(C(object), key, C(child)) == 0)
		return;
	lost = true;
	json_free(child);
}

void
json_set_text(struct json *object, const char *key, const char *s)
{
	json_set(object, key, json_new_text(s));
}

void
json_set_int(struct json *object, const char *key, int64_t n)
{
	json_set(object, key, made(json_object_new_int64(n)));
}

void
json_set_real(struct json *object, const char *key, double d)
{
	json_set(object, key, made(json_object_new_double(d)));
}

void
json_set_bool(struct json *object, const char *key, bool b)
{
	json_set(object, key, made(json_object_new_boolean(b)));
}

void
json_set_time(struct json *object, const char *key, int64_t wall_ms)
{
	char text[CLOCK_TEXT];

	json_set_text(object, key, wall_ms ? clock_rfc3339(wall_ms, text) : NULL);
}

void
json_add(struct json *array, struct json *child)
{
	if (array && json_object_array_add(C(array), C(child)) == 0)
		return;
	lost = true;
	json_free(child);
}

enum json_kind
json_kind(const struct json *j)
{
	static const enum json_kind kinds[] = {
		[json_type_null] = JSON_NULL,	  [json_type_boolean] = JSON_BOOL,
		[json_type_double] = JSON_REAL,	  [json_type_int] = JSON_INT,
		[json_type_object] = JSON_OBJECT, [json_type_array] = JSON_ARRAY,
		[json_type_string] = JSON_TEXT,
	};

	return kinds[json_object_get_type(C(j))];
}

struct json *
json_follow(const struct json *j, const char *const *keys)
{
	for (; j && *keys; keys++)
		j = json_kind(j) == JSON_OBJECT ? J(json_object_object_get(C(j), *keys)) : NULL;
	return (struct json *)j;
}

const char *
json_text(const struct json *j)
{
	return json_kind(j) == JSON_TEXT ? json_object_get_string(C(j)) : "";
}

int64_t
json_int(const struct json *j)
{
	return json_kind(j) == JSON_INT ? json_object_get_int64(C(j)) : 0;
}

bool
json_true(const struct json *j)
{
	return json_kind(j) == JSON_BOOL && json_object_get_boolean(C(j));
}

size_t
json_count(const struct json *j)
{
	switch (json_kind(j)) {
	case JSON_ARRAY:
		return json_object_array_length(C(j));
	case JSON_OBJECT:
		return (size_t)json_object_object_length(C(j));
	default:
		return 0;
	}
}

struct json *
json_item(const struct json *array, size_t i)
{
	return json_kind(array) == JSON_ARRAY ? J(json_object_array_get_idx(C(array), i)) : NULL;
}

void
json_drop(struct json *array, size_t i)
{
	if (i < json_count(array))
		json_object_array_del_idx(C(array), i, 1);
}

const char *
json_key(const struct json *object, size_t i)
{
	if (json_kind(object) != JSON_OBJECT)
		return NULL;
	json_object_object_foreach(C(object), key, value)
	{
		(void)value;
		if (i-- == 0)
			return key;
	}
	return NULL;
}

void
json_write(const struct json *j, struct buf *out)
{
	const char *text;
	size_t len = 0;

	errno = 0; /* json-c goes on without what it could not write */
	text = json_object_to_json_string_length(
		C(j), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (text && errno != ENOMEM && !lost)
		buf_add(out, text, len);
	else
		out->failed = true;
	lost = false;
}
