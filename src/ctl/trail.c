/* trail.c: see trail.h. */
#include "ctl/trail.h"

#include <stdio.h>

#include "base/valid.h"
#include "io/migrate.h"
#include "io/seal.h"
#include "model/audit.h"
#include "model/chain.h"

enum { BUSY_MS = 10000 };

static const struct db_table *const tables[] = {&audit_sql, NULL};

static int
open_database(const struct command_call *call, struct db **ret, struct err *err)
{
	if (seal_init(err) < 0 || db_open_read(ret, call->conf->database_path, BUSY_MS, err) < 0 ||
	    migrate_require(*ret, err) < 0)
		return -1;
	return db_prepare(*ret, tables, err);
}

int
trail_verify(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	struct chain chain;

	if (open_database(call, &db, err) < 0 || db_begin_read(db, err) < 0)
		return -1;
	if (chain_verify(db, &chain, err) < 0)
		return -1;
	db_rollback(db);
	if (chain.broken_at) {
		printf("FAULT: The chain is broken at row %lld: %s.\n", (long long)chain.broken_at,
		       chain.how);
		return 1;
	}
	printf("well: %lld rows, each as it was written, and none is missing.\n",
	       (long long)chain.rows);
	if (chain.unhashed)
		printf("The first %lld are from before there was a chain.\n",
		       (long long)chain.unhashed);
	if (chain.head[0])
		printf("Its newest digest is %s; note it elsewhere to see a later forgery.\n",
		       chain.head);
	return 0;
}

int
trail_export(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_donep) struct db_query *q = NULL;
	const char *text = command_option(call, "after");
	struct buf line = BUF_INIT;
	int64_t after = 0;
	struct json *row;
	int r;

	if (text && !valid_int(text, 0, INT64_MAX, &after))
		return err_set(err, ERR_BAD_REQUEST, "--after has to be the number of a row.");
	if (open_database(call, &db, err) < 0)
		return -1;
	q = audit_from(db, after);
	while ((r = audit_next(q, &row, err)) > 0) {
		buf_reset(&line);
		json_write(row, &line);
		json_free(row);
		puts(buf_text(&line));
	}
	buf_free(&line);
	return r;
}
