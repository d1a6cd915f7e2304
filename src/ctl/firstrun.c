/* firstrun.c: see firstrun.h. */
#include "ctl/firstrun.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/accounts.h"
#include "ctl/doctor.h"
#include "ctl/place.h"
#include "ctl/program.h"
#include "io/proc.h"
#include "io/seal.h"
#include "model/user.h"

enum { ANSWER = 400, SERVICE_SECONDS = 120, START_MS = 30000, NAP_MS = 100, HTTPS_PORT = 443 };

static const struct {
	int (*run)(struct firstrun *f, struct err *err);
	const char *what; /* it fails at */
} steps[] = {
	{firstrun_look, "Looking at the cluster"},
	{firstrun_plan_site, "The dashboard's address"},
	{firstrun_issuer, "The issuer of certificates"},
	{firstrun_account, "The platform's account in the cluster"},
	{firstrun_configure, "The configuration"},
	{firstrun_certificate, "The dashboard's certificate"},
	{firstrun_site, "nginx"},
	{firstrun_start, "Starting the programs"},
	{firstrun_admin, "The first admin"},
};

void
firstrun_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

int
firstrun_ask(const struct firstrun *f, const char *question, const char *option,
	     const char *fallback, char *ret, size_t size, struct err *err)
{
	char answer[ANSWER] = "";

	if (f->questions) {
		printf("%s%s%s%s: ", question, *fallback ? " [" : "", fallback,
		       *fallback ? "]" : "");
		fflush(stdout);
		if (!fgets(answer, sizeof(answer), stdin))
			return err_set(err, ERR_BAD_REQUEST, "There was no answer.");
		answer[strcspn(answer, "\n")] = '\0';
	}
	if (!*answer && !*fallback)
		return err_set(err, ERR_BAD_REQUEST, "Say it with --%s.", option);
	if (snprintf(ret, size, "%s", *answer ? answer : fallback) >= (int)size)
		return err_set(err, ERR_BAD_REQUEST, "The answer is too long.");
	return 0;
}

/* Whether a service manager runs whose services are this platform's. */
static bool
has_services(const struct firstrun *f)
{
	return !*f->root && access("/run/systemd/system", F_OK) == 0;
}

/* Until both programs have made what the other commands need; a moment after their start. */
static int
await_database(const struct firstrun *f, struct err *err)
{
	int64_t end = clock_mono_ms() + START_MS;
	char key[PATHS_MAX];

	snprintf(key, sizeof(key), "%s/seal.pub", f->conf.provisioner_dir);
	while (access(f->conf.database_path, F_OK) < 0 || access(key, F_OK) < 0) {
		if (clock_mono_ms() > end)
			return err_set(err, ERR_NOT_STARTED,
				       "The programs do not get ready; see: journalctl -u "
				       "store-provisioner");
		proc_nap(-1, NAP_MS);
	}
	return 0;
}

int
firstrun_start(struct firstrun *f, struct err *err)
{
	static const char *const restart[] = {"systemctl", "restart", "store-provisioner.service",
					      "store-api.target", NULL};

	if (!has_services(f)) {
		firstrun_say("There is no service manager here; start the programs yourself.");
		return 0;
	}
	if (program_must(restart, SERVICE_SECONDS, err) < 0)
		return -1;
	firstrun_say("The programs were started.");
	return await_database(f, err);
}

/* Whether there is an account: 1, 0, -1. */
static int
has_account(const struct command_call *call, struct err *err)
{
	static const struct db_table *const tables[] = {&user_sql, NULL};
	CLEANUP(db_closep) struct db *db = NULL;
	int64_t count = 0;

	if (place_open(call, tables, &db, err) < 0 || user_count(db, USER_ROLES, &count, err) < 0)
		return -1;
	return count > 0;
}

int
firstrun_admin(struct firstrun *f, struct err *err)
{
	const char *asked = command_option(f->call, "admin");
	struct command_call add = {.conf = &f->conf, .options = {{"admin", ""}}, .noptions = 1};
	char name[USER_NAME + 1];
	int r;

	if (access(f->conf.database_path, F_OK) < 0) {
		firstrun_say("The first admin can be made when the programs run: storectl user add "
			     "--admin NAME");
		return 0;
	}
	r = has_account(&add, err);
	if (r < 0)
		return -1;
	if (r > 0) {
		firstrun_say("There is an account already; more are made by: storectl user add");
		return 0;
	}
	if (!asked && !f->questions) {
		firstrun_say("There is no account yet; make the first: storectl user add --admin "
			     "NAME");
		return 0;
	}
	if (asked)
		snprintf(name, sizeof(name), "%s", asked);
	else if (firstrun_ask(f, "Name of the first admin", "admin", "admin", name, sizeof(name),
			      err) < 0)
		return -1;
	add.args[0] = name;
	add.count = 1;
	if (command_option(f->call, "generate"))
		add.options[add.noptions++] = (struct command_option){"generate", ""};
	return accounts_add(&add, err);
}

/* What lies before the steps: options that can be judged at once, and the configuration. */
static int
prepare(struct firstrun *f, struct err *err)
{
	const char *admin = command_option(f->call, "admin");

	if (!*f->root && geteuid() != 0)
		return err_set(err, ERR_BAD_REQUEST, "Run this as root.");
	if (admin && !user_name_ok(admin))
		return err_set(
			err, ERR_BAD_REQUEST,
			"--admin: a user's name has %d to %d lower-case letters, digits, . _ @ "
			"or -.",
			USER_NAME_MIN, USER_NAME_MAX);
	if (!command_option(f->call, "certificate") != !command_option(f->call, "key"))
		return err_set(err, ERR_BAD_REQUEST, "--certificate and --key go together.");
	if (seal_init(err) < 0)
		return -1;
	f->questions = isatty(STDIN_FILENO) && !command_option(f->call, "yes");
	/* The shell's KUBECONFIG is the administrator's, not the platform's. */
	f->kubeconfig = command_option(f->call, "kubeconfig");
	if (!f->kubeconfig && getenv("KUBECONFIG") && *getenv("KUBECONFIG"))
		f->kubeconfig = strdup(getenv("KUBECONFIG"));
	unsetenv("KUBECONFIG");
	if (f->call->file)
		snprintf(f->conf_path, sizeof(f->conf_path), "%s", f->call->file);
	else
		paths_join(f->conf_path, f->root, CONF_FILE);
	if (paths_read(f->conf_path, &f->conf_text, err) < 0)
		return -1;
	return conf_load(&f->conf, access(f->conf_path, F_OK) == 0 ? f->conf_path : NULL, err);
}

static int
run(struct firstrun *f, struct err *err)
{
	static const struct err fine = ERR_INIT;
	char port[16] = "";
	int r;

	if (prepare(f, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].run(f, err) < 0)
			return err_prefix(err, "%s", steps[i].what);
	puts("");
	r = doctor_report(&f->conf, &fine, f->root, false, err);
	if (f->site.https_port != HTTPS_PORT)
		snprintf(port, sizeof(port), ":%d", f->site.https_port);
	if (r >= 0)
		firstrun_say(
			"\nThe dashboard: https://%s%s/%s", f->site.host, port,
			r ? "\nWhat has failed above is left to do; look again: storectl doctor"
			  : "");
	return r;
}

int
firstrun_run(const struct command_call *call, struct err *err)
{
	const char *root = command_option(call, "root");
	static struct firstrun f;
	int r;

	f = (struct firstrun){.call = call, .root = root ? root : ""};
	r = run(&f, err);
	kube_close(f.kube);
	buf_free(&f.conf_text);
	return r;
}
