/* fault.c: see fault.h. It calls no function of libc that it replaces. */
#undef _FORTIFY_SOURCE
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RULES = 8, TEXT = 1024, NAME = 128 };

struct rule {
	char call[16], path[NAME];
	int number; /* errno */
	long after, count, seen;
};

static struct rule rules[RULES];
static int nrules;
static long hits;
static bool armed; /* by fault_arm(): the file is not looked at */
static char last[TEXT];
static const char *file;

static const struct {
	const char *word;
	int number;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},	      {"EINTR", EINTR},	  {"EROFS", EROFS},
	      {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}, {"EDQUOT", EDQUOT}, {"EMFILE", EMFILE},
	      {"KILL", 0}};

static void
parse(const char *text)
{
	nrules = 0;
	hits = 0;
	while (*text && nrules < RULES) {
		struct rule *r = &rules[nrules];
		char word[16] = "";

		memset(r, 0, sizeof(*r));
		if (sscanf(text, "%15s %15s %ld %ld %127[^\n]", r->call, word, &r->after, &r->count,
			   r->path) >= 4)
			for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
				if (strcmp(errors[i].word, word) == 0) {
					r->number = errors[i].number;
					nrules++;
					break;
				}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

void
fault_arm(const char *text)
{
	long before = hits;

	armed = true;
	parse(text);
	if (nrules == 0)
		hits = before; /* of the rules that end */
}

long
fault_hits(void)
{
	return hits;
}

__attribute__((constructor)) static void
find_file(void)
{
	file = getenv("STORE_FAULTS");
}

/* Reads the file anew; an unchanged one keeps its counts. */
static void
look(void)
{
	char now[TEXT] = "";
	long fd;

	if (armed || !file)
		return;
	fd = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		syscall(SYS_read, fd, now, sizeof(now) - 1);
		syscall(SYS_close, fd);
	}
	if (strcmp(now, last) != 0) {
		memcpy(last, now, sizeof(last));
		parse(now);
	}
}

/* Whether this call has to fail: then errno is set. With sanitizers nobody asks. */
__attribute__((unused)) static bool
fails(const char *call, const char *path, int fd)
{
	char at[NAME * 2] = "", link[64];
	int saved = errno;

	if (*call != 'm')
		look();
	for (int i = 0; i < nrules; i++) {
		struct rule *r = &rules[i];

		if (strcmp(r->call, call) != 0)
			continue;
		if (*r->path && !path && fd >= 0 && !*at) {
			snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			if (syscall(SYS_readlink, link, at, sizeof(at) - 1) < 0)
				continue;
		}
		if (*r->path && !strstr(path ? path : at, r->path))
			continue;
		if (r->seen++ < r->after || (r->count && r->seen > r->after + r->count))
			continue;
		hits++;
		if (r->number == 0)
			raise(SIGKILL);
		errno = r->number;
		return true;
	}
	errno = saved;
	return false;
}

#ifndef __SANITIZE_ADDRESS__
#define NEXT(type, name, ...)                                                                      \
	static type (*next)(__VA_ARGS__);                                                          \
	if (!next)                                                                                 \
	*(void **)&next = dlsym(RTLD_NEXT, name)

#define OPEN(name)                                                                                 \
	int name(const char *path, int flags, ...);                                                \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
		NEXT(int, #name, const char *, int, ...);                                          \
		va_start(ap, flags);                                                               \
		mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;                     \
		va_end(ap);                                                                        \
		return fails("open", path, -1) ? -1 : next(path, flags, mode);                     \
	}
OPEN(open)
OPEN(open64)

/* A call on a descriptor: what it is called in rules, its type, name and arguments. */
#define ON_FD(call, type, name, parameters, arguments)                                             \
	type name parameters;                                                                      \
	type name parameters                                                                       \
	{                                                                                          \
		static type(*next) parameters;                                                     \
		if (!next)                                                                         \
			*(void **)&next = dlsym(RTLD_NEXT, #name);                                 \
		return fails(call, NULL, fd) ? -1 : next arguments;                                \
	}
ON_FD("read", ssize_t, read, (int fd, void *data, size_t len), (fd, data, len))
ON_FD("read", ssize_t, pread, (int fd, void *data, size_t len, off_t at), (fd, data, len, at))
ON_FD("read", ssize_t, pread64, (int fd, void *data, size_t len, off64_t at), (fd, data, len, at))
ON_FD("write", ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
ON_FD("write", ssize_t, pwrite, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
ON_FD("write", ssize_t, pwrite64, (int fd, const void *data, size_t len, off64_t at),
      (fd, data, len, at))
ON_FD("sync", int, fsync, (int fd), (fd))
ON_FD("sync", int, fdatasync, (int fd), (fd))
ON_FD("truncate", int, ftruncate, (int fd, off_t len), (fd, len))
ON_FD("truncate", int, ftruncate64, (int fd, off64_t len), (fd, len))

int
poll(struct pollfd *fds, nfds_t count, int timeout)
{
	NEXT(int, "poll", struct pollfd *, nfds_t, int);
	return fails("poll", "", -1) ? -1 : next(fds, count, timeout);
}

pid_t
waitpid(pid_t pid, int *status, int flags)
{
	NEXT(pid_t, "waitpid", pid_t, int *, int);
	return fails("wait", "", -1) ? -1 : next(pid, status, flags);
}

pid_t
fork(void)
{
	NEXT(pid_t, "fork", void);
	return fails("fork", "", -1) ? -1 : next();
}

/* Whether an allocation by the code at caller has to fail. */
static bool
starves(const void *caller)
{
	Dl_info where;

	for (int i = 0; i < nrules; i++)
		if (*rules[i].call == 'm')
			return dladdr(caller, &where) && where.dli_fname &&
			       fails("malloc", where.dli_fname, -1);
	return false;
}

/* glibc's own names: dlsym() itself allocates. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *
malloc(size_t size)
{
	return starves(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return starves(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return starves(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
#endif
