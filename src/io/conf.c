/* conf.c: see conf.h. The table below is the only list of keys. */
#include "io/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/valid.h"

enum conf_type { CONF_PATH, CONF_PATH_OR_NONE, CONF_DOMAIN, CONF_CHOICE, CONF_NUMBER, CONF_ADDRESS };

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset;
	int64_t min, max;	/* CONF_NUMBER */
	const char *choices;	/* CONF_CHOICE: words between spaces */
	const char *fallback;
	const char *sentence;
};

#define AT(member) offsetof(struct conf, member)

static const struct conf_key keys[] = {
	{"DATABASE_PATH", CONF_PATH, AT(database_path), 0, 0, NULL,
	 "/var/lib/store-platform/database/store-platform.db",
	 "The SQLite file. Its folder must be writable by both daemons."},
	{"PROVISIONER_DIR", CONF_PATH, AT(provisioner_dir), 0, 0, NULL,
	 "/var/lib/store-platform/provisioner",
	 "The provisioner's own folder: key pair, locks, helm's cache. Only it may write there."},
	{"API_DIR", CONF_PATH, AT(api_dir), 0, 0, NULL, "/var/lib/store-platform/api",
	 "store-api's own folder: the key of its hashes. Only it may read there."},
	{"WAKE_SOCKET", CONF_PATH, AT(wake_socket), 0, 0, NULL, "/run/store-platform/wake.sock",
	 "Datagram socket by which store-api wakes the provisioner."},
	{"LOG_LEVEL", CONF_CHOICE, AT(log_level), 0, 0, "debug info warn error", "info",
	 "Least level that is logged: debug, info, warn or error."},
	{"AUTH", CONF_CHOICE, AT(auth), 0, 0, "on off", "on",
	 "off answers everybody on this machine without a login, and nobody else."},
	{"BASE_DOMAIN", CONF_DOMAIN, AT(base_domain), 0, 0, NULL, "127-0-0-1.nip.io",
	 "A shop's host name is its slug in front of this domain."},
	{"STORE_PORT", CONF_NUMBER, AT(store_port), 1, 65535, NULL, "443",
	 "Port of the shops' public addresses."},
	{"STORE_HTTPS", CONF_CHOICE, AT(store_https), 0, 0, "auto on off", "auto",
	 "on: shops are served by HTTPS; auto: where STORE_PORT is 443 or 8443."},
	{"MAX_STORES", CONF_NUMBER, AT(max_stores), 1, 100000, NULL, "10",
	 "Most stores at a time."},
	{"MAX_STORES_PER_USER", CONF_NUMBER, AT(max_stores_per_user), 1, 100000, NULL, "10",
	 "Most stores of one user at a time; without effect while AUTH is off."},
	{"MAX_QUEUED_PROVISIONS", CONF_NUMBER, AT(max_queued_provisions), 1, 100000, NULL, "100",
	 "Most stores that wait to be set up; one more is refused."},
	{"MAX_CONCURRENT_PROVISIONS", CONF_NUMBER, AT(max_concurrent_provisions), 1, 64, NULL, "3",
	 "Most stores that are set up at the same time."},
	{"MAX_CONCURRENT_DELETIONS", CONF_NUMBER, AT(max_concurrent_deletions), 1, 64, NULL, "3",
	 "Most stores that are removed at the same time, beside those set up."},
	{"HELM", CONF_PATH, AT(helm), 0, 0, NULL, "/usr/local/bin/helm",
	 "The helm program, 3.21 or later, or 4.2 or later but not 4.2.1."},
	{"HELM_CHART_PATH", CONF_PATH, AT(helm_chart_path), 0, 0, NULL,
	 "/usr/share/store-platform/charts/woocommerce-store", "The chart of a store."},
	{"HELM_VALUES_FILE", CONF_PATH_OR_NONE, AT(helm_values_file), 0, 0, NULL, "",
	 "A file of values for every store, below those that the platform sets."},
	{"HELM_TIMEOUT", CONF_NUMBER, AT(helm_timeout), 10, 86400, NULL, "660",
	 "Seconds that one run of helm may take."},
	{"KUBECONFIG", CONF_PATH_OR_NONE, AT(kubeconfig), 0, 0, NULL, "",
	 "Cluster and credentials; empty means the service account of the pod it runs in."},
	{"PROVISION_TIMEOUT", CONF_NUMBER, AT(provision_timeout), 10, 86400, NULL, "900",
	 "Seconds that one attempt at a store may take."},
	{"PROVISION_ATTEMPTS", CONF_NUMBER, AT(provision_attempts), 1, 20, NULL, "5",
	 "Attempts at a store before it is marked failed."},
	{"RECONCILE_SECONDS", CONF_NUMBER, AT(reconcile_seconds), 1, 86400, NULL, "300",
	 "Seconds between two looks whether the cluster still has all of each store."},
	{"STOREFRONT_CHECK", CONF_CHOICE, AT(storefront_check), 0, 0, "on off", "on",
	 "on: a store is ready only when its shop page answers through the ingress."},
	{"STOREFRONT_ADDRESS", CONF_ADDRESS, AT(storefront_address), 0, 0, NULL, "",
	 "ADDRESS:PORT of the ingress for that check; empty means what DNS says."},
	{"STOREFRONT_CA", CONF_PATH_OR_NONE, AT(storefront_ca), 0, 0, NULL, "",
	 "File of the authorities that sign the shops' certificates; empty means the system's."},
};

enum { KEYS = ARRAY_SIZE(keys), FILE_LINE = 4096 };

