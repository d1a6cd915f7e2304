/*
 * cause.h: why a part of a store does not get ready, as one sentence with what
 * to do next: pure rules over what the cluster shows. They are a table in the
 * order of their weight, and the first that applies is the answer. A cause that
 * no row knows is told in the cluster's own words, never left out.
 */
#ifndef CLUSTER_CAUSE_H
#define CLUSTER_CAUSE_H

#include "base/err.h"
#include "io/json.h"

/* A cause that may last as long as the attempt does. */
enum { CAUSE_PATIENT = 1 << 20 };

/* Most bytes of the cluster's words in a sentence. */
enum { CAUSE_QUOTE = 280 };

struct cause {
	const char *word; /* the row's name; "" while nothing is known to be wrong */
	int grace;	  /* seconds that it has to last before it is told */
	int patience;	  /* seconds that it may last before the attempt is given up */
	char sentence[ERR_TEXT_MAX];
};

/* What the rules look at. Trees may be NULL. */
struct evidence {
	const char *part;	     /* for the sentence: "database" */
	const struct json *workload; /* StatefulSet, Deployment or Job */
	const struct json *pods;     /* array: the workload's pods, newest first */
	const struct json *events;   /* array: warnings about them and the claims, oldest first */
	const struct json *claims;   /* array: the namespace's PersistentVolumeClaims */
	const char *log;	     /* last lines of cause_log()'s container; "" */
};

struct cause cause_find(const struct evidence *e);

/* The container whose last lines tell more, if one crashed or failed. Lent by the evidence. */
struct cause_log {
	const char *pod;
	const char *container;
	bool previous; /* the log of the run before this one */
};
bool cause_log(const struct evidence *e, struct cause_log *ret);

#endif
