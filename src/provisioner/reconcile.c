/* reconcile.c: see reconcile.h. */
#include "provisioner/reconcile.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cluster/fleet.h"
#include "cluster/kube.h"
#include "io/seal.h"
#include "model/audit.h"
#include "model/drift.h"
#include "model/job.h"

static int
tell(struct db *db, enum audit_action action, const char *store_id, const char *key,
     const char *value, const char *message, struct err *err)
{
	struct audit_entry entry = {
		.action = action,
		.store_id = *store_id ? store_id : NULL,
		.actor = "provisioner",
	};
	struct json *details = json_new_object();

	json_set_text(details, key, value);
	if (message)
		json_set_text(details, "message", message);
	return audit_add(db, &entry, details, err);
}

/* Queues the jobs of stores that wait for one in vain, as in a database mended by hand. */
static int
resume(const struct conf *conf, struct db *db, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;
	char id[VALID_UUID_BYTES];
	enum job_kind kind;
	int r;

	if (db_begin(open, err) < 0)
		return -1;
	while ((r = drift_jobless(db, id, &kind, err)) > 0) {
		log_warn("store %s has no job; its %s is queued again", id, job_kind_words[kind]);
		if ((kind == JOB_DELETE &&
		     store_set_status(db, id, STORE_DELETING, NULL, NULL, err) < 0) ||
		    job_queue(db, id, kind, conf->provision_attempts, "provisioner", "reconcile",
			      err) < 0 ||
		    tell(db, AUDIT_JOB_RESUMED, id, "kind", job_kind_words[kind], NULL, err) < 0)
			return -1;
	}
	return r < 0 ? -1 : db_commit(open, err);
}

static int
list_stores(struct db *db, struct fleet *fleet, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = drift_ready(db);
	struct drift_store s;
	int r;

	while ((r = drift_next(q, &s, err)) > 0) {
		/* The database is not trusted with names of the cluster. */
		if (!valid_uuid(s.id) || !valid_slug(s.slug))
			log_error("the row of store %.36s is damaged", s.id);
		else if (fleet_add(fleet, s.id, s.slug, err) < 0)
			return -1;
	}
	return r;
}

/* One store's finding, told where it is news. */
static int
write_finding(struct db *db, const struct fleet_member *m, const struct drift_store *before,
	      struct err *err)
{
	char message[ERR_TEXT_MAX];
	bool degraded = fleet_judge(m, message);
	enum store_health now = degraded ? STORE_DEGRADED : STORE_OK;
	bool was = strcmp(before->health, store_health_words[STORE_DEGRADED]) == 0;
	int r = drift_set_health(db, m->id, now, message, err);

	if (r > 0 && drift_set_resources(db, m->id, m->resources, err) < 0)
		return -1;
	if (r <= 0 || (degraded == was && strcmp(message, before->message) == 0))
		return r < 0 ? -1 : 0;
	if (degraded) {
		log_warn("store %s is degraded: %s", m->id, message);
		return tell(db, AUDIT_STORE_DEGRADED, m->id, "slug", m->names.slug, message, err);
	}
	if (!was)
		return 0;
	log_info("store %s is whole again", m->id);
	return tell(db, AUDIT_STORE_MENDED, m->id, "slug", m->names.slug, NULL, err);
}

/* The rows as they are now: a store that left `ready` meanwhile is let alone. */
static int
write_findings(struct db *db, const struct fleet *fleet, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = drift_ready(db);
	struct drift_store s;
	size_t i = 0;
	int r;

	/* Both are in the order of slugs. */
	while ((r = drift_next(q, &s, err)) > 0) {
		while (i < fleet->count && strcmp(fleet->members[i].names.slug, s.slug) < 0)
			i++;
		if (i < fleet->count && strcmp(fleet->members[i].id, s.id) == 0 &&
		    write_finding(db, &fleet->members[i], &s, err) < 0)
			return -1;
	}
	return r;
}

/* 1: no store has the namespace, with the reason in s->message; 0, -1. */
static int
judge_namespace(struct db *db, const struct fleet_namespace *n, struct drift_stray *s,
		struct err *err)
{
	char slug[VALID_SLUG_BYTES];
	struct names names;
	bool deleted = false;
	int r;

	if (n->ending)
		return 0;
	r = *n->store_id ? drift_owner(db, n->store_id, &deleted, slug, err) : 0;
	if (r < 0)
		return -1;
	*s = (struct drift_stray){.found_at = 0};
	snprintf(s->namespace, sizeof(s->namespace), "%s", n->name);
	snprintf(s->store_id, sizeof(s->store_id), "%s", n->store_id);
	snprintf(s->uid, sizeof(s->uid), "%s", n->uid);
	if (!*n->store_id)
		snprintf(s->message, sizeof(s->message), "Its label names no store.");
	else if (r == 0)
		snprintf(s->message, sizeof(s->message), "The database has no such store.");
	else if (deleted)
		snprintf(s->message, sizeof(s->message), "Its store was deleted.");
	else {
		names_of(&names, valid_slug(slug) ? slug : "-", "", 0, false);
		if (strcmp(names.namespace, n->name) == 0)
			return 0;
		snprintf(s->message, sizeof(s->message),
			 "Its label names the store of another namespace, %s.", names.namespace);
	}
	return 1;
}

