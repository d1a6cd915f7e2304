/*
 * command.h: what a command of storectl is. main.c has the table; a room of this
 * wing has the handlers of one word ("db ..."), each a row there.
 *
 * A handler says on standard output what it found or did. It returns 0 (done), 1
 * (done, and what it found is not well), or -1 with err filled: main.c says the
 * sentence, and ends with 2 for ERR_BAD_REQUEST (wrong arguments), else with 1.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "io/conf.h"

enum { COMMAND_ARGS = 8, COMMAND_OPTIONS = 16 };

struct command_option {
	const char *name;  /* without the dashes, as in the row */
	const char *value; /* "" for one without a value */
};

struct command_call {
	const struct conf *conf;
	const struct err *conf_fault; /* ERR_NONE for all but the doctor */
	const char *file;	      /* of -c, or NULL */
	const char *args[COMMAND_ARGS + 1]; /* as many as the row allows, then NULL */
	struct command_option options[COMMAND_OPTIONS];
	int count, noptions;
};

struct command {
	const char *words;    /* "db check" */
	const char *usage;    /* what follows them in the usage: "[--force] FILE" */
	const char *sentence;
	const char *options;  /* names between blanks; "name=" takes a value */
	int min, max;	      /* arguments */
	int (*run)(const struct command_call *call, struct err *err);
};

/* Reads what follows the words of a command; ERR_BAD_REQUEST. */
MUST_CHECK int command_read(const struct command *command, int argc, char **argv,
			    struct command_call *ret, struct err *err);

/* The value of an option; NULL if it was not given. */
const char *command_option(const struct command_call *call, const char *name);

#endif
