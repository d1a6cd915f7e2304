/*
 * keys.h: which rows need a key that is current no more (io/keyring.h), and what
 * happens to rows when a key is changed.
 *
 * A pair of seal.key: a row of `stores` with a password that waits, by its id.
 * An api.key: a token by its id, until it is used the next time; answers to an
 * Idempotency-Key, for the day that they are kept. Sessions and the token of a
 * first account end with their key.
 */
#ifndef MODEL_KEYS_H
#define MODEL_KEYS_H

#include "io/db.h"
#include "io/keyring.h"

enum keys_kind { KEYS_SEAL, KEYS_API, KEYS_KINDS };

extern const struct db_table keys_sql;
extern const char *const keys_words[KEYS_KINDS];
extern const char *const keys_files[KEYS_KINDS];

/* How many rows need the key. dir: of the kind's files. */
MUST_CHECK int keys_needed(struct db *db, enum keys_kind kind, const char *dir, const char *id,
			   int64_t *ret, struct err *err);

/*
 * Changes the key, in the caller's transaction: who writes a row that needs a
 * key reads it in his own, so that none comes to need one that is gone.
 */
MUST_CHECK int keys_rotate(struct db *db, enum keys_kind kind, const char *dir,
			   char ret_old[KEYRING_ID], char ret_new[KEYRING_ID], struct err *err);

/* Removes the keys that no row needs. With its own transaction, if there are any at all. */
MUST_CHECK int keys_sweep(struct db *db, enum keys_kind kind, const char *dir, struct err *err);

#endif
