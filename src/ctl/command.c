/* command.c: see command.h. */
#include "ctl/command.h"

#include <stdbool.h>
#include <string.h>

/* Whether a row's list has the option, and whether it takes a value. */
static bool
is_known(const char *options, const char *name, size_t len, bool *ret_value)
{
	for (const char *at = options; (at = strstr(at, name)) != NULL; at++) {
		char after = at[len];

		if ((at == options || at[-1] == ' ') && strchr("= ", after)) {
			*ret_value = after == '=';
			return true;
		}
	}
	return false;
}

/* One "--name", "--name=value" or "--name value"; the arguments that it took, or -1. */
static int
read_option(const struct command *command, int argc, char **argv, struct command_call *ret,
	    struct err *err)
{
	char *name = argv[0] + 2, *eq = strchr(name, '=');
	bool takes = false;

	if (eq)
		*eq = '\0';
	if (*name == '\0' || !is_known(command->options, name, strlen(name), &takes))
		return err_set(err, ERR_BAD_REQUEST, "%s has no option --%.60s.", command->words,
			       name);
	if (takes ? !eq && argc < 2 : eq != NULL)
		return err_set(err, ERR_BAD_REQUEST, "--%s %s.", name,
			       takes ? "needs a value" : "takes no value");
	if (ret->noptions == COMMAND_OPTIONS)
		return err_set(err, ERR_BAD_REQUEST, "There are too many options.");
	ret->options[ret->noptions++] = (struct command_option){
		.name = name,
		.value = !takes ? "" : eq ? eq + 1 : argv[1],
	};
	return takes && !eq ? 2 : 1;
}

int
command_read(const struct command *command, int argc, char **argv, struct command_call *ret,
	     struct err *err)
{
	bool words_only = false; /* after "--" */

	for (int i = 0; i < argc;) {
		int used = 1;

		if (!words_only && strcmp(argv[i], "--") == 0)
			words_only = true;
		else if (!words_only && argv[i][0] == '-' && argv[i][1] == '-')
			used = read_option(command, argc - i, argv + i, ret, err);
		else if (ret->count == command->max || ret->count == COMMAND_ARGS)
			return err_set(err, ERR_BAD_REQUEST, "%s takes no argument \"%.60s\".",
				       command->words, argv[i]);
		else
			ret->args[ret->count++] = argv[i];
		if (used < 0)
			return -1;
		i += used;
	}
	return ret->count >= command->min
		       ? 0
		       : err_set(err, ERR_BAD_REQUEST, "%s needs %s.", command->words,
				 command->usage);
}

const char *
command_option(const struct command_call *call, const char *name)
{
	for (int i = 0; i < call->noptions; i++)
		if (strcmp(call->options[i].name, name) == 0)
			return call->options[i].value;
	return NULL;
}
