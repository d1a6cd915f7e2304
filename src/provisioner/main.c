/*
 * main.c: store-provisioner, the supervisor: one loop over signals, the wake-up
 * datagram and the clock. What is due is in claim.c and checkpoint.c; the work
 * itself is done by workers (worker.c), each a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/conf.h"
#include "io/migrate.h"
#include "io/notify.h"
#include "io/proc.h"
#include "io/seal.h"
#include "io/wake.h"
#include "model/audit.h"
#include "model/event.h"
#include "model/health.h"
#include "model/keys.h"
#include "model/store.h"
#include "provisioner/checkpoint.h"
#include "provisioner/claim.h"
#include "provisioner/jump.h"

enum { BUSY_MS = 5000, LOCKER_BUSY_MS = 200, TICK_MS = 1000 };

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},	  {"version", no_argument, NULL, 'V'},
	{"example", no_argument, NULL, 'e'},	  {NULL, 0, NULL, 0},
};

static void
usage(FILE *out)
{
	fprintf(out, "usage: store-provisioner [-n] [-c FILE]\n"
		     "Takes queued jobs of Store Platform and runs helm for them.\n\n"
		     "  -c, --config FILE  configuration instead of " CONF_FILE "\n"
		     "  -n, --check        check the configuration and exit with 0 or 1\n"
		     "      --example      print a configuration file with every key\n"
		     "      --help, --version\n\n"
		     "Configuration keys, also read from the environment:\n");
	conf_describe(out);
}

/* Folders of our own below PROVISIONER_DIR; only the key's public half is for others. */
static int
make_folders(const struct conf *conf, struct err *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"", 0755}, {"/jobs", 0700}, {"/helm", 0700}};
	char path[CONF_TEXT + 16];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s%s", conf->provisioner_dir, folders[i].name);
		if (mkdir(path, folders[i].mode) == 0) {
			/* Whatever the umask: store-api has to reach the public key. */
			if (chmod(path, folders[i].mode) < 0)
				return err_errno(err, "cannot set the mode of %s", path);
		} else if (errno != EEXIST)
			return err_errno(err, "cannot make the folder %s", path);
	}
	return 0;
}

/* The lock that makes this the only provisioner; kept until the process ends. */
static int
lock_out_others(const struct conf *conf, struct err *err)
{
	char path[CONF_TEXT + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/provisioner.lock", conf->provisioner_dir);
	fd = proc_lock(path);
	if (fd >= 0)
		return fd;
	if (errno == EWOULDBLOCK)
		return err_set(err, ERR_CONFIG,
			       "another store-provisioner is running on %s; stop it first",
			       conf->provisioner_dir);
	return err_errno(err, "%s", path);
}

/* store-worker lies beside this program, installed or not. */
static int
find_worker(char ret[PATH_MAX], struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - sizeof("store-worker"));
	char *slash;

	if (n <= 0)
		return err_errno(err, "/proc/self/exe");
	ret[n] = '\0';
	slash = strrchr(ret, '/');
	memcpy(slash + 1, "store-worker", sizeof("store-worker"));
	return access(ret, X_OK) == 0 ? 0 : err_errno(err, "%s", ret);
}

static int
open_databases(const struct conf *conf, struct db **db, struct db **locker, struct err *err)
{
	static const struct db_table *const tables[] = {&store_sql, &job_sql,	 &event_sql,
							&audit_sql, &health_sql, &keys_sql, NULL};

	if (db_open(db, conf->database_path, BUSY_MS, err) < 0 || migrate_run(*db, err) < 0 ||
	    db_prepare(*db, tables, err) < 0)
		return -1;
	return db_open(locker, conf->database_path, LOCKER_BUSY_MS, err);
}

static bool
told_to_stop(int signal_fd)
{
	bool stop = false;

	for (int s; (s = proc_signal_read(signal_fd)) != 0;)
		stop = stop || s != SIGCHLD;
	return stop;
}

/* The service manager's socket, else one of our own. */
static int
open_wake(const struct notify *manager, const char *path, struct err *err)
{
	if (manager->listening < 0)
		return wake_listen(path, err);
	return wake_adopt(manager->listening, path, err) < 0 ? -1 : manager->listening;
}

