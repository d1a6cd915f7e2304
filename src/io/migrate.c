/*
 * migrate.c: see migrate.h. Times are milliseconds of the wall clock, UTC.
 *
 * stores      one row a shop, kept for ever; `deleted` frees its slug
 * jobs        the queue between the two programs; the claim is in model/job
 * events      the timeline of a store's jobs
 * audit_log   who did what; append only, by triggers
 * health      what the last `inspect` saw; its time is the heartbeat
 * strays      namespaces of the platform in the cluster that no store has
 * generation  one row, raised when a column changes that an answer shows
 * users       accounts; a store has an owner, until that account is removed
 * sessions    logins of browsers, by the keyed hash of their cookie
 * tokens      of programs, likewise; a revoked one keeps its row
 * attempts    failed logins of an account or an address, and until when it waits
 * familiar    addresses from which an account has logged in
 * setup       at most one row: the token that makes the first account
 * idempotency what was answered to a change that carried a key
 * tallies     how many stores have each status, and jobs of each kind each state
 *
 * While an update is rolled out, and after a rollback, programs of the version
 * before work with a file of this one's schema. So each step says what it is:
 *
 * EXPAND      they go on: a new table, an index that is not unique, a column that may
 *             be null or has a default, a trigger that fails no change of theirs.
 *             Every statement of ours names its columns.
 * CONTRACT    they end, and refuse the file: a column or table that goes or means
 *             something else, a stricter CHECK or UNIQUE, a new word in a column whose
 *             words they know (a status). Going back needs the copy of before.
 *
 * What is replaced goes one released version after what replaces it came: the first
 * version adds, and writes both; the next removes. The last CONTRACT is the file's
 * floor (DB_FLOOR). The first eight steps are of before there was one.
 */
#include "io/migrate.h"
#include "io/dbparts.h"

#include <stdio.h>
#include <string.h>

#define RAISE "BEGIN UPDATE generation SET n = n + 1; END;"

