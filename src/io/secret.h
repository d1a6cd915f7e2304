/*
 * secret.h: secrets that are only ever compared, and never kept. A password is
 * kept as argon2id; what we made ourselves and is long enough (sessions,
 * tokens) as a hash keyed with a file beside the database, not in it, so that
 * a stolen database has nothing to try them on.
 *
 * argon2id takes 64 MiB a time. At most SECRET_GATES run on this machine at
 * once: each holds a lock of a file in `dir`, which ends with the process. One
 * that finds none free is told so at once (ERR_LOGIN_BUSY), since a process
 * that waits for it answers nobody meanwhile.
 */
#ifndef IO_SECRET_H
#define IO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/attr.h"
#include "base/err.h"
#include "io/keyring.h"

enum {
	SECRET_GATES = 2,
	SECRET_HASH = 128, /* crypto_pwhash_STRBYTES */
	SECRET_MAC = 65,   /* 64 hex digits and NUL */
};

#define SECRET_FILE "api.key" /* see keyring.h */

struct secret_key {
	unsigned char data[KEYRING_KEY];
	char id[KEYRING_ID]; /* tells nothing of it */
};

/* The current key, then those before it that a hash may still need. */
struct secret_ring {
	struct secret_key keys[1 + KEYRING_MAX];
	int count;
	struct timespec changed[2]; /* file and folder, as they were read */
	ino_t file;
};

/* Reads dir/api.key, and makes folder (0700) and file (0600) where they are not there. */
MUST_CHECK int secret_load(struct secret_key *ret, const char *dir, struct err *err);
/* Reads them all, if they are others by now than those in ring; one of zeroes is empty. */
MUST_CHECK int secret_refresh(struct secret_ring *ring, const char *dir, struct err *err);
/* A new key becomes the current one; the old one is kept by its id. */
MUST_CHECK int secret_rotate(const char *dir, char ret_old[KEYRING_ID], char ret_new[KEYRING_ID],
			     struct err *err);
/* When the current key became that, by the wall clock. */
MUST_CHECK int secret_since(const char *dir, int64_t *ret, struct err *err);

/* The keyed hash of a text; what it is used for is part of it. */
void secret_mac(const struct secret_key *key, const char *use, const void *text, size_t len,
		char ret[SECRET_MAC]);
/* Compares two hashes in a time that tells nothing. */
bool secret_same(const char a[SECRET_MAC], const char b[SECRET_MAC]);

MUST_CHECK int secret_hash(const char *dir, const char *password, char ret[SECRET_HASH],
			   struct err *err);
/* 1: it is the password, 0: it is not; an empty hash is nobody's, and costs the same time. */
MUST_CHECK int secret_check(const char *dir, const char *hash, const char *password,
			    struct err *err);

#endif
