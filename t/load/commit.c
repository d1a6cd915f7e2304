/*
 * commit.c: how fast rows can be committed durably on a disk: one row a
 * transaction, WAL, synchronous=FULL, nothing else. What creates are measured
 * against.
 *
 * usage: commit FILE SECONDS        prints commits a second
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fprintf(stderr, "commit: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	double begin, seconds;
	sqlite3 *db;
	long n = 0;

	if (argc != 3 || sqlite3_open(argv[1], &db) != SQLITE_OK)
		return 2;
	seconds = atof(argv[2]);
	run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
		"CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)");
	begin = now();
	while (now() - begin < seconds) {
		run(db, "INSERT INTO t (text) VALUES ('a row of about the size of a store, with "
			"its name, its address and what else is in there')");
		n++;
	}
	printf("%.1f\n", (double)n / (now() - begin));
	sqlite3_close(db);
	return 0;
}
