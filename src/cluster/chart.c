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

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 8 };

const char *const chart_parts[CHART_CLAIMS] = {"mariadb", "wordpress"};

/* What values.schema.json takes for a size. */
static bool
is_quantity(const char *s)
{
	static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", "k", "M", "G", "T"};
	size_t n = strspn(s, "0123456789");

	if (n == 0 || strlen(s) >= CHART_QUANTITY)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(s + n, units[i]) == 0)
			return true;
	return false;
}

static bool
is_class(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-");

	return s[n] == '\0' && n < CHART_CLASS;
}

struct json *
chart_write_kept(const struct chart_kept *kept)
{
	struct json *values = json_new_object();

	for (int i = 0; i < CHART_CLAIMS; i++) {
		struct json *part = json_new_object();

		json_set_text(part, "storage", kept->claims[i].storage);
		if (*kept->claims[i].class)
			json_set_text(part, "storageClass", kept->claims[i].class);
		if (i == 0)
			json_set_int(part, "runAsUser", kept->user);
		json_set(values, chart_parts[i], part);
	}
	return values;
}

bool
chart_read_kept(const struct json *values, struct chart_kept *ret)
{
	int64_t user = json_int(json_at(values, chart_parts[0], "runAsUser"));

	*ret = (struct chart_kept){.user = (int)user};
	for (int i = 0; i < CHART_CLAIMS; i++) {
		const char *storage = json_text(json_at(values, chart_parts[i], "storage"));
		const char *class = json_text(json_at(values, chart_parts[i], "storageClass"));

		if (!is_quantity(storage) || !is_class(class))
			return false;
		snprintf(ret->claims[i].storage, CHART_QUANTITY, "%s", storage);
		snprintf(ret->claims[i].class, CHART_CLASS, "%s", class);
	}
	return user > 0 && user <= INT32_MAX;
}

void
chart_values(const struct chart_store *s, struct buf *out)
{
	CLEANUP(json_freep)
	struct json *values = s->kept ? chart_write_kept(s->kept) : json_new_object();
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
