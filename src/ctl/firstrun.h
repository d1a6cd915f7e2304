/*
 * firstrun.h: `storectl setup`: from an installed package and a cluster to a platform
 * that runs. It may be run again at any time: what is there stays, but for what is
 * asked for. firstrun.c has the table of its steps; those of the cluster, of the
 * configuration and of nginx have a file each.
 */
#ifndef CTL_FIRSTRUN_H
#define CTL_FIRSTRUN_H

#include <stdbool.h>

#include "cluster/kube.h"
#include "ctl/command.h"
#include "ctl/site.h"

struct firstrun {
	const struct command_call *call;
	const char *root;		/* see paths.h */
	const char *kubeconfig;		/* the administrator's */
	bool questions;			/* somebody sits at the terminal */
	char conf_path[PATHS_MAX];
	struct conf conf;		/* as the file has it, read again when it was written */
	struct buf conf_text;
	struct kube *kube;		/* with the administrator's credential */
	bool traefik;			/* the cluster is a k3s as it is installed */
	bool web_taken;			/* a service of the cluster has 80 or 443 */
	bool has_certificates;		/* cert-manager is there */
	struct site site;
};

int firstrun_run(const struct command_call *call, struct err *err);

/* One line of what was done, for the operator. */
PRINTF(1, 2) void firstrun_say(const char *fmt, ...);

/*
 * One answer at the terminal into ret, fallback ("" for none) for an empty one. Without
 * a terminal it is the fallback. ERR_BAD_REQUEST if there is none: `option` gives it.
 */
MUST_CHECK int firstrun_ask(const struct firstrun *f, const char *question, const char *option,
			    const char *fallback, char *ret, size_t size, struct err *err);

/* The steps, in the order of the table; each leaves alone what is as it has to be. */
int firstrun_look(struct firstrun *f, struct err *err);
int firstrun_plan_site(struct firstrun *f, struct err *err);
int firstrun_issuer(struct firstrun *f, struct err *err);
int firstrun_account(struct firstrun *f, struct err *err);
int firstrun_configure(struct firstrun *f, struct err *err);
int firstrun_certificate(struct firstrun *f, struct err *err);
int firstrun_site(struct firstrun *f, struct err *err);
int firstrun_start(struct firstrun *f, struct err *err);
int firstrun_admin(struct firstrun *f, struct err *err);

#endif
