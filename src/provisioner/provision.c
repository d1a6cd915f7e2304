/*
 * provision.c: the steps that make a shop, in the order of model/progress:
 * namespace and secrets here, the release in install.c, the rest in await.c.
 * Each looks at what the cluster has and does only what is missing.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "base/valid.h"
#include "cluster/blocker.h"
#include "cluster/quota.h"
#include "cluster/seed.h"
#include "model/drift.h"
#include "model/progress.h"
#include "provisioner/await.h"
#include "provisioner/install.h"
#include "provisioner/work.h"

enum { PASSWORD_CHARS = 32, TELL_EVERY_MS = 20000 };

#define ENFORCE "pod-security.kubernetes.io/enforce"
#define RESTRICTED "restricted"

static struct json *
namespace_object(const struct work *w)
{
	static const char *const modes[] = {"enforce", "warn", "audit"};
	struct json *labels = json_new_object();
	struct json *metadata = json_new_object();
	struct json *object = json_new_object();

	json_set_text(labels, KUBE_PART_OF, KUBE_PLATFORM);
	json_set_text(labels, KUBE_STORE_ID, w->store.id);
	json_set_text(labels, KUBE_MAKER, w->platform);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		char key[64];

		snprintf(key, sizeof(key), "pod-security.kubernetes.io/%s", modes[i]);
		json_set_text(labels, key, RESTRICTED);
	}
	json_set_text(metadata, "name", w->names.namespace);
	json_set(metadata, "labels", labels);
	json_set_text(object, "apiVersion", "v1");
	json_set_text(object, "kind", "Namespace");
	json_set(object, "metadata", metadata);
	return object;
}

/* The namespace of an earlier store of this name, as the cause of a wait. */
static struct cause
leftover(const struct json *namespace)
{
	struct cause cause = {.word = err_word(ERR_NAMESPACE_TERMINATING)};
	char blocker[ERR_TEXT_MAX];

	blocker_namespace(namespace, blocker);
	cause.grace = *blocker ? 3 : 15; /* it may be told soon what holds it */
	snprintf(cause.sentence, sizeof(cause.sentence),
		 "The previous store of this name is still being removed%s%.500s. It goes on by "
		 "itself when that is gone.",
		 *blocker ? ": " : "", blocker);
	valid_clean(cause.sentence);
	return cause;
}

/* What it says about a shop that was taken over. */
static int
read_namespace(struct work *w, const struct json *namespace, struct err *err)
{
	int r = seed_kept(namespace, &w->kept, err);

	w->has_kept = r > 0;
	w->lax = strcmp(json_text(json_at(namespace, "metadata", "labels", ENFORCE)), RESTRICTED) != 0;
	return r < 0 ? -1 : 1;
}

/* 1: it is there and ours, 0: to be looked at again, with the cause in wait if there is one, -1. */
static int
look_at_namespace(struct work *w, struct cause *wait, struct err *err)
{
	CLEANUP(json_freep) struct json *namespace = NULL;
	int r = kube_get(w->kube, &namespace, err, "/api/v1/namespaces/%s", w->names.namespace);

	*wait = (struct cause){.word = ""};
	if (r == 0) {
		CLEANUP(json_freep) struct json *object = namespace_object(w);

		return kube_create(w->kube, object, err, "/api/v1/namespaces");
	}
	if (r < 0)
		return -1;
	if (json_at(namespace, "metadata", "deletionTimestamp")) {
		*wait = leftover(namespace);
		return 0;
	}
	if (!work_owns(w, namespace))
		return err_set(err, ERR_NAMESPACE_FOREIGN,
			       "The cluster has a namespace %s that is not this store's; it was not "
			       "touched. Delete this store and choose another name, or remove that "
			       "namespace and retry.",
			       w->names.namespace);
	return read_namespace(w, namespace, err);
}

