/*
 * order.h: what an operator orders about a namespace of the cluster: its store's
 * row, the job that does it, and the audit, in one transaction. The provisioner
 * does the rest, with its locks.
 */
#ifndef CTL_ORDER_H
#define CTL_ORDER_H

#include "base/names.h"
#include "ctl/command.h"
#include "io/json.h"
#include "model/audit.h"
#include "model/job.h"
#include "model/store.h"

struct order {
	enum store_status status;
	enum job_kind kind;
	enum audit_action action;
	const char *done; /* the end of "NAMESPACE ..." */
};

/* What handlers that give orders have to prepare. */
extern const struct db_table *const order_tables[];

/* A row for the namespace, with what follows from its name and the order. */
void order_row(const struct names *names, const struct order *order, struct store *ret);

/*
 * Writes it all. The row is made; that of a deleted store of this id is taken up
 * again; so is that of an import (take). details are taken over.
 */
MUST_CHECK int order_write(struct db *db, const struct conf *conf, const struct store *s,
			   const struct order *order, bool take, struct json *details,
			   struct err *err);

#endif
