/*
 * mask.h: takes a store's passwords out of text that a program of the store
 * wrote. A PHP stack trace shows the arguments of its functions, and such a log
 * goes into events, audit and answers.
 */
#ifndef CLUSTER_MASK_H
#define CLUSTER_MASK_H

#include "io/json.h"

/*
 * Replaces in place each occurrence in text of a value of the Secret whose key
 * has "password" in its name. secret: the object as the API shows it.
 */
void mask_secret(char *text, const struct json *secret);

#endif
