/* doctorstate.c: the checks of doctor.h that look at the platform's own state. */
#include "ctl/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cluster/chart.h"
#include "cluster/helm.h"
#include "ctl/paths.h"
#include "io/migrate.h"
#include "io/seal.h"
#include "model/health.h"

enum { BUSY_MS = 5000, HELM_SECONDS = 20, AHEAD_MS = 60 * 1000 };

static const struct db_table *const tables[] = {&health_sql, NULL};

/* The database without a change to it; version: its schema. */
static int
open_database(const struct conf *conf, struct db **ret, int *ret_version, struct err *err)
{
	if (access(conf->database_path, R_OK) < 0)
		return err_errno(err, "cannot read %s", conf->database_path);
	return db_open_read(ret, conf->database_path, BUSY_MS, err) < 0 ||
			       migrate_look(*ret, ret_version, err) < 0
		       ? -1
		       : 0;
}

enum doctor_state
doctor_database(struct doctor *d)
{
	CLEANUP(db_closep) struct db *db = NULL;
	struct err err = ERR_INIT;
	int version = 0;

	if (open_database(d->conf, &db, &version, &err) < 0 ||
	    (version > 0 && migrate_verify(db, false, &err) < 0))
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	if (version == 0)
		return doctor_say(d, DOCTOR_FAIL, "%s is empty.", d->conf->database_path);
	if (version < MIGRATE_NEWEST)
		return doctor_say(d, DOCTOR_WARN,
				  "It has schema %d; the programs bring it to %d when they start.",
				  version, MIGRATE_NEWEST);
	if (version > MIGRATE_NEWEST)
		return doctor_say(d, DOCTOR_OK,
				  "It is whole, and has schema %d, of a newer program; this one's, %d, may "
				  "work with it.",
				  version, MIGRATE_NEWEST);
	return doctor_say(d, DOCTOR_OK, "It is whole, and has schema %d.", version);
}

/* Whether a key file, if it is there, is its folder's owner's: who runs there must read it. */
static bool
is_owners(const char *dir, const char *name, char ret_path[PATHS_MAX])
{
	struct stat key, folder;

	snprintf(ret_path, PATHS_MAX, "%s/%s", dir, name);
	return stat(ret_path, &key) < 0 || stat(dir, &folder) < 0 || key.st_uid == folder.st_uid;
}

enum doctor_state
doctor_keys(struct doctor *d)
{
	struct seal_key key = {.id = ""}, public = {.id = ""};
	const char *dir = d->conf->provisioner_dir;
	char path[PATHS_MAX];
	struct err err = ERR_INIT;
	enum doctor_state state;

	if (!is_owners(dir, "seal.key", path) || !is_owners(d->conf->api_dir, "api.key", path))
		state = doctor_say(d, DOCTOR_FAIL, "%s belongs to another user than its folder.",
				   path);
	else if (seal_load(&key, dir, &err) < 0 || seal_load_public(&public, dir, &err) < 0)
		state = doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	else if (strcmp(key.id, public.id) != 0)
		state = doctor_say(d, DOCTOR_FAIL, "seal.pub in %s belongs to another key.", dir);
	else
		state = doctor_say(d, DOCTOR_OK, "The key pair in %s is whole.", dir);
	seal_wipe(&key, sizeof(key));
	return state;
}

enum doctor_state
doctor_helm(struct doctor *d)
{
	char version[HELM_VERSION], digest[SEAL_DIGEST];
	const struct helm helm = {
		.program = d->conf->helm,
		.chart = d->conf->helm_chart_path,
		.values_file = d->conf->helm_values_file,
		.kubeconfig = "/nonexistent",
		.home = "/nonexistent", /* it asks for its version alone */
		.deadline = clock_mono_ms() + HELM_SECONDS * 1000LL,
		.stop_fd = -1,
	};
	struct err err = ERR_INIT;

	if (helm_version(&helm, version, &err) < 0 ||
	    chart_digest(helm.chart, helm.values_file, "", digest, &err) < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	if (*helm.values_file && !d->values)
		return doctor_say(d, DOCTOR_FAIL, "%s is no YAML that can be read.",
				  helm.values_file);
	return doctor_say(d, DOCTOR_OK, "helm %s is there, and so is the chart.", version);
}

/* The parts that the provisioner has found broken, as its last look says. */
static enum doctor_state
judge_health(struct doctor *d, const struct health seen[HEALTH_COMPONENTS])
{
	int64_t now = clock_wall_ms();

	for (int i = 0; i < HEALTH_COMPONENTS; i++) {
		int64_t age = now - seen[i].checked_at;

		if (!seen[i].known)
			return doctor_say(d, DOCTOR_FAIL, "It has not run yet.");
		if (age < -AHEAD_MS)
			return doctor_say(d, DOCTOR_FAIL,
					  "Its last sign of life is in the future: the clock has "
					  "gone back.");
		if (age > HEALTH_STALE_MS)
			return doctor_say(d, DOCTOR_FAIL, "Its last sign of life is %lld s old.",
					  (long long)(age / 1000));
		if (!seen[i].ok)
			return doctor_say(d, DOCTOR_FAIL, "It runs, but cannot work: %s",
					  seen[i].sentence);
	}
	return doctor_say(d, DOCTOR_OK, "It runs; it looked at cluster and helm %lld s ago.",
			  (long long)((now - seen[HEALTH_CLUSTER].checked_at) / 1000));
}

enum doctor_state
doctor_provisioner(struct doctor *d)
{
	CLEANUP(db_closep) struct db *db = NULL;
	struct health seen[HEALTH_COMPONENTS];
	struct err err = ERR_INIT;
	int version = 0;

	if (open_database(d->conf, &db, &version, &err) < 0 || version == 0)
		return doctor_say(d, DOCTOR_SKIP, "Not looked at: there is no database to read.");
	if (db_prepare(db, tables, &err) < 0 || health_get(db, seen, &err) < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	return judge_health(d, seen);
}
