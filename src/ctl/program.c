/* program.c: see program.h. */
#include "ctl/program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/valid.h"

enum { GRACE_MS = 5000, PATH_BYTES = 64, WORDS_MAX = 400 };

static const char *const folders[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

static int
find(const char *name, char ret[PATH_BYTES], struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(ret, PATH_BYTES, "%s/%s", folders[i], name);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return err_set(err, ERR_CONFIG, "The program %s is not installed", name);
}

int
program_run(const char *const *argv, int seconds, struct proc_result *ret, struct err *err)
{
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	char path[PATH_BYTES];
	struct proc_spec spec = {.path = path, .argv = argv, .env = env, .death_signal = SIGTERM};
	struct proc_job job = {
		.deadline = clock_mono_ms() + seconds * 1000LL,
		.grace_ms = GRACE_MS,
		.stop_fd = -1,
	};

	*ret = (struct proc_result){.status = -1};
	if (find(argv[0], path, err) < 0 || proc_run(&spec, &job, ret, err) < 0)
		return -1;
	if (ret->timed_out)
		return err_set(err, ERR_DEADLINE, "%s did not end within %d s", argv[0], seconds);
	if (!ret->exited)
		return err_set(err, ERR_SYSTEM, "%s was ended by signal %d", argv[0], ret->signal);
	return 0;
}

int
program_must(const char *const *argv, int seconds, struct err *err)
{
	CLEANUP(proc_result_free) struct proc_result r;
	char words[WORDS_MAX + 1];
	const char *said;
	size_t n;

	if (program_run(argv, seconds, &r, err) < 0)
		return -1;
	if (r.status == 0)
		return 0;
	said = buf_text(r.err.len ? &r.err : &r.out);
	n = strlen(said);
	snprintf(words, sizeof(words), "%s", n > WORDS_MAX ? said + n - WORDS_MAX : said);
	valid_clean(words);
	return err_set(err, ERR_SYSTEM, "%s failed: %s", argv[0], words);
}
