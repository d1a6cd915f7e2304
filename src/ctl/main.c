/*
 * main.c: storectl, the operator's commands. A new command is a row of the table
 * and a handler in a room of its own; command.h says what a handler does.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ctl/accounts.h"
#include "ctl/adopt.h"
#include "ctl/archive.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/database.h"
#include "ctl/doctor.h"
#include "ctl/firstrun.h"
#include "ctl/import.h"
#include "ctl/keys.h"
#include "ctl/namespace.h"
#include "ctl/stores.h"
#include "ctl/tokens.h"
#include "ctl/trail.h"

enum { EXIT_USAGE = 2 };

static const struct command commands[] = {
	{"setup",
	 "[--domain=DOMAIN] [--host=HOST] [--admin=NAME [--generate]] [--email=ADDRESS] "
	 "[--kubeconfig=FILE] [--helm=PROGRAM] [--http-port=PORT] [--https-port=PORT] "
	 "[--certificate=FILE --key=FILE] [--yes] [--root=DIR]",
	 "Set the platform up on this machine, or change what is asked of what is set up.",
	 "domain= host= admin= generate email= kubeconfig= helm= http-port= https-port= "
	 "certificate= key= yes root=",
	 0, 0, firstrun_run},
	{"doctor", "[--json] [--root=DIR]",
	 "Look whether all that the platform stands on is as it has to be, and say what to do if not.",
	 "json root=", 0, 0, doctor_run},
	{"stores list", "[--status=STATUS] [--json]", "Show the stores, newest first.",
	 "status= " CLIENT_OPTIONS, 0, 0, stores_list},
	{"stores show", "[--json] STORE", "Show one store.", CLIENT_OPTIONS, 1, 1, stores_show},
	{"stores events", "[--json] STORE", "Show what happened to a store, step by step.",
	 CLIENT_OPTIONS, 1, 1, stores_events},
	{"stores create",
	 "[--plan=PLAN] [--admin-user=NAME] [--wait] [--timeout=SECONDS] [--json] NAME",
	 "Create a store; its admin password is printed once.",
	 "plan= admin-user= wait timeout= " CLIENT_OPTIONS, 1, 1, stores_create},
	{"stores retry", "[--wait] [--timeout=SECONDS] [--json] STORE", "Try again what failed.",
	 "wait timeout= " CLIENT_OPTIONS, 1, 1, stores_retry},
	{"stores delete", "[--wait] [--timeout=SECONDS] [--json] STORE",
	 "Delete a store with all its data.", "wait timeout= " CLIENT_OPTIONS, 1, 1, stores_delete},
	{"token list", "[--json]", "Show the API tokens.", CLIENT_OPTIONS, 0, 0, tokens_list},
	{"token create", "[--scope=ROLE] [--user=NAME] [--days=DAYS] [--json] NAME",
	 "Make an API token and print it; viewer for 90 days unless told.",
	 "scope= user= days= " CLIENT_OPTIONS, 1, 1, tokens_create},
	{"token revoke", "[--json] ID", "Revoke an API token.", CLIENT_OPTIONS, 1, 1,
	 tokens_revoke},
	{"db check", "[--quick]",
	 "Look whether database and key files are whole, and say what to do if not.", "quick", 0, 0,
	 database_check},
	{"db schema", "[--json]",
	 "Tell the database's schema, and the oldest one whose programs may work with it.", "json", 0,
	 0, database_schema},
	{"db migrate", "[--backup=FILE] [--json]",
	 "Bring the database to this program's schema, after a checked copy of it.", "backup= json",
	 0, 0, database_migrate},
	{"db backup", "[--force] FILE",
	 "Write a checked copy of the database, which may be in use, to FILE.", "force", 1, 1,
	 database_backup},
	{"db archive", "[--keep=BACKUPS] FOLDER",
	 "Write a backup, the database and the key files, into a new folder in FOLDER.", "keep=", 1,
	 1, archive_make},
	{"db restore", "FILE",
	 "Put a copy back in the place of the database; the programs have to be stopped.", "", 1, 1,
	 database_restore},
	{"namespace list", "",
	 "Show the namespaces of the platform in the cluster that no store has.", "", 0, 0,
	 namespace_list},
	{"namespace adopt", "[--new-address] [--json] NAME",
	 "Make a store of such a namespace and the shop in it, or of a shop of before the platform.",
	 "new-address json", 1, 1, adopt_run},
	{"namespace remove", "[--json] NAME", "Remove such a namespace, with the shop and its data.",
	 "json", 1, 1, namespace_remove},
	{"adopt", "[--new-address] [--json] NAME", "The same as namespace adopt.", "new-address json",
	 1, 1, adopt_run},
	{"keys list", "[--json]", "Show the keys of the programs, and which of before are needed.",
	 "json", 0, 0, keys_list},
	{"keys rotate", "[--json] KEY",
	 "Put a new key in the place of one, seal or api, while the programs run.", "json", 1, 1,
	 keys_replace},
	{"import", "FILE", "Take over stores and audit log of the platform that this one grew out of.", "",
	 1, 1, import_run},
	{"audit verify", "", "Look whether the audit log is as it was written.", "", 0, 0,
	 trail_verify},
	{"audit export", "[--after=ROW]", "Print the audit log as JSON, one row a line.",
	 "after=", 0, 0, trail_export},
	{"user add", "[--admin | --role=ROLE] [--generate] NAME",
	 "Add an account, viewer unless told; the password is read from standard input.",
	 "admin role= generate", 1, 1, accounts_add},
	{"user list", "[--json]", "Show the accounts.", "json", 0, 0, accounts_list},
	{"user passwd", "[--generate] NAME",
	 "Give an account a new password, and end its sessions.", "generate", 1, 1,
	 accounts_passwd},
	{"user role", "NAME ROLE", "Make an account viewer, operator or admin.", "", 2, 2,
	 accounts_role},
	{"user remove", "NAME", "Remove an account, its sessions and tokens; its stores stay.", "",
	 1, 1, accounts_remove},
};

static void
say_commands(FILE *out)
{
	fputs("Usage: storectl [-c FILE] COMMAND [ARGUMENT...]\n"
	      "Commands for the operator of Store Platform, on its own machine.\n\n"
	      "  -c FILE     read this configuration file in place of " CONF_FILE "\n"
	      "  --help      show this text\n"
	      "  --version   show the version\n\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %s%s%s\n        %s\n", commands[i].words,
			*commands[i].usage ? " " : "", commands[i].usage, commands[i].sentence);
	fputs("\nCommands of stores and tokens ask the API, and also take --url=URL,\n"
	      "--token-file=FILE and --ca=FILE.\n",
	      out);
	fputs("\nKeys of the configuration file, and environment variables of the same name:\n",
	      out);
	conf_describe(out);
}

/* The row whose words argv begins with; *ret_used is how many those are. */
static const struct command *
find_command(int argc, char **argv, int *ret_used)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *at = commands[i].words;
		int used = 0;

		while (used < argc) {
			size_t n = strcspn(at, " ");

			if (strlen(argv[used]) != n || strncmp(argv[used], at, n) != 0)
				break;
			used++;
			at += n;
			if (*at == '\0') {
				*ret_used = used;
				return &commands[i];
			}
			at++;
		}
	}
	return NULL;
}

