/* tool.c: see tool.h. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/migrate.h"
#include "model/attempt.h"
#include "model/audit.h"
#include "model/drift.h"
#include "model/event.h"
#include "model/health.h"
#include "model/idem.h"
#include "model/job.h"
#include "model/session.h"
#include "model/setup.h"
#include "model/store.h"
#include "model/token.h"

enum { PATHS = 32, PATH_BYTES = 512, TEXT_BYTES = 64 * 1024 };

struct err tool_err;
static char folder[PATH_BYTES / 2];

int
tool_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%.200s/unit.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int
tool_teardown(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
tool_path(const char *name)
{
	static char paths[PATHS][PATH_BYTES];
	static int turn;
	char *path = paths[turn++ % PATHS];

	snprintf(path, PATH_BYTES, *name ? "%s/%s" : "%s", folder, name);
	return path;
}

void
tool_write(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
	assert_int_equal(fclose(out), 0);
}

const char *
tool_read(const char *path)
{
	static char text[TEXT_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

struct db *
tool_db(const char *name)
{
	static const struct db_table *const tables[] = {
		&store_sql, &job_sql,	  &event_sql, &audit_sql,   &drift_sql, &health_sql,
		&user_sql,  &session_sql, &token_sql, &attempt_sql, &setup_sql,
		&idem_sql,  NULL};
	struct db *db;

	OK(db_open(&db, tool_path(name), 2000, E));
	OK(migrate_run(db, E));
	OK(db_prepare(db, tables, E));
	return db;
}

void
tool_store(struct db *db, const char *id, const char *slug)
{
	static const struct store_box none;
	struct store s = {.type = "woocommerce", .plan = "standard", .created_at = 1000};

	snprintf(s.id, sizeof(s.id), "%s", id);
	snprintf(s.name, sizeof(s.name), "Shop %s", slug);
	snprintf(s.slug, sizeof(s.slug), "%s", slug);
	snprintf(s.namespace, sizeof(s.namespace), "store-%s", s.slug);
	snprintf(s.store_url, sizeof(s.store_url), "https://%s.example.org", s.slug);
	snprintf(s.admin_url, sizeof(s.admin_url), "https://%s.example.org/wp-admin/", s.slug);
	snprintf(s.admin_user, sizeof(s.admin_user), "admin");
	OK(store_insert(db, &s, &none, E));
}

int
tool_fork(int (*body)(void *arg), void *arg)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(arg));
	return pid;
}

int
tool_wait(int pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct proc_result
tool_run(const char *script, const struct proc_job *job)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	const struct proc_spec spec = {
		.path = "/bin/sh",
		.argv = argv,
		.death_signal = SIGKILL,
	};
	const struct proc_job plain = {
		.deadline = clock_mono_ms() + TOOL_PATIENCE_MS,
		.grace_ms = TOOL_PATIENCE_MS,
		.stop_fd = -1,
	};
	struct proc_result r;

	OK(proc_run(&spec, job ? job : &plain, &r, E));
	return r;
}

int
tool_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}
