/* storerow.h: a row of `stores`; store.h says what may be done with it. */
#ifndef MODEL_STOREROW_H
#define MODEL_STOREROW_H

#include <stddef.h>

#include "base/err.h"
#include "base/names.h"
#include "model/user.h"

enum { STORE_WORD = 32 };

enum store_status {
	STORE_PROVISIONING,
	STORE_READY,
	STORE_FAILED,
	STORE_DELETING,
	STORE_DELETED,
	STORE_STATUSES
};

enum store_health { STORE_UNKNOWN, STORE_OK, STORE_DEGRADED, STORE_HEALTHS };

extern const char *const store_status_words[STORE_STATUSES];
extern const char *const store_health_words[STORE_HEALTHS];

struct store {
	char id[VALID_UUID_BYTES];
	char name[VALID_NAME_BYTES];
	char slug[VALID_SLUG_BYTES];
	char type[STORE_WORD], plan[STORE_WORD];
	enum store_status status;
	char namespace[NAMES_OBJECT];
	char store_url[NAMES_URL], admin_url[NAMES_URL];
	char admin_user[VALID_USER_BYTES];
	char owner_id[VALID_UUID_BYTES], owner[USER_NAME]; /* "": none */
	char error_code[STORE_WORD];
	char error_message[ERR_TEXT_MAX];
	int64_t provision_started_at, provision_finished_at;
	int64_t created_at, updated_at;
	enum store_health health; /* of a ready store: whether the cluster still has all of it */
	char health_message[ERR_TEXT_MAX];
	int64_t health_checked_at; /* 0: never */
};

struct store_box {
	unsigned char data[512];
	size_t len; /* 0: there is none any more */
	char key_id[STORE_WORD];
};

#endif
