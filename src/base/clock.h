/*
 * clock.h: two clocks that are never mixed. The wall clock (milliseconds since
 * 1970, UTC) is for rows and people; deadlines and naps use the monotonic one,
 * so that a jump of the wall clock neither ends nor prolongs anything.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT = 32 };

int64_t clock_wall_ms(void);

/* CLOCK_BOOTTIME, which all processes of one boot share and a suspend counts in. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void); /* the same, to measure by */

/* "2026-11-23T17:04:05.123Z" into out; returns out. */
const char *clock_rfc3339(int64_t wall_ms, char out[CLOCK_TEXT]);

/* The time of such a text, with or without milliseconds; false leaves *ret alone. */
bool clock_parse(const char *text, int64_t *ret);

/* What poll(2) wants: milliseconds until a monotonic deadline, 0 when it has passed. */
int clock_until(int64_t mono_deadline);

#endif
