/* names.c: see names.h. */
#include "base/names.h"

#include <stdio.h>
#include <string.h>

enum { SHORT = 44 };

/*
 * A label of a pod is its StatefulSet's name, "-" and a hash of up to 10
 * characters, 63 in all: the chart cuts the slug in that name (store.short).
 */
static int
short_length(const char *slug)
{
	size_t len = strnlen(slug, SHORT);

	while (len > 0 && slug[len - 1] == '-')
		len--;
	return (int)len;
}

void
names_of(struct names *n, const char *slug, const char *base_domain, int port, bool https)
{
	char suffix[16] = "";

	if (port != (https ? 443 : 80))
		snprintf(suffix, sizeof(suffix), ":%d", port);
	snprintf(n->slug, sizeof(n->slug), "%s", slug);
	snprintf(n->namespace, sizeof(n->namespace), "store-%.50s", n->slug);
	snprintf(n->release, sizeof(n->release), "wc-%.50s", n->slug);
	snprintf(n->host, sizeof(n->host), "%.50s.%.202s", n->slug, base_domain);
	snprintf(n->url, sizeof(n->url), "%s://%s%s", https ? "https" : "http", n->host, suffix);
	snprintf(n->admin_url, sizeof(n->admin_url), "%s://%s%s/wp-admin/",
		 https ? "https" : "http", n->host, suffix);
	snprintf(n->db_secret, sizeof(n->db_secret), "%.50s-db-secret", n->slug);
	snprintf(n->wp_secret, sizeof(n->wp_secret), "%.50s-wp-secret", n->slug);
	snprintf(n->mariadb, sizeof(n->mariadb), "%.*s-mariadb", short_length(n->slug), n->slug);
	snprintf(n->wordpress, sizeof(n->wordpress), "%.50s-wordpress", n->slug);
	snprintf(n->quota, sizeof(n->quota), "%.50s-quota", n->slug);
	snprintf(n->init_job, sizeof(n->init_job), "%.50s-wc-init", n->slug);
}
