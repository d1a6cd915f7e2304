/* namespace.c: see namespace.h. */
#include "ctl/namespace.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cluster/grant.h"
#include "ctl/client.h"
#include "ctl/place.h"
#include "io/seal.h"
#include "model/drift.h"

enum { CLUSTER_MS = 30000 };

#define PREFIX "store-"

const char *
namespace_slug(const char *name)
{
	size_t n = strlen(PREFIX);

	return strncmp(name, PREFIX, n) == 0 && valid_slug(name + n) ? name + n : NULL;
}

int
namespace_list(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_donep) struct db_query *q = NULL;
	struct drift_stray s;
	int n = 0, r;

	if (place_open(call, order_tables, &db, err) < 0)
		return -1;
	q = drift_strays(db);
	for (; (r = drift_next_stray(q, &s, err)) > 0; n++)
		printf("%s: %s\n", s.namespace, s.message);
	if (r == 0 && n == 0)
		puts("Every namespace of the platform has its store.");
	return r < 0 ? -1 : n > 0;
}

/* The stray of that name, if a row can be made for it. */
static int
find(struct db *db, const char *name, struct drift_stray *ret, struct err *err)
{
	int r = drift_get_stray(db, name, ret, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(err, ERR_BAD_REQUEST,
			       "\"%.80s\" is not known as a namespace without a store; see: storectl "
			       "namespace list",
			       name);
	if (!valid_uuid(ret->store_id) || !namespace_slug(name))
		return err_set(err, ERR_NAMESPACE_FOREIGN,
			       "The platform did not make %s as it is: its name has to be " PREFIX
			       "<address name>, and its label " KUBE_STORE_ID " a store's id. Change "
			       "the label, or use kubectl.",
			       name);
	return 0;
}

/* Whether the cluster still has that very namespace, not on its way out. */
static int
check_there(struct kube *kube, const struct drift_stray *s, struct err *err)
{
	CLEANUP(json_freep) struct json *now = NULL;
	int r = kube_get_meta(kube, &now, err, "/api/v1/namespaces/%s", s->namespace);

	if (r < 0)
		return -1;
	if (r > 0 && strcmp(json_text(json_at(now, "metadata", "uid")), s->uid) == 0 &&
	    !json_at(now, "metadata", "deletionTimestamp"))
		return 0;
	return err_set(err, ERR_NAMESPACE_FOREIGN,
		       "The namespace %s is another one by now, or on its way out; look again in a "
		       "few minutes.",
		       s->namespace);
}

/* The admin user, as the shop's own Secret has it; "" if there is none. */
static int
read_user(struct kube *kube, const struct names *names, char ret[VALID_USER_BYTES],
	  struct err *err)
{
	CLEANUP(json_freep) struct json *secret = NULL;
	char text[VALID_USER_BYTES * 2] = "";
	int r = kube_get(kube, &secret, err, "/api/v1/namespaces/%s/secrets/%s", names->namespace,
			 names->wp_secret);
	long n = r > 0 ? seal_unbase64(text, sizeof(text) - 1,
				       json_text(json_at(secret, "data", "admin-user")))
		       : 0;

	if (r < 0)
		return -1;
	text[n > 0 ? n : 0] = '\0';
	ret[0] = '\0';
	if (valid_admin_user(text))
		snprintf(ret, VALID_USER_BYTES, "%s", text);
	return 0;
}

/* Asks the cluster what the row needs. Deleting needs nothing but the namespace. */
static int
fill_store(const struct conf *conf, const struct drift_stray *s, const struct order *order,
	   struct store *ret, struct err *err)
{
	CLEANUP(kube_closep) struct kube *kube = NULL;
	struct names names;

	names_of(&names, s->namespace + strlen(PREFIX), conf->base_domain, conf->store_port,
		 conf_https(conf));
	order_row(&names, order, ret);
	snprintf(ret->id, sizeof(ret->id), "%s", s->store_id);
	if (kube_open(&kube, conf->kubeconfig, -1, err) < 0)
		return -1;
	kube_deadline(kube, clock_mono_ms() + CLUSTER_MS);
	if (check_there(kube, s, err) < 0 || grant_secrets(kube, s->namespace, err) < 0 ||
	    read_user(kube, &names, ret->admin_user, err) < 0)
		return -1;
	if (!*ret->admin_user && order->kind == JOB_PROVISION)
		return err_set(err, ERR_PASSWORD_LOST,
			       "The Secret %s with the shop's admin user is not in %s; put it back, or "
			       "remove the namespace.",
			       names.wp_secret, names.namespace);
	return 0;
}

static void
tell(const struct command_call *call, const struct store *s, const struct order *order)
{
	CLEANUP(json_freep) struct json *answer = NULL;

	if (!command_option(call, "json")) {
		printf("%s %s (store %s).\n", s->namespace, order->done, s->id);
		return;
	}
	answer = json_new_object();
	json_set_text(answer, "id", s->id);
	json_set_text(answer, "namespace", s->namespace);
	json_set_bool(answer, "adopted", order->kind == JOB_PROVISION);
	client_print(answer);
}

int
namespace_give(const struct command_call *call, struct db *db, const struct order *order,
	       struct err *err)
{
	struct drift_stray stray;
	struct store store;

	if (find(db, call->args[0], &stray, err) < 0 ||
	    fill_store(call->conf, &stray, order, &store, err) < 0 ||
	    order_write(db, call->conf, &store, order, false, json_new_object(), err) < 0)
		return -1;
	tell(call, &store, order);
	return 0;
}

int
namespace_remove(const struct command_call *call, struct err *err)
{
	static const struct order order = {STORE_DELETING, JOB_DELETE, AUDIT_STRAY_REMOVED,
					   "is being removed, with all that is in it"};
	CLEANUP(db_closep) struct db *db = NULL;

	return place_open(call, order_tables, &db, err) < 0 ? -1
							    : namespace_give(call, db, &order, err);
}