static int
make_namespace(struct work *w, struct err *err)
{
	int64_t begin = clock_mono_ms(), tell_at = begin, now;
	struct cause wait;
	int nap = 0, r;

	while ((r = look_at_namespace(w, &wait, err)) == 0) {
		now = clock_mono_ms();
		if (*wait.word && now >= tell_at && now - begin >= wait.grace * 1000LL) {
			tell_at = now + TELL_EVERY_MS;
			if (work_report(w, "namespace", &wait, err) < 0)
				return -1;
		}
		if (work_nap(w, &nap, err) < 0)
			return *wait.word && err->code == ERR_DEADLINE
				       ? err_set(err, ERR_NAMESPACE_TERMINATING, "%s", wait.sentence)
				       : -1;
	}
	if (r > 0 && strcmp(w->store.error_code, err_word(ERR_NAMESPACE_TERMINATING)) == 0)
		r = work_report_end(w, "namespace", err);
	if (r < 0)
		return -1;
	crash_point("namespace-unbound");
	return work_grant(w, err);
}

/* Puts text into a Secret's data under key, as base64. */
static void
put(struct json *data, const char *key, const char *text)
{
	char encoded[VALID_HOST_MAX * 2 + 512];

	seal_base64(encoded, sizeof(encoded), text, strlen(text));
	json_set_text(data, key, encoded);
	seal_wipe(encoded, sizeof(encoded));
}

static int
create_secret(struct work *w, const char *name, struct json *data, struct err *err)
{
	CLEANUP(json_freep) struct json *object = json_new_object();
	struct json *metadata = json_new_object();
	struct json *labels = json_new_object();
	int after;

	json_set_text(labels, KUBE_PART_OF, KUBE_PLATFORM);
	json_set_text(labels, KUBE_STORE_ID, w->store.id);
	json_set_text(metadata, "name", name);
	json_set(metadata, "labels", labels);
	json_set_text(object, "apiVersion", "v1");
	json_set_text(object, "kind", "Secret");
	json_set(object, "metadata", metadata);
	json_set(object, "data", data);
	if (kube_create(w->kube, object, err, "/api/v1/namespaces/%s/secrets",
			w->names.namespace) >= 0)
		return 0;
	/* In our words alone: an admission webhook may quote the object, passwords and all. */
	after = err->retry_after;
	err_set(err, err->code, "The cluster did not take the store's Secret %s (%s).", name,
		err_word(err->code));
	err->retry_after = after;
	return -1;
}

static int
secret_exists(struct work *w, const char *name, struct err *err)
{
	CLEANUP(json_freep) struct json *meta = NULL;

	return kube_get_meta(w->kube, &meta, err, "/api/v1/namespaces/%s/secrets/%s",
			     w->names.namespace, name);
}

/* Once a store: the database keeps what it was first started with. */
static int
make_db_secret(struct work *w, struct err *err)
{
	char root[PASSWORD_CHARS + 1], user[PASSWORD_CHARS + 1];
	int r = secret_exists(w, w->names.db_secret, err);
	struct json *data;

	if (r != 0)
		return r < 0 ? -1 : 0;
	seal_password(root, PASSWORD_CHARS);
	seal_password(user, PASSWORD_CHARS);
	data = json_new_object();
	put(data, "root-password", root);
	put(data, "password", user);
	put(data, "database", "wordpress");
	put(data, "user", "wordpress");
	seal_wipe(root, sizeof(root));
	seal_wipe(user, sizeof(user));
	return create_secret(w, w->names.db_secret, data, err);
}

/* With the key that it was sealed to, which may be current no more. */
static int
open_box(const struct work *w, const struct store_box *box, char ret[SEAL_PLAIN], struct err *err)
{
	struct seal_key before;
	int r;

	if (strcmp(box->key_id, w->key.id) == 0)
		return seal_open(&w->key, box->key_id, box->data, box->len, ret, err);
	r = seal_load_id(&before, w->conf->provisioner_dir, box->key_id, err);
	if (r == 0)
		r = seal_open(&before, box->key_id, box->data, box->len, ret, err);
	seal_wipe(&before, sizeof(before));
	return r;
}

