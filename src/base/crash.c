/* crash.c: see crash.h. */
#include "base/crash.h"

#ifdef ENABLE_CRASH_POINTS
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
stop_point(const char *label)
{
	const char *folder = getenv("STORE_STOP_IN");
	char path[PATH_MAX];

	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, label);
	if (unlink(path) == 0)
		raise(SIGSTOP);
}

void
crash_point(const char *label)
{
	const char *spec = getenv("STORE_CRASH_AT");
	size_t n = strlen(label);

	stop_point(label);
	if (!spec || strncmp(spec, label, n) != 0 || spec[n] != '=')
		return;
	if (unlink(spec + n + 1) == 0)
		raise(SIGKILL);
}
#endif
