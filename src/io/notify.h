/*
 * notify.h: what a service manager hands over and is told: the descriptor of a
 * socket unit (LISTEN_FDS), READY, STOPPING and the signs of life of a watchdog
 * (NOTIFY_SOCKET, WATCHDOG_USEC), as sd_listen_fds(3) and sd_notify(3) have them.
 * Without a manager all of it is nothing.
 */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/attr.h"
#include "base/err.h"

struct notify {
	struct sockaddr_un to;
	socklen_t to_len; /* 0: nobody wants to be told */
	int listening;	  /* the descriptor handed over, -1 */
	int64_t every_ms; /* between two signs of life; 0: none are wanted */
	int64_t next;
};

/*
 * Reads the environment and takes these variables out of it, so that no child
 * acts on them. More than one descriptor is ERR_CONFIG.
 */
MUST_CHECK int notify_open(struct notify *ret, struct err *err);

/* Sends a state ("READY=1") without waiting. One that is lost costs a restart at worst. */
void notify_say(const struct notify *n, const char *state);

/* Says WATCHDOG=1 if it is time for it. */
void notify_alive(struct notify *n, int64_t now_mono_ms);

#endif
