/*
 * main.c: store-api, one process of the pool that answers HTTP requests.
 * It has no credentials of the cluster and opens no network connection: it
 * writes rows and jobs, and the provisioner does the rest.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "api/req.h"
#include "api/serve.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/migrate.h"
#include "io/seal.h"
#include "model/keys.h"
#include "model/setup.h"

enum { BUSY_MS = 2000, EXIT_USAGE = 2, SETUP_TOKEN = 33 };

static const char usage[] =
	"Usage: store-api [-n] [-c FILE]\n"
	"Answers the HTTP API of Store Platform as FastCGI on descriptor 0.\n"
	"\n"
	"  -c FILE     read this configuration file in place of " CONF_FILE "\n"
	"  -n          check the configuration, serve nothing\n"
	"  --help      show this text\n"
	"  --version   show the version\n"
	"\n"
	"Keys of the configuration file, and environment variables of the same name:\n";

struct options {
	bool check;
	const char *file;
};

/* Ends the process for --help, --version and what it does not know. */
static struct options
read_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct options o = {.file = NULL};
	int c;

	while ((c = getopt_long(argc, argv, "c:n", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o.file = optarg;
			break;
		case 'n':
			o.check = true;
			break;
		case 'h':
			fputs(usage, stdout);
			conf_describe(stdout);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		case 'V':
			printf("store-api %s\n", STORE_VERSION);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
		default:
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "store-api: takes no argument \"%s\"; see --help\n", argv[optind]);
		exit(EXIT_USAGE);
	}
	return o;
}

/* Tells who reads the log of the way in while there is no account: storectl, or this token. */
static int
offer_setup(struct api *api, struct err *err)
{
	char token[SETUP_TOKEN], hash[SECRET_MAC];
	int r;

	seal_password(token, sizeof(token) - 1);
	secret_mac(&api->keys.keys[0], "setup", token, strlen(token), hash);
	r = setup_offer(api->db, hash, clock_wall_ms(), err);
	if (r > 0)
		log_warn("There is no account yet. Make the first one with storectl user add "
			 "--admin, or within an hour by POST /api/setup with the token %s",
			 token);
	seal_wipe(token, sizeof(token));
	return r < 0 ? -1 : 0;
}

static int
prepare(struct api *api, struct err *err)
{
	const struct rlimit none = {0, 0};

	/* A core file would hold passwords. */
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(err, "setrlimit");
	if (seal_init(err) < 0 || db_open(&api->db, api->conf->database_path, BUSY_MS, err) < 0 ||
	    migrate_run(api->db, err) < 0 || db_prepare(api->db, serve_tables, err) < 0 ||
	    secret_refresh(&api->keys, api->conf->api_dir, err) < 0 ||
	    keys_sweep(api->db, KEYS_API, api->conf->api_dir, err) < 0 ||
	    counters_open(&api->counters, api->conf->api_dir, err) < 0)
		return -1;
	cache_open(&api->cache, api->conf);
	if (strcmp(api->conf->auth, "off") == 0)
		log_warn("AUTH is off: everybody on this machine may do everything; nobody else is "
			 "answered.");
	else if (offer_setup(api, err) < 0)
		return -1;
	db_bound_log(api->db);
	return 0;
}

static int
answer_all(struct api *api, struct err *err)
{
	struct err fault;
	struct req req;
	int r;

	while ((r = req_next(&req, &fault, err)) > 0) {
		struct answer answer = ANSWER_INIT;

		serve(api, &req, &fault, &answer);
		req_answer(&req, &answer);
		req_close(&req);
		answer_free(&answer);
		if (api->outdated)
			return err_set(err, ERR_DB_VERSION,
				       "Ending, so that the program that is installed now is started.");
	}
	return r;
}

int
main(int argc, char **argv)
{
	struct options options = read_options(argc, argv);
	struct conf conf;
	struct api api = {.conf = &conf};
	struct err err = ERR_INIT;
	int r;

	if (conf_load(&conf, options.file, &err) < 0) {
		fprintf(stderr, "store-api: %s\n", err.text);
		return EXIT_FAILURE;
	}
	if (options.check)
		return EXIT_SUCCESS;
	log_open("store-api", conf_log_level(&conf));
	r = req_open(&err) < 0 || prepare(&api, &err) < 0 ? -1 : 0;
	if (r == 0)
		r = answer_all(&api, &err);
	if (r < 0)
		log_error("%s", err.text);
	cache_drop(&api.cache);
	api.db = db_close(api.db);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
