/*
 * dbturn.h: who writes to a database takes turns, in order. SQLite has no queue:
 * who finds the write lock taken naps and looks again, so the lock is free for a
 * while before anybody sees it, and some wait far longer than others. Here they
 * wait in flock(2) on the database's folder, which the kernel hands on at once,
 * and takes from a process that dies.
 *
 * It is courtesy, not safety: what protects the data is SQLite's own lock, which
 * is asked for next. Who took no turn (the sqlite3 program) is met by naps, and
 * may itself wait long while many others write.
 */
#ifndef IO_DBTURN_H
#define IO_DBTURN_H

#include <time.h>

#include "base/attr.h"
#include "base/err.h"

/* A connection's place; fd -1: none, for one that only reads. */
struct dbturn {
	int fd;
	timer_t timer;
};

/* path: the database's file. SIGRTMIN is used from here on. */
MUST_CHECK int dbturn_open(struct dbturn *turn, const char *path, struct err *err);
/* Waits busy_ms at most, then ERR_DB_BUSY. */
MUST_CHECK int dbturn_take(struct dbturn *turn, int busy_ms, struct err *err);
void dbturn_end(struct dbturn *turn); /* harmless where none was taken */
void dbturn_close(struct dbturn *turn);

#endif
