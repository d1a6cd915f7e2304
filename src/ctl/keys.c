/* keys.c: see keys.h. */
#include "ctl/keys.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crash.h"
#include "ctl/client.h"
#include "ctl/place.h"
#include "io/seal.h"
#include "io/secret.h"
#include "model/audit.h"
#include "model/keys.h"

static const struct db_table *const tables[] = {&keys_sql, &audit_sql, NULL};

static const char *
folder(const struct command_call *call, enum keys_kind kind)
{
	return kind == KEYS_SEAL ? call->conf->provisioner_dir : call->conf->api_dir;
}

/* None is made here: who makes the first one is the program whose it is. */
static int
check_there(const struct command_call *call, enum keys_kind kind, struct err *err)
{
	char path[KEYRING_PATH];

	keyring_path(folder(call, kind), keys_files[kind], "", path);
	if (access(path, R_OK) == 0)
		return 0;
	err_errno(err, "cannot read %s", path);
	return err_prefix(err, "Start %s first, and run this as root",
			  kind == KEYS_SEAL ? "store-provisioner" : "store-api");
}

static int
current_id(const struct command_call *call, enum keys_kind kind, char ret[KEYRING_ID],
	   struct err *err)
{
	struct secret_key secret;
	struct seal_key seal;
	int r;

	if (check_there(call, kind, err) < 0)
		return -1;
	if (kind == KEYS_SEAL) {
		r = seal_load(&seal, folder(call, kind), err);
		memcpy(ret, seal.id, KEYRING_ID);
		seal_wipe(&seal, sizeof(seal));
	} else {
		r = secret_load(&secret, folder(call, kind), err);
		memcpy(ret, secret.id, KEYRING_ID);
		seal_wipe(&secret, sizeof(secret));
	}
	return r;
}

static void
show(const struct command_call *call, struct json *array, enum keys_kind kind, const char *id,
     bool current, int64_t needed)
{
	struct json *row;

	if (!command_option(call, "json")) {
		if (current)
			printf("%-4s  %s  current\n", keys_words[kind], id);
		else
			printf("%-4s  %s  of before, needed by %lld rows\n", keys_words[kind], id,
			       (long long)needed);
		return;
	}
	row = json_new_object();
	json_set_text(row, "key", keys_words[kind]);
	json_set_text(row, "id", id);
	json_set_bool(row, "current", current);
	if (!current)
		json_set_int(row, "needed_by", needed);
	json_add(array, row);
}

static int
list_kind(const struct command_call *call, struct db *db, enum keys_kind kind, struct json *array,
	  struct err *err)
{
	char now[KEYRING_ID], ids[KEYRING_MAX][KEYRING_ID];
	int n;

	if (current_id(call, kind, now, err) < 0)
		return -1;
	show(call, array, kind, now, true, 0);
	n = keyring_retired(folder(call, kind), keys_files[kind], ids, err);
	for (int i = 0; i < n; i++) {
		int64_t needed;

		if (strcmp(ids[i], now) == 0)
			continue;
		if (keys_needed(db, kind, folder(call, kind), ids[i], &needed, err) < 0)
			return -1;
		show(call, array, kind, ids[i], false, needed);
	}
	return n < 0 ? -1 : 0;
}

int
keys_list(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(json_freep) struct json *array = json_new_array();

	if (place_open(call, tables, &db, err) < 0)
		return -1;
	for (int kind = 0; kind < KEYS_KINDS; kind++)
		if (list_kind(call, db, (enum keys_kind)kind, array, err) < 0)
			return -1;
	if (command_option(call, "json"))
		client_print(array);
	return 0;
}

static int
change(const struct command_call *call, struct db *db, enum keys_kind kind, char old[KEYRING_ID],
       char new[KEYRING_ID], struct err *err)
{
	CLEANUP(db_rollbackp) struct db *open = db;
	const struct audit_entry entry = {.action = AUDIT_KEY_ROTATE, .actor = "storectl"};
	struct json *details;

	if (check_there(call, kind, err) < 0 || db_begin(open, err) < 0 ||
	    keys_rotate(db, kind, folder(call, kind), old, new, err) < 0)
		return -1;
	crash_point("rotate-uncommitted");
	details = json_new_object();
	json_set_text(details, "key", keys_words[kind]);
	json_set_text(details, "before", old);
	json_set_text(details, "now", new);
	json_set_int(details, "uid", (int64_t)getuid());
	return audit_add(db, &entry, details, err) < 0 ? -1 : db_commit(open, err);
}

static void
tell(const struct command_call *call, enum keys_kind kind, const char *old, const char *new,
     int64_t needed)
{
	static const char *const rows[] = {"stores wait with a password for", "tokens or answers need"};
	CLEANUP(json_freep) struct json *answer = NULL;

	if (!command_option(call, "json")) {
		printf("The current %s key is %s.\n", keys_words[kind], new);
		if (needed > 0)
			printf("%lld %s the one of before, %s; it is removed when none does.\n",
			       (long long)needed, rows[kind], old);
		else
			printf("Nothing needed the one of before, %s, which is removed.\n", old);
		if (kind == KEYS_API)
			puts("All sessions have ended.");
		return;
	}
	answer = json_new_object();
	json_set_text(answer, "key", keys_words[kind]);
	json_set_text(answer, "now", new);
	json_set_text(answer, "before", old);
	json_set_int(answer, "needed_by", needed);
	client_print(answer);
}

int
keys_replace(const struct command_call *call, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	char old[KEYRING_ID], new[KEYRING_ID];
	int64_t needed = 0;
	int kind = 0;

	while (kind < KEYS_KINDS && strcmp(keys_words[kind], call->args[0]) != 0)
		kind++;
	if (kind == KEYS_KINDS)
		return err_set(err, ERR_BAD_REQUEST, "A key is seal or api, not \"%.60s\".",
			       call->args[0]);
	if (place_open(call, tables, &db, err) < 0 ||
	    change(call, db, (enum keys_kind)kind, old, new, err) < 0 ||
	    keys_needed(db, (enum keys_kind)kind, folder(call, (enum keys_kind)kind), old, &needed,
			err) < 0 ||
	    keys_sweep(db, (enum keys_kind)kind, folder(call, (enum keys_kind)kind), err) < 0)
		return -1;
	tell(call, (enum keys_kind)kind, old, new, needed);
	return 0;
}