/* Says what is wrong with value, NULL if nothing is. */
static const char *
check(const struct conf_key *key, const char *value)
{
	size_t n = strlen(value);
	const char *hit;
	int64_t number;

	switch (key->type) {
	case CONF_PATH_OR_NONE:
		if (n == 0)
			return NULL;
		FALLTHROUGH;
	case CONF_PATH:
		return value[0] == '/' ? NULL : "must be an absolute path";
	case CONF_DOMAIN:
		return valid_domain(value) ? NULL : "must be a lower-case DNS name";
	case CONF_CHOICE:
		hit = n > 0 && !strchr(value, ' ') ? strstr(key->choices, value) : NULL;
		return hit && (hit == key->choices || hit[-1] == ' ') &&
				       (hit[n] == ' ' || hit[n] == '\0')
			       ? NULL
			       : "is not one of the words allowed";
	case CONF_NUMBER:
		return valid_int(value, key->min, key->max, &number) ? NULL
								     : "is not a number in range";
	case CONF_ADDRESS:
		if (n == 0)
			return NULL;
		hit = strrchr(value, ':');
		return hit && hit != value && valid_int(hit + 1, 1, 65535, &number)
			       ? NULL
			       : "must be ADDRESS:PORT";
	}
	return "has no rule";
}

/* Stores value; a fault is appended to err as a line of its own. */
static int
assign(struct conf *conf, const struct conf_key *key, const char *value, const char *origin,
       struct err *err)
{
	const char *fault = strlen(value) >= CONF_TEXT ? "is too long" : check(key, value);
	char *at = (char *)conf + key->offset;
	size_t used = strlen(err->text);

	if (fault) {
		err->code = ERR_CONFIG;
		snprintf(err->text + used, sizeof(err->text) - used, "%s%s (%s) %s.",
			 used ? "\n" : "", key->name, origin, fault);
		return -1;
	}
	if (key->type == CONF_NUMBER)
		*(int *)(void *)at = (int)strtol(value, NULL, 10);
	else
		memcpy(at, value, strlen(value) + 1);
	return 0;
}

/* Cuts blanks, and then one pair of quotes, off both ends of s, in place. */
static char *
trim(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	for (n = strlen(s); n > 0 && isspace((unsigned char)s[n - 1]); n--)
		s[n - 1] = '\0';
	if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
		s[n - 1] = '\0';
		s++;
	}
	return s;
}

static int
read_line(struct conf *conf, char *line, const char *origin, struct err *err)
{
	char *text = trim(line);
	char *eq = strchr(text, '=');
	size_t used = strlen(err->text);

	if (*text == '\0' || *text == '#')
		return 0;
	if (eq) {
		*eq = '\0';
		text = trim(text);
		for (size_t i = 0; i < KEYS; i++)
			if (strcmp(keys[i].name, text) == 0)
				return assign(conf, &keys[i], trim(eq + 1), origin, err);
	}
	err->code = ERR_CONFIG;
	snprintf(err->text + used, sizeof(err->text) - used, "%s%.60s (%s) is no known key.",
		 used ? "\n" : "", text, origin);
	return -1;
}

static int
read_file(struct conf *conf, const char *file, struct err *err)
{
	char line[FILE_LINE], origin[CONF_TEXT + 32];
	const char *path = file ? file : CONF_FILE;
	FILE *in = fopen(path, "re");
	int number = 0, faults = 0;

	if (!in)
		return !file && errno == ENOENT ? 0 : err_errno(err, "cannot read %s", path);
	while (fgets(line, sizeof(line), in)) {
		snprintf(origin, sizeof(origin), "%s line %d", path, ++number);
		if (read_line(conf, line, origin, err) < 0)
			faults++;
	}
	if (ferror(in)) { /* a folder opens like a file */
		err_errno(err, "cannot read %s", path);
		faults++;
	}
	fclose(in);
	return faults ? -1 : 0;
}

int
conf_load(struct conf *conf, const char *file, struct err *err)
{
	int faults = 0;

	*conf = (struct conf){.store_port = 0};
	*err = (struct err)ERR_INIT;
	for (size_t i = 0; i < KEYS; i++)
		if (assign(conf, &keys[i], keys[i].fallback, "default", err) < 0)
			faults++;
	if (read_file(conf, file, err) < 0)
		faults++;
	for (size_t i = 0; i < KEYS; i++) {
		const char *value = getenv(keys[i].name);

		if (value && assign(conf, &keys[i], value, "environment", err) < 0)
			faults++;
	}
	return faults ? -1 : 0;
}

void
conf_describe(FILE *out)
{
	for (size_t i = 0; i < KEYS; i++)
		fprintf(out, "  %s=%s\n        %s\n", keys[i].name, keys[i].fallback,
			keys[i].sentence);
}

void
conf_example(FILE *out)
{
	for (size_t i = 0; i < KEYS; i++)
		fprintf(out, "# %s\n#%s=%s\n\n", keys[i].sentence, keys[i].name, keys[i].fallback);
}

int
conf_https(const struct conf *conf)
{
	if (strcmp(conf->store_https, "auto") != 0)
		return strcmp(conf->store_https, "on") == 0;
	return conf->store_port == 443 || conf->store_port == 8443;
}

int
conf_log_level(const struct conf *conf)
{
	switch (conf->log_level[0]) {
	case 'd':
		return LOG_LEVEL_DEBUG;
	case 'w':
		return LOG_LEVEL_WARN;
	case 'e':
		return LOG_LEVEL_ERROR;
	default:
		return LOG_LEVEL_INFO;
	}
}
