/*
 * tool.h: what the unit tests share. A program is a list of cmocka tests run by
 * TOOL_RUN(), which gives it a folder of its own and prints TAP.
 */
#ifndef UNIT_TOOL_H
#define UNIT_TOOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/db.h"
#include "io/proc.h"

/* The error that OK() shows and REFUSED() looks at: give it to the call as E. */
extern struct err tool_err;
#define E (&tool_err)

#define OK(call)                                                                                   \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s", #call, tool_err.text);                                  \
	} while (0)
#define REFUSED(call, want)                                                                        \
	do {                                                                                       \
		if ((call) >= 0)                                                                   \
			fail_msg("%s succeeded", #call);                                           \
		if (tool_err.code != (want))                                                       \
			fail_msg("%s: %s: %s", #call, err_word(tool_err.code), tool_err.text);     \
	} while (0)
#define assert_contains(text, part)                                                                \
	do {                                                                                       \
		if (!strstr(text, part))                                                           \
			fail_msg("\"%s\" does not contain \"%s\"", text, part);                    \
	} while (0)

int tool_setup(void **state);
int tool_teardown(void **state);

#define TOOL_RUN(tests)                                                                            \
	(cmocka_set_message_output(CM_OUTPUT_TAP),                                                 \
	 cmocka_run_group_tests_name(#tests, tests, tool_setup, tool_teardown))

/* The path of a name in this program's folder, "" for the folder. The last 32 stay valid. */
const char *tool_path(const char *name);
void tool_write(const char *path, const char *text);
/* The first 64 KiB of a file as text, valid until the next call. */
const char *tool_read(const char *path);

/* A database with the schema and all of model/ prepared; the file is made if need be. */
struct db *tool_db(const char *name);
/* Inserts a store that is being provisioned. */
void tool_store(struct db *db, const char *id, const char *slug);

/* Runs body(arg) in a child: its pid. body returns the exit status. */
int tool_fork(int (*body)(void *arg), void *arg);
/* Waits for a child; its exit status, or 128 + the signal that ended it. */
int tool_wait(int pid);

/* Longer than anything takes: who waits this long has failed. */
enum { TOOL_PATIENCE_MS = 20000 };

/* Runs /bin/sh -c script; job may be NULL: no input, no deadline that matters. */
struct proc_result tool_run(const char *script, const struct proc_job *job);
/* How many descriptors are open. */
int tool_descriptors(void);

/* Two stores' ids for tests. */
#define TOOL_ID_A "11111111-1111-4111-8111-111111111111"
#define TOOL_ID_B "22222222-2222-4222-8222-222222222222"

#endif
