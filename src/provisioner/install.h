/*
 * install.h: the step `release`: helm's part of a shop. recovery.h says what
 * the newest release record leads to. One that is deployed as wanted is left
 * alone, unless its workloads are missing or its init Job has failed.
 */
#ifndef PROVISIONER_INSTALL_H
#define PROVISIONER_INSTALL_H

#include "provisioner/work.h"

MUST_CHECK int install_release(struct work *w, struct err *err);

#endif
