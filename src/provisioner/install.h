/*
 * install.h: the step `release`: helm's part of a shop.
 *
 * The newest release record decides what is done (reliability.md 2):
 *
 *	deployed by us, as wanted	nothing, unless its init Job failed or is missing
 *	pending-*			the record is deleted, then looked at again
 *	uninstalling			uninstalled to the end, then looked at again
 *	all else			upgrade --install
 */
#ifndef PROVISIONER_INSTALL_H
#define PROVISIONER_INSTALL_H

#include "provisioner/work.h"

MUST_CHECK int install_release(struct work *w, struct err *err);

#endif
