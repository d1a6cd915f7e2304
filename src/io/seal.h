/*
 * seal.h: the only door to libsodium: sealed boxes, random text, digests.
 *
 * A sealed password can be opened only with the provisioner's secret key. The
 * plain text is padded to SEAL_PLAIN bytes first, so that the length of the
 * box tells nothing. The key id (a digest of the public key) stands beside the
 * box, so that a lost or changed key is told apart from a damaged box.
 */
#ifndef IO_SEAL_H
#define IO_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum {
	SEAL_PLAIN = 320,
	SEAL_BOX = SEAL_PLAIN + 48, /* crypto_box_SEALBYTES */
	SEAL_KEY = 32,
	SEAL_ID = 17,	  /* 16 hex digits and NUL */
	SEAL_DIGEST = 33, /* 32 hex digits and NUL */
};

#define SEAL_FILE "seal.key" /* see keyring.h */

struct seal_key {
	unsigned char public[SEAL_KEY];
	unsigned char secret[SEAL_KEY]; /* zero where only seal.pub was read */
	char id[SEAL_ID];
};

/* Once a process, before anything else here. */
MUST_CHECK int seal_init(struct err *err);

/*
 * Makes seal.key (0600) in dir if there is none, and seal.pub (0644) from it.
 * For one process at a time: the supervisor, under its lock.
 */
MUST_CHECK int seal_make(const char *dir, struct err *err);
/* Reads seal.key. */
MUST_CHECK int seal_load(struct seal_key *ret, const char *dir, struct err *err);
/* The same of one that was current before. ERR_PASSWORD_LOST if it is not there. */
MUST_CHECK int seal_load_id(struct seal_key *ret, const char *dir, const char *id, struct err *err);
/* A new pair becomes the current one; the old secret key is kept by its id. */
MUST_CHECK int seal_rotate(const char *dir, char ret_old[SEAL_ID], char ret_new[SEAL_ID],
			   struct err *err);
/* The platform's id, which a new pair does not change. */
MUST_CHECK int seal_platform(const char *dir, char ret[SEAL_ID], struct err *err);
/* Reads seal.pub alone. ERR_NOT_STARTED if it is not there yet. */
MUST_CHECK int seal_load_public(struct seal_key *ret, const char *dir, struct err *err);

/* text: at most SEAL_PLAIN - 1 bytes. */
MUST_CHECK int seal_close(const struct seal_key *key, const char *text,
			  unsigned char ret[SEAL_BOX], struct err *err);
/* ERR_PASSWORD_LOST if the box is not ours to open. The caller wipes ret. */
MUST_CHECK int seal_open(const struct seal_key *key, const char *key_id, const void *box,
			 size_t len, char ret[SEAL_PLAIN], struct err *err);

/* 32 random bits. */
uint32_t seal_random(void);
/* chars letters and digits (62 kinds: 5.95 bits each) and NUL. */
void seal_password(char *ret, size_t chars);
/* A random UUID (RFC 9562 version 4) into ret[37]. */
void seal_uuid(char *ret);
void seal_wipe(void *data, size_t len);

/* BLAKE2b-128 of several texts in order, in hex. */
void seal_digest(char ret[SEAL_DIGEST], const void *const *parts, const size_t *lens, size_t count);

/* Standard base64 with padding; ret has to hold 4 * ((len + 2) / 3) + 1 bytes. */
void seal_base64(char *ret, size_t size, const void *data, size_t len);
/* Returns the bytes decoded into ret (at most size), -1 if text is not base64. */
MUST_CHECK long seal_unbase64(void *ret, size_t size, const char *text);

#endif