static const char schema_1[] =
	"CREATE TABLE stores ("
	"  id TEXT PRIMARY KEY,"
	"  name TEXT NOT NULL,"
	"  slug TEXT NOT NULL,"
	"  type TEXT NOT NULL,"
	"  plan TEXT NOT NULL,"
	"  status TEXT NOT NULL CHECK (status IN"
	"    ('provisioning', 'ready', 'failed', 'deleting', 'deleted')),"
	"  namespace TEXT NOT NULL,"
	"  store_url TEXT NOT NULL,"
	"  admin_url TEXT NOT NULL,"
	"  admin_user TEXT NOT NULL,"
	"  sealed_password BLOB,"
	"  seal_key_id TEXT,"
	"  release_values TEXT,"
	"  release_digest TEXT,"
	"  error_code TEXT,"
	"  error_message TEXT,"
	"  provision_started_at INTEGER,"
	"  provision_finished_at INTEGER,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL,"
	"  deleted_at INTEGER,"
	"  CHECK ((sealed_password IS NULL) = (seal_key_id IS NULL)),"
	"  CHECK ((deleted_at IS NOT NULL) = (status = 'deleted'))"
	") STRICT;"
	"CREATE UNIQUE INDEX stores_slug ON stores (slug) WHERE status <> 'deleted';"
	"CREATE INDEX stores_created ON stores (created_at, id) WHERE status <> 'deleted';"

	"CREATE TABLE jobs ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  store_id TEXT NOT NULL REFERENCES stores (id),"
	"  kind TEXT NOT NULL CHECK (kind IN ('provision', 'delete')),"
	"  state TEXT NOT NULL CHECK (state IN"
	"    ('queued', 'running', 'retry', 'done', 'failed', 'cancelled')),"
	"  attempt INTEGER NOT NULL DEFAULT 0,"
	"  max_attempts INTEGER NOT NULL,"
	"  run_at INTEGER NOT NULL,"
	"  fence INTEGER NOT NULL DEFAULT 0,"
	"  instance_id TEXT,"
	"  lease_until INTEGER,"
	"  step TEXT,"
	"  cancel_requested_at INTEGER,"
	"  actor TEXT NOT NULL,"
	"  request_id TEXT NOT NULL,"
	"  error_code TEXT,"
	"  error_message TEXT,"
	"  created_at INTEGER NOT NULL,"
	"  started_at INTEGER,"
	"  finalized_at INTEGER,"
	"  CHECK ((finalized_at IS NOT NULL) = (state IN ('done', 'failed', 'cancelled'))),"
	"  CHECK ((instance_id IS NOT NULL) = (state = 'running'))"
	") STRICT;"
	"CREATE UNIQUE INDEX jobs_running ON jobs (store_id) WHERE state = 'running';"
	"CREATE UNIQUE INDEX jobs_waiting ON jobs (store_id, kind)"
	"  WHERE state IN ('queued', 'retry');"
	"CREATE INDEX jobs_due ON jobs (run_at, id) WHERE state IN ('queued', 'retry');"
	"CREATE INDEX jobs_store ON jobs (store_id, id);"

	"CREATE TABLE events ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  store_id TEXT NOT NULL REFERENCES stores (id),"
	"  job_id INTEGER NOT NULL REFERENCES jobs (id),"
	"  kind TEXT NOT NULL,"
	"  attempt INTEGER NOT NULL,"
	"  step TEXT NOT NULL,"
	"  state TEXT NOT NULL CHECK (state IN ('started', 'done', 'failed', 'info')),"
	"  message TEXT NOT NULL,"
	"  created_at INTEGER NOT NULL,"
	"  duration_ms INTEGER"
	") STRICT;"
	"CREATE INDEX events_store ON events (store_id, id);"
	"CREATE INDEX events_history ON events (kind, step, id)"
	"  WHERE state = 'done';"

	"CREATE TABLE audit_log ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  store_id TEXT,"
	"  action TEXT NOT NULL,"
	"  details TEXT NOT NULL,"
	"  actor TEXT NOT NULL,"
	"  ip_address TEXT,"
	"  request_id TEXT,"
	"  created_at INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX audit_store ON audit_log (store_id, id);"
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit_log"
	"  BEGIN SELECT raise(ABORT, 'the audit log is append only'); END;"
	/* REPLACE deletes without a delete trigger. */
	"CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit_log"
	"  WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = new.id)"
	"  BEGIN SELECT raise(ABORT, 'the audit log is append only'); END;"
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_log"
	"  BEGIN SELECT raise(ABORT, 'the audit log is append only'); END;"

	"CREATE TABLE health ("
	"  component TEXT PRIMARY KEY,"
	"  ok INTEGER NOT NULL,"
	"  sentence TEXT NOT NULL,"
	"  checked_at INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE generation (epoch TEXT NOT NULL, n INTEGER NOT NULL) STRICT;"
	"INSERT INTO generation VALUES (lower(hex(randomblob(8))), 0);"
	"CREATE TRIGGER stores_new AFTER INSERT ON stores " RAISE
	"CREATE TRIGGER stores_seen AFTER UPDATE OF status, error_code, error_message,"
	"  provision_started_at, provision_finished_at, updated_at ON stores " RAISE
	"CREATE TRIGGER jobs_new AFTER INSERT ON jobs " RAISE
	"CREATE TRIGGER jobs_seen AFTER UPDATE OF state, attempt, run_at, step,"
	"  cancel_requested_at, error_message ON jobs " RAISE
	"CREATE TRIGGER events_new AFTER INSERT ON events " RAISE
	"CREATE TRIGGER audit_new AFTER INSERT ON audit_log " RAISE
	"CREATE TRIGGER health_seen AFTER UPDATE ON health"
	"  WHEN old.ok <> new.ok OR old.sentence <> new.sentence " RAISE
	"CREATE TRIGGER health_new AFTER INSERT ON health " RAISE;

/* What the reconciling look finds; how often a job met an outage, which costs no attempt. */
static const char schema_2[] =
	"ALTER TABLE stores ADD COLUMN health_state TEXT NOT NULL DEFAULT 'unknown'"
	"  CHECK (health_state IN ('unknown', 'ok', 'degraded'));"
	"ALTER TABLE stores ADD COLUMN health_message TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE stores ADD COLUMN health_checked_at INTEGER;"
	"ALTER TABLE jobs ADD COLUMN outages INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE strays ("
	"  namespace TEXT PRIMARY KEY,"
	"  store_id TEXT NOT NULL,"
	"  uid TEXT NOT NULL,"
	"  message TEXT NOT NULL,"
	"  found_at INTEGER NOT NULL"
	") STRICT;"
	"CREATE TRIGGER stores_health AFTER UPDATE OF health_state, health_message,"
	"  health_checked_at ON stores " RAISE
	"CREATE TRIGGER strays_new AFTER INSERT ON strays " RAISE
	"CREATE TRIGGER strays_seen AFTER UPDATE ON strays " RAISE
	"CREATE TRIGGER strays_gone AFTER DELETE ON strays " RAISE;

