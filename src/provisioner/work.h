/*
 * work.h: what the steps of a job have in their hands, and what they share.
 *
 * A step is a function that makes one part of the store be as it should, or
 * sees that it is: it looks at the cluster first, so that it may run again at
 * any time. It returns 0, or -1 with the reason; the class of the reason's code
 * decides about another attempt.
 */
#ifndef PROVISIONER_WORK_H
#define PROVISIONER_WORK_H

#include "cluster/chart.h"
#include "cluster/diagnose.h"
#include "cluster/helm.h"
#include "cluster/kube.h"
#include "io/conf.h"
#include "io/seal.h"
#include "model/job.h"
#include "model/store.h"

struct work {
	const struct conf *conf;
	struct db *db;
	struct kube *kube;
	struct helm helm;
	struct seal_key key;
	char platform[SEAL_ID];
	struct job job;
	struct store store; /* its reason is kept as it is told */
	struct names names; /* made of the slug, not of the row's other columns */
	int stop_fd;
	int64_t deadline;     /* monotonic: of the step, never after that of the attempt */
	int64_t attempt_deadline;
	int64_t started_wall; /* of this attempt */
	struct chart_kept kept; /* of a shop that was taken over */
	bool has_kept;
	bool granted; /* its Secrets are open to us; they are closed again when it goes */
	bool lax; /* its namespace does not enforce Pod Security yet */
};

/* A step, and how much of PROVISION_TIMEOUT it may take, in percent. */
struct work_step {
	int (*run)(struct work *w, struct err *err);
	int share;
};

/* The table of a kind's steps, in the order of model/progress. */
extern const struct work_step provision_steps[];
extern const struct work_step delete_steps[];

/*
 * Naps before the next look at the cluster: 50 ms at first, then an eighth
 * longer each time, up to 2 s, so that no wait ends much later than it must.
 * -1 if the job is told to stop or its deadline has come.
 */
MUST_CHECK int work_nap(struct work *w, int *ms, struct err *err);

/* Writes a line into the store's timeline without ending the step. */
MUST_CHECK int work_note(struct work *w, const char *step, const char *message, struct err *err);

/* Says on the store, in its timeline and in the audit why it is stuck, unless it was said last. */
MUST_CHECK int work_report(struct work *w, const char *step, const struct cause *cause,
			   struct err *err);
/* It is stuck no more: the store shows no reason then. */
MUST_CHECK int work_report_end(struct work *w, const char *step, struct err *err);

/* Has the store's Secrets opened to us: its namespace is there, and ours. */
MUST_CHECK int work_grant(struct work *w, struct err *err);

/* A right that was granted is refused: where the namespace is going, err says that instead. */
void work_explain(struct work *w, struct err *err);

/* helm as the configuration has it; home gets the path of its folder and has to live as long. */
struct helm work_helm(const struct conf *conf, char *home, size_t size);

/* Whether the namespace object is this store's. */
bool work_owns(const struct work *w, const struct json *namespace);

#endif
