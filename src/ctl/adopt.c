/* adopt.c: see adopt.h. */
#include "ctl/adopt.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "cluster/seed.h"
#include "ctl/client.h"
#include "ctl/namespace.h"
#include "ctl/order.h"
#include "ctl/place.h"
#include "io/seal.h"
#include "model/drift.h"

enum { CLUSTER_MS = 60000 };

static const struct order order = {STORE_PROVISIONING, JOB_PROVISION, AUDIT_STRAY_ADOPTED,
				   "has a store now, which is looked over and made ready"};

/* What is known of the shop before anything is done to it. */
struct found {
	struct names names;
	struct seed seed;
	struct store_holder holder; /* of its address name; id "": nobody */
	char platform[SEAL_ID];
};

static int
look(const struct conf *conf, struct db *db, struct kube *kube, const char *slug,
     struct found *ret, struct err *err)
{
	int r;

	*ret = (struct found){.holder = {.id = ""}};
	names_of(&ret->names, slug, conf->base_domain, conf->store_port, conf_https(conf));
	r = store_holds(db, slug, &ret->holder, err);
	if (r < 0)
		return -1;
	if (r == 0)
		ret->holder.id[0] = '\0';
	return seed_find(kube, &ret->names, &ret->seed, err);
}

static bool
is_ours(const struct found *f)
{
	return f->holder.had_jobs && strcmp(f->holder.id, f->seed.store_id) == 0;
}

/* Another platform's is not even looked into. */
static int
check_maker(const struct command_call *call, struct found *f, struct err *err)
{
	if (seal_platform(call->conf->provisioner_dir, f->platform, err) < 0)
		return -1;
	if (f->seed.maker[0] && strcmp(f->seed.maker, f->platform) != 0)
		return err_set(err, ERR_NAMESPACE_FOREIGN,
			       "The namespace %s belongs to another platform of this cluster, by its "
			       "label " KUBE_MAKER "; it was not touched.",
			       f->names.namespace);
	return 0;
}

/* What speaks against it although it is such a shop. */
static int
check(const struct command_call *call, const struct found *f, struct err *err)
{
	if (f->holder.had_jobs)
		return err_set(err, ERR_DUPLICATE_NAME,
			       "Another store (%s) has the address name \"%s\"; delete that one first.",
			       f->holder.id, f->names.slug);
	if (strcmp(f->seed.host, f->names.host) != 0 && !command_option(call, "new-address"))
		return err_set(err, ERR_CONFIG,
			       "The shop answers at %s, and would answer at %s alone: set "
			       "BASE_DOMAIN to what it was, or give it the new address with "
			       "--new-address. It was not touched.",
			       f->seed.host, f->names.host);
	return 0;
}

/* The row's id and name are those of an import, else of a try before this one. */
static void
fill(const struct found *f, struct store *s)
{
	order_row(&f->names, &order, s);
	if (f->holder.id[0])
		snprintf(s->id, sizeof(s->id), "%s", f->holder.id);
	else if (f->seed.store_id[0])
		snprintf(s->id, sizeof(s->id), "%s", f->seed.store_id);
	else
		seal_uuid(s->id);
	if (f->holder.id[0])
		snprintf(s->name, sizeof(s->name), "%s", f->holder.name);
	else if (f->seed.title[0])
		snprintf(s->name, sizeof(s->name), "%s", f->seed.title);
	snprintf(s->plan, sizeof(s->plan), "%s", f->seed.plan);
	snprintf(s->admin_user, sizeof(s->admin_user), "%s", f->seed.admin_user);
}

static int
take_over(const struct command_call *call, struct db *db, struct kube *kube,
	  const struct found *f, const struct store *s, struct err *err)
{
	struct json *details;

	if (seed_keep(kube, &f->names, s->id, err) < 0)
		return -1;
	crash_point("adopt-kept");
	if (seed_label(kube, &f->names, &f->seed, s->id, f->platform, err) < 0)
		return -1;
	crash_point("adopt-labelled");
	details = json_new_object();
	json_set_text(details, "chart", f->seed.chart);
	json_set(details, "kept", chart_write_kept(&f->seed.kept));
	json_set_bool(details, "imported", f->holder.id[0] != '\0');
	if (order_write(db, call->conf, s, &order, f->holder.id[0] != '\0', details, err) < 0)
		return -1;
	crash_point("adopt-written");
	return 0;
}

static void
tell(const struct command_call *call, const struct found *f, const char *id, bool before)
{
	CLEANUP(json_freep) struct json *answer = NULL;

	if (!command_option(call, "json")) {
		printf("%s %s (store %s).\n", f->names.namespace,
		       before ? "is a store already" : order.done, id);
		return;
	}
	answer = json_new_object();
	json_set_text(answer, "id", id);
	json_set_text(answer, "namespace", f->names.namespace);
	json_set_bool(answer, "adopted", !before);
	json_set_text(answer, "chart", before ? NULL : f->seed.chart);
	client_print(answer);
}

/* 1: it is one of ours now; 0: there is no such shop, as err says; -1. */
static int
adopt_shop(const struct command_call *call, struct db *db, const char *slug, struct err *err)
{
	CLEANUP(kube_closep) struct kube *kube = NULL;
	struct found f;
	struct store s;
	int r;

	if (kube_open(&kube, call->conf->kubeconfig, -1, err) < 0)
		return -1;
	kube_deadline(kube, clock_mono_ms() + CLUSTER_MS);
	r = look(call->conf, db, kube, slug, &f, err);
	if (r > 0 && is_ours(&f)) {
		tell(call, &f, f.holder.id, true);
		return 1;
	}
	if (r > 0)
		r = check_maker(call, &f, err) < 0 ? -1 : seed_look(kube, &f.names, &f.seed, err);
	if (r <= 0)
		return r;
	if (check(call, &f, err) < 0)
		return -1;
	fill(&f, &s);
	if (take_over(call, db, kube, &f, &s, err) < 0)
		return -1;
	tell(call, &f, s.id, false);
	return 1;
}

int
adopt_run(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	const char *name = call->args[0], *slug = namespace_slug(name);
	struct drift_stray stray;
	struct err none = ERR_INIT;
	int r;

	if (place_open(call, order_tables, &db, err) < 0)
		return -1;
	r = slug ? adopt_shop(call, db, slug, err) : 0;
	if (r != 0)
		return r < 0 ? -1 : 0;
	r = drift_get_stray(db, name, &stray, &none);
	if (slug && r == 0)
		return -1; /* with what was wrong with it as a shop */
	*err = none;
	return r < 0 ? -1 : namespace_give(call, db, &order, err);
}
