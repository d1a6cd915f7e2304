/*
 * await.h: the steps that wait until the parts of an installed shop are ready,
 * and say meanwhile why one is not.
 */
#ifndef PROVISIONER_AWAIT_H
#define PROVISIONER_AWAIT_H

#include "provisioner/work.h"

MUST_CHECK int await_database(struct work *w, struct err *err);
MUST_CHECK int await_wordpress(struct work *w, struct err *err);
MUST_CHECK int await_woocommerce(struct work *w, struct err *err);
MUST_CHECK int await_storefront(struct work *w, struct err *err);

#endif
