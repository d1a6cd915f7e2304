/*
 * wake.h: the datagram that says "look at the table now" to the provisioner.
 * It carries nothing and may be lost: the table is looked at anyway, only later.
 */
#ifndef IO_WAKE_H
#define IO_WAKE_H

#include "base/attr.h"
#include "base/err.h"

/* Binds the socket at path (mode 0660), in place of a stale one. Returns its descriptor. */
MUST_CHECK int wake_listen(const char *path, struct err *err);

/* Looks whether fd, which a service manager has bound, is the socket at path. */
MUST_CHECK int wake_adopt(int fd, const char *path, struct err *err);

/* Empties the socket; says nothing about how often it was rung. */
void wake_drain(int fd);

/* Rings without waiting. Every failure is ignored: full means awake already. */
void wake_ring(const char *path);

#endif
