/*
 * attempt.h: how often a login may be tried. Failures are counted by account
 * and by network (an IPv4 address, or the first 64 bits of an IPv6 one). From
 * the fifth on each makes the next one wait, twice as long every time, a
 * quarter of an hour at most; what is older than that is forgotten.
 *
 * An attempt is counted before its password is looked at, so that many at
 * once are no more than many in a row; a good one takes its count back.
 *
 * A lock must not become a way to keep people out. Who comes from a network
 * from which he has logged in before does not wait for what others did to his
 * account, only for what that network did; and the last admin's account waits
 * no longer than ATTEMPT_SPARED_MS.
 */
#ifndef MODEL_ATTEMPT_H
#define MODEL_ATTEMPT_H

#include "model/user.h"

enum {
	ATTEMPT_FREE = 5, /* failures without a pause */
	ATTEMPT_STEP_MS = 15 * 1000,
	ATTEMPT_MAX_MS = 15 * 60 * 1000,
	ATTEMPT_SPARED_MS = 5 * 1000,
	ATTEMPT_NETWORK = 48,
	ATTEMPT_ROWS = 20000,
};

struct attempt {
	const char *network;	 /* attempt_network() */
	const char *account;	 /* a keyed hash of the name that was given */
	const struct user *user; /* NULL: there is no such account, which is counted all the same */
	int64_t now;
};

extern const struct db_table attempt_sql;

/* What an address counts as. */
void attempt_network(const char *address, char ret[ATTEMPT_NETWORK]);
/* How long the next attempt waits after so many failures: pure. */
int64_t attempt_pause(int64_t failures);

/*
 * Counts an attempt. ERR_LOGIN_LOCKED, with retry_after, if it comes too early;
 * then nothing is counted. *ret_locks: it is the one that begins a lock.
 */
MUST_CHECK int attempt_begin(struct db *db, const struct attempt *a, bool *ret_locks,
			     struct err *err);
/* Takes the count back: nothing was compared after all. */
MUST_CHECK int attempt_undo(struct db *db, const struct attempt *a, struct err *err);
/* The password was right: the account starts anew, and the network is familiar from now on. */
MUST_CHECK int attempt_good(struct db *db, const struct attempt *a, struct err *err);
/* Forgets what an account did: an admin's way to open it. */
MUST_CHECK int attempt_forget(struct db *db, const char *account, struct err *err);

#endif
