/* clock.c: see clock.h. */
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
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

/* A digit where the form has one, and else the same. */
static bool
of_form(const char *text, const char *form)
{
	for (; *form; text++, form++)
		if (*form == '0' ? !strchr("0123456789", *text) || !*text : *text != *form)
			return false;
	return !*text;
}

bool
clock_parse(const char *text, int64_t *ret)
{
	static const char form[] = "0000-00-00T00:00:00.000Z", brief[] = "0000-00-00T00:00:00Z";
	struct tm tm = {.tm_mday = 1}, again;
	time_t secs;
	int ms = 0;

	if (!of_form(text, form) && !of_form(text, brief))
		return false;
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) < 6)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	again = tm;
	secs = timegm(&again);
	/* 31 February would be a day of March. */
	if (secs < 0 || again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday ||
	    again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return false;
	*ret = (int64_t)secs * 1000 + ms;
	return true;
}

int
clock_until(int64_t mono_deadline)
{
	int64_t left = mono_deadline - clock_mono_ms();

	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}
