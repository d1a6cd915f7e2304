/* caller.c: see caller.h. */
#include "api/caller.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "io/seal.h"
#include "model/session.h"
#include "model/token.h"

/* A browser takes a name with this prefix only from this very host, over TLS, for all paths. */
static const char cookie_name[] = "__Host-sp";

static int
refuse(struct err *err)
{
	return err_set(err, ERR_UNAUTHORIZED,
		       "This token is unknown, revoked or expired; ask an admin for a new one.");
}

/* By the current key or one before it; then it is by the current one from now on. */
static bool
proves(struct db *db, const struct secret_ring *keys, const char *text, struct token *t)
{
	char hash[SECRET_MAC];

	for (int i = 0; i < keys->count; i++) {
		secret_mac(&keys->keys[i], "token", text, strlen(text), hash);
		if (!secret_same(hash, t->hash))
			continue;
		if (i > 0) {
			secret_mac(&keys->keys[0], "token", text, strlen(text), t->hash);
			memcpy(t->hash_key, keys->keys[0].id, sizeof(t->hash_key));
			token_rehash(db, t);
		}
		return true;
	}
	return false;
}

static int
by_token(struct db *db, const struct secret_ring *keys, const char *text, struct caller *ret,
	 struct err *err)
{
	char name[TOKEN_KEY];
	int64_t now = clock_wall_ms();
	struct token token;
	struct user user;
	int r;

	if (!token_parse(text, name))
		return refuse(err);
	r = token_find(db, name, &token, err);
	if (r <= 0)
		return r < 0 ? -1 : refuse(err);
	if (token.revoked_at || token.expires_at <= now || !proves(db, keys, text, &token))
		return refuse(err);
	r = user_get(db, token.user_id, &user, err);
	if (r <= 0)
		return r < 0 ? -1 : refuse(err);
	token_touch(db, &token, now);
	ret->kind = CALLER_TOKEN;
	ret->role = token.scope < user.role ? token.scope : user.role;
	memcpy(ret->user_id, user.id, sizeof(ret->user_id));
	memcpy(ret->name, user.name, sizeof(ret->name));
	snprintf(ret->actor, sizeof(ret->actor), "%s#%s", user.name, token.key);
	return 0;
}

/* The one value of our cookie. Of two, one was put there by somebody else: then there is none. */
static bool
find_cookie(const char *header, char ret[CALLER_PROOF])
{
	size_t name = strlen(cookie_name);
	int found = 0;

	while (*header) {
		size_t len;

		header += strspn(header, "; \t");
		len = strcspn(header, ";");
		if (strncmp(header, cookie_name, name) == 0 && header[name] == '=') {
			found++;
			snprintf(ret, CALLER_PROOF, "%.*s",
				 len - name - 1 == CALLER_PROOF - 1 ? CALLER_PROOF - 1 : 0,
				 header + name + 1);
		}
		header += len;
	}
	return found == 1 && ret[0];
}

static int
by_cookie(struct db *db, const struct secret_key *key, const char *header, struct caller *ret,
	  struct err *err)
{
	char proof[CALLER_PROOF] = "", hash[SECRET_MAC];
	struct user user;
	int r;

	if (!find_cookie(header, proof))
		return 0;
	secret_mac(key, "session", proof, strlen(proof), hash);
	seal_wipe(proof, sizeof(proof));
	r = session_find(db, hash, clock_wall_ms(), &user, err);
	if (r <= 0)
		return r;
	ret->kind = CALLER_SESSION;
	ret->role = user.role;
	memcpy(ret->user_id, user.id, sizeof(ret->user_id));
	memcpy(ret->name, user.name, sizeof(ret->name));
	snprintf(ret->actor, sizeof(ret->actor), "%s", user.name);
	memcpy(ret->session, hash, sizeof(ret->session));
	return 0;
}

int
caller_find(struct db *db, const struct conf *conf, const struct secret_ring *keys,
	    const struct req *req, struct caller *ret, struct err *err)
{
	static const char bearer[] = "Bearer ";

	*ret = (struct caller){.kind = CALLER_NOBODY, .actor = "nobody"};
	if (strcmp(conf->auth, "off") == 0) {
		*ret = (struct caller){
			.kind = CALLER_LOCAL,
			.role = ROLE_ADMIN,
			.name = "local",
			.actor = "local",
		};
		return 0;
	}
	if (!req->authorization[0])
		return by_cookie(db, &keys->keys[0], req->cookie, ret, err);
	if (strncasecmp(req->authorization, bearer, strlen(bearer)) != 0)
		return err_set(err, ERR_UNAUTHORIZED,
			       "Authorization has to be \"Bearer\" and an API token.");
	return by_token(db, keys, req->authorization + strlen(bearer), ret, err);
}

void
caller_new_proof(const struct secret_key *key, char proof[CALLER_PROOF], char hash[SECRET_MAC])
{
	seal_password(proof, CALLER_PROOF - 1);
	secret_mac(key, "session", proof, strlen(proof), hash);
}

void
caller_cookie(const char *proof, char *ret, size_t size)
{
	snprintf(ret, size, "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s", cookie_name,
		 proof, *proof ? "" : "; Max-Age=0");
}
