/* confedit.c: see confedit.h. */
#include "ctl/confedit.h"

#include <string.h>

/* Whether the line at s sets the key, as conf.c reads it. */
static bool
sets(const char *s, const char *key)
{
	size_t n = strlen(key);

	s += strspn(s, " \t");
	return strncmp(s, key, n) == 0 && s[n + strspn(s + n, " \t")] == '=';
}

/* The first line from at on that does (comment: as a comment), or with last the last; NULL. */
static const char *
find(const char *text, const char *key, bool comment)
{
	const char *hit = NULL;

	for (const char *line = text; *line;) {
		const char *end = strchr(line, '\n');

		if (comment ? *line == '#' && sets(line + 1, key) : sets(line, key))
			hit = line;
		line = end ? end + 1 : line + strlen(line);
	}
	return hit;
}

static const char *
line_end(const char *line)
{
	return line + strcspn(line, "\n");
}

bool
confedit_has(const char *text, const char *key)
{
	return find(text, key, false) != NULL;
}

bool
confedit_set(struct buf *text, const char *key, const char *value)
{
	const char *old = buf_text(text), *line = find(old, key, false);
	const char *comment = line ? NULL : find(old, key, true);
	size_t before = line	  ? (size_t)(line - old)
			: comment ? (size_t)(line_end(comment) - old)
				  : strlen(old);
	const char *after = line ? line_end(line) : old + before;
	struct buf made = {.max = text->max};
	bool changed;

	buf_add(&made, old, before);
	if (!line && before > 0 && old[before - 1] != '\n')
		buf_str(&made, "\n");
	buf_printf(&made, "%s=%s", key, value);
	if (*after != '\n')
		buf_str(&made, "\n");
	buf_str(&made, after);
	changed = made.failed || strcmp(buf_text(&made), old) != 0;
	made.failed = made.failed || text->failed;
	buf_free(text);
	*text = made;
	return changed;
}
