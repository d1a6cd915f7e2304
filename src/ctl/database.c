/* database.c: see database.h. */
#include "ctl/database.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "ctl/client.h"
#include "io/backup.h"
#include "io/migrate.h"
#include "io/seal.h"

enum { BUSY_MS = 10000, LOG_MAX_BYTES = 64 * 1024 * 1024 };

#define NEWER "The schema is %d, a newer program's; this one's, %d, may work with it."

enum { SEALED_ELSEWHERE };

static const char *const statements[] = {
	[SEALED_ELSEWHERE] = "SELECT seal_key_id, count(*) FROM stores"
			     " WHERE seal_key_id IS NOT NULL AND seal_key_id <> :key GROUP BY 1",
};
static DB_TABLE(database_sql, statements);
static const struct db_table *const tables[] = {&database_sql, NULL};

/* One finding a line: "well: ..." or "FAULT: ...". Returns the faults in it. */
PRINTF(2, 3)
static int
say(bool well, const char *fmt, ...)
{
	va_list ap;

	fputs(well ? "well: " : "FAULT: ", stdout);
	va_start(ap, fmt);
	vfprintf(stdout, fmt, ap);
	va_end(ap);
	putchar('\n');
	return !well;
}

static int
say_schema(struct db *db)
{
	struct err err = ERR_INIT;
	int version = 0;

	if (migrate_look(db, &version, &err) < 0)
		return say(false, "%s", err.text);
	if (version == 0)
		return say(false, "The database is empty; start store-provisioner, or restore a "
				  "backup: storectl db restore FILE");
	if (version < MIGRATE_NEWEST)
		return say(true, "The schema is %d; storectl db migrate, or the programs when "
				 "they start, bring it to %d.",
			   version, MIGRATE_NEWEST);
	if (version > MIGRATE_NEWEST)
		return say(true, NEWER, version, MIGRATE_NEWEST);
	return say(true, "The schema is %d, this program's.", version);
}

static int
say_pages(struct db *db, bool whole)
{
	struct err err = ERR_INIT;

	if (migrate_verify(db, whole, &err) < 0)
		return say(false, "%s", err.text);
	return say(true, whole ? "Every page, index entry and reference is sound."
			       : "Every page is sound; indexes were not compared.");
}

static int
say_log(const char *path)
{
	long long mib = (long long)(db_wal_bytes(path) >> 20);

	if (db_wal_bytes(path) <= LOG_MAX_BYTES)
		return say(true, "The log beside the database has %lld MiB.", mib);
	return say(false,
		   "The log beside the database has grown to %lld MiB: store-provisioner is not "
		   "running, or some process reads without end; start it, or restart the pool.",
		   mib);
}

/* The key pair by which admin passwords are handed over. */
static int
say_keys(const char *dir, struct seal_key *ret)
{
	struct err err = ERR_INIT;
	struct seal_key public;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/seal.key", dir);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return say(false,
			   "%s is not there; put it back from the backup. Without it "
			   "store-provisioner makes a new one, and an admin password that was not "
			   "handed over yet has to be set anew.",
			   path);
	if (seal_load(ret, dir, &err) < 0 || seal_load_public(&public, dir, &err) < 0)
		return say(false, "%s; run this as root, or put the file back from the backup.",
			   err.text);
	if (strcmp(public.id, ret->id) != 0)
		return say(false,
			   "seal.pub in %s belongs to another key; restart store-provisioner, which "
			   "writes it anew.",
			   dir);
	return say(true, "The key pair in %s is whole, its id is %s.", dir, ret->id);
}

static int
say_sealed(struct db *db, const char *dir, const struct seal_key *key)
{
	CLEANUP(db_donep) struct db_query *q = NULL;
	struct err err = ERR_INIT, none = ERR_INIT;
	struct seal_key before;
	long long n = 0;
	int r;

	if (key->id[0] == '\0')
		return 0; /* say_keys() has told it */
	if (db_prepare(db, tables, &err) < 0)
		return say(false, "%s", err.text);
	q = db_query(db, &database_sql, SEALED_ELSEWHERE);
	db_bind_text(q, ":key", key->id);
	while ((r = db_step(q, &err)) > 0)
		if (seal_load_id(&before, dir, db_text(q, 0), &none) < 0)
			n += (long long)db_int(q, 1);
	seal_wipe(&before, sizeof(before));
	if (r < 0)
		return say(false, "%s", err.text);
	if (n == 0)
		return say(true, "No admin password waits for a key that is lost.");
	return say(false,
		   "%lld stores wait with an admin password sealed to another key: put that seal.key "
		   "back from the backup, or give these stores a new admin password.",
		   n);
}

int
database_check(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	const struct conf *conf = call->conf;
	struct seal_key key = {.id = ""};
	int faults;

	if (seal_init(err) < 0)
		return -1;
	if (access(conf->database_path, R_OK) < 0) {
		err_errno(err, "cannot read %s", conf->database_path);
		return err_prefix(err, "There is no database to check, set DATABASE_PATH");
	}
	if (db_open_read(&db, conf->database_path, BUSY_MS, err) < 0)
		return -1;
	faults = say(true, "SQLite %s %s.", db_library(),
		     db_library_fixed() ? "is free of the WAL-reset bug"
					: "has the WAL-reset bug, which the programs avoid");
	faults += say_schema(db);
	if (faults == 0)
		faults += say_pages(db, !command_option(call, "quick"));
	faults += say_log(conf->database_path);
	faults += say_keys(conf->provisioner_dir, &key);
	if (faults == 0)
		faults += say_sealed(db, conf->provisioner_dir, &key);
	seal_wipe(&key, sizeof(key));
	return faults > 0;
}

