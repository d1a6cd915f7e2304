/*
 * json.h: the only door to json-c. A struct json is a counted tree; a setter
 * takes over the child it is given, a getter lends. Reading is total: a
 * missing member or one of another type reads as NULL, "", 0 or false, so that
 * a path through a server's answer needs one check, at its end.
 */
#ifndef IO_JSON_H
#define IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct json;

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

/*
 * Parses exactly one RFC 8259 document of UTF-8, at most 64 levels deep.
 * Refused beside bad syntax: a key twice in one object (readers disagree about
 * what that means) and NUL in a string (C would cut it there).
 */
MUST_CHECK int json_parse(struct json **ret, const char *text, size_t len, struct err *err);

struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_text(const char *s);
struct json *json_ref(struct json *j);
void json_free(struct json *j); /* drops one reference; NULL is fine */
CLEANUP_FUNC(struct json *, json_free)

void json_set(struct json *object, const char *key, struct json *child);
void json_set_text(struct json *object, const char *key, const char *s); /* NULL: null */
void json_set_int(struct json *object, const char *key, int64_t n);
void json_set_real(struct json *object, const char *key, double d);
void json_set_bool(struct json *object, const char *key, bool b);
/* A wall clock time in RFC 3339; 0 is null. */
void json_set_time(struct json *object, const char *key, int64_t wall_ms);
void json_add(struct json *array, struct json *child);

enum json_kind json_kind(const struct json *j);
/* Follows keys through nested objects: json_at(pod, "status", "phase"). */
#define json_at(j, ...) json_follow(j, (const char *const[]){__VA_ARGS__, NULL})
struct json *json_follow(const struct json *j, const char *const *keys);
const char *json_text(const struct json *j);
int64_t json_int(const struct json *j);
bool json_true(const struct json *j);
/* Members of an object or items of an array; 0 for the rest. */
size_t json_count(const struct json *j);
struct json *json_item(const struct json *array, size_t i);
void json_drop(struct json *array, size_t i); /* takes one item out */
/* The i-th key of an object in the order of the text, NULL after the last. */
const char *json_key(const struct json *object, size_t i);

/* Appends the compact text of j. */
void json_write(const struct json *j, struct buf *out);

#endif
