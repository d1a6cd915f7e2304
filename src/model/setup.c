/* setup.c: see setup.h. */
#include "model/setup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLACK_MS = 60 * 1000 }; /* who waits for the lock has looked at the clock before */

enum { GET, PUT, TAKE };

static const char *const statements[] = {
	[GET] = "SELECT hash, boot, expires_at FROM setup",
	[PUT] = "INSERT OR REPLACE INTO setup (one, hash, boot, expires_at)"
		" VALUES (1, :hash, :boot, :expires)",
	[TAKE] = "DELETE FROM setup",
};
DB_TABLE(setup_sql, statements);

static int
this_boot(char ret[VALID_UUID_BYTES], struct err *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, VALID_UUID_BYTES - 1);

	if (fd >= 0)
		close(fd);
	if (n != VALID_UUID_BYTES - 1)
		return err_errno(err, "cannot read %s", path);
	ret[n] = '\0';
	return 0;
}

/* 1: there is a token that holds, and its hash; 0; -1. */
static int
standing(struct db *db, int64_t now, char hash[SECRET_MAC], struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &setup_sql, GET);
	char boot[VALID_UUID_BYTES], then[VALID_UUID_BYTES];
	int64_t left;
	int r;

	if (this_boot(boot, err) < 0)
		return -1;
	r = db_step(q, err);
	if (r <= 0)
		return r;
	snprintf(hash, SECRET_MAC, "%s", db_text(q, 0));
	snprintf(then, sizeof(then), "%s", db_text(q, 1));
	left = db_int(q, 2) - now;
	/* One of the far future was made while the clock was ahead. */
	return left > 0 && left <= SETUP_TTL_MS + SLACK_MS && strcmp(then, boot) == 0;
}

int
setup_offer(struct db *db, const char *hash, int64_t now, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *held = db;
	CLEANUP(db_donep) struct db_query *q = NULL;
	char old[SECRET_MAC], boot[VALID_UUID_BYTES];
	int64_t users;
	int r;

	if (db_begin(db, err) < 0 || user_count(db, USER_ROLES, &users, err) < 0)
		return -1;
	r = users > 0 ? 1 : standing(held, now, old, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (this_boot(boot, err) < 0)
		return -1;
	q = db_query(db, &setup_sql, PUT);
	db_bind_text(q, ":hash", hash);
	db_bind_text(q, ":boot", boot);
	db_bind_int(q, ":expires", now + SETUP_TTL_MS);
	return db_run(q, err) < 0 || db_commit(db, err) < 0 ? -1 : 1;
}

int
setup_check(struct db *db, const char *hash, int64_t now, struct err *err)
{
	char want[SECRET_MAC];
	int64_t users;
	int r;

	if (user_count(db, USER_ROLES, &users, err) < 0)
		return -1;
	if (users > 0)
		return err_set(err, ERR_SETUP_REFUSED,
			       "There is an account already, so this way in is closed; ask an "
			       "admin for an account.");
	r = standing(db, now, want, err);
	if (r < 0)
		return -1;
	if (r == 0 || !secret_same(want, hash))
		return err_set(err, ERR_SETUP_REFUSED,
			       "This is not the set-up token, or it has expired: it holds for one "
			       "hour after it was printed. Restart store-api for a new one, or use "
			       "storectl user add.");
	return 0;
}

int
setup_take(struct db *db, const char *hash, int64_t now, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &setup_sql, TAKE);

	if (setup_check(db, hash, now, err) < 0)
		return -1;
	return db_run(q, err) < 0 ? -1 : 0;
}
