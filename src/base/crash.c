/* crash.c: see crash.h. */
#include "base/crash.h"

#ifdef ENABLE_CRASH_POINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
crash_point(const char *label)
{
	const char *spec = getenv("STORE_CRASH_AT");
	size_t n = strlen(label);

	if (!spec || strncmp(spec, label, n) != 0 || spec[n] != '=')
		return;
	if (unlink(spec + n + 1) == 0)
		raise(SIGKILL);
}
#endif
