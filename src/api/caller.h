/*
 * caller.h: who asks: a browser with a session, a program with a token, with
 * AUTH=off this machine, or nobody. A token comes before a cookie, and one
 * that does not hold is refused even where nobody has to be anybody.
 */
#ifndef API_CALLER_H
#define API_CALLER_H

#include "api/req.h"
#include "io/conf.h"
#include "io/db.h"
#include "io/secret.h"
#include "model/jobrow.h"
#include "model/user.h"

enum caller_kind { CALLER_NOBODY, CALLER_LOCAL, CALLER_SESSION, CALLER_TOKEN };

enum { CALLER_PROOF = 44 }; /* 43 letters and digits carry 256 random bits; and NUL */

struct caller {
	enum caller_kind kind;
	enum user_role role;		/* of a token: what both its user and its scope allow */
	char user_id[VALID_UUID_BYTES]; /* "": no account */
	char name[USER_NAME];
	char actor[JOB_ACTOR];	  /* for the audit log: name, or name#key of a token */
	char session[SECRET_MAC]; /* "": none */
};

/* ERR_UNAUTHORIZED for a token that does not hold. */
MUST_CHECK int caller_find(struct db *db, const struct conf *conf, const struct secret_ring *keys,
			   const struct req *req, struct caller *ret, struct err *err);

/* A new proof for a cookie, and its keyed hash for the row. The caller wipes proof. */
void caller_new_proof(const struct secret_key *key, char proof[CALLER_PROOF],
		      char hash[SECRET_MAC]);
/* The Set-Cookie of a proof; "" makes the browser forget it. */
void caller_cookie(const char *proof, char *ret, size_t size);

#endif
