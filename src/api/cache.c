/* cache.c: see cache.h. */
#include "api/cache.h"

#include <stdio.h>
#include <string.h>

void
cache_open(struct cache *c, const struct conf *conf)
{
	const void *parts[] = {STORE_VERSION, conf};
	size_t lens[] = {strlen(STORE_VERSION), sizeof(*conf)};

	*c = (struct cache){.next = 0};
	seal_digest(c->build, parts, lens, ARRAY_SIZE(parts));
}

static void
remove_entry(struct cache *c, int i)
{
	c->bytes -= c->entries[i].body.len;
	buf_free(&c->entries[i].body);
	c->entries[i].key[0] = '\0';
}

void
cache_drop(struct cache *c)
{
	for (int i = 0; i < CACHE_ENTRIES; i++)
		remove_entry(c, i);
	c->next = 0;
}

void
cache_key(const struct cache *c, const char *path, const char *id, const char *query,
	  const char *view, char ret[SEAL_DIGEST])
{
	const void *parts[] = {path, id, query, view, c->build};
	size_t lens[ARRAY_SIZE(parts)];

	/* With the NUL of each, so that no two lists of texts read the same. */
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		lens[i] = strlen(parts[i]) + 1;
	seal_digest(ret, parts, lens, ARRAY_SIZE(parts));
}

void
cache_etag(const char *generation, const char *key, char ret[ANSWER_ETAG])
{
	snprintf(ret, ANSWER_ETAG, "\"%s-%.16s\"", generation, key);
}

bool
cache_same(const char *list, const char *etag)
{
	size_t len = strlen(etag);

	while (*list) {
		list += strspn(list, " \t,");
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		if (*list == '*')
			return true;
		if (strncmp(list, etag, len) == 0 && strchr(" \t,", list[len]))
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static void
follow(struct cache *c, const char *generation)
{
	if (strcmp(c->generation, generation) == 0)
		return;
	cache_drop(c);
	snprintf(c->generation, sizeof(c->generation), "%s", generation);
}

const struct cache_entry *
cache_find(struct cache *c, const char *generation, const char *key)
{
	follow(c, generation);
	for (int i = 0; i < CACHE_ENTRIES; i++)
		if (strcmp(c->entries[i].key, key) == 0)
			return &c->entries[i];
	return NULL;
}

void
cache_keep(struct cache *c, const char *generation, const char *key, const struct answer *a)
{
	struct cache_entry *entry;
	struct buf copy = BUF_INIT;

	follow(c, generation);
	if (a->body.len > CACHE_BODY)
		return;
	buf_add(&copy, a->body.data, a->body.len);
	if (copy.failed) {
		buf_free(&copy);
		return;
	}
	for (int i = 0; i < CACHE_ENTRIES && c->bytes + copy.len > CACHE_BYTES; i++)
		remove_entry(c, (c->next + i) % CACHE_ENTRIES);
	remove_entry(c, c->next);
	entry = &c->entries[c->next];
	snprintf(entry->key, sizeof(entry->key), "%s", key);
	memcpy(entry->link, a->link, sizeof(entry->link));
	entry->total = a->total;
	entry->body = copy;
	c->bytes += copy.len;
	c->next = (c->next + 1) % CACHE_ENTRIES;
}
