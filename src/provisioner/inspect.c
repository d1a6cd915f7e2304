/* inspect.c: see inspect.h. */
#include "provisioner/inspect.h"

#include <stdio.h>

#include "cluster/chart.h"
#include "cluster/helm.h"
#include "cluster/kube.h"
#include "model/health.h"
#include "provisioner/work.h"

struct finding {
	bool ok;
	bool stopped; /* we were told to end: nothing was found out */
	char sentence[ERR_TEXT_MAX];
};

/* Asks for something that needs a right, so that a refused credential shows. */
static int
ask_cluster(const struct conf *conf, int stop_fd, int64_t deadline, char version[KUBE_VERSION],
	    struct err *err)
{
	CLEANUP(kube_closep) struct kube *kube = NULL;
	CLEANUP(json_freep) struct json *namespaces = NULL;

	if (kube_open(&kube, conf->kubeconfig, stop_fd, err) < 0)
		return -1;
	kube_deadline(kube, deadline);
	if (kube_version(kube, version, err) < 0)
		return -1;
	return kube_list_meta(kube, &namespaces, err, "/api/v1/namespaces?limit=1") < 0 ? -1 : 0;
}

static void
look_at_cluster(const struct conf *conf, int stop_fd, int64_t deadline, struct finding *f)
{
	struct err err = ERR_INIT;
	char version[KUBE_VERSION] = "";

	f->ok = ask_cluster(conf, stop_fd, deadline, version, &err) == 0;
	f->stopped = err.code == ERR_STOPPED;
	if (f->ok)
		snprintf(f->sentence, sizeof(f->sentence), "Kubernetes %s answers.", version);
	else
		snprintf(f->sentence, sizeof(f->sentence), "%.*s.", ERR_TEXT_MAX - 2, err.text);
}

static void
look_at_helm(const struct conf *conf, int stop_fd, int64_t deadline, struct finding *f)
{
	char home[CONF_TEXT + 16], version[HELM_VERSION], digest[SEAL_DIGEST];
	struct helm helm = work_helm(conf, home, sizeof(home));
	struct err err = ERR_INIT;

	helm.deadline = deadline;
	helm.stop_fd = stop_fd;
	/* The chart is part of it: without one each job would only find that out by itself. */
	f->ok = helm_version(&helm, version, &err) == 0 &&
		chart_digest(conf->helm_chart_path, conf->helm_values_file, "", digest, &err) == 0;
	f->stopped = err.code == ERR_STOPPED;
	if (f->ok)
		snprintf(f->sentence, sizeof(f->sentence), "helm %s is there.", version);
	else
		snprintf(f->sentence, sizeof(f->sentence), "%s", err.text);
}

int
inspect_run(const struct conf *conf, struct db *db, int stop_fd, int64_t deadline, struct err *err)
{
	struct finding found[HEALTH_COMPONENTS];

	look_at_cluster(conf, stop_fd, deadline, &found[HEALTH_CLUSTER]);
	look_at_helm(conf, stop_fd, deadline, &found[HEALTH_HELM]);
	if (found[HEALTH_CLUSTER].stopped || found[HEALTH_HELM].stopped)
		return err_set(err, ERR_STOPPED, "the inspection was told to stop");
	if (db_begin(db, err) < 0)
		return -1;
	for (int i = 0; i < HEALTH_COMPONENTS; i++)
		if (health_set(db, (enum health_component)i, found[i].ok, found[i].sentence, err) <
		    0) {
			db_rollback(db);
			return -1;
		}
	return db_commit(db, err);
}
