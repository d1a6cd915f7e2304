/*
 * program.h: the programs of the system that storectl calls, each by argv without a
 * shell, from the system's own folders, with a deadline.
 */
#ifndef CTL_PROGRAM_H
#define CTL_PROGRAM_H

#include "io/proc.h"

/* argv[0] is the program's bare name. -1 also if it did not end in its time; ret is the caller's to free. */
MUST_CHECK int program_run(const char *const *argv, int seconds, struct proc_result *ret,
			   struct err *err);

/* The same, where any end but status 0 is a failure, told with the program's last words. */
MUST_CHECK int program_must(const char *const *argv, int seconds, struct err *err);

#endif