static const char schema_3[] =
	"CREATE TABLE users ("
	"  id TEXT PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE,"
	"  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),"
	"  password TEXT NOT NULL,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL,"
	"  last_login_at INTEGER"
	") STRICT;"
	"CREATE TABLE sessions ("
	"  hash TEXT PRIMARY KEY,"
	"  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	"  created_at INTEGER NOT NULL,"
	"  seen_at INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX sessions_user ON sessions (user_id);"
	"CREATE INDEX sessions_created ON sessions (created_at);"
	"CREATE TABLE tokens ("
	"  id TEXT PRIMARY KEY,"
	"  key TEXT NOT NULL UNIQUE,"
	"  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  scope TEXT NOT NULL CHECK (scope IN ('viewer', 'operator', 'admin')),"
	"  hash TEXT NOT NULL,"
	"  created_at INTEGER NOT NULL,"
	"  expires_at INTEGER NOT NULL,"
	"  last_used_at INTEGER,"
	"  revoked_at INTEGER"
	") STRICT;"
	"CREATE INDEX tokens_user ON tokens (user_id);"
	"CREATE TABLE attempts ("
	"  who TEXT PRIMARY KEY,"
	"  failures INTEGER NOT NULL,"
	"  failed_at INTEGER NOT NULL,"
	"  locked_until INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX attempts_failed ON attempts (failed_at);"
	"CREATE TABLE familiar ("
	"  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	"  network TEXT NOT NULL,"
	"  seen_at INTEGER NOT NULL,"
	"  PRIMARY KEY (user_id, network)"
	") STRICT;"
	"CREATE TABLE setup ("
	"  one INTEGER PRIMARY KEY CHECK (one = 1),"
	"  hash TEXT NOT NULL,"
	"  boot TEXT NOT NULL,"
	"  expires_at INTEGER NOT NULL"
	") STRICT;"
	"ALTER TABLE stores ADD COLUMN owner_id TEXT REFERENCES users (id) ON DELETE SET NULL;"
	"CREATE INDEX stores_owner ON stores (owner_id) WHERE status <> 'deleted';"
	"CREATE TRIGGER stores_owned AFTER UPDATE OF owner_id ON stores " RAISE
	"CREATE TRIGGER users_new AFTER INSERT ON users " RAISE
	"CREATE TRIGGER users_seen AFTER UPDATE ON users " RAISE
	"CREATE TRIGGER users_gone AFTER DELETE ON users " RAISE
	"CREATE TRIGGER tokens_new AFTER INSERT ON tokens " RAISE
	"CREATE TRIGGER tokens_seen AFTER UPDATE ON tokens " RAISE
	"CREATE TRIGGER tokens_gone AFTER DELETE ON tokens " RAISE;

static const char schema_4[] =
	"CREATE TABLE idempotency ("
	"  key TEXT PRIMARY KEY,"
	"  request TEXT NOT NULL,"
	"  answer TEXT NOT NULL,"
	"  created_at INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX idempotency_created ON idempotency (created_at);";

/* The digest of a row and of the one before it; rows of before have none. */
static const char schema_5[] = "ALTER TABLE audit_log ADD COLUMN hash TEXT;";

/* What a store has taken of its quota, as the API shows it (JSON). */
static const char schema_6[] =
	"ALTER TABLE stores ADD COLUMN resources TEXT;"
	"CREATE TRIGGER stores_resources AFTER UPDATE OF resources ON stores " RAISE;

/* Which key of api.key a token's hash is made with; "": the one of before there were several. */
static const char schema_7[] = "ALTER TABLE tokens ADD COLUMN hash_key TEXT NOT NULL DEFAULT '';";

/*
 * Counting all rows for each create took longer the more there were: triggers
 * count them, in rows that are there from the start.
 */
