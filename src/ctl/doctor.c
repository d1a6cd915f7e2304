/* doctor.c: see doctor.h. */
#include "ctl/doctor.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/valid.h"
#include "ctl/paths.h"
#include "io/seal.h"
#include "io/yaml.h"

#define SETUP "Run: storectl setup"

/* remedy: what to do where the sentence that was found does not say it. */
static const struct check {
	const char *name;
	enum doctor_state (*look)(struct doctor *d);
	bool early; /* there is something to look at before the set-up */
	const char *remedy;
} checks[] = {
	{"configuration", doctor_configuration, false,
	 "Correct it; store-provisioner --example prints every key with its sentence."},
	{"folders", doctor_folders, true,
	 "Set owner and mode right: systemd-tmpfiles --create store-platform.conf"},
	{"credential", doctor_credential, false, SETUP},
	{"memory", doctor_memory, true, "Delete a store, or give the machine more memory."},
	{"disk", doctor_disk, true, "Free space: old images, logs and backups first."},
	{"clock", doctor_clock, true,
	 "Let a time service set it, for example: apt install systemd-timesyncd"},
	{"database", doctor_database, false,
	 "Look closer: storectl db check. A backup is put back by: storectl db restore FILE"},
	{"keys", doctor_keys, false, "Look closer: storectl db check"},
	{"helm", doctor_helm, true,
	 "Install helm 3.21 or later, or 4.2 or later but not 4.2.1, and set HELM."},
	{"cluster", doctor_cluster, false, "Look at it: systemctl status k3s"},
	{"rights", doctor_rights, false, SETUP},
	{"ingress class", doctor_ingress, false,
	 "Install that ingress controller, or set ingress.className in HELM_VALUES_FILE."},
	{"storage class", doctor_storage, false,
	 "Install it, or set storageClass in HELM_VALUES_FILE."},
	{"certificates", doctor_certificates, false,
	 "Install cert-manager and make its issuer (storectl setup --email=ADDRESS), or set "
	 "STORE_HTTPS=off."},
	{"names", doctor_dns, false,
	 "Make DNS records for the domain and for *.DOMAIN with this machine's public address."},
	{"nginx", doctor_nginx, false, SETUP},
	{"dashboard", doctor_dashboard, false,
	 "See whether nginx runs (systemctl status nginx) and whether another program has its "
	 "ports."},
	{"sockets", doctor_sockets, false,
	 "Start them: systemctl start store-provisioner store-api.target"},
	{"provisioner", doctor_provisioner, false,
	 "Look at its log: journalctl -u store-provisioner"},
};

static const char *const words[DOCTOR_STATES] = {"ok", "warn", "FAIL", "skip"};

enum doctor_state
doctor_say(struct doctor *d, enum doctor_state state, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(d->said, sizeof(d->said), fmt, ap);
	va_end(ap);
	valid_clean(d->said);
	/* An error's own sentence may have its full stop already. */
	n = strlen(d->said);
	if (n > 1 && strcmp(d->said + n - 2, "..") == 0)
		d->said[n - 1] = '\0';
	return state;
}

static void
print(const struct check *check, enum doctor_state state, const char *said, const char *remedy)
{
	printf("%-4s  %s: %s\n", words[state], check->name, said);
	if (state == DOCTOR_WARN || state == DOCTOR_FAIL)
		printf("      %s\n", remedy);
}

static struct json *
found_json(const struct check *check, enum doctor_state state, const char *said, const char *remedy)
{
	static const char *const lower[DOCTOR_STATES] = {"ok", "warn", "fail", "skip"};
	struct json *o = json_new_object();
	bool well = state == DOCTOR_OK || state == DOCTOR_SKIP;

	json_set_text(o, "check", check->name);
	json_set_text(o, "state", lower[state]);
	json_set_text(o, "sentence", said);
	json_set_text(o, "remedy", well ? NULL : remedy);
	return o;
}

/* One check; before the set-up that is the one sentence, beside what the machine itself has. */
static enum doctor_state
look(struct doctor *d, const struct check *check)
{
	if (d->set_up || check->early)
		return check->look(d);
	if (check->look == doctor_configuration)
		return doctor_say(d, DOCTOR_FAIL, "There is none: this machine is not set up yet.");
	return doctor_say(d, DOCTOR_SKIP, "Not looked at: the machine is not set up yet.");
}

/* Values that cannot be read are told by the check of helm. */
static struct json *
read_values(const char *path)
{
	struct json *values = NULL;
	struct err ignored = ERR_INIT;

	return *path && yaml_read(&values, path, &ignored) == 0 ? values : NULL;
}

int
doctor_report(const struct conf *conf, const struct err *conf_fault, const char *root, bool as_json,
	      struct err *err)
{
	CLEANUP(json_freep) struct json *array = json_new_array();
	struct doctor d = {.conf = conf, .conf_fault = conf_fault, .root = root};
	char chart[PATHS_MAX], file[PATHS_MAX];
	int failed = 0;

	if (seal_init(err) < 0)
		return -1;
	d.set_up = conf_fault->code != ERR_NONE || *conf->kubeconfig ||
		   access(paths_join(file, root, CONF_FILE), F_OK) == 0;
	d.values = read_values(conf->helm_values_file);
	d.chart = read_values(paths_join(chart, conf->helm_chart_path, "/values.yaml"));
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct check *check = &checks[i];
		enum doctor_state state = look(&d, check);
		const char *remedy = d.set_up || check->early ? check->remedy : SETUP;

		failed += state == DOCTOR_FAIL;
		if (as_json)
			json_add(array, found_json(check, state, d.said, remedy));
		else
			print(check, state, d.said, remedy);
	}
	if (as_json) {
		struct buf text = BUF_INIT;

		json_write(array, &text);
		puts(buf_text(&text));
		buf_free(&text);
	}
	kube_close(d.kube);
	json_free(d.values);
	json_free(d.chart);
	return failed > 0;
}

int
doctor_run(const struct command_call *call, struct err *err)
{
	const char *root = command_option(call, "root");
	bool as_json = command_option(call, "json") != NULL;
	struct err fault = ERR_INIT;
	static struct conf conf;
	char path[PATHS_MAX];

	if (!root || call->file)
		return doctor_report(call->conf, call->conf_fault, root ? root : "", as_json, err);
	paths_join(path, root, CONF_FILE);
	if (conf_load(&conf, access(path, F_OK) == 0 ? path : NULL, &fault) < 0)
		fault.code = ERR_CONFIG;
	return doctor_report(&conf, &fault, root, as_json, err);
}
