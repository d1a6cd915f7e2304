/* order.c: see order.h. */
#include "ctl/order.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/wake.h"
#include "model/drift.h"

const struct db_table *const order_tables[] = {&store_sql, &job_sql, &audit_sql, &drift_sql, NULL};

void
order_row(const struct names *names, const struct order *order, struct store *ret)
{
	*ret = (struct store){.status = order->status, .created_at = clock_wall_ms()};
	snprintf(ret->name, sizeof(ret->name), "%s", names->slug);
	snprintf(ret->slug, sizeof(ret->slug), "%s", names->slug);
	snprintf(ret->type, sizeof(ret->type), "woocommerce");
	snprintf(ret->plan, sizeof(ret->plan), "small");
	snprintf(ret->namespace, sizeof(ret->namespace), "%s", names->namespace);
	snprintf(ret->store_url, sizeof(ret->store_url), "%s", names->url);
	snprintf(ret->admin_url, sizeof(ret->admin_url), "%s", names->admin_url);
}

static int
write_row(struct db *db, const struct store *s, const struct order *order, struct err *err)
{
	char slug[VALID_SLUG_BYTES];
	bool deleted = false;
	int r = drift_owner(db, s->id, &deleted, slug, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return store_insert(db, s, NULL, err);
	if (!deleted || strcmp(slug, s->slug) != 0)
		return err_set(err, ERR_NAMESPACE_FOREIGN,
			       "The label of %s names another store (%s, %s); set it right with kubectl.",
			       s->namespace, s->id, slug);
	if (store_set_status(db, s->id, order->status, NULL, NULL, err) == 0)
		return 0;
	return err->code != ERR_DB_CONSTRAINT
		       ? -1
		       : err_set(err, ERR_DUPLICATE_NAME,
				 "Another store has the address name \"%s\" by now; delete that one "
				 "first, or use kubectl.",
				 s->slug);
}

/* The row of an import, while it is still one that nobody has worked on. */
static int
take_row(struct db *db, const struct store *s, struct err *err)
{
	struct store_holder now;
	int r = store_holds(db, s->slug, &now, err);

	if (r < 0)
		return -1;
	if (r == 0 || now.had_jobs || strcmp(now.id, s->id) != 0)
		return err_set(err, ERR_DUPLICATE_NAME,
			       "The row of %s changed while the shop was looked at; do it again.",
			       s->slug);
	return store_take(db, s, err);
}

static int
write_all(struct db *db, const struct conf *conf, const struct store *s, const struct order *order,
	  bool take, struct err *err)
{
	if ((take ? take_row(db, s, err) : write_row(db, s, order, err)) < 0 ||
	    job_queue(db, s->id, order->kind, conf->provision_attempts, "storectl", "storectl",
		      err) < 0)
		return -1;
	return drift_drop_stray(db, s->namespace, err);
}

int
order_write(struct db *db, const struct conf *conf, const struct store *s,
	    const struct order *order, bool take, struct json *details, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;
	struct audit_entry entry = {
		.action = order->action, .store_id = s->id, .actor = "storectl"};

	json_set_text(details, "namespace", s->namespace);
	if (db_begin(open, err) < 0 || write_all(db, conf, s, order, take, err) < 0) {
		json_free(details);
		return -1;
	}
	if (audit_add(db, &entry, details, err) < 0 || db_commit(open, err) < 0)
		return -1;
	wake_ring(conf->wake_socket);
	return 0;
}
