/*
 * chart.h: what the platform tells the chart of a store, and a digest of all
 * that decides what helm would install.
 */
#ifndef CLUSTER_CHART_H
#define CLUSTER_CHART_H

#include "base/buf.h"
#include "base/names.h"
#include "io/seal.h"

struct chart_store {
	const struct names *names;
	const char *id;
	const char *title; /* any text: it stays a JSON string until it is in the shop */
	const char *plan;
	int port;
	bool https;
};

/* Appends the values as one JSON object. No secret is among them. */
void chart_values(const struct chart_store *store, struct buf *out);

/* Of the chart's files, the operator's values file ("": none) and the values. */
MUST_CHECK int chart_digest(const char *chart, const char *values_file, const char *values,
			    char ret[SEAL_DIGEST], struct err *err);

#endif