static const char schema_8[] =
	"CREATE TABLE tallies ("
	"  what TEXT NOT NULL,"
	"  word TEXT NOT NULL,"
	"  n INTEGER NOT NULL,"
	"  PRIMARY KEY (what, word)"
	") STRICT, WITHOUT ROWID;"
	"WITH words (s) AS (VALUES ('provisioning'), ('ready'), ('failed'), ('deleting'), ('deleted'))"
	"  INSERT INTO tallies SELECT 'store', s, (SELECT count(*) FROM stores WHERE status = s)"
	"  FROM words;"
	"WITH kinds (k) AS (VALUES ('provision'), ('delete')), words (s) AS (VALUES ('queued'),"
	"  ('running'), ('retry'), ('done'), ('failed'), ('cancelled'))"
	"  INSERT INTO tallies SELECT k, s, (SELECT count(*) FROM jobs WHERE kind = k AND state = s)"
	"  FROM kinds, words;"
	"CREATE TRIGGER stores_counted AFTER INSERT ON stores"
	"  BEGIN UPDATE tallies SET n = n + 1 WHERE what = 'store' AND word = new.status; END;"
	"CREATE TRIGGER stores_gone AFTER DELETE ON stores"
	"  BEGIN UPDATE tallies SET n = n - 1 WHERE what = 'store' AND word = old.status; END;"
	"CREATE TRIGGER stores_moved AFTER UPDATE OF status ON stores WHEN old.status <> new.status"
	"  BEGIN UPDATE tallies SET n = n + 1 WHERE what = 'store' AND word = new.status; END;"
	"CREATE TRIGGER stores_left AFTER UPDATE OF status ON stores WHEN old.status <> new.status"
	"  BEGIN UPDATE tallies SET n = n - 1 WHERE what = 'store' AND word = old.status; END;"
	"CREATE TRIGGER jobs_counted AFTER INSERT ON jobs"
	"  BEGIN UPDATE tallies SET n = n + 1 WHERE what = new.kind AND word = new.state; END;"
	"CREATE TRIGGER jobs_gone AFTER DELETE ON jobs"
	"  BEGIN UPDATE tallies SET n = n - 1 WHERE what = old.kind AND word = old.state; END;"
	"CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN old.state <> new.state"
	"  BEGIN UPDATE tallies SET n = n + 1 WHERE what = new.kind AND word = new.state; END;"
	"CREATE TRIGGER jobs_left AFTER UPDATE OF state ON jobs WHEN old.state <> new.state"
	"  BEGIN UPDATE tallies SET n = n - 1 WHERE what = old.kind AND word = old.state; END;"
	/* A kind at a time is asked for; the durations are read without their rows. */
	"DROP INDEX jobs_due;"
	"CREATE INDEX jobs_due ON jobs (kind, run_at, id) WHERE state IN ('queued', 'retry');"
	"DROP INDEX events_history;"
	"CREATE INDEX events_history ON events (kind, step, id, duration_ms)"
	"  WHERE state = 'done';";

static const struct {
	const char *sql;
	enum { EXPAND, CONTRACT } kind;
} steps[] = {
	{schema_1, CONTRACT}, {schema_2, CONTRACT}, {schema_3, CONTRACT}, {schema_4, CONTRACT},
	{schema_5, CONTRACT}, {schema_6, CONTRACT}, {schema_7, CONTRACT}, {schema_8, CONTRACT},
};

_Static_assert(ARRAY_SIZE(steps) == MIGRATE_NEWEST, "MIGRATE_NEWEST counts the steps");

enum { VERSION_GET, APPLICATION_GET, TABLES_GET, QUICK_CHECK, FULL_CHECK, FOREIGN_CHECK };

static const char *const queries[] = {
	[VERSION_GET] = "PRAGMA user_version",
	[APPLICATION_GET] = "PRAGMA application_id",
	[TABLES_GET] = "SELECT count(*) FROM sqlite_schema",
	[QUICK_CHECK] = "PRAGMA quick_check(1)",
	[FULL_CHECK] = "PRAGMA integrity_check(1)",
	[FOREIGN_CHECK] = "PRAGMA foreign_key_check",
};
static DB_TABLE(migrate_sql, queries);
static const struct db_table *const tables[] = {&migrate_sql, NULL};

static int
number(struct db *db, int index, int64_t *ret, struct err *err)
{
	CLEANUP(db_donep) struct db_query *q = db_query(db, &migrate_sql, index);
	int r = db_step(q, err);

	if (r > 0)
		*ret = db_int(q, 0);
	return r < 0 ? -1 : 0;
}

