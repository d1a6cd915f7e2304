/*
 * chart.h: what the platform tells the chart of a store, and a digest of all
 * that decides what helm would install.
 */
#ifndef CLUSTER_CHART_H
#define CLUSTER_CHART_H

#include "base/buf.h"
#include "base/names.h"
#include "io/json.h"
#include "io/seal.h"

/* Of a shop that was here before the platform: what its data does not let the chart choose. */
enum { CHART_CLAIMS = 2, CHART_QUANTITY = 32, CHART_CLASS = 254 };
struct chart_kept {
	struct {
		char storage[CHART_QUANTITY];
		char class[CHART_CLASS]; /* "": it has none */
	} claims[CHART_CLAIMS]; /* of database and WordPress */
	int user;		/* whose the database's files are */
};

/* Database and WordPress, as the values call them. */
extern const char *const chart_parts[CHART_CLAIMS];

struct chart_store {
	const struct names *names;
	const char *id;
	const char *title; /* any text: it stays a JSON string until it is in the shop */
	const char *plan;
	int port;
	bool https;
	const struct chart_kept *kept; /* NULL: the chart chooses */
};

/* Appends the values as one JSON object. No secret is among them. */
void chart_values(const struct chart_store *store, struct buf *out);

/* What is kept as values, and back from them: false if they are none that can be kept. */
struct json *chart_write_kept(const struct chart_kept *kept);
bool chart_read_kept(const struct json *values, struct chart_kept *ret);

/* Of the chart's files, the operator's values file ("": none) and the values. */
MUST_CHECK int chart_digest(const char *chart, const char *values_file, const char *values,
			    char ret[SEAL_DIGEST], struct err *err);

#endif
