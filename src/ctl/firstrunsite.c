/* firstrunsite.c: the steps of firstrun.h for the dashboard: its address, certificate, nginx. */
#include "ctl/firstrun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/confedit.h"
#include "ctl/program.h"

enum {
	TOOL_SECONDS = 60,
	SITE_MODE = 0644,
	PORT_MAX = 65535,
	QUESTIONS = 3,
};

static int
read_port(const struct firstrun *f, const char *option, int *port, struct err *err)
{
	const char *given = command_option(f->call, option);
	int64_t n;

	if (!given)
		return 0;
	if (!valid_int(given, 1, PORT_MAX, &n))
		return err_set(err, ERR_BAD_REQUEST, "--%s is a number from 1 to %d.", option,
			       PORT_MAX);
	*port = (int)n;
	return 0;
}

/* A path goes into nginx's configuration as it is. */
static int
read_path(const struct firstrun *f, const char *option, char ret[PATHS_MAX], struct err *err)
{
	const char *given = command_option(f->call, option);

	if (!given)
		return 0;
	if (*given != '/' || strlen(given) >= PATHS_MAX || strpbrk(given, " \t\n\"'\\;{}$#"))
		return err_set(err, ERR_BAD_REQUEST, "--%s is an absolute path of plain signs.",
			       option);
	if (access(given, R_OK) < 0)
		return err_errno(err, "cannot read %s", given);
	snprintf(ret, PATHS_MAX, "%s", given);
	return 0;
}

/* A name into ret; at the terminal it is asked for again where the answer is none. */
static int
ask_name(const struct firstrun *f, const char *question, const char *option, const char *fallback,
	 char *ret, size_t size, struct err *err)
{
	for (int i = 1;; i++) {
		if (firstrun_ask(f, question, option, fallback, ret, size, err) < 0)
			return -1;
		if (!f->questions || valid_domain(ret) || i == QUESTIONS)
			return 0;
		firstrun_say("\"%.80s\" is no lower-case DNS name.", ret);
	}
}

int
firstrun_plan_site(struct firstrun *f, struct err *err)
{
	const char *given = command_option(f->call, "domain"), *host;
	struct site *s = &f->site;
	bool known;

	s->http_port = f->web_taken ? 8080 : 80;
	s->https_port = f->web_taken ? 8443 : 443;
	paths_join(s->certificate, f->root, PATHS_CERTIFICATE);
	paths_join(s->key, f->root, PATHS_KEY);
	known = site_read(f->root, s);
	if (given || !confedit_has(buf_text(&f->conf_text), "BASE_DOMAIN")) {
		if (given)
			snprintf(f->conf.base_domain, sizeof(f->conf.base_domain), "%s", given);
		else if (ask_name(f, "Domain of the shops; each gets a name below it", "domain", "",
				  f->conf.base_domain, sizeof(f->conf.base_domain), err) < 0)
			return -1;
	}
	/* Who has named the domain, and no host, means the domain itself. */
	host = command_option(f->call, "host");
	if (!host && !known)
		host = given;
	if (host)
		snprintf(s->host, sizeof(s->host), "%s", host);
	else if (!known && ask_name(f, "Name of the dashboard", "host", f->conf.base_domain,
				    s->host, sizeof(s->host), err) < 0)
		return -1;
	if (!valid_domain(f->conf.base_domain) || !valid_domain(s->host))
		return err_set(err, ERR_BAD_REQUEST, "\"%.80s\" is no lower-case DNS name.",
			       valid_domain(s->host) ? f->conf.base_domain : s->host);
	if (read_port(f, "http-port", &s->http_port, err) < 0 ||
	    read_port(f, "https-port", &s->https_port, err) < 0)
		return -1;
	if (s->http_port == s->https_port)
		return err_set(err, ERR_BAD_REQUEST, "The two ports must differ.");
	return read_path(f, "certificate", s->certificate, err) < 0
		       ? -1
		       : read_path(f, "key", s->key, err);
}

