/* idem.c: see idem.h. */
#include "model/idem.h"

#include <stdio.h>

enum { FIND, KEEP, PRUNE };

static const char *const statements[] = {
	[FIND] = "SELECT request, answer FROM idempotency WHERE key = :key"
		 " AND created_at > :now - :keep",
	/* One of the same key is there only if it is older than that. */
	[KEEP] = "INSERT OR REPLACE INTO idempotency (key, request, answer, created_at)"
		 " VALUES (:key, :request, :answer, :now)",
	[PRUNE] = "DELETE FROM idempotency WHERE created_at <= :now - :keep",
};
DB_TABLE(idem_sql, statements);

int
idem_find(struct db *db, const char *key, int64_t now, char ret_request[SECRET_MAC],
	  struct buf *answer, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &idem_sql, FIND);
	int r;

	db_bind_text(q, ":key", key);
	db_bind_int(q, ":now", now);
	db_bind_int(q, ":keep", IDEM_KEEP_MS);
	r = db_step(q, err);
	if (r <= 0)
		return r;
	snprintf(ret_request, SECRET_MAC, "%s", db_text(q, 0));
	buf_str(answer, db_text(q, 1));
	return answer->failed ? err_set(err, ERR_INTERNAL, "out of memory") : 1;
}

int
idem_keep(struct db *db, const char *key, const char *request, const char *answer, int64_t now,
	  struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &idem_sql, KEEP);
	CLEANUP(db_donep) struct db_query *old = db_query(db, &idem_sql, PRUNE);

	db_bind_int(old, ":now", now);
	db_bind_int(old, ":keep", IDEM_KEEP_MS);
	db_bind_text(q, ":key", key);
	db_bind_text(q, ":request", request);
	db_bind_text(q, ":answer", answer);
	db_bind_int(q, ":now", now);
	return db_run(old, err) < 0 || db_run(q, err) < 0 ? -1 : 0;
}
