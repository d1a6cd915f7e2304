/*
 * test_fuzz.c: replays the kept corpus of a fuzzer's target (t/fuzz), and what
 * becomes of it when bytes are changed, taken out, put in and doubled. The
 * mutations are the same in every run. Built once for each target.
 */
#include "tool.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "../fuzz/fuzz.h"
#include "io/seal.h"

enum { INPUT = 4096 };

static void
give(const char *data, size_t len)
{
	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
}

/* xorshift: the same numbers in every run. */
static uint32_t
dice(uint32_t sides)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % sides;
}

/* Changes data a little, and keeps its first byte. */
static size_t
mutate(char *data, size_t len)
{
	static const char *const words[] = {"\xff\xff",
					    "%00",
					    "\\u0000",
					    "\"",
					    "{",
					    "}",
					    "[",
					    ",",
					    "&",
					    "=",
					    "9223372036854775808",
					    "-1",
					    "../",
					    "%2f",
					    "\xc3",
					    "\xed\xa0\x80"};
	size_t at = 1 + dice((uint32_t)len), more;
	const char *word;

	if (at >= len)
		at = len - 1 ? len - 1 : 1;
	switch (dice(4)) {
	case 0:
		if (at < len)
			data[at] = (char)dice(256);
		return len;
	case 1: /* take out */
		more = 1 + dice(8);
		if (at + more >= len)
			return at;
		memmove(data + at, data + at + more, len - at - more);
		return len - more;
	case 2: /* put in */
		word = words[dice(ARRAY_SIZE(words))];
		more = strlen(word);
		if (len + more >= INPUT)
			return len;
		memmove(data + at + more, data + at, len - at);
		memcpy(data + at, word, more);
		return len + more;
	default: /* double the end */
		more = len - at;
		if (len + more >= INPUT)
			return len;
		memcpy(data + len, data + at, more);
		return len + more;
	}
}

static size_t
read_input(const char *folder, const char *name, char data[INPUT])
{
	char path[1024];
	size_t len;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "re");
	assert_non_null(in);
	len = fread(data, 1, INPUT, in);
	fclose(in);
	return len;
}

static void
replays_the_corpus(void **state)
{
	const char *srcdir = getenv("srcdir");
	char folder[512], data[INPUT];
	int files = 0;
	DIR *dir;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/t/fixtures/" CORPUS, srcdir ? srcdir : "../..");
	dir = opendir(folder);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		size_t whole, len;

		if (e->d_name[0] == '.')
			continue;
		files++;
		whole = read_input(folder, e->d_name, data);
		give(data, whole);
		len = whole;
		for (int i = 0; i < CORPUS_ROUNDS; i++) {
			if (i % 16 ==
			    0) /* begin again: what has changed too much is nothing any more */
				len = read_input(folder, e->d_name, data);
			len = mutate(data, len);
			give(data, len);
		}
	}
	closedir(dir);
	assert_true(files >= CORPUS_FILES);
}

int
main(void)
{
	const struct CMUnitTest fuzz[] = {
		cmocka_unit_test(replays_the_corpus),
	};

	return seal_init(E) < 0 ? 1 : TOOL_RUN(fuzz);
}
