/* site.c: see site.h. */
#include "ctl/site.h"

#include <stdio.h>
#include <string.h>

enum { PORT_TEXT = 16 };

/* The first line of the site says what it was made of, so that a later run keeps it. */
#define MARK "# storectl setup --host=%s --http-port=%d --https-port=%d --certificate=%s --key=%s"
#define MARK_READ                                                                                  \
	"# storectl setup --host=%253s --http-port=%5d --https-port=%5d --certificate=%2047s "     \
	"--key=%2047s"
#define DO_NOT_EDIT "\n# Made anew by storectl setup; what is changed here is lost then.\n"

bool
site_read(const char *root, struct site *ret)
{
	struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	char path[PATHS_MAX];
	struct site s;
	bool hit;

	hit = paths_read(paths_join(path, root, PATHS_SITE), &text, &ignored) > 0 &&
	      sscanf(buf_text(&text), MARK_READ, s.host, &s.http_port, &s.https_port, s.certificate,
		     s.key) == 5;
	buf_free(&text);
	if (hit)
		*ret = s;
	return hit;
}

void
site_address(const struct site *s, char url[SITE_URL], char here[SITE_HERE])
{
	snprintf(url, SITE_URL, "https://%s:%d", s->host, s->https_port);
	snprintf(here, SITE_HERE, "127.0.0.1:%d", s->https_port);
}

int
site_fill(const struct site *s, const char *template, struct buf *out, struct err *err)
{
	char http[PORT_TEXT], https[PORT_TEXT];
	const struct {
		const char *name, *value;
	} values[] = {
		{"@HOST@", s->host},	 {"@HTTP_PORT@", http},
		{"@HTTPS_PORT@", https}, {"@CERTIFICATE@", s->certificate},
		{"@KEY@", s->key},
	};

	snprintf(http, sizeof(http), "%d", s->http_port);
	snprintf(https, sizeof(https), "%d", s->https_port);
	buf_printf(out, MARK DO_NOT_EDIT, s->host, s->http_port, s->https_port, s->certificate,
		   s->key);
	for (const char *at = template; *at;) {
		size_t plain = strcspn(at, "@"), i = 0;

		buf_add(out, at, plain);
		at += plain;
		while (*at && i < ARRAY_SIZE(values) &&
		       strncmp(at, values[i].name, strlen(values[i].name)) != 0)
			i++;
		if (*at && i == ARRAY_SIZE(values))
			buf_add(out, at++, 1); /* a mere @, as in a location's name */
		else if (*at) {
			buf_str(out, values[i].value);
			at += strlen(values[i].name);
		}
	}
	return out->failed ? err_set(err, ERR_SYSTEM, "out of memory") : 0;
}