/* The file's schema, by a connection that is closed again. */
static int
look(const char *path, int *ret, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;

	if (access(path, R_OK | W_OK) < 0) {
		err_errno(err, "cannot write %s", path);
		return err_prefix(err, "There is no database to migrate, set DATABASE_PATH");
	}
	if (db_open_read(&db, path, BUSY_MS, err) < 0)
		return -1;
	return migrate_look(db, ret, err);
}

static int
migrate(const char *path, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;

	return db_open(&db, path, BUSY_MS, err) < 0 ? -1 : migrate_run(db, err);
}

static void
tell_schema(const struct command_call *call, int from, const char *backup)
{
	CLEANUP(json_freep) struct json *answer = NULL;

	if (!command_option(call, "json")) {
		if (from > MIGRATE_NEWEST)
			printf(NEWER "\n", from, MIGRATE_NEWEST);
		else if (from == MIGRATE_NEWEST)
			printf("The schema is %d, this program's.\n", MIGRATE_NEWEST);
		else
			printf("The schema was %d and is %d.\n", from, MIGRATE_NEWEST);
		if (*backup)
			printf("%s is a checked copy of what was before.\n", backup);
		return;
	}
	answer = json_new_object();
	json_set_int(answer, "from", from);
	json_set_int(answer, "to", from > MIGRATE_NEWEST ? from : MIGRATE_NEWEST);
	json_set_text(answer, "backup", *backup ? backup : NULL);
	client_print(answer);
}

/* For who decides whether an older version may be installed again. */
int
database_schema(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(json_freep) struct json *answer = NULL;
	const char *path = call->conf->database_path;
	bool there = access(path, R_OK) == 0;
	int version = 0, floor = 0;

	if (!there && errno != ENOENT)
		return err_errno(err, "cannot read %s", path);
	if (there && (db_open_read(&db, path, BUSY_MS, err) < 0 ||
		      migrate_read(db, &version, &floor, err) < 0))
		return -1;
	if (!command_option(call, "json")) {
		if (version == 0)
			printf("There is no database yet.");
		else if (floor < version)
			printf("The database has schema %d; programs of %d and later may work with it.",
			       version, floor);
		else
			printf("The database has schema %d; programs of an older one may not work "
			       "with it.",
			       version);
		printf(" This program is of %d.\n", MIGRATE_NEWEST);
		return 0;
	}
	answer = json_new_object();
	json_set_int(answer, "schema", version);
	json_set_int(answer, "oldest", floor);
	json_set_int(answer, "program", MIGRATE_NEWEST);
	client_print(answer);
	return 0;
}

int
database_migrate(const struct command_call *call, struct err *err)
{
	const char *path = call->conf->database_path, *named = command_option(call, "backup");
	char backup[BACKUP_NAME] = "";
	int from;

	if (look(path, &from, err) < 0)
		return -1;
	if (from < MIGRATE_NEWEST) {
		if (backup_unused(path, err) < 0)
			return -1;
		if (named)
			snprintf(backup, sizeof(backup), "%s", named);
		else if (from > 0) /* an empty file has nothing to keep */
			snprintf(backup, sizeof(backup), "%s.schema-%d-%lld", path, from,
				 (long long)clock_wall_ms());
		if (*backup && backup_make(path, backup, false, err) < 0)
			return -1;
		crash_point("migrate-kept");
		if (migrate(path, err) < 0)
			return -1;
	}
	tell_schema(call, from, backup);
	return 0;
}

int
database_backup(const struct command_call *call, struct err *err)
{
	const struct conf *conf = call->conf;
	const char *file = call->args[0];

	if (access(conf->database_path, R_OK) < 0)
		return err_errno(err, "cannot read %s", conf->database_path);
	if (backup_make(conf->database_path, file, command_option(call, "force") != NULL, err) < 0)
		return -1;
	printf("%s is a checked copy of the database.\n"
	       "Keep with it, as secretly as it: %s/seal.key. Without that key an admin password "
	       "that waits in the copy cannot be used any more, and has to be set anew. With it go "
	       "seal.key.* and platform beside it, where they are there.\n",
	       file, conf->provisioner_dir);
	return 0;
}

int
database_restore(const struct command_call *call, struct err *err)
{
	const struct conf *conf = call->conf;
	char kept[BACKUP_NAME];

	if (access(call->args[0], R_OK) < 0)
		return err_errno(err, "cannot read %s", call->args[0]);
	if (backup_restore(call->args[0], conf->database_path, kept, err) < 0)
		return -1;
	printf("%s is now what %s was.\n", conf->database_path, call->args[0]);
	if (*kept)
		printf("What was there is %s; remove it when all is well.\n", kept);
	printf("Put seal.key of the same backup into %s and api.key into %s, each with its folder's "
	       "owner and mode 0600; start the programs, and look: storectl db check\n",
	       conf->provisioner_dir, conf->api_dir);
	return 0;
}
