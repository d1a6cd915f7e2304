/* quota.c: see quota.h. */
#include "cluster/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *suffix;
	double factor;
} units[] = {
	{"", 1},     {"m", 1e-3}, {"k", 1e3},	    {"M", 1e6},		  {"G", 1e9},
	{"T", 1e12}, {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40},
};

/* What the quota calls a resource, what we do, and thousandths of the one in the other. */
static const struct {
	const char *key, *name;
	int64_t thousandths;
} resources[] = {
	{"pods", "pods", 1000},
	{"limits.memory", "memory_bytes", 1000},
	{"limits.cpu", "cpu_millicores", 1},
};

int64_t
quota_thousandths(const char *quantity)
{
	size_t digits = strspn(quantity, "0123456789.");
	char *end;
	double number;

	/* strtod() alone would also take "inf", "0x1p3" and blanks. */
	if (digits == 0 || quantity[digits] == 'x' || quantity[digits] == 'X')
		return -1;
	number = strtod(quantity, &end);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(end, units[i].suffix) == 0) {
			number *= units[i].factor * 1000;
			if (number >= 0x1p62)
				return -1;
			return (int64_t)number + ((double)(int64_t)number < number);
		}
	return -1;
}

void
quota_text(const struct json *object, char ret[QUOTA_TEXT])
{
	int len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		const char *key = resources[i].key;
		int64_t used = quota_thousandths(json_text(json_at(object, "status", "used", key)));
		int64_t hard = quota_thousandths(json_text(json_at(object, "status", "hard", key)));

		if (used < 0 || hard < 0) {
			ret[0] = '\0';
			return;
		}
		len += snprintf(ret + len, QUOTA_TEXT - (size_t)len,
				"%c\"%s\":{\"used\":%lld,\"limit\":%lld}", i ? ',' : '{',
				resources[i].name, (long long)(used / resources[i].thousandths),
				(long long)(hard / resources[i].thousandths));
	}
	snprintf(ret + len, QUOTA_TEXT - (size_t)len, "}");
}
