/*
 * cache.h: answers of one generation of the database, kept by what was asked.
 * When a visible column has changed the generation is another, and all that
 * was kept is dropped. Bounded in entries and bytes; the oldest makes way.
 */
#ifndef API_CACHE_H
#define API_CACHE_H

#include <stdbool.h>

#include "api/answer.h"
#include "io/conf.h"
#include "io/seal.h"
#include "model/health.h"

enum { CACHE_ENTRIES = 64, CACHE_BYTES = 4 * 1024 * 1024, CACHE_BODY = CACHE_BYTES / 8 };

struct cache_entry {
	char key[SEAL_DIGEST];
	char link[ANSWER_LINK];
	int64_t total;
	struct buf body;
};

struct cache {
	char build[SEAL_DIGEST]; /* of program and configuration: answers follow from both */
	char generation[HEALTH_GENERATION];
	struct cache_entry entries[CACHE_ENTRIES];
	int next; /* the oldest entry */
	size_t bytes;
};

void cache_open(struct cache *c, const struct conf *conf);
void cache_drop(struct cache *c);

/* What was asked, as a digest: path and query, on whose behalf, by which build. */
void cache_key(const struct cache *c, const char *path, const char *id, const char *query,
	       const char *view, char ret[SEAL_DIGEST]);
/* The same in all processes of the pool: generation and key, in quotes. */
void cache_etag(const char *generation, const char *key, char ret[ANSWER_ETAG]);
/* Whether a list of tags as in If-None-Match has this one; W/ is no difference here. */
bool cache_same(const char *if_none_match, const char *etag);

/* NULL if there is none; valid until the next call. */
const struct cache_entry *cache_find(struct cache *c, const char *generation, const char *key);
/* Keeps a copy, if there is memory for it. */
void cache_keep(struct cache *c, const char *generation, const char *key, const struct answer *a);

#endif
