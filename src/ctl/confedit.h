/*
 * confedit.h: single keys of a configuration file (conf.h has its format), changed in
 * its text. Every other line stays as its owner wrote it, comments too.
 */
#ifndef CTL_CONFEDIT_H
#define CTL_CONFEDIT_H

#include <stdbool.h>

#include "base/buf.h"

/* Whether a line sets the key. */
bool confedit_has(const char *text, const char *key);

/*
 * Lets the text set key to value: in the line that sets it (the last one, which counts),
 * else below the comment "#KEY=", else at the end. Whether that changed anything.
 */
bool confedit_set(struct buf *text, const char *key, const char *value);

#endif