/* Whether it is still there and not on its way out: the list may be older than the row. */
static int
still_there(struct kube *kube, const struct fleet_namespace *n, struct err *err)
{
	CLEANUP(json_freep) struct json *now = NULL;
	int r = kube_get_meta(kube, &now, err, "/api/v1/namespaces/%s", n->name);

	return r <= 0 ? r
		      : strcmp(json_text(json_at(now, "metadata", "uid")), n->uid) == 0 &&
				!json_at(now, "metadata", "deletionTimestamp");
}

static int
find_stray(struct kube *kube, struct db *db, const struct fleet_namespace *n, struct err *err)
{
	struct drift_stray s, known;
	int r = judge_namespace(db, n, &s, err);

	if (r <= 0)
		return r;
	r = drift_get_stray(db, n->name, &known, err);
	if (r < 0 || (r > 0 && strcmp(known.uid, s.uid) == 0 && strcmp(known.message, s.message) == 0))
		return r;
	r = still_there(kube, n, err);
	if (r <= 0)
		return r;
	if (db_begin(db, err) < 0)
		return -1;
	if (drift_add_stray(db, &s, err) < 0 ||
	    tell(db, AUDIT_STRAY_FOUND, s.store_id, "namespace", s.namespace, s.message, err) < 0) {
		db_rollback(db);
		return -1;
	}
	log_warn("the namespace %s has no store: %s", s.namespace, s.message);
	return db_commit(db, err);
}

static const struct fleet_namespace *
find_namespace(const struct fleet *fleet, const char *name)
{
	for (size_t i = 0; i < fleet->found; i++)
		if (strcmp(fleet->namespaces[i].name, name) == 0)
			return &fleet->namespaces[i];
	return NULL;
}

/* The first known stray that is none any more: 1, 0, -1. */
static int
find_settled(struct db *db, const struct fleet *fleet, struct drift_stray *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = drift_strays(db);
	int r;

	while ((r = drift_next_stray(q, ret, err)) > 0) {
		const struct fleet_namespace *n = find_namespace(fleet, ret->namespace);
		struct drift_stray now;
		int stray = n ? judge_namespace(db, n, &now, err) : 0;

		if (stray <= 0)
			return stray < 0 ? -1 : 1;
	}
	return r;
}

static int
forget_settled(struct db *db, const struct fleet *fleet, struct err *err)
{
	struct drift_stray s;
	int r;

	while ((r = find_settled(db, fleet, &s, err)) > 0) {
		log_info("the namespace %s is settled", s.namespace);
		if (drift_drop_stray(db, s.namespace, err) < 0 ||
		    tell(db, AUDIT_STRAY_GONE, s.store_id, "namespace", s.namespace, NULL, err) < 0)
			return -1;
	}
	return r;
}

/* Of several platforms on one cluster each minds its own namespaces, and those of unknown origin. */
static void
leave_others(struct fleet *fleet, const char *platform)
{
	size_t kept = 0;

	for (size_t i = 0; i < fleet->found; i++)
		if (!*fleet->namespaces[i].maker ||
		    strcmp(fleet->namespaces[i].maker, platform) == 0)
			fleet->namespaces[kept++] = fleet->namespaces[i];
	fleet->found = kept;
}

static int
compare(struct db *db, struct kube *kube, struct fleet *fleet, const char *platform,
	struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;

	if (list_stores(db, fleet, err) < 0 || fleet_look(kube, fleet, err) < 0)
		return -1;
	leave_others(fleet, platform);
	for (size_t i = 0; i < fleet->found; i++)
		if (find_stray(kube, db, &fleet->namespaces[i], err) < 0)
			return -1;
	if (db_begin(open, err) < 0 || write_findings(db, fleet, err) < 0 ||
	    forget_settled(db, fleet, err) < 0)
		return -1;
	return db_commit(open, err);
}

int
reconcile_run(const struct conf *conf, struct db *db, int stop_fd, int64_t deadline,
	      bool *ret_again, struct err *err)
{
	CLEANUP(kube_closep) struct kube *kube = NULL;
	struct fleet fleet = {.count = 0};
	char platform[SEAL_ID];
	int64_t degraded = 0;
	int r;

	if (resume(conf, db, err) < 0 || seal_platform(conf->provisioner_dir, platform, err) < 0 ||
	    kube_open(&kube, conf->kubeconfig, stop_fd, err) < 0)
		return -1;
	kube_deadline(kube, deadline);
	r = compare(db, kube, &fleet, platform, err);
	fleet_free(&fleet);
	if (r < 0 || drift_count(db, STORE_DEGRADED, &degraded, err) < 0)
		return -1;
	*ret_again = degraded > 0;
	return 0;
}
