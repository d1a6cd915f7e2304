/* yaml.c: see yaml.h. Recursive descent over libyaml's events. */
#include "io/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

enum { YAML_DEPTH = 32, YAML_FILE_MAX = 1 << 20, YAML_KEY_MAX = 256 };

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct err *err;
};

static int
next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	return err_set(r->err, ERR_CONFIG, "line %zu: %s", r->parser.problem_mark.line + 1,
		       r->parser.problem ? r->parser.problem : "out of memory");
}

static int read_node(struct reader *r, int depth, struct json **ret);

/* r->event opens a collection; fills out until the event that closes it. */
static int
read_collection(struct reader *r, int depth, struct json *out, bool mapping)
{
	for (;;) {
		char key[YAML_KEY_MAX] = "";
		struct json *child = NULL;

		if (next(r) < 0)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT ||
		    r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (mapping) {
			if (r->event.type != YAML_SCALAR_EVENT ||
			    r->event.data.scalar.length >= sizeof(key))
				return err_set(r->err, ERR_CONFIG, "line %zu: a key must be a short word",
					       r->event.start_mark.line + 1);
			memcpy(key, r->event.data.scalar.value, r->event.data.scalar.length);
			if (next(r) < 0)
				return -1;
		}
		if (read_node(r, depth + 1, &child) < 0)
			return -1;
		if (mapping)
			json_set(out, key, child);
		else
			json_add(out, child);
	}
}

/* The node that r->event starts. */
static int
read_node(struct reader *r, int depth, struct json **ret)
{
	CLEANUP(json_freep) struct json *out = NULL;
	bool mapping = r->event.type == YAML_MAPPING_START_EVENT;

	if (depth > YAML_DEPTH)
		return err_set(r->err, ERR_CONFIG, "more than %d levels", YAML_DEPTH);
	if (r->event.type == YAML_SCALAR_EVENT) {
		*ret = json_new_text((const char *)r->event.data.scalar.value);
		return 0;
	}
	if (!mapping && r->event.type != YAML_SEQUENCE_START_EVENT)
		return err_set(r->err, ERR_CONFIG, "line %zu: aliases are not supported",
			       r->event.start_mark.line + 1);
	out = mapping ? json_new_object() : json_new_array();
	if (read_collection(r, depth, out, mapping) < 0)
		return -1;
	*ret = out;
	out = NULL;
	return 0;
}

static int
read_document(struct reader *r, struct json **ret)
{
	CLEANUP(json_freep) struct json *root = NULL;

	do {
		if (next(r) < 0)
			return -1;
		if (r->event.type == YAML_STREAM_END_EVENT)
			return err_set(r->err, ERR_CONFIG, "it is empty");
	} while (r->event.type == YAML_STREAM_START_EVENT ||
		 r->event.type == YAML_DOCUMENT_START_EVENT);
	if (read_node(r, 0, &root) < 0 || next(r) < 0 || next(r) < 0)
		return -1;
	if (r->event.type != YAML_STREAM_END_EVENT)
		return err_set(r->err, ERR_CONFIG, "it has more than one document");
	*ret = root;
	root = NULL;
	return 0;
}

int
yaml_read(struct json **ret, const char *path, struct err *err)
{
	struct reader r = {.err = err};
	struct stat st;
	FILE *in = fopen(path, "re");
	int result = -1;

	if (!in)
		return err_errno(err, "cannot read %s", path);
	if (fstat(fileno(in), &st) < 0)
		err_errno(err, "cannot read %s", path);
	else if (!S_ISREG(st.st_mode) || st.st_size > YAML_FILE_MAX)
		err_set(err, ERR_CONFIG, "%s is not a file of at most 1 MiB", path);
	else if (!yaml_parser_initialize(&r.parser))
		err_set(err, ERR_INTERNAL, "out of memory");
	else {
		yaml_parser_set_input_file(&r.parser, in);
		result = read_document(&r, ret);
		if (result < 0)
			err_prefix(err, "%s", path);
		yaml_event_delete(&r.event);
		yaml_parser_delete(&r.parser);
	}
	fclose(in);
	return result;
}