/* The oldest schema whose programs may work with what all the steps make. */
static int
lowest(void)
{
	int i = MIGRATE_NEWEST;

	while (i > 1 && steps[i - 1].kind == EXPAND)
		i--;
	return i;
}

static int
upgrade(struct db *db, int64_t version, struct err *err)
{
	int floor = lowest() < MIGRATE_NEWEST ? lowest() : 0;
	char mark[96];

	for (size_t i = (size_t)version; i < ARRAY_SIZE(steps); i++)
		if (db_script(db, steps[i].sql, err) < 0)
			return err_prefix(err, "schema %zu", i + 1);
	snprintf(mark, sizeof(mark), "PRAGMA user_version=%d; PRAGMA application_id=%d",
		 floor * DB_FLOOR + MIGRATE_NEWEST, DB_APPLICATION);
	return db_script(db, mark, err);
}

int
migrate_read(struct db *db, int *ret_version, int *ret_floor, struct err *err)
{
	int64_t mark = 0, application = 0, objects = 0;

	if (db_prepare(db, tables, err) < 0 || number(db, VERSION_GET, &mark, err) < 0 ||
	    number(db, APPLICATION_GET, &application, err) < 0 ||
	    number(db, TABLES_GET, &objects, err) < 0)
		return -1;
	if (application != DB_APPLICATION && (application != 0 || objects > 0))
		return err_set(err, ERR_DB_VERSION, DB_FOREIGN);
	*ret_version = (int)(mark % DB_FLOOR);
	*ret_floor = dbparts_floor((int)mark);
	return 0;
}

int
migrate_look(struct db *db, int *ret_version, struct err *err)
{
	int version = 0, floor = 0;

	if (migrate_read(db, &version, &floor, err) < 0)
		return -1;
	if (version < 0 || floor > MIGRATE_NEWEST)
		return err_set(err, ERR_DB_VERSION,
			       "The database has schema %d, but this program knows only up to %d: "
			       "a newer store-platform has written it. Install that version again.",
			       version, MIGRATE_NEWEST);
	*ret_version = version;
	return 0;
}

int
migrate_verify(struct db *db, bool whole, struct err *err)
{
	CLEANUP(db_donep) struct db_query *pages = NULL;
	CLEANUP(db_donep) struct db_query *keys = NULL;
	int r;

	if (db_prepare(db, tables, err) < 0)
		return -1;
	pages = db_query(db, &migrate_sql, whole ? FULL_CHECK : QUICK_CHECK);
	r = db_step(pages, err);
	if (r > 0 && strcmp(db_text(pages, 0), "ok") != 0)
		return err_set(err, ERR_DB_CORRUPT, DB_DAMAGED, db_text(pages, 0));
	if (r < 0 || !whole)
		return r < 0 ? -1 : 0;
	keys = db_query(db, &migrate_sql, FOREIGN_CHECK);
	r = db_step(keys, err);
	if (r > 0)
		return err_set(err, ERR_DB_CORRUPT,
			       "Row %lld of the table %s belongs to a row of %s that is not there.",
			       (long long)db_int(keys, 1), db_text(keys, 0), db_text(keys, 2));
	return r;
}

int
migrate_run(struct db *db, struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;
	int version = 0;

	db->schema = 0; /* any is welcome here */
	/* Nothing is added to a damaged file. */
	if (migrate_verify(db, false, err) < 0)
		return -1;
	/* Several pool processes start at once: only the lock makes the look count. */
	if (db_begin(open, err) < 0 || migrate_look(db, &version, err) < 0)
		return -1;
	if (version < MIGRATE_NEWEST && upgrade(db, version, err) < 0)
		return -1;
	if (db_commit(open, err) < 0)
		return -1;
	db->schema = MIGRATE_NEWEST;
	return 0;
}

int
migrate_require(struct db *db, struct err *err)
{
	int version = 0;

	if (migrate_look(db, &version, err) < 0)
		return -1;
	if (version < MIGRATE_NEWEST)
		return err_set(err, ERR_DB_VERSION,
			       "The database has schema %d, and this program needs %d. Bring it there "
			       "with: storectl db migrate", version, MIGRATE_NEWEST);
	db->schema = MIGRATE_NEWEST;
	return 0;
}
