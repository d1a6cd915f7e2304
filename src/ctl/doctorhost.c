/* doctorhost.c: the checks of doctor.h that look at this machine. */
#include "ctl/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/paths.h"
#include "ctl/program.h"
#include "ctl/site.h"
#include "io/http.h"

enum {
	STORE_MIB = 640, /* what the pods of a small store ask for while it is set up */
	DISK_LOW_MIB = 2048,
	DISK_LEAST_MIB = 256,
	NGINX_SECONDS = 20,
	DASHBOARD_MS = 15000,
	ANSWER_MAX = 64 * 1024,
	MIB = 1024 * 1024,
};

#define VOLUMES "/var/lib/rancher/k3s/storage"

enum doctor_state
doctor_configuration(struct doctor *d)
{
	const char *fault = d->conf_fault->text;

	if (d->conf_fault->code != ERR_NONE)
		return doctor_say(d, DOCTOR_FAIL, "%s", fault);
	if (strcmp(d->conf->auth, "off") == 0)
		return doctor_say(d, DOCTOR_WARN,
				  "It is valid, but AUTH is off: everybody on this machine may do "
				  "everything.");
	return doctor_say(d, DOCTOR_OK, "It is valid; shops are made below %s.",
			  d->conf->base_domain);
}

/* The folder of a file: path up to its last slash. */
static void
folder_of(char ret[CONF_TEXT], const char *path)
{
	char *slash;

	snprintf(ret, CONF_TEXT, "%s", path);
	slash = strrchr(ret, '/');
	if (slash && slash != ret)
		*slash = '\0';
}

/* Permissions that a folder must not give; 0 if it is not there to be looked at. */
static int
look_at_folder(struct doctor *d, const char *path, mode_t never)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		doctor_say(d, DOCTOR_FAIL, "%s cannot be looked at: %s.", path, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		doctor_say(d, DOCTOR_FAIL, "%s is no folder.", path);
		return -1;
	}
	if (st.st_mode & never) {
		doctor_say(d, DOCTOR_FAIL, "%s has the mode %04o, which lets others in too far.",
			   path, st.st_mode & 07777);
		return -1;
	}
	return 0;
}

enum doctor_state
doctor_folders(struct doctor *d)
{
	const struct conf *conf = d->conf;
	char data[CONF_TEXT], run[CONF_TEXT];

	folder_of(data, conf->database_path);
	folder_of(run, conf->wake_socket);
	/* Of the provisioner's folder others read the public key; of the API's nothing. */
	if (look_at_folder(d, data, S_IWOTH) < 0 || look_at_folder(d, run, S_IWOTH) < 0 ||
	    look_at_folder(d, conf->provisioner_dir, S_IWGRP | S_IWOTH) < 0 ||
	    look_at_folder(d, conf->api_dir, S_IRWXG | S_IRWXO) < 0)
		return DOCTOR_FAIL;
	return doctor_say(d, DOCTOR_OK, "%s and the others are there, each for its owner.", data);
}

enum doctor_state
doctor_credential(struct doctor *d)
{
	const char *path = d->conf->kubeconfig;
	struct stat st;

	if (!*path)
		return doctor_say(d, DOCTOR_FAIL, "KUBECONFIG is not set.");
	if (stat(path, &st) < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s cannot be looked at: %s.", path,
				  strerror(errno));
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return doctor_say(d, DOCTOR_FAIL, "%s has the mode %04o; others may read it.", path,
				  st.st_mode & 07777);
	if (getenv("KUBECONFIG"))
		return doctor_say(
			d, DOCTOR_WARN,
			"This shell sets KUBECONFIG to %s, which is looked at in place of "
			"the configured one; unset it, and look again.",
			path);
	return doctor_say(d, DOCTOR_OK, "%s is for its owner alone.", path);
}

/* MiB of one line of /proc/meminfo; -1: unknown. */
static long
memory_mib(const char *path, const char *word)
{
	char line[128];
	long kib = -1;
	FILE *in = fopen(path, "re");

	while (in && kib < 0 && fgets(line, sizeof(line), in))
		if (strncmp(line, word, strlen(word)) == 0)
			kib = strtol(line + strlen(word), NULL, 10);
	if (in)
		fclose(in);
	return kib < 0 ? -1 : kib / 1024;
}

enum doctor_state
doctor_memory(struct doctor *d)
{
	char path[PATHS_MAX];
	long free_mib = memory_mib(paths_join(path, d->root, "/proc/meminfo"), "MemAvailable:");

	if (free_mib < 0)
		return doctor_say(d, DOCTOR_WARN, "How much is free cannot be read from %s.", path);
	if (free_mib < STORE_MIB)
		return doctor_say(d, DOCTOR_WARN,
				  "%ld MiB are free; setting up a small store takes %d MiB.",
				  free_mib, STORE_MIB);
	return doctor_say(d, DOCTOR_OK, "%ld MiB are free; setting up a small store takes %d MiB.",
			  free_mib, STORE_MIB);
}

