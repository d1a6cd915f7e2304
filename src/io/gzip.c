/* gzip.c: see gzip.h. */
#include "io/gzip.h"

#include <limits.h>
#include <zlib.h>

enum { PIECE = 16 * 1024, GZIP_ONLY = 16 };

static bool
unpack(z_stream *z, struct buf *out)
{
	unsigned char piece[PIECE];
	int r;

	do {
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		r = inflate(z, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END)
			return false;
		buf_add(out, piece, sizeof(piece) - z->avail_out);
	} while (r == Z_OK && !out->failed);
	return r == Z_STREAM_END && z->avail_in == 0 && !out->failed;
}

bool
gzip_unpack(const void *data, size_t len, struct buf *out)
{
	z_stream z = {.next_in = (z_const Bytef *)data, .avail_in = (uInt)len};
	bool whole;

	if (len > UINT_MAX || inflateInit2(&z, MAX_WBITS + GZIP_ONLY) != Z_OK)
		return false;
	whole = unpack(&z, out);
	inflateEnd(&z);
	return whole;
}