static int
say_command(const struct command *c)
{
	printf("Usage: storectl [-c FILE] %s%s%s\n%s\nstorectl(8) says more.\n", c->words,
	       *c->usage ? " " : "", c->usage, c->sentence);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool
asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

static int
fault(int status, const char *sentence)
{
	fprintf(stderr, "storectl: %s\n", sentence);
	return status;
}

/* With what stands before the command taken off argv. */
static int
run(const char *file, int argc, char **argv)
{
	static struct conf conf;
	struct err err = ERR_INIT, conf_fault = ERR_INIT;
	struct command_call call = {.conf = &conf, .conf_fault = &conf_fault, .file = file};
	const struct command *command;
	int used = 0, r;

	command = find_command(argc, argv, &used);
	if (!command) {
		if (argc == 0)
			return fault(EXIT_USAGE, "which command? See storectl --help.");
		err_set(&err, ERR_BAD_REQUEST,
			"there is no command \"%.60s%s%.60s\"; see storectl --help.", argv[0],
			argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
		return fault(EXIT_USAGE, err.text);
	}
	if (asks_for_help(argc - used, argv + used))
		return say_command(command);
	if (command_read(command, argc - used, argv + used, &call, &err) < 0)
		return fault(EXIT_USAGE, err.text);
	if (conf_load(&conf, file, &conf_fault) < 0 && command->run != doctor_run)
		return fault(EXIT_FAILURE, conf_fault.text);
	log_open("storectl", (enum log_level)conf_log_level(&conf));
	r = command->run(&call, &err);
	if (r < 0)
		return fault(err.code == ERR_BAD_REQUEST ? EXIT_USAGE : EXIT_FAILURE, err.text);
	if (fflush(stdout) != 0)
		return fault(EXIT_FAILURE, "standard output cannot be written.");
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	const char *file = NULL;
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--help") == 0) {
			say_commands(stdout);
			return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		}
		if (strcmp(argv[at], "--version") == 0) {
			printf("storectl %s\n", STORE_VERSION);
			return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		}
		if (strcmp(argv[at], "-c") != 0) {
			fprintf(stderr,
				"storectl: there is no option %.60s; see storectl --help.\n",
				argv[at]);
			return EXIT_USAGE;
		}
		file = argv[++at];
		if (!file)
			return fault(EXIT_USAGE, "-c needs a file.");
	}
	return run(file, argc - at, argv + at);
}