static int
make_wp_secret(struct work *w, struct err *err)
{
	char plain[SEAL_PLAIN], mail[VALID_USER_BYTES + NAMES_HOST];
	struct store_box box;
	struct json *data;
	int r = secret_exists(w, w->names.wp_secret, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (store_get_box(w->db, w->store.id, &box, err) < 0)
		return -1;
	if (box.len == 0)
		return err_set(err, ERR_PASSWORD_LOST,
			       "The cluster has lost the store's admin password, and the platform "
			       "keeps no copy; delete the store and create it again.");
	if (open_box(w, &box, plain, err) < 0)
		return -1;
	snprintf(mail, sizeof(mail), "%s@%s", w->store.admin_user, w->names.host);
	data = json_new_object();
	put(data, "admin-user", w->store.admin_user);
	put(data, "admin-password", plain);
	put(data, "admin-email", mail);
	seal_wipe(plain, sizeof(plain));
	return create_secret(w, w->names.wp_secret, data, err);
}

static int
make_secrets(struct work *w, struct err *err)
{
	int r;

	if (make_db_secret(w, err) < 0 || make_wp_secret(w, err) < 0)
		return -1;
	crash_point("secrets-unwiped");
	/* Seen in the cluster, not only sent there: now the box may go. */
	r = secret_exists(w, w->names.wp_secret, err);
	if (r <= 0)
		return r < 0 ? -1
			     : err_set(err, ERR_CLUSTER_ANSWER,
				       "The cluster took the store's Secret, but does not show it.");
	if (db_begin(w->db, err) < 0)
		return -1;
	if (job_hold(w->db, w->job.id, w->job.fence, err) < 0 ||
	    store_wipe_box(w->db, w->store.id, err) < 0) {
		db_rollback(w->db);
		return -1;
	}
	return db_commit(w->db, err);
}

/*
 * The pods of a shop that was taken over were made with more rights: only those
 * of our chart can do without. Until they are there the old ones may be made again.
 */
static int
make_release(struct work *w, struct err *err)
{
	CLEANUP(json_freep) struct json *patch = json_new_object();
	struct json *metadata = json_new_object();
	struct json *labels = json_new_object();

	json_set_text(labels, ENFORCE, RESTRICTED);
	json_set(metadata, "labels", labels);
	json_set(patch, "metadata", metadata);
	if (install_release(w, err) < 0)
		return -1;
	return w->lax && kube_patch(w->kube, patch, err, "/api/v1/namespaces/%s",
				    w->names.namespace) < 0
		       ? -1
		       : 0;
}

/* What the shop has taken of its quota; where that cannot be had now, the next look tells it. */
static int
note_resources(struct work *w, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = w->db;
	CLEANUP(json_freep) struct json *quota = NULL;
	struct err why = ERR_INIT;
	char text[QUOTA_TEXT];

	if (kube_get(w->kube, &quota, &why, "/api/v1/namespaces/%s/resourcequotas/%s",
		     w->names.namespace, w->names.quota) < 0) {
		log_warn("the quota of %s cannot be read: %s", w->names.namespace, why.text);
		return 0;
	}
	quota_text(quota, text);
	if (db_begin(open, err) < 0 || job_hold(open, w->job.id, w->job.fence, err) < 0 ||
	    drift_set_resources(open, w->store.id, text, err) < 0)
		return -1;
	return db_commit(open, err);
}

static int
open_storefront(struct work *w, struct err *err)
{
	return await_storefront(w, err) < 0 ? -1 : note_resources(w, err);
}

const struct work_step provision_steps[PROVISION_STEPS] = {
	[STEP_NAMESPACE] = {make_namespace, 100}, /* the previous one may still be on its way out */
	[STEP_SECRETS] = {make_secrets, 25},
	[STEP_RELEASE] = {make_release, 100},
	[STEP_DATABASE] = {await_database, 100},
	[STEP_WORDPRESS] = {await_wordpress, 100},
	[STEP_WOOCOMMERCE] = {await_woocommerce, 100},
	[STEP_STOREFRONT] = {open_storefront, 100},
};