/* MiB that are free where path is; -1: there is no such path. */
static long long
disk_mib(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) < 0 ? -1 : (long long)st.f_bavail * (long long)st.f_frsize / MIB;
}

enum doctor_state
doctor_disk(struct doctor *d)
{
	char data[CONF_TEXT], volumes[PATHS_MAX];
	const char *path = data;
	long long least, shops;

	folder_of(data, d->conf->database_path);
	paths_join(volumes, d->root, VOLUMES);
	least = disk_mib(data);
	shops = disk_mib(volumes);
	if (shops >= 0 && (least < 0 || shops < least)) {
		least = shops;
		path = volumes;
	}
	if (least < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s cannot be looked at.", data);
	return doctor_say(d,
			  least < DISK_LEAST_MIB ? DOCTOR_FAIL
			  : least < DISK_LOW_MIB ? DOCTOR_WARN
						 : DOCTOR_OK,
			  "%lld MiB are free in %s.", least, path);
}

enum doctor_state
doctor_clock(struct doctor *d)
{
	struct timex t = {.modes = 0};
	int r = adjtimex(&t);

	if (r < 0)
		return doctor_say(d, DOCTOR_WARN, "Whether it is set right cannot be read: %s.",
				  strerror(errno));
	if (r == TIME_ERROR || (t.status & STA_UNSYNC))
		return doctor_say(d, DOCTOR_WARN,
				  "Nothing keeps it right: certificates and logins depend on it.");
	return doctor_say(d, DOCTOR_OK, "A time service keeps it right.");
}

enum doctor_state
doctor_nginx(struct doctor *d)
{
	CLEANUP(proc_result_free) struct proc_result r = {.status = 0};
	char main_file[PATHS_MAX], enabled[PATHS_MAX];
	const char *argv[] = {"nginx", "-t", "-q", "-c", main_file, NULL};
	struct err err = ERR_INIT;

	paths_join(main_file, d->root, PATHS_NGINX);
	paths_join(enabled, d->root, PATHS_ENABLED);
	if (access(enabled, R_OK) < 0)
		return doctor_say(d, DOCTOR_FAIL, "The site is not there: %s: %s.", enabled,
				  strerror(errno));
	if (program_must(argv, NGINX_SECONDS, &err) < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s.", err.text);
	return doctor_say(d, DOCTOR_OK, "The site is enabled, and nginx takes its configuration.");
}

/* Asks for health as a browser does, but at this machine whatever DNS says. */
enum doctor_state
doctor_dashboard(struct doctor *d)
{
	CLEANUP(http_closep) struct http *http = NULL;
	CLEANUP(http_answer_free) struct http_answer answer = {.status = 0};
	char base[SITE_URL], url[SITE_URL + 16], here[SITE_HERE];
	struct http_request request = {
		.method = "GET",
		.url = url,
		.deadline = clock_mono_ms() + DASHBOARD_MS,
		.max_bytes = ANSWER_MAX,
		.connect_to = here,
	};
	struct err err = ERR_INIT;
	struct site site;
	struct http_tls tls = {.ca_file = site.certificate};

	if (!site_read(d->root, &site))
		return doctor_say(d, DOCTOR_SKIP,
				  "Not looked at: storectl setup has not made it yet.");
	site_address(&site, base, here);
	snprintf(url, sizeof(url), "%s/api/health", base);
	if (http_open(&http, &tls, -1, &err) < 0 || http_do(http, &request, &answer, &err) < 0)
		return doctor_say(d, DOCTOR_FAIL, "%s does not answer: %s.", url, err.text);
	if (answer.status != 200)
		return doctor_say(d, DOCTOR_FAIL, "%s answers %d.", url, answer.status);
	return doctor_say(d, DOCTOR_OK, "%s answers.", url);
}

/* Whether somebody listens there. */
static bool
listens(const char *path, int type)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd, r = -1;

	if (strlen(path) >= sizeof(to.sun_path))
		return false;
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	r = connect(fd, (const struct sockaddr *)(const void *)&to, sizeof(to));
	close(fd);
	return r == 0;
}

enum doctor_state
doctor_sockets(struct doctor *d)
{
	char api[PATHS_MAX];

	paths_join(api, d->root, PATHS_API_SOCKET);
	if (!listens(api, SOCK_STREAM))
		return doctor_say(d, DOCTOR_FAIL, "Nothing listens at %s.", api);
	if (!listens(d->conf->wake_socket, SOCK_DGRAM))
		return doctor_say(d, DOCTOR_FAIL, "Nothing listens at %s.", d->conf->wake_socket);
	return doctor_say(d, DOCTOR_OK, "store-api and store-provisioner listen.");
}
