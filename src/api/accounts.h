/*
 * accounts.h: the handlers of one's own account: the first one of all, login,
 * logout, who am I, a new password. And what the handlers of other people's
 * accounts share with them.
 */
#ifndef API_ACCOUNTS_H
#define API_ACCOUNTS_H

#include "api/form.h"
#include "api/route.h"
#include "model/audit.h"

route_handler accounts_setup, accounts_login, accounts_logout, accounts_me, accounts_password,
	accounts_end_sessions;

/* Says of a user's name what is wrong with it. */
void accounts_check_name(struct form *f, const char *field, const char *name);
/* A row of the log that is about no store. Takes over details. */
MUST_CHECK int accounts_audit(const struct call *call, enum audit_action action, const char *actor,
			      struct json *details, struct err *err);
/* A new account, in the caller's transaction. */
MUST_CHECK int accounts_add(const struct call *call, struct user *u, const char *actor,
			    enum audit_action action, struct err *err);
/* What failed logins of a name are counted by. */
void accounts_key(const struct call *call, const char *name, char ret[SECRET_MAC]);

#endif
