/* chain.c: see chain.h. */
#include "model/chain.h"

#include <string.h>

#include "base/buf.h"
#include "model/audit.h"

/* Columns of audit_from(). */
enum { ID, STORE, ACTION, DETAILS, ACTOR, ADDRESS, REQUEST, CREATED_AT, HASH };

void
chain_hash(const struct chain_row *row, char ret[CHAIN_HASH])
{
	struct buf text = BUF_INIT;
	const void *parts[1];

	buf_printf(&text, "%s %lld %lld", row->before, (long long)row->id,
		   (long long)row->created_at);
	for (size_t i = 0; i < CHAIN_TEXTS; i++)
		if (row->texts[i])
			buf_printf(&text, "|%zu:%s", strlen(row->texts[i]), row->texts[i]);
		else
			buf_str(&text, "|");
	parts[0] = buf_text(&text);
	seal_digest(ret, parts, &text.len, 1);
	buf_free(&text);
}

static const char *
nullable(struct db_query *q, int column)
{
	return db_null(q, column) ? NULL : db_text(q, column);
}

/* What is wrong with the row in hand, NULL if nothing is; chain is what was before it. */
static const char *
check_row(struct db_query *q, const struct chain *chain, char hash[CHAIN_HASH])
{
	struct chain_row row = {db_int(q, ID),
				db_int(q, CREATED_AT),
				chain->head,
				{nullable(q, STORE), nullable(q, ACTION), nullable(q, DETAILS),
				 nullable(q, ACTOR), nullable(q, ADDRESS), nullable(q, REQUEST)}};

	if (row.id != chain->rows + 1)
		return "the row before it is missing";
	if (db_null(q, HASH))
		return chain->unhashed == chain->rows ? NULL : "it was not written by the platform";
	chain_hash(&row, hash);
	return strcmp(hash, db_text(q, HASH)) == 0 ? NULL : "it, or the row before it, was changed";
}

/* Rows at the end that are not there any more. */
static int
check_end(struct db *db, struct chain *ret, struct err *err)
{
	int64_t highest;

	if (audit_highest(db, &highest, err) < 0)
		return -1;
	if (highest > ret->rows) {
		ret->broken_at = ret->rows + 1;
		ret->how = "it and what came after it are missing";
	}
	return 0;
}

int
chain_verify(struct db *db, struct chain *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = audit_from(db, 0);
	int r;

	*ret = (struct chain){.rows = 0};
	while ((r = db_step(q, err)) > 0) {
		char hash[CHAIN_HASH] = "";

		ret->how = check_row(q, ret, hash);
		if (ret->how) {
			ret->broken_at = db_int(q, ID);
			return 0;
		}
		ret->rows++;
		ret->unhashed += !hash[0];
		memcpy(ret->head, hash, sizeof(hash));
	}
	return r < 0 ? -1 : check_end(db, ret, err);
}
