/* helm.c: see helm.h. */
#include "cluster/helm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/valid.h"
#include "cluster/release.h"
#include "io/proc.h"

enum {
	ARGS = 24,
	VARIABLE = 1100,
	GRACE_MS = 30000, /* an install that got TERM writes "failed" into its record */
	MARGIN_MS = 15000, /* helm's own time-out comes first and explains itself */
	VERSION_MS = 10000,
	WORDS_MAX = 500,
};

struct args {
	const char *v[ARGS + 1];
	int n;
};

static void
add(struct args *a, const char *word)
{
	if (a->n == ARGS)
		abort(); /* the longest list is constant and shorter */
	a->v[a->n++] = word;
}

/* Only what helm needs: no proxy, no plugin, no debug switch of the surroundings. */
struct environment {
	char text[8][VARIABLE];
	const char *v[9];
	int n;
};

static void
set(struct environment *e, const char *name, const char *value, const char *tail)
{
	snprintf(e->text[e->n], VARIABLE, "%s=%s%s", name, value, tail);
	e->v[e->n] = e->text[e->n];
	e->n++;
}

static void
fill_environment(struct environment *e, const struct helm *helm)
{
	static const char *const pod[] = {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"};

	set(e, "HOME", helm->home, "");
	set(e, "HELM_CACHE_HOME", helm->home, "/cache");
	set(e, "HELM_CONFIG_HOME", helm->home, "/config");
	set(e, "HELM_DATA_HOME", helm->home, "/data");
	set(e, "HELM_DRIVER", "secret", "");
	set(e, "NO_COLOR", "1", "");
	if (*helm->kubeconfig)
		set(e, "KUBECONFIG", helm->kubeconfig, "");
	else
		for (size_t i = 0; i < ARRAY_SIZE(pod); i++)
			if (getenv(pod[i]))
				set(e, pod[i], getenv(pod[i]), "");
}

/* The end of what helm said, as one line of at most WORDS_MAX bytes. */
static void
quote(const struct proc_result *r, char ret[WORDS_MAX + 1])
{
	const struct buf *said = r->err.len ? &r->err : &r->out;
	const char *text = buf_text(said);
	size_t from = said->len > WORDS_MAX ? said->len - WORDS_MAX : 0;

	while (from > 0 && ((unsigned char)text[from] & 0xc0) == 0x80)
		from++; /* not in the middle of a character */
	snprintf(ret, WORDS_MAX + 1, "%s", text + from);
	valid_clean(ret);
	for (size_t n = strlen(ret); n > 0 && ret[n - 1] == ' '; n--)
		ret[n - 1] = '\0';
}

static int
judge(const struct proc_result *r, const char *verb, struct err *err)
{
	char words[WORDS_MAX + 1];

	if (r->stopped)
		return err_set(err, ERR_STOPPED, "helm %s was told to stop", verb);
	if (r->timed_out)
		return err_set(err, ERR_DEADLINE, "helm %s did not end in its time and was stopped; look at the cluster, then "
			       "retry.",
			       verb);
	quote(r, words);
	if (!r->exited)
		return err_set(err, ERR_HELM_FAILED, "helm %s was ended by signal %d. %s", verb,
			       r->signal, words);
	if (r->status != 0)
		return err_set(err, ERR_HELM_FAILED, "helm %s failed: %s", verb,
			       *words ? words : "it gave no reason");
	if (r->input_cut)
		return err_set(err, ERR_HELM_FAILED, "helm %s did not read all of its values", verb);
	return 0;
}

static int64_t
deadline_of(const struct helm *helm, int64_t ms)
{
	int64_t own = clock_mono_ms() + ms;

	return helm->deadline && helm->deadline < own ? helm->deadline : own;
}

static int
run(const struct helm *helm, const struct args *args, const char *input, int64_t deadline,
    struct proc_result *ret, struct err *err)
{
	struct environment env = {.n = 0};
	struct proc_spec spec = {
		.path = helm->program,
		.argv = args->v,
		.env = env.v,
		.death_signal = SIGTERM, /* KILL would leave the record pending */
		.own_group = true,
	};
	struct proc_job job = {
		.input = input,
		.input_len = input ? strlen(input) : 0,
		.deadline = deadline,
		.grace_ms = GRACE_MS,
		.stop_fd = helm->stop_fd,
	};

	fill_environment(&env, helm);
	if (helm->lock_fd > 0) {
		spec.fds[0] = (struct proc_fd){helm->lock_fd, 3};
		spec.note_fd = helm->lock_fd;
	}
	if (proc_run(&spec, &job, ret, err) == 0)
		return 0;
	err->code = ERR_HELM_UNUSABLE;
	return err_prefix(err, "helm cannot be run; set HELM to the helm program");
}

const char *
helm_refuse_version(const char *version)
{
	int major = 0, minor = 0, patch = 0;

	if (sscanf(version, "v%9d.%9d.%9d", &major, &minor, &patch) != 3)
		return "is no version";
	if (major == 4 && minor == 2 && patch == 1)
		return "loses hooks and hangs on fast deletes";
	if (major == 3)
		return minor >= 21 ? NULL : "is too old";
	if (major == 4)
		return minor >= 2 ? NULL : "is too old";
	return major < 3 ? "is too old" : "is of a line that nobody has tried here";
}

int
helm_version(const struct helm *helm, char ret[HELM_VERSION], struct err *err)
{
	struct args args = {.n = 0};
	CLEANUP(proc_result_free) struct proc_result r;
	const char *why;
	char text[HELM_VERSION];

	add(&args, helm->program);
	add(&args, "version");
	add(&args, "--template={{.Version}}");
	if (run(helm, &args, NULL, deadline_of(helm, VERSION_MS), &r, err) < 0)
		return -1;
	if (judge(&r, "version", err) < 0) {
		if (err->code == ERR_HELM_FAILED || err->code == ERR_DEADLINE)
			err->code = ERR_HELM_UNUSABLE;
		return -1;
	}
	snprintf(text, sizeof(text), "%.40s", buf_text(&r.out));
	text[strcspn(text, "+\r\n ")] = '\0'; /* v3.22.0+g1234567 */
	valid_clean(text);
	why = helm_refuse_version(text);
	if (why)
		return err_set(err, ERR_HELM_UNUSABLE,
			       "helm %s %s; install helm 3.21 or later, or 4.2 or later but not 4.2.1.",
			       *text ? text : "(no version)", why);
	snprintf(ret, HELM_VERSION, "%s", text + 1);
	return 0;
}

/* The part that upgrade and template have in common. */
static void
add_chart(struct args *args, const struct helm *helm, const char *release, const char *namespace)
{
	add(args, "--namespace");
	add(args, namespace);
	if (*helm->values_file) {
		add(args, "--values");
		add(args, helm->values_file);
	}
	add(args, "--values");
	add(args, "-");
	add(args, "--");
	add(args, release);
	add(args, helm->chart);
}

int
helm_upgrade(const struct helm *helm, const char *release, const char *namespace,
	     const char *values, const char *digest, struct err *err)
{
	char timeout[32], label[SEAL_DIGEST + sizeof(RELEASE_DIGEST) + 1];
	struct args args = {.n = 0};
	CLEANUP(proc_result_free) struct proc_result r;

	snprintf(timeout, sizeof(timeout), "%ds", helm->timeout);
	snprintf(label, sizeof(label), "%s=%s", RELEASE_DIGEST, digest);
	add(&args, helm->program);
	add(&args, "upgrade");
	add(&args, "--install");
	add(&args, "--history-max");
	add(&args, "5");
	add(&args, "--timeout");
	add(&args, timeout);
	add(&args, "--labels");
	add(&args, label);
	add_chart(&args, helm, release, namespace);
	if (run(helm, &args, values, deadline_of(helm, helm->timeout * 1000LL + MARGIN_MS), &r,
		err) < 0)
		return -1;
	return judge(&r, "upgrade", err);
}

int
helm_render(const struct helm *helm, const char *release, const char *namespace,
	    const char *values, struct err *err)
{
	struct args args = {.n = 0};
	CLEANUP(proc_result_free) struct proc_result r;

	add(&args, helm->program);
	add(&args, "template");
	add_chart(&args, helm, release, namespace);
	if (run(helm, &args, values, deadline_of(helm, helm->timeout * 1000LL), &r, err) < 0)
		return -1;
	if (judge(&r, "template", err) == 0)
		return 1;
	return r.exited && r.status != 0 ? 0 : -1;
}

int
helm_uninstall(const struct helm *helm, const char *release, const char *namespace,
	       struct err *err)
{
	int64_t most = helm->timeout * 1000LL + MARGIN_MS;
	char timeout[32];
	struct args args = {.n = 0};
	CLEANUP(proc_result_free) struct proc_result r;

	snprintf(timeout, sizeof(timeout), "%ds", helm->timeout);
	/* It returns at once or hangs; in that case there is time left to do without it. */
	if (helm->deadline && (helm->deadline - clock_mono_ms()) / 3 < most)
		most = (helm->deadline - clock_mono_ms()) / 3;
	add(&args, helm->program);
	add(&args, "uninstall");
	add(&args, "--no-hooks");
	add(&args, "--timeout");
	add(&args, timeout);
	add(&args, "--namespace");
	add(&args, namespace);
	add(&args, "--");
	add(&args, release);
	if (run(helm, &args, NULL, deadline_of(helm, most), &r,
		err) < 0)
		return -1;
	return judge(&r, "uninstall", err);
}
