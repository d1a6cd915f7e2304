/*
 * site.h: the dashboard's site of nginx, as `storectl setup` makes it of its template.
 */
#ifndef CTL_SITE_H
#define CTL_SITE_H

#include <stdbool.h>

#include "base/valid.h"
#include "ctl/paths.h"

struct site {
	char host[VALID_HOST_MAX + 1];
	int http_port, https_port;
	char certificate[PATHS_MAX], key[PATHS_MAX];
};

enum { SITE_URL = VALID_HOST_MAX + 32, SITE_HERE = 32 };

/* Its address, and where on this machine it answers, whatever DNS says. */
void site_address(const struct site *s, char url[SITE_URL], char here[SITE_HERE]);

/* What the site that is there was made of; false, with *ret as it was, if there is none of ours. */
bool site_read(const char *root, struct site *ret);

/* Appends the template with the values in their places: @HOST@ and so on. */
MUST_CHECK int site_fill(const struct site *s, const char *template, struct buf *out,
			 struct err *err);

#endif
