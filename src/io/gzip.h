/*
 * gzip.h: the only door to zlib: unpacks what helm has packed.
 */
#ifndef IO_GZIP_H
#define IO_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Appends what data holds to out, up to out's max. False if it is not one whole
 * gzip stream (its checksum counts), or more than out takes.
 */
bool gzip_unpack(const void *data, size_t len, struct buf *out);

#endif
