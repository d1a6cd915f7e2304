/*
 * fault.h: calls of libc that fail when a test says so. fault.c is a library for
 * LD_PRELOAD (t/lib/Faults.pm), and is linked into unit tests; it is never installed.
 *
 * A rule is a line: CALL ERRNO AFTER COUNT [PATH]
 * The first AFTER matching calls of the process succeed, the COUNT after them (0:
 * all) fail with that errno. CALL is open, read, write, sync, truncate, fork,
 * malloc, poll or wait; write is also pwrite, and so on. A call on a descriptor or
 * path matches only if PATH is part of the file's path.
 *
 * The rules of a preloaded library are in the file that STORE_FAULTS names, which
 * may come, change and go while the process runs.
 */
#ifndef FAULT_FAULT_H
#define FAULT_FAULT_H

/* Rules for this process, in place of the file's; "" for none. Counts begin anew. */
void fault_arm(const char *rules);

/* How many calls have failed since then. */
long fault_hits(void);

#endif
