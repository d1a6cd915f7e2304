/* stores.c: see stores.h. */
#include "ctl/stores.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/valid.h"
#include "ctl/client.h"

enum { PATH = 512, WAIT_SECONDS = 3600, WAIT_MAX_SECONDS = 86400, LOOK_MS = 500 };

#define TEXT(row, key) json_text(json_at(row, key))

/* --- which store ------------------------------------------------------------------ */

/* The id of an id or an address name. */
static int
find(struct client *c, const char *name, char ret[VALID_UUID_BYTES], struct err *err)
{
	CLEANUP(json_freep) struct json *rows = NULL;
	char path[PATH];

	if (valid_uuid(name)) {
		snprintf(ret, VALID_UUID_BYTES, "%s", name);
		return 0;
	}
	if (!valid_slug(name))
		return err_set(err, ERR_BAD_REQUEST,
			       "\"%.60s\" is neither the id of a store nor its address name.",
			       name);
	snprintf(path, sizeof(path), "/api/stores?q=%s", name);
	if (client_ask(c, "GET", path, NULL, NULL, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < json_count(rows); i++)
		if (strcmp(TEXT(json_item(rows, i), "slug"), name) == 0) {
			snprintf(ret, VALID_UUID_BYTES, "%s", TEXT(json_item(rows, i), "id"));
			return 0;
		}
	return err_set(err, ERR_STORE_NOT_FOUND, "There is no store \"%s\".", name);
}

/* Opens the client, finds the store of the first argument, and writes the path below it. */
static int
open_store(const struct command_call *call, const char *below, struct client **c,
	   char ret_path[PATH], struct err *err)
{
	char id[VALID_UUID_BYTES];

	if (client_open(call, c, err) < 0 || find(*c, call->args[0], id, err) < 0)
		return -1;
	snprintf(ret_path, PATH, "/api/stores/%s%s", id, below);
	return 0;
}

/* --- what is printed ---------------------------------------------------------------- */

static void
print_row(const struct json *row)
{
	printf("%-12s  %-30s  %s\n", TEXT(row, "status"), TEXT(row, "slug"),
	       TEXT(row, "store_url"));
}

static void
print_store(const struct json *row)
{
	static const char *const keys[] = {"id",	 "name",       "status",       "plan",
					   "owner",	 "store_url",  "admin_url",    "admin_user",
					   "created_at", "error_code", "error_message"};
	const char *doing = json_text(json_at(row, "progress", "message"));

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (*TEXT(row, keys[i]))
			printf("%-14s %s\n", keys[i], TEXT(row, keys[i]));
	if (*doing)
		printf("%-14s %s\n", "progress", doing);
	if (*TEXT(row, "admin_password"))
		printf("%-14s %s\n", "admin_password", TEXT(row, "admin_password"));
}

static void
print(const struct command_call *call, const struct json *answer,
      void (*human)(const struct json *answer))
{
	if (command_option(call, "json"))
		client_print(answer);
	else
		human(answer);
}

/* --- waiting ------------------------------------------------------------------------ */

static int
wait_seconds(const struct command_call *call, int64_t *ret, struct err *err)
{
	const char *text = command_option(call, "timeout");

	*ret = WAIT_SECONDS;
	if (text && !valid_int(text, 1, WAIT_MAX_SECONDS, ret))
		return err_set(err, ERR_BAD_REQUEST, "--timeout has to be 1 to %d seconds.",
			       WAIT_MAX_SECONDS);
	return 0;
}

/* Tells how far it is, where that has changed. */
static void
tell(const struct json *row, char told[ERR_TEXT_MAX])
{
	const struct json *progress = json_at(row, "progress");
	char now[ERR_TEXT_MAX];

	snprintf(now, sizeof(now), "%3lld%%  %s", (long long)json_int(json_at(progress, "percent")),
		 TEXT(progress, "message"));
	if (!*TEXT(progress, "message") || strcmp(now, told) == 0)
		return;
	fprintf(stderr, "%s\n", now);
	snprintf(told, ERR_TEXT_MAX, "%s", now);
}

/* Until the store's status is another than the one on the way there; gone: 404 is the end. */
static int
await(struct client *c, const char *path, const char *way, bool gone, int64_t seconds,
      struct json **ret, struct err *err)
{
	const struct timespec pause = {0, LOOK_MS * 1000000L};
	int64_t end = clock_mono_ms() + seconds * 1000;
	char told[ERR_TEXT_MAX] = "";

	for (;;) {
		CLEANUP(json_freep) struct json *row = NULL;
		int status;

		if (client_ask(c, "GET", path, NULL, &status, &row, err) < 0)
			return gone && status == 404 ? 0 : -1;
		if (strcmp(TEXT(row, "status"), way) != 0) {
			*ret = json_ref(row);
			return 0;
		}
		tell(row, told);
		if (clock_mono_ms() > end)
			return err_set(err, ERR_DEADLINE,
				       "It is still %s after %lld seconds, and goes on without us.",
				       way, (long long)seconds);
		nanosleep(&pause, NULL);
	}
}

/* 1 if the store has failed: what was asked for has been done, but not with success. */
static int
finish(const struct command_call *call, struct client *c, const char *path, const char *way,
       bool gone, struct err *err)
{
	CLEANUP(json_freep) struct json *row = NULL;
	int64_t seconds;

	if (wait_seconds(call, &seconds, err) < 0 ||
	    await(c, path, way, gone, seconds, &row, err) < 0)
		return -1;
	if (row)
		print(call, row, print_store);
	else if (!command_option(call, "json"))
		puts("It is gone.");
	return row && strcmp(TEXT(row, "status"), "ready") != 0;
}

/* --- commands ------------------------------------------------------------------------ */

static void
print_list(const struct json *rows)
{
	for (size_t i = 0; i < json_count(rows); i++)
		print_row(json_item(rows, i));
}

int
stores_list(const struct command_call *call, struct err *err)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *rows = NULL;
	const char *status = command_option(call, "status");
	char path[PATH];

	if (status && strspn(status, "abcdefghijklmnopqrstuvwxyz") != strlen(status))
		return err_set(err, ERR_BAD_REQUEST, "--status has to be a word.");
	snprintf(path, sizeof(path), "/api/stores%s%.60s", status ? "?status=" : "",
		 status ? status : "");
	if (client_open(call, &c, err) < 0 ||
	    client_ask(c, "GET", path, NULL, NULL, &rows, err) < 0)
		return -1;
	print(call, rows, print_list);
	return 0;
}

