/*
 * recovery.h: what a job does about the release that it finds, by the status of
 * the newest record. A pure table: the caller holds the store's lock, so that
 * no helm is at work, and looks again after every action but the last.
 */
#ifndef PROVISIONER_RECOVERY_H
#define PROVISIONER_RECOVERY_H

#include "cluster/release.h"
#include "model/jobrow.h"

enum recovery {
	RECOVERY_INSTALL,   /* upgrade --install */
	RECOVERY_COMPARE,   /* nothing if it is what is wanted, else upgrade --install */
	RECOVERY_FORGET,    /* delete the record, which only stands in the way; look again */
	RECOVERY_UNINSTALL, /* uninstall --no-hooks, then look again */
	RECOVERY_PASS,	    /* no helm: what there may be goes with the namespace */
	RECOVERY_STOP,	    /* helm could only make it worse: a person has to look */
	RECOVERIES
};

enum recovery recovery_of(enum release_status status, enum job_kind kind);

#endif
