/* attempt.c: see attempt.h. */
#include "model/attempt.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { WHO = SECRET_MAC + 8, FAMILIAR_MAX = 16 };

enum { GET, COUNT, TAKE_BACK, FORGET, PRUNE, PRUNE_MANY, KNOWS, GREET, PRUNE_KNOWN };

static const char *const statements[] = {
	[GET] = "SELECT failures, failed_at, locked_until FROM attempts WHERE who = :who",
	[COUNT] = "INSERT INTO attempts (who, failures, failed_at, locked_until)"
		  " VALUES (:who, :failures, :now, :until) ON CONFLICT (who) DO UPDATE SET"
		  " failures = :failures, failed_at = :now, locked_until = :until",
	[TAKE_BACK] = "UPDATE attempts SET failures = max(failures - 1, 0),"
		      " locked_until = CASE WHEN failures <= :free THEN 0 ELSE locked_until END"
		      " WHERE who = :who",
	[FORGET] = "DELETE FROM attempts WHERE who = :who",
	[PRUNE] = "DELETE FROM attempts WHERE failed_at < :now - :max OR failed_at > :now + :max",
	[PRUNE_MANY] = "DELETE FROM attempts WHERE who IN"
		       " (SELECT who FROM attempts ORDER BY failed_at DESC LIMIT -1 OFFSET :rows)",
	[KNOWS] = "SELECT 1 FROM familiar WHERE user_id = :user AND network = :network",
	[GREET] = "INSERT INTO familiar (user_id, network, seen_at) VALUES (:user, :network, :now)"
		  " ON CONFLICT DO UPDATE SET seen_at = :now",
	[PRUNE_KNOWN] = "DELETE FROM familiar WHERE user_id = :user AND network NOT IN"
			" (SELECT network FROM familiar WHERE user_id = :user"
			"  ORDER BY seen_at DESC LIMIT :max)",
};
DB_TABLE(attempt_sql, statements);

void
attempt_network(const char *address, char ret[ATTEMPT_NETWORK])
{
	struct in6_addr six;

	snprintf(ret, ATTEMPT_NETWORK, "%.*s", ATTEMPT_NETWORK - 1, address);
	if (inet_pton(AF_INET6, address, &six) != 1)
		return;
	if (IN6_IS_ADDR_V4MAPPED(&six)) {
		inet_ntop(AF_INET, &six.s6_addr[12], ret, ATTEMPT_NETWORK);
		return;
	}
	memset(&six.s6_addr[8], 0, 8);
	inet_ntop(AF_INET6, &six, ret, ATTEMPT_NETWORK);
}

int64_t
attempt_pause(int64_t failures)
{
	int64_t pause = ATTEMPT_STEP_MS;

	if (failures < ATTEMPT_FREE)
		return 0;
	for (int64_t i = ATTEMPT_FREE; i < failures && pause < ATTEMPT_MAX_MS; i++)
		pause *= 2;
	return pause < ATTEMPT_MAX_MS ? pause : ATTEMPT_MAX_MS;
}

struct count {
	int64_t failures, locked_until;
};

static int
get(struct db *db, const char *who, int64_t now, struct count *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &attempt_sql, GET);
	int r;

	*ret = (struct count){.failures = 0};
	db_bind_text(q, ":who", who);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	/* What a clock that was ahead has written holds for no longer than anything else. */
	if (now - db_int(q, 1) > ATTEMPT_MAX_MS || db_int(q, 1) - now > ATTEMPT_MAX_MS)
		return 0;
	ret->failures = db_int(q, 0);
	ret->locked_until = db_int(q, 2);
	return 0;
}

static int
count(struct db *db, const char *who, const struct count *c, int64_t now, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &attempt_sql, COUNT);

	db_bind_text(q, ":who", who);
	db_bind_int(q, ":failures", c->failures);
	db_bind_int(q, ":now", now);
	db_bind_int(q, ":until", c->locked_until);
	return db_run(q, err) < 0 ? -1 : 0;
}

static int
run_one(struct db *db, int index, const char *who, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &attempt_sql, index);

	db_bind_text(q, ":who", who);
	if (index == TAKE_BACK)
		db_bind_int(q, ":free", ATTEMPT_FREE);
	return db_run(q, err) < 0 ? -1 : 0;
}

