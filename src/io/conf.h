/*
 * conf.h: the configuration, one table of keys (conf.c) with type, range,
 * default and a sentence each. A value comes from the environment variable of
 * the key's name, else from the configuration file, else from the default,
 * and all three pass the same checks.
 *
 * File format: KEY=value lines; '#' starts a comment line; blanks around key
 * and value and one pair of double quotes around the value are dropped.
 */
#ifndef IO_CONF_H
#define IO_CONF_H

#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"

enum { CONF_TEXT = 1024 };

#define CONF_FILE "/etc/store-platform/store-platform.conf"

struct conf {
	char database_path[CONF_TEXT];
	char provisioner_dir[CONF_TEXT];
	char api_dir[CONF_TEXT];
	char wake_socket[CONF_TEXT];
	char log_level[CONF_TEXT];
	char auth[CONF_TEXT];
	char base_domain[CONF_TEXT];
	char helm[CONF_TEXT];
	char helm_chart_path[CONF_TEXT];
	char helm_values_file[CONF_TEXT];
	char kubeconfig[CONF_TEXT];
	char storefront_check[CONF_TEXT];
	char storefront_address[CONF_TEXT];
	char storefront_ca[CONF_TEXT];
	char store_https[CONF_TEXT];
	int store_port;
	int max_stores;
	int max_stores_per_user;
	int max_queued_provisions;
	int max_concurrent_provisions;
	int max_concurrent_deletions;
	int helm_timeout;	/* seconds */
	int provision_timeout;	/* seconds */
	int provision_attempts;
	int reconcile_seconds;
};

/*
 * Reads file (CONF_FILE if NULL; that one may be absent) and the environment.
 * Every fault is told, one a line, in err's text.
 */
MUST_CHECK int conf_load(struct conf *conf, const char *file, struct err *err);

/* The key table for --help, one key a line with default and sentence. */
void conf_describe(FILE *out);

/* The table as a commented configuration file that conf_load() accepts. */
void conf_example(FILE *out);

/* Whether shops are served by HTTPS, as STORE_HTTPS says. */
int conf_https(const struct conf *conf);

/* enum log_level of LOG_LEVEL. */
int conf_log_level(const struct conf *conf);

#endif
