/*
 * names.h: what a store is called elsewhere. All of it follows from the slug,
 * so that a namespace or a host is never taken from a database row.
 */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include <stdbool.h>

#include "base/valid.h"

enum {
	NAMES_OBJECT = 64,
	NAMES_HOST = VALID_HOST_MAX + 1,
	NAMES_URL = NAMES_HOST + 40,
};

struct names {
	char slug[VALID_SLUG_BYTES];
	char namespace[NAMES_OBJECT]; /* store-<slug> */
	char release[NAMES_OBJECT];   /* wc-<slug> */
	char host[NAMES_HOST];	      /* <slug>.<base domain> */
	char url[NAMES_URL];
	char admin_url[NAMES_URL];
	char db_secret[NAMES_OBJECT];
	char wp_secret[NAMES_OBJECT];
	char mariadb[NAMES_OBJECT]; /* of the StatefulSet; the slug is cut in it */
	char wordpress[NAMES_OBJECT];
	char quota[NAMES_OBJECT];
	char init_job[NAMES_OBJECT]; /* followed by "-" and the release's revision */
};

/* slug has to be valid_slug(). The port is left out of the URLs where it is the usual one. */
void names_of(struct names *ret, const char *slug, const char *base_domain, int port, bool https);

#endif