static int
prune(struct db *db, int64_t now, struct err *err)
{
	CLEANUP(db_donep) struct db_query *old = db_query(db, &attempt_sql, PRUNE);
	CLEANUP(db_donep) struct db_query *many = db_query(db, &attempt_sql, PRUNE_MANY);

	db_bind_int(old, ":now", now);
	db_bind_int(old, ":max", ATTEMPT_MAX_MS);
	db_bind_int(many, ":rows", ATTEMPT_ROWS);
	return db_run(old, err) < 0 || db_run(many, err) < 0 ? -1 : 0;
}

static int
knows(struct db *db, const struct attempt *a, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &attempt_sql, KNOWS);

	if (!a->user)
		return 0;
	db_bind_text(q, ":user", a->user->id);
	db_bind_text(q, ":network", a->network);
	return db_step(q, err);
}

/* Fails if it is locked; otherwise counts one more, and sets what the next one waits for. */
static int
pass(struct db *db, const char *who, int64_t longest, int64_t now, bool *locks, struct err *err)
{
	struct count c;
	int64_t left, pause;

	if (get(db, who, now, &c, err) < 0)
		return -1;
	left = c.locked_until - now;
	if (left > longest)
		left = longest;
	if (left > 0) {
		err_set(err, ERR_LOGIN_LOCKED,
			"There were too many failed logins; try again in %lld seconds.",
			(long long)(left + 999) / 1000);
		err->retry_after = (int)((left + 999) / 1000);
		return -1;
	}
	c.failures++;
	pause = attempt_pause(c.failures);
	c.locked_until = pause ? now + (pause < longest ? pause : longest) : 0;
	*locks = *locks || pause > 0;
	return count(db, who, &c, now, err);
}

static int
longest_of(struct db *db, const struct user *u, int64_t *ret, struct err *err)
{
	int64_t admins = 0;

	*ret = ATTEMPT_MAX_MS;
	if (!u || u->role != ROLE_ADMIN)
		return 0;
	if (user_count(db, ROLE_ADMIN, &admins, err) < 0)
		return -1;
	if (admins <= 1)
		*ret = ATTEMPT_SPARED_MS;
	return 0;
}

int
attempt_begin(struct db *db, const struct attempt *a, bool *ret_locks, struct err *err)
{
	char who[WHO];
	int64_t longest;
	int known;

	*ret_locks = false;
	if (prune(db, a->now, err) < 0)
		return -1;
	snprintf(who, sizeof(who), "from %s", a->network);
	if (pass(db, who, ATTEMPT_MAX_MS, a->now, ret_locks, err) < 0)
		return -1;
	known = knows(db, a, err);
	if (known < 0)
		return -1;
	if (known)
		return 0;
	snprintf(who, sizeof(who), "user %s", a->account);
	return longest_of(db, a->user, &longest, err) < 0
		       ? -1
		       : pass(db, who, longest, a->now, ret_locks, err);
}

int
attempt_undo(struct db *db, const struct attempt *a, struct err *err)
{
	char from[WHO], user[WHO];

	snprintf(from, sizeof(from), "from %s", a->network);
	snprintf(user, sizeof(user), "user %s", a->account);
	return run_one(db, TAKE_BACK, from, err) < 0 || run_one(db, TAKE_BACK, user, err) < 0 ? -1
											       : 0;
}

int
attempt_good(struct db *db, const struct attempt *a, struct err *err)
{
	CLEANUP(db_donep) struct db_query *greet = db_query(db, &attempt_sql, GREET);
	CLEANUP(db_donep) struct db_query *old = db_query(db, &attempt_sql, PRUNE_KNOWN);
	char who[WHO];

	snprintf(who, sizeof(who), "from %s", a->network);
	if (run_one(db, TAKE_BACK, who, err) < 0 || attempt_forget(db, a->account, err) < 0)
		return -1;
	db_bind_text(greet, ":user", a->user->id);
	db_bind_text(greet, ":network", a->network);
	db_bind_int(greet, ":now", a->now);
	db_bind_text(old, ":user", a->user->id);
	db_bind_int(old, ":max", FAMILIAR_MAX);
	return db_run(greet, err) < 0 || db_run(old, err) < 0 ? -1 : 0;
}

int
attempt_forget(struct db *db, const char *account, struct err *err)
{
	char who[WHO];

	snprintf(who, sizeof(who), "user %s", account);
	return run_one(db, FORGET, who, err);
}
