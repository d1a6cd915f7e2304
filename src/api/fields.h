/*
 * fields.h: the body of POST /api/stores as a pure function: a JSON tree in,
 * checked fields out, or a list of everything that is wrong with it.
 */
#ifndef API_FIELDS_H
#define API_FIELDS_H

#include "base/attr.h"
#include "base/valid.h"
#include "io/json.h"

enum { FIELDS_WORD = 16 };

struct fields {
	char name[VALID_NAME_BYTES];
	char slug[VALID_SLUG_BYTES];
	char type[FIELDS_WORD];
	char plan[FIELDS_WORD];
	char admin_user[VALID_USER_BYTES];
	char admin_password[VALID_PASSWORD_BYTES]; /* "": one has to be made */
};

/*
 * ERR_VALIDATION: `details`, an array, has got {field, message} of each fault.
 * ERR_ENGINE_UNAVAILABLE: all is well but the engine, which is not offered.
 * The caller wipes ret.
 */
MUST_CHECK int fields_read(const struct json *body, struct fields *ret, struct json *details,
			   struct err *err);

#endif
