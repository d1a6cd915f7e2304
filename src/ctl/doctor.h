/*
 * doctor.h: `storectl doctor`: whether everything that the platform stands on is as it
 * has to be, one line a check, any time, changing nothing. doctor.c has the table of
 * checks; those of the machine, of the cluster and of the platform have a file each.
 */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include <stdbool.h>

#include "cluster/kube.h"
#include "ctl/command.h"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_SKIP, DOCTOR_STATES };

struct doctor {
	const struct conf *conf;
	const struct err *conf_fault; /* ERR_NONE: the configuration is valid */
	const char *root;	      /* see paths.h */
	bool set_up;		      /* false: storectl setup has still to be run */
	struct kube *kube;	      /* with the stored credential; NULL: it does not answer */
	struct json *values, *chart;  /* the operator's values and the chart's; NULL: none */
	char said[ERR_TEXT_MAX];      /* what a check found, one sentence */
};

int doctor_run(const struct command_call *call, struct err *err);

/* All checks, a line each; 1 if one failed, 0, -1. */
MUST_CHECK int doctor_report(const struct conf *conf, const struct err *conf_fault,
			     const char *root, bool as_json, struct err *err);

/* A check's return: it says what it found. */
PRINTF(3, 4) enum doctor_state doctor_say(struct doctor *d, enum doctor_state state,
					  const char *fmt, ...);

/* The checks, in the order of the table. */
enum doctor_state doctor_configuration(struct doctor *d);
enum doctor_state doctor_folders(struct doctor *d);
enum doctor_state doctor_credential(struct doctor *d);
enum doctor_state doctor_memory(struct doctor *d);
enum doctor_state doctor_disk(struct doctor *d);
enum doctor_state doctor_clock(struct doctor *d);
enum doctor_state doctor_database(struct doctor *d);
enum doctor_state doctor_keys(struct doctor *d);
enum doctor_state doctor_helm(struct doctor *d);
enum doctor_state doctor_cluster(struct doctor *d);
enum doctor_state doctor_rights(struct doctor *d);
enum doctor_state doctor_ingress(struct doctor *d);
enum doctor_state doctor_storage(struct doctor *d);
enum doctor_state doctor_certificates(struct doctor *d);
enum doctor_state doctor_dns(struct doctor *d);
enum doctor_state doctor_nginx(struct doctor *d);
enum doctor_state doctor_dashboard(struct doctor *d);
enum doctor_state doctor_sockets(struct doctor *d);
enum doctor_state doctor_provisioner(struct doctor *d);

#endif
