/*
 * ballast.h: a small file beside the database that only takes up room. The first
 * connection after a start needs 32 KiB beside the database (its "-shm" file) even
 * to read. On a full disk it takes the ballast's place, so that a pool that is
 * started again on a full disk goes on answering what only reads.
 */
#ifndef IO_BALLAST_H
#define IO_BALLAST_H

#include <stdbool.h>
#include <stdint.h>

/* Makes it again where it is missing and the disk has room for it many times over. */
void ballast_keep(const char *database);
/* Gives its room away. Whether there was one. */
bool ballast_drop(const char *database);
/* Bytes that an ordinary user may still write beside the database; -1: unknown. */
int64_t ballast_room(const char *database);

#endif