/* A newer program has changed the database: the one that is installed now has to go on. */
static bool
outdated(struct db *db)
{
	struct err err = ERR_INIT;

	if (migrate_require(db, &err) == 0 || err.code != ERR_DB_VERSION)
		return false;
	log_error("stopping: %s", err.text);
	return true;
}

/* Until SIGTERM or SIGINT; then until the last worker has put its job back. */
static void
supervise(struct claim *c, struct checkpoint *checkpoint, struct notify *manager, int signal_fd,
	  int wake_fd)
{
	struct jump jump = {.known = false};
	bool stopping = false;

	for (;;) {
		struct pollfd p[] = {{.fd = signal_fd, .events = POLLIN},
				     {.fd = wake_fd, .events = POLLIN}};

		notify_alive(manager, clock_mono_ms());
		claim_reap(c);
		if (stopping && claim_stop(c))
			return;
		if (!stopping && outdated(c->db)) {
			stopping = true;
			notify_say(manager, "STOPPING=1");
		}
		if (!stopping) {
			jump_tick(&jump, c->db);
			claim_tick(c);
			checkpoint_tick(checkpoint);
		}
		if (poll(p, ARRAY_SIZE(p), TICK_MS) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			wake_drain(wake_fd);
		if (told_to_stop(signal_fd) && !stopping) {
			stopping = true;
			notify_say(manager, "STOPPING=1");
			log_info("stopping");
		}
	}
}

static int
serve(const struct conf *conf, const char *conf_file, struct err *err)
{
	CLEANUP(db_closep) struct db *db = NULL;
	CLEANUP(db_closep) struct db *locker = NULL;
	static struct claim claim; /* the slots are too large for a stack */
	struct checkpoint checkpoint = {.path = conf->database_path,
					.keys = conf->provisioner_dir};
	struct notify manager;
	char worker[PATH_MAX];
	int signal_fd, wake_fd;

	if (notify_open(&manager, err) < 0 || find_worker(worker, err) < 0 || seal_init(err) < 0 ||
	    make_folders(conf, err) < 0 || lock_out_others(conf, err) < 0 ||
	    seal_make(conf->provisioner_dir, err) < 0)
		return -1;
	if (open_databases(conf, &db, &locker, err) < 0)
		return -1;
	signal_fd = proc_signal_fd(true, err);
	wake_fd = signal_fd < 0 ? -1 : open_wake(&manager, conf->wake_socket, err);
	if (wake_fd < 0)
		return -1;
	checkpoint.db = db;
	checkpoint.locker = locker;
	claim = (struct claim){
		.conf = conf,
		.conf_file = conf_file,
		.worker = worker,
		.db = db,
		.left_rows = true,
	};
	seal_uuid(claim.instance);
	log_info("started, SQLite %s, %s", db_library(), conf->database_path);
	notify_say(&manager, "READY=1");
	supervise(&claim, &checkpoint, &manager, signal_fd, wake_fd);
	checkpoint_final(&checkpoint);
	if (manager.listening < 0)
		unlink(conf->wake_socket);
	log_info("stopped");
	return 0;
}

int
main(int argc, char **argv)
{
	static struct conf conf;
	struct err err = ERR_INIT;
	const char *file = NULL;
	bool check = false;
	int fd;

	for (int o; (o = getopt_long(argc, argv, "c:n", options, NULL)) != -1;)
		switch (o) {
		case 'c':
			file = optarg;
			break;
		case 'n':
			check = true;
			break;
		case 'e':
			conf_example(stdout);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("store-provisioner " STORE_VERSION);
			return 0;
		default:
			fputs("Try 'store-provisioner --help'.\n", stderr);
			return 2;
		}
	if (optind < argc) {
		fprintf(stderr, "store-provisioner: unexpected argument '%s'\n", argv[optind]);
		return 2;
	}
	if (conf_load(&conf, file, &err) < 0) {
		fprintf(stderr, "store-provisioner: %s\n", err.text);
		return 1;
	}
	if (check)
		return 0;
	log_open("store-provisioner", (enum log_level)conf_log_level(&conf));
	signal(SIGPIPE, SIG_IGN);
	/* With 0, 1 or 2 closed, a pipe or the database would get that number. */
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
		;
	if (fd > STDERR_FILENO)
		close(fd);
	if (serve(&conf, file, &err) < 0) {
		log_error("%s", err.text);
		return 1;
	}
	return 0;
}
