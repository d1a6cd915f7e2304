/*
 * client.h: requests to the API, as its users make them: by URL, with a token.
 *
 *	--url=URL          else $STORE_URL, else the site's socket where it is (unix:PATH),
 *	                   else http://127.0.0.1
 *	--token-file=FILE  else ~/.config/store-platform/token; for its owner alone
 *	--ca=FILE          who signs the server's certificate, beside the system's
 *
 * A token goes over plain HTTP to this machine alone. A request that got no
 * answer, or was told to come again, is made again a few times, where that does
 * no harm: a change of a store carries an Idempotency-Key, and is made once.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "ctl/command.h"
#include "io/json.h"

/* For the rows of the table. */
#define CLIENT_OPTIONS "url= token-file= ca= json"

struct client;

MUST_CHECK int client_open(const struct command_call *call, struct client **ret, struct err *err);
void client_close(struct client *c);
CLEANUP_FUNC(struct client *, client_close)

/*
 * One request; body may be NULL. *ret is the answer's JSON, the caller's to
 * free. An answer that is an error is one here, with its sentence; *ret_status
 * (may be NULL) is its status, 0 if none came.
 */
MUST_CHECK int client_ask(struct client *c, const char *method, const char *path,
			  const struct json *body, int *ret_status, struct json **ret,
			  struct err *err);

/* Prints an answer as it is, in one line. */
void client_print(const struct json *answer);

#endif
