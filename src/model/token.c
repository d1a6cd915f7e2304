/* token.c: see token.h. */
#include "model/token.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/seal.h"

enum { KEY_CHARS = TOKEN_KEY - 1, SECRET_CHARS = 30, SUM_CHARS = 6, TOUCH_MS = 60 * 1000 };

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#define SELECT_ROWS                                                                                \
	"SELECT t.id, t.key, t.user_id, u.name, t.name, t.scope, t.hash, t.created_at,"            \
	" t.expires_at, t.last_used_at, t.revoked_at, t.hash_key FROM tokens t JOIN users u ON u.id = "        \
	"t.user_id"

enum { INSERT, GET, FIND, LIST, REVOKE, TOUCH, REHASH };

static const char *const statements[] = {
	[INSERT] =
		"INSERT INTO tokens (id, key, user_id, name, scope, hash, hash_key, created_at,"
		" expires_at)"
		" VALUES (:id, :key, :user, :name, :scope, :hash, :hash_key, :now, :expires)",
	[GET] = SELECT_ROWS " WHERE t.id = :id",
	[FIND] = SELECT_ROWS " WHERE t.key = :key",
	[LIST] = SELECT_ROWS " ORDER BY t.created_at DESC, t.id DESC",
	[REVOKE] = "UPDATE tokens SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL",
	[TOUCH] = "UPDATE tokens SET last_used_at = :now WHERE id = :id",
	[REHASH] = "UPDATE tokens SET hash = :hash, hash_key = :hash_key WHERE id = :id",
};
DB_TABLE(token_sql, statements);

/* CRC-32 as of gzip and PNG. */
static uint32_t
crc32(const char *s, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)s[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void
write_sum(const char *text, size_t len, char ret[SUM_CHARS + 1])
{
	uint32_t crc = crc32(text, len);

	for (int i = SUM_CHARS - 1; i >= 0; i--) {
		ret[i] = alphabet[crc % (sizeof(alphabet) - 1)];
		crc /= sizeof(alphabet) - 1;
	}
	ret[SUM_CHARS] = '\0';
}

void
token_make(char ret[TOKEN_TEXT], char key[TOKEN_KEY])
{
	char secret[SECRET_CHARS + 1], sum[SUM_CHARS + 1];
	int n;

	seal_password(key, KEY_CHARS);
	seal_password(secret, SECRET_CHARS);
	n = snprintf(ret, TOKEN_TEXT, "spt_%s_%s", key, secret);
	write_sum(ret, (size_t)n, sum);
	snprintf(ret + n, TOKEN_TEXT - (size_t)n, "_%s", sum);
	seal_wipe(secret, sizeof(secret));
}

bool
token_parse(const char *text, char key[TOKEN_KEY])
{
	static const char form[] = "spt_**********_******************************_******";
	char sum[SUM_CHARS + 1];
	size_t body = TOKEN_TEXT - 1 - SUM_CHARS - 1;

	_Static_assert(sizeof(form) == TOKEN_TEXT, "the form of a token");
	if (strlen(text) != TOKEN_TEXT - 1)
		return false;
	for (size_t i = 0; i < TOKEN_TEXT - 1; i++)
		if (form[i] == '*' ? !strchr(alphabet, text[i]) : text[i] != form[i])
			return false;
	write_sum(text, body, sum);
	if (memcmp(sum, text + body + 1, SUM_CHARS) != 0)
		return false;
	snprintf(key, TOKEN_KEY, "%.*s", KEY_CHARS, text + 4);
	return true;
}

int
token_insert(struct db *db, const struct token *t, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &token_sql, INSERT);

	db_bind_text(q, ":id", t->id);
	db_bind_text(q, ":key", t->key);
	db_bind_text(q, ":user", t->user_id);
	db_bind_text(q, ":name", t->name);
	db_bind_text(q, ":scope", user_role_words[t->scope]);
	db_bind_text(q, ":hash", t->hash);
	db_bind_text(q, ":hash_key", t->hash_key);
	db_bind_int(q, ":now", t->created_at);
	db_bind_int(q, ":expires", t->expires_at);
	return db_run(q, err) < 0 ? -1 : 0;
}

int
token_next(struct db_query *q, struct token *ret, struct err *err)
{
	int r = db_step(q, err);

	if (r <= 0)
		return r;
	*ret = (struct token){.scope = ROLE_VIEWER};
	snprintf(ret->id, sizeof(ret->id), "%s", db_text(q, 0));
	snprintf(ret->key, sizeof(ret->key), "%s", db_text(q, 1));
	snprintf(ret->user_id, sizeof(ret->user_id), "%s", db_text(q, 2));
	snprintf(ret->user_name, sizeof(ret->user_name), "%s", db_text(q, 3));
	snprintf(ret->name, sizeof(ret->name), "%s", db_text(q, 4));
	if (!user_role_of(db_text(q, 5), &ret->scope))
		return err_set(err, ERR_INTERNAL, "token %s has a scope that is none", ret->id);
	snprintf(ret->hash, sizeof(ret->hash), "%s", db_text(q, 6));
	ret->created_at = db_int(q, 7);
	ret->expires_at = db_int(q, 8);
	ret->last_used_at = db_int(q, 9);
	ret->revoked_at = db_int(q, 10);
	snprintf(ret->hash_key, sizeof(ret->hash_key), "%s", db_text(q, 11));
	return 1;
}

int
token_get(struct db *db, const char *id, struct token *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &token_sql, GET);

	db_bind_text(q, ":id", id);
	return token_next(q, ret, err);
}

int
token_find(struct db *db, const char *key, struct token *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &token_sql, FIND);

	db_bind_text(q, ":key", key);
	return token_next(q, ret, err);
}

struct db_query *
token_list(struct db *db)
{
	return db_query(db, &token_sql, LIST);
}

int
token_revoke(struct db *db, const char *id, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &token_sql, REVOKE);

	db_bind_text(q, ":id", id);
	db_bind_int(q, ":now", clock_wall_ms());
	return db_run(q, err) < 0 ? -1 : 0;
}

void
token_rehash(struct db *db, const struct token *t)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &token_sql, REHASH);
	struct err ignored = ERR_INIT;

	db_bind_text(q, ":id", t->id);
	db_bind_text(q, ":hash", t->hash);
	db_bind_text(q, ":hash_key", t->hash_key);
	(void)!db_run(q, &ignored);
}

void
token_touch(struct db *db, const struct token *t, int64_t now)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &token_sql, TOUCH);
	struct err ignored = ERR_INIT;

	if (now - t->last_used_at <= TOUCH_MS && t->last_used_at <= now)
		return;
	db_bind_text(q, ":id", t->id);
	db_bind_int(q, ":now", now);
	(void)!db_run(q, &ignored);
}
