/* fields.c: see fields.h. */
#include "api/fields.h"

#include <stdio.h>
#include <string.h>

#include "api/form.h"

static const char engine[] = "woocommerce", engine_later[] = "medusa";
static const char *const plans[] = {"small", "medium", "large"};

/*
 * Address names that no shop gets: the platform's own, and those that mail
 * programs and browsers of a whole domain look for by themselves.
 */
static const char *const reserved[] = {
	"admin", "api", "autoconfig", "autodiscover", "dashboard", "isatap", "mail",
	"platform", "wpad", "www",
};

/* How the reading goes on: faults are counted, not stopped at. */
struct reading {
	struct fields *fields;
	struct form form;
	bool later; /* the engine is one that is not offered yet */
};

#define fault(r, ...) form_fault(&(r)->form, __VA_ARGS__)

static bool
among(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* Checks a text's length in characters; says what is wrong with it. */
static bool
measured(struct reading *r, const char *field, const char *s, int min, int max)
{
	int n = valid_text(s);

	if (n < 0)
		fault(r, field, "must not have line breaks or other control characters.");
	else if (n < min || n > max)
		fault(r, field, "must have %d to %d characters.", min, max);
	return n >= min && n <= max;
}

static void
read_name(struct reading *r, const char *field, const char *s)
{
	struct fields *f = r->fields;
	char name[VALID_NAME_BYTES];
	size_t len;

	s += strspn(s, " ");
	for (len = strlen(s); len > 0 && s[len - 1] == ' '; len--)
		;
	if (len >= sizeof(name)) {
		fault(r, field, "must have %d to %d characters.", VALID_NAME_MIN, VALID_NAME_MAX);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)len, s);
	if (!measured(r, field, name, VALID_NAME_MIN, VALID_NAME_MAX))
		return;
	memcpy(f->name, name, sizeof(f->name));
	if (valid_make_slug(name, f->slug) < VALID_SLUG_MIN)
		fault(r, field,
		      "must have at least %d letters (a to z, also with accents) or "
		      "digits, of which the shop's address is made.",
		      VALID_SLUG_MIN);
	else if (among(reserved, ARRAY_SIZE(reserved), f->slug))
		fault(r, field, "gives the address name \"%s\", which is reserved.", f->slug);
}

static void
read_engine(struct reading *r, const char *field, const char *s)
{
	if (strcmp(s, engine_later) == 0)
		r->later = true;
	else if (strcmp(s, engine) != 0)
		fault(r, field, "must be \"%s\".", engine);
}

static void
read_plan(struct reading *r, const char *field, const char *s)
{
	if (among(plans, ARRAY_SIZE(plans), s))
		snprintf(r->fields->plan, sizeof(r->fields->plan), "%s", s);
	else
		fault(r, field, "must be \"small\", \"medium\" or \"large\".");
}

static void
read_user(struct reading *r, const char *field, const char *s)
{
	if (valid_admin_user(s))
		snprintf(r->fields->admin_user, sizeof(r->fields->admin_user), "%s", s);
	else
		fault(r, field, "must have %d to %d letters, digits, _ or -.", VALID_USER_MIN,
		      VALID_USER_MAX);
}

static void
read_password(struct reading *r, const char *field, const char *s)
{
	size_t len = strlen(s);

	if (!measured(r, field, s, VALID_PASSWORD_MIN, VALID_PASSWORD_MAX))
		return;
	/* WordPress cuts them off, so the password would be another one. */
	if (s[0] == ' ' || s[len - 1] == ' ')
		fault(r, field, "must not begin or end with a space.");
	else
		memcpy(r->fields->admin_password, s, len + 1);
}

static const struct field {
	const char *key;
	void (*read)(struct reading *r, const char *field, const char *s);
	bool required;
	bool nullable; /* null is the same as absent */
} table[] = {
	{"name", read_name, true, false},
	{"type", read_engine, false, false},
	{"engine", read_engine, false, false},
	{"plan", read_plan, false, false},
	{"adminUser", read_user, false, false},
	{"adminPassword", read_password, false, true},
};

static void
read_fields(struct reading *r, const struct json *body)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		bool present = form_has(body, table[i].key);
		struct json *value = json_at(body, table[i].key);

		if (!present && table[i].required)
			fault(r, table[i].key, "is required.");
		if (!present || (table[i].nullable && json_kind(value) == JSON_NULL))
			continue;
		if (json_kind(value) != JSON_TEXT)
			fault(r, table[i].key, "must be text.");
		else
			table[i].read(r, table[i].key, json_text(value));
	}
}

static void
refuse_unknown(struct reading *r, const struct json *body)
{
	const char *key;

	for (size_t k = 0; (key = json_key(body, k)); k++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(table); i++)
			known = known || strcmp(table[i].key, key) == 0;
		if (!known)
			form_unknown(&r->form, key);
	}
}

int
fields_read(const struct json *body, struct fields *ret, struct json *details, struct err *err)
{
	struct reading r = {.fields = ret, .form = {.details = details}};
	struct json *type = json_at(body, "type"), *other = json_at(body, "engine");

	*ret = (struct fields){.plan = "small", .admin_user = "admin"};
	if (json_kind(body) != JSON_OBJECT)
		return err_set(err, ERR_BAD_REQUEST, "The body has to be a JSON object.");
	snprintf(ret->type, sizeof(ret->type), "%s", engine);
	read_fields(&r, body);
	refuse_unknown(&r, body);
	if (type && other && strcmp(json_text(type), json_text(other)) != 0)
		fault(&r, "engine", "must be the same as type; one of the two is enough.");
	if (r.form.faults)
		return err_set(err, ERR_VALIDATION, "Validation error");
	if (r.later)
		return err_set(err, ERR_ENGINE_UNAVAILABLE,
			       "The engine \"%s\" is not available; choose \"%s\".", engine_later,
			       engine);
	return 0;
}
