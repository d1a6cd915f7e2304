/* mask.c: see mask.h. */
#include "cluster/mask.h"

#include <string.h>

#include "io/seal.h"

#define STARS "***"

enum { VALUE_MAX = 512, VALUE_MIN = sizeof(STARS) }; /* what is shorter is no password */

static void
replace(char *text, const char *value, size_t len)
{
	while ((text = strstr(text, value))) {
		memcpy(text, STARS, strlen(STARS));
		text += strlen(STARS);
		memmove(text, text + len - strlen(STARS), strlen(text + len - strlen(STARS)) + 1);
	}
}

void
mask_secret(char *text, const struct json *secret)
{
	struct json *data = json_at(secret, "data");
	const char *key;

	for (size_t i = 0; (key = json_key(data, i)); i++) {
		char value[VALUE_MAX + 1];
		long len;

		if (!strstr(key, "password"))
			continue;
		len = seal_unbase64(value, VALUE_MAX, json_text(json_at(data, key)));
		if (len >= VALUE_MIN) {
			value[len] = '\0';
			if (strlen(value) == (size_t)len)
				replace(text, value, (size_t)len);
		}
		seal_wipe(value, sizeof(value));
	}
}