int
firstrun_certificate(struct firstrun *f, struct err *err)
{
	char own[PATHS_MAX], key[PATHS_MAX], new_cert[PATHS_MAX], new_key[PATHS_MAX];
	char subject[VALID_HOST_MAX + 8], names[VALID_HOST_MAX + 24];
	const char *argv[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
			      "ec_paramgen_curve:P-256", "-nodes", "-days", "365", "-subj", subject,
			      "-addext", names, "-keyout", new_key, "-out", new_cert, NULL};
	struct site before = {.host = ""};
	mode_t mask;
	int r;

	paths_join(own, f->root, PATHS_CERTIFICATE);
	paths_join(key, f->root, PATHS_KEY);
	if (strcmp(f->site.certificate, own) != 0)
		return 0; /* the operator's */
	if (access(own, R_OK) == 0 && access(key, R_OK) == 0 && site_read(f->root, &before) &&
	    strcmp(before.host, f->site.host) == 0)
		return 0;
	paths_join(new_cert, own, ".new");
	paths_join(new_key, key, ".new");
	/* A certificate's common name has 64 signs at most; the other one counts. */
	snprintf(subject, sizeof(subject), "/CN=%.64s", f->site.host);
	snprintf(names, sizeof(names), "subjectAltName=DNS:%s", f->site.host);
	mask = umask(077);
	r = program_must(argv, TOOL_SECONDS, err);
	umask(mask);
	if (r == 0 && (chmod(new_key, 0600) < 0 || chmod(new_cert, 0644) < 0 ||
		       rename(new_key, key) < 0 || rename(new_cert, own) < 0))
		r = err_errno(err, "cannot put %s in its place", own);
	if (r < 0)
		return -1;
	firstrun_say("A first certificate for %s is in %s. It is signed by itself: browsers warn of "
		     "it until --certificate and --key name a better one.",
		     f->site.host, own);
	return 0;
}

/* Enables the site; *ret_new: it was not. */
static int
enable(const char *site, const char *enabled, bool *ret_new, struct err *err)
{
	char to[PATHS_MAX];
	ssize_t n = readlink(enabled, to, sizeof(to) - 1);

	*ret_new = false;
	if (n > 0) {
		to[n] = '\0';
		if (strcmp(to, site) == 0)
			return 0;
	}
	if (n > 0 || errno != ENOENT)
		return err_set(err, ERR_CONFIG, "%s is there and is not ours; move it away",
			       enabled);
	if (symlink(site, enabled) < 0)
		return err_errno(err, "cannot make %s", enabled);
	*ret_new = true;
	return 0;
}

/* As it was before: nginx and its other sites must not suffer. */
static int
take_back(const char *site, const char *enabled, const char *old, bool was_there, bool linked,
	  struct err *err)
{
	struct err second = ERR_INIT;

	if (linked && unlink(enabled) < 0)
		return err_prefix(err, "%s could not be removed", enabled);
	if (was_there ? paths_write(site, old, SITE_MODE, &second) < 0 : unlink(site) < 0)
		return err_prefix(err, "%s could not be taken back", site);
	return err_prefix(err, "nginx does not take the site, so it was taken back");
}

static int
reload(const struct firstrun *f, const char *main_file, struct err *err)
{
	const char *by_manager[] = {"systemctl", "reload-or-restart", "nginx", NULL};
	const char *by_itself[] = {"nginx", "-s", "reload", "-q", "-c", main_file, NULL};
	struct err why = ERR_INIT;
	int r = 0;

	if (!*f->root && access("/run/systemd/system", F_OK) == 0)
		r = program_must(by_manager, TOOL_SECONDS, err);
	else if (program_must(by_itself, TOOL_SECONDS, &why) < 0)
		firstrun_say("nginx does not run; start it.");
	if (r == 0)
		firstrun_say("nginx has the dashboard's site, with the ports %d and %d.",
			     f->site.http_port, f->site.https_port);
	return r;
}

/* Puts the site in its place; if nginx does not take it, everything is as before. */
static int
put(const struct firstrun *f, const char *site, const struct buf *wanted, struct err *err)
{
	char enabled[PATHS_MAX], main_file[PATHS_MAX];
	const char *test[] = {"nginx", "-t", "-q", "-c", main_file, NULL};
	struct buf old = BUF_INIT;
	bool linked = false;
	int was = paths_read(site, &old, err), r;

	paths_join(enabled, f->root, PATHS_ENABLED);
	paths_join(main_file, f->root, PATHS_NGINX);
	if (was > 0 && strcmp(buf_text(&old), buf_text(wanted)) == 0 && access(enabled, R_OK) == 0)
		r = 0;
	else {
		r = was < 0 ? -1 : paths_write(site, buf_text(wanted), SITE_MODE, err);
		if (r == 0 && (enable(site, enabled, &linked, err) < 0 ||
			       program_must(test, TOOL_SECONDS, err) < 0))
			r = take_back(site, enabled, buf_text(&old), was > 0, linked, err);
		if (r == 0)
			r = reload(f, main_file, err);
	}
	buf_free(&old);
	return r;
}

int
firstrun_site(struct firstrun *f, struct err *err)
{
	char site[PATHS_MAX], template[PATHS_MAX];
	struct buf wanted = BUF_INIT, text = BUF_INIT;
	int r = paths_read(paths_join(template, f->root, PATHS_SITE_TEMPLATE), &text, err);

	if (r == 0)
		r = err_set(err, ERR_CONFIG, "%s is not there", template);
	if (r > 0)
		r = site_fill(&f->site, buf_text(&text), &wanted, err);
	if (r == 0)
		r = put(f, paths_join(site, f->root, PATHS_SITE), &wanted, err);
	buf_free(&wanted);
	buf_free(&text);
	return r;
}
