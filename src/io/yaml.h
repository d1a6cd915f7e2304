/*
 * yaml.h: the only door to libyaml. A document becomes a tree of json.h with
 * every scalar as text, which is all that a kubeconfig needs.
 */
#ifndef IO_YAML_H
#define IO_YAML_H

#include "io/json.h"

/* Reads the one document of a file of at most 1 MiB. Aliases are refused. */
MUST_CHECK int yaml_read(struct json **ret, const char *path, struct err *err);

#endif
