/* clock.c: see clock.h. */
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_mono_ms(void)
{
	return read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

const char *
clock_rfc3339(int64_t wall_ms, char out[CLOCK_TEXT])
{
	time_t secs = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&secs, &tm))
		tm = (struct tm){.tm_year = 70, .tm_mday = 1};
	snprintf(out, CLOCK_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		 (unsigned)(tm.tm_year + 1900) % 10000U, (unsigned)(tm.tm_mon + 1) % 100U,
		 (unsigned)tm.tm_mday % 100U, (unsigned)tm.tm_hour % 100U,
		 (unsigned)tm.tm_min % 100U, (unsigned)tm.tm_sec % 100U,
		 (unsigned)(wall_ms % 1000) % 1000U);
	return out;
}

int
clock_until(int64_t mono_deadline)
{
	int64_t left = mono_deadline - clock_mono_ms();

	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
