/* tokens.c: see tokens.h. */
#include "ctl/tokens.h"

#include <stdio.h>
#include <string.h>

#include "base/valid.h"
#include "ctl/client.h"

enum { PATH = 128 };

#define TEXT(row, key) json_text(json_at(row, key))

int
tokens_list(const struct command_call *call, struct err *err)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *rows = NULL;

	if (client_open(call, &c, err) < 0 ||
	    client_ask(c, "GET", "/api/tokens", NULL, NULL, &rows, err) < 0)
		return -1;
	if (command_option(call, "json")) {
		client_print(rows);
		return 0;
	}
	for (size_t i = 0; i < json_count(rows); i++) {
		const struct json *row = json_item(rows, i);

		printf("%s  %-8s  %-16s  until %s%s  %s\n", TEXT(row, "id"), TEXT(row, "scope"),
		       TEXT(row, "user"), TEXT(row, "expires_at"),
		       *TEXT(row, "revoked_at") ? ", revoked" : "", TEXT(row, "name"));
	}
	return 0;
}

int
tokens_create(const struct command_call *call, struct err *err)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *body = json_new_object();
	CLEANUP(json_freep) struct json *row = NULL;
	const char *scope = command_option(call, "scope"), *user = command_option(call, "user");
	const char *days = command_option(call, "days");
	int64_t n;

	json_set_text(body, "name", call->args[0]);
	json_set_text(body, "scope", scope ? scope : "viewer");
	if (user)
		json_set_text(body, "user", user);
	if (days && !valid_int(days, 1, INT32_MAX, &n))
		return err_set(err, ERR_BAD_REQUEST, "--days has to be a number.");
	if (days)
		json_set_int(body, "expires_in_days", n);
	if (client_open(call, &c, err) < 0 ||
	    client_ask(c, "POST", "/api/tokens", body, NULL, &row, err) < 0)
		return -1;
	if (command_option(call, "json"))
		client_print(row);
	else
		puts(TEXT(row, "token"));
	return 0;
}

int
tokens_revoke(const struct command_call *call, struct err *err)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(json_freep) struct json *answer = NULL;
	char path[PATH];

	if (!valid_uuid(call->args[0]))
		return err_set(err, ERR_BAD_REQUEST, "\"%.60s\" is not the id of a token.",
			       call->args[0]);
	snprintf(path, sizeof(path), "/api/tokens/%s", call->args[0]);
	if (client_open(call, &c, err) < 0 ||
	    client_ask(c, "DELETE", path, NULL, NULL, &answer, err) < 0)
		return -1;
	if (command_option(call, "json"))
		client_print(answer);
	else
		puts(TEXT(answer, "message"));
	return 0;
}