int
stores_show(const struct command_call *call, struct err *err)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *row = NULL;
	char path[PATH];

	if (open_store(call, "", &c, path, err) < 0 ||
	    client_ask(c, "GET", path, NULL, NULL, &row, err) < 0)
		return -1;
	print(call, row, print_store);
	return 0;
}

static void
print_events(const struct json *rows)
{
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *row = json_item(rows, i);

		printf("%s  %-8s  %-12s  %s\n", TEXT(row, "created_at"), TEXT(row, "state"),
		       TEXT(row, "step"), TEXT(row, "message"));
	}
}

int
stores_events(const struct command_call *call, struct err *err)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *rows = NULL;
	char path[PATH];

	if (open_store(call, "/events", &c, path, err) < 0 ||
	    client_ask(c, "GET", path, NULL, NULL, &rows, err) < 0)
		return -1;
	print(call, rows, print_events);
	return 0;
}

int
stores_create(const struct command_call *call, struct err *err)
{
	static const char *const options[][2] = {{"plan", "plan"}, {"admin-user", "adminUser"}};
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *body = json_new_object();
	CLEANUP(json_freep) struct json *row = NULL;
	char path[PATH];
	int64_t seconds;

	json_set_text(body, "name", call->args[0]);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (command_option(call, options[i][0]))
			json_set_text(body, options[i][1], command_option(call, options[i][0]));
	if (wait_seconds(call, &seconds, err) < 0 || client_open(call, &c, err) < 0 ||
	    client_ask(c, "POST", "/api/stores", body, NULL, &row, err) < 0)
		return -1;
	/* Now: the password is in no other answer. */
	print(call, row, print_store);
	if (!command_option(call, "wait"))
		return 0;
	fflush(stdout);
	snprintf(path, sizeof(path), "/api/stores/%s", TEXT(row, "id"));
	return finish(call, c, path, "provisioning", false, err);
}

int
stores_retry(const struct command_call *call, struct err *err)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *row = NULL;
	char path[PATH], *below;
	int64_t seconds;

	if (wait_seconds(call, &seconds, err) < 0 ||
	    open_store(call, "/retry", &c, path, err) < 0 ||
	    client_ask(c, "POST", path, NULL, NULL, &row, err) < 0)
		return -1;
	below = strrchr(path, '/');
	*below = '\0';
	if (command_option(call, "wait"))
		return finish(call, c, path, TEXT(row, "status"),
			      strcmp(TEXT(row, "status"), "deleting") == 0, err);
	print(call, row, print_store);
	return 0;
}

static void
print_message(const struct json *answer)
{
	puts(TEXT(answer, "message"));
}

int
stores_delete(const struct command_call *call, struct err *err)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *answer = NULL;
	char path[PATH];
	int64_t seconds;

	if (wait_seconds(call, &seconds, err) < 0 || open_store(call, "", &c, path, err) < 0 ||
	    client_ask(c, "DELETE", path, NULL, NULL, &answer, err) < 0)
		return -1;
	if (command_option(call, "wait"))
		return finish(call, c, path, "deleting", true, err);
	print(call, answer, print_message);
	return 0;
}
