/*
 * crash.h: named points at which a test lets a process die as by kill -9.
 * Compiled in only with --enable-crash-points, never in the package.
 *
 * STORE_CRASH_AT=label=/path/of/a/file: the process that reaches the label
 * first removes the file and dies; everybody after it finds no file and goes
 * on. So one file is one crash, whichever process and attempt it hits.
 *
 * STORE_STOP_IN=/path/of/a/folder: the process that reaches a label first that
 * has a file of its name there removes it and stops, as by kill -STOP.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef ENABLE_CRASH_POINTS
void crash_point(const char *label);
#else
static inline void
crash_point(const char *label)
{
	(void)label;
}
#endif

#endif
