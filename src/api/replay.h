/*
 * replay.h: the header Idempotency-Key. Who asks for a change twice with one
 * key, because the first answer did not come, gets that answer, and the change
 * is made once. Both calls belong into the transaction of the change.
 *
 * A key is its user's, for a day. What was refused is not kept: it may be asked
 * for again with the same key.
 */
#ifndef API_REPLAY_H
#define API_REPLAY_H

#include "api/route.h"

/*
 * 1: it was made before, and the answer is filled; 0: go on; -1:
 * ERR_KEY_REUSED if the key was for something else.
 */
MUST_CHECK int replay_find(const struct call *call, struct answer *ret, struct err *err);

/* Keeps the body of the answer, an object without secrets. */
MUST_CHECK int replay_keep(const struct call *call, const struct json *body, struct err *err);

#endif
