/*
 * valid.h: the rules for everything that comes from outside, as pure functions.
 * Lengths of people's text count characters (code points), not bytes.
 */
#ifndef BASE_VALID_H
#define BASE_VALID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VALID_NAME_MIN = 2,
	VALID_NAME_MAX = 60,
	VALID_NAME_BYTES = VALID_NAME_MAX * 4 + 1,
	VALID_SLUG_MIN = 2,
	VALID_SLUG_MAX = 50, /* "wc-" + slug has to stay within Helm's 53 */
	VALID_SLUG_BYTES = VALID_SLUG_MAX + 1,
	VALID_USER_MIN = 3,
	VALID_USER_MAX = 30,
	VALID_USER_BYTES = VALID_USER_MAX + 1,
	VALID_PASSWORD_MIN = 6,
	VALID_PASSWORD_MAX = 64,
	VALID_PASSWORD_BYTES = VALID_PASSWORD_MAX * 4 + 1,
	VALID_UUID_BYTES = 37,
	VALID_HOST_MAX = 253,
};

bool valid_utf8(const char *s, size_t len);

/* Characters of a UTF-8 string; -1 if it is not valid UTF-8 or has a control character. */
int valid_text(const char *s);

/* Makes outside text (a program's output, a server's message) printable UTF-8, in place. */
void valid_clean(char *s);

/*
 * The slug of a shop's name: lower case, accents dropped, every run of other
 * characters one '-', none at the ends, at most VALID_SLUG_MAX. Returns its
 * length; below VALID_SLUG_MIN the name has nothing to make a host name of.
 */
size_t valid_make_slug(const char *name, char out[VALID_SLUG_BYTES]);

/* Whether s is a slug as valid_make_slug() makes it: the check of stored ones. */
bool valid_slug(const char *s);

bool valid_admin_user(const char *s);
bool valid_uuid(const char *s);

/* A DNS name of lower-case labels, as BASE_DOMAIN has to be. */
bool valid_domain(const char *s);

/* The whole string as a decimal integer within [min, max]; false leaves *ret alone. */
bool valid_int(const char *s, int64_t min, int64_t max, int64_t *ret);

/* 127.0.0.0/8 and ::1, also in its IPv4-mapped form. */
bool valid_loopback(const char *address);

#endif
