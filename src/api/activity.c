/* activity.c: see activity.h. */
#include "api/activity.h"

#include <string.h>

#include "api/page.h"
#include "api/view.h"
#include "base/clock.h"
#include "model/audit.h"

int
activity_events(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *array = json_new_array();
	CLEANUP(db_donep) struct db_query *q = NULL;
	struct store store;
	struct event event;
	int r;

	q = event_list(call->db, call->id);
	while ((r = event_next(q, &event, err)) > 0)
		json_add(array, view_event(&event));
	/* A deleted store has its timeline still: how it went is of interest just then. */
	if (r == 0 && json_count(array) == 0) {
		r = store_get(call->db, call->id, &store, err);
		if (r == 0)
			return route_missing(call->route, err);
	}
	return r < 0 ? -1 : answer_json(ret, 200, json_ref(array), err);
}

static int
read_filter(const struct query *q, struct audit_filter *ret, struct err *err)
{
	const char *since = query_get(q, "since");
	struct page page;

	if (page_read(q, AUDIT_LIMIT, false, &page, err) < 0)
		return -1;
	*ret = (struct audit_filter){
		.store_id = query_get(q, "store_id"),
		.action = query_get(q, "action"),
		.actor = query_get(q, "actor"),
		.before = page.at,
		.limit = page.limit,
	};
	if (since && !clock_parse(since, &ret->since))
		return err_set(err, ERR_BAD_REQUEST,
			       "since has to be a time such as 2026-11-24T08:00:00Z.");
	if (ret->store_id && !valid_uuid(ret->store_id))
		return err_set(err, ERR_BAD_REQUEST, "store_id has to be the id of a store.");
	if (ret->action && audit_action_of(ret->action) == AUDIT_ACTIONS)
		return err_set(err, ERR_BAD_REQUEST, "action is none that the audit log knows.");
	return 0;
}

int
activity_log(const struct call *call, struct answer *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *array = json_new_array();
	char cursor[PAGE_CURSOR];
	struct audit_filter filter;
	size_t limit, n;

	if (read_filter(&call->query, &filter, err) < 0)
		return -1;
	limit = (size_t)filter.limit++; /* one more, to see whether there is a next part */
	if (audit_list(call->db, &filter, array, err) < 0)
		return -1;
	n = json_count(array);
	if (n > limit) {
		json_drop(array, limit);
		page_cursor(json_int(json_at(json_item(array, limit - 1), "id")), "", cursor);
		page_link("/api/stores/audit/log", &call->query, cursor, ret->link);
	}
	return answer_json(ret, 200, json_ref(array), err);
}
