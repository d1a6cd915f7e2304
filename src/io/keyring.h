/*
 * keyring.h: files of keys that are changed while programs use them.
 *
 *	DIR/NAME	the current key, 32 bytes
 *	DIR/NAME.<id>	one that was current before, until nobody needs it
 *
 * A new key is written aside, flushed and renamed, so that each name is whole at
 * every moment; the old one gets its second name before that. Files belong to
 * whom the folder belongs to, also where root makes them.
 */
#ifndef IO_KEYRING_H
#define IO_KEYRING_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

enum {
	KEYRING_KEY = 32,
	KEYRING_ID = 17,    /* 16 hex digits and NUL */
	KEYRING_MAX = 8,    /* kept at a time */
	KEYRING_PATH = 1200,
};

bool keyring_is_id(const char *id);
void keyring_path(const char *dir, const char *name, const char *id, char ret[KEYRING_PATH]);

/* One process at a time changes a folder's keys: a descriptor, whose close ends that. */
MUST_CHECK int keyring_lock(const char *dir, struct err *err);

/* ERR_CONFIG if it is not a key of 32 bytes. */
MUST_CHECK int keyring_read(const char *path, unsigned char ret[KEYRING_KEY], struct err *err);
/* Whole or not at all. */
MUST_CHECK int keyring_write(const char *dir, const char *name, mode_t mode, const void *data,
			     size_t len, struct err *err);

/* Gives the current key the second name of its id. */
MUST_CHECK int keyring_retire(const char *dir, const char *name, const char *id, struct err *err);
/* Ids of those that were retired, in the order of their text. How many, or -1. */
MUST_CHECK int keyring_retired(const char *dir, const char *name,
			       char ret[KEYRING_MAX][KEYRING_ID], struct err *err);
/* Wipes and removes one. */
MUST_CHECK int keyring_drop(const char *dir, const char *name, const char *id, struct err *err);

#endif
