/*
 * tokens.h: the handlers of API tokens, for admins. A token is shown once, in
 * the answer that makes it; one that is revoked stays in the list and is
 * refused from the next request on.
 */
#ifndef API_TOKENS_H
#define API_TOKENS_H

#include "api/route.h"

route_handler tokens_list, tokens_create, tokens_revoke;

#endif
