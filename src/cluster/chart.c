/* chart.c: see chart.h. */
#include "cluster/chart.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/json.h"

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 8 };

void
chart_values(const struct chart_store *s, struct buf *out)
{
	CLEANUP(json_freep) struct json *values = json_new_object();
	struct json *init = json_new_object();
	struct json *ingress = json_new_object();
	struct json *tls = json_new_object();

	json_set_text(values, "storeName", s->names->slug);
	json_set_text(values, "storeDomain", s->names->host);
	json_set_int(values, "storePort", s->port);
	json_set_text(values, "storeTitle", s->title);
	json_set_text(values, "storeId", s->id);
	json_set_text(values, "plan", s->plan);
	json_set_bool(init, "hook", false);
	json_set(values, "wcInit", init);
	json_set_bool(tls, "enabled", s->https);
	json_set(ingress, "tls", tls);
	json_set(values, "ingress", ingress);
	json_write(values, out);
}

/* digest = H(digest, name, content) */
static void
fold(char digest[SEAL_DIGEST], const char *name, const void *content, size_t len)
{
	const void *parts[] = {digest, name, content};
	size_t lens[] = {strlen(digest), strlen(name) + 1, len};
	char next[SEAL_DIGEST];

	seal_digest(next, parts, lens, ARRAY_SIZE(parts));
	memcpy(digest, next, SEAL_DIGEST);
}

static int
fold_file(char digest[SEAL_DIGEST], const char *path, const char *name, struct err *err)
{
	struct buf content = {.max = FILE_MAX};
	char chunk[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		err_errno(err, "cannot read %s", path);
		err->code = ERR_HELM_UNUSABLE;
		return -1;
	}
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&content, chunk, (size_t)n);
	close(fd);
	if (n == 0 && !content.failed)
		fold(digest, name, buf_text(&content), content.len);
	else
		n = err_set(err, ERR_HELM_UNUSABLE, "cannot read %s as a file of at most %d bytes",
			    path, FILE_MAX);
	buf_free(&content);
	return (int)n;
}

static int
visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.' || strcmp(entry->d_name, ".helmignore") == 0;
}

/* The files below path in the order of their names, whatever the file system's is. */
static int
fold_folder(char digest[SEAL_DIGEST], const char *path, int depth, struct err *err)
{
	struct dirent **entries = NULL;
	int n = depth > DEPTH_MAX ? -1 : scandir(path, &entries, visible, alphasort);
	int r = 0;

	if (n < 0) {
		err_errno(err, "cannot read the chart's folder %s", path);
		err->code = ERR_HELM_UNUSABLE;
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];
		struct stat st;
		int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);

		if (r == 0 && (len >= (int)sizeof(file) || stat(file, &st) < 0)) {
			r = err_errno(err, "cannot read %s", file);
			err->code = ERR_HELM_UNUSABLE;
		} else if (r == 0 && S_ISDIR(st.st_mode)) {
			fold(digest, entries[i]->d_name, "", 0);
			r = fold_folder(digest, file, depth + 1, err);
		} else if (r == 0)
			r = fold_file(digest, file, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int
chart_digest(const char *chart, const char *values_file, const char *values,
	     char ret[SEAL_DIGEST], struct err *err)
{
	char digest[SEAL_DIGEST] = "";

	if (fold_folder(digest, chart, 0, err) < 0)
		return -1;
	if (*values_file && fold_file(digest, values_file, "values file", err) < 0)
		return -1;
	fold(digest, "values", values, strlen(values));
	memcpy(ret, digest, SEAL_DIGEST);
	return 0;
}
