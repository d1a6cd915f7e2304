/* keys.c: see keys.h. */
#include "model/keys.h"

#include <string.h>

#include "base/clock.h"
#include "io/seal.h"
#include "io/secret.h"

const char *const keys_words[KEYS_KINDS] = {"seal", "api"};
const char *const keys_files[KEYS_KINDS] = {SEAL_FILE, SECRET_FILE};

enum { SLACK_MS = 60 * 1000 };

enum { BOXES, HASHES, END_SESSIONS, END_SETUP, MARK_TOKENS };

static const char *const statements[] = {
	[BOXES] = "SELECT count(*) FROM stores WHERE seal_key_id = :id",
	[HASHES] = "SELECT (SELECT count(*) FROM tokens WHERE hash_key = :id"
		   "   AND revoked_at IS NULL AND expires_at > :now)"
		   " + (SELECT count(*) FROM idempotency WHERE created_at <= :since"
		   "   AND created_at > :now - 86400000)",
	[END_SESSIONS] = "DELETE FROM sessions",
	[END_SETUP] = "DELETE FROM setup",
	/* Those of before there were ids: there was one key then. */
	[MARK_TOKENS] = "UPDATE tokens SET hash_key = :id WHERE hash_key = ''",
};
DB_TABLE(keys_sql, statements);

int
keys_needed(struct db *db, enum keys_kind kind, const char *dir, const char *id, int64_t *ret,
	    struct err *err)
{
	CLEANUP(db_donep)
	struct db_query *q = db_query(db, &keys_sql, kind == KEYS_SEAL ? BOXES : HASHES);
	int64_t since = 0;

	db_bind_text(q, ":id", id);
	if (kind == KEYS_API) {
		if (secret_since(dir, &since, err) < 0)
			return -1;
		db_bind_int(q, ":now", clock_wall_ms());
		db_bind_int(q, ":since", since + SLACK_MS);
	}
	if (db_step(q, err) < 0)
		return -1;
	*ret = db_int(q, 0);
	return 0;
}

static int
end_hashes(struct db *db, const char *old, struct err *err)
{
	CLEANUP(db_donep) struct db_query *sessions = db_query(db, &keys_sql, END_SESSIONS);
	CLEANUP(db_donep) struct db_query *setup = db_query(db, &keys_sql, END_SETUP);
	CLEANUP(db_donep) struct db_query *tokens = db_query(db, &keys_sql, MARK_TOKENS);

	db_bind_text(tokens, ":id", old);
	return db_run(sessions, err) < 0 || db_run(setup, err) < 0 || db_run(tokens, err) < 0 ? -1
											      : 0;
}

int
keys_rotate(struct db *db, enum keys_kind kind, const char *dir, char ret_old[KEYRING_ID],
	    char ret_new[KEYRING_ID], struct err *err)
{
	char ids[KEYRING_MAX][KEYRING_ID];
	int n = keyring_retired(dir, keys_files[kind], ids, err);

	if (n < 0)
		return -1;
	if (n == KEYRING_MAX)
		return err_set(err, ERR_CONFIG,
			       "%d keys of before are still needed, which is the most that is kept; "
			       "see: storectl keys list",
			       n);
	if (kind == KEYS_SEAL)
		return seal_rotate(dir, ret_old, ret_new, err);
	if (secret_rotate(dir, ret_old, ret_new, err) < 0)
		return -1;
	return end_hashes(db, ret_old, err);
}

/* The pair that passwords are sealed to stays, whatever its secret half is called. */
static int
drop_unneeded(struct db *db, enum keys_kind kind, const char *dir, const char *id,
	      struct err *err)
{
	struct seal_key public = {.id = ""};
	int64_t needed;

	if (kind == KEYS_SEAL && seal_load_public(&public, dir, err) < 0)
		return -1;
	if (strcmp(public.id, id) == 0)
		return 0;
	if (keys_needed(db, kind, dir, id, &needed, err) < 0)
		return -1;
	return needed ? 0 : keyring_drop(dir, keys_files[kind], id, err);
}

int
keys_sweep(struct db *db, enum keys_kind kind, const char *dir, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;
	char ids[KEYRING_MAX][KEYRING_ID];
	int n = keyring_retired(dir, keys_files[kind], ids, err);

	if (n <= 0)
		return n;
	if (db_begin(open, err) < 0)
		return -1;
	/* Once more, while nobody can write a row that needs one. */
	n = keyring_retired(dir, keys_files[kind], ids, err);
	for (int i = 0; i < n; i++)
		if (drop_unneeded(db, kind, dir, ids[i], err) < 0)
			return -1;
	return n < 0 ? -1 : db_commit(open, err);
}
