/* test_fleet.c: what a ready store lacks, as a sentence, for every part and finding. */
#include "tool.h"

#include <string.h>

#include "cluster/fleet.h"

static struct fleet_member
whole(void)
{
	struct fleet fleet = {.count = 0};
	struct fleet_member m;

	OK(fleet_add(&fleet, TOOL_ID_A, "corner-shop", E));
	m = fleet.members[0];
	fleet_free(&fleet);
	m.namespace = m.database = m.wordpress = m.claim[0] = m.claim[1] = FLEET_THERE;
	m.release = RELEASE_DEPLOYED;
	m.revision = 3;
	return m;
}

static void
nothing_is_missing(void **state)
{
	struct fleet_member m = whole();
	char text[ERR_TEXT_MAX] = "x";

	(void)state;
	assert_false(fleet_judge(&m, text));
	assert_string_equal(text, "");
}

/* A part that is not as it should, and what the sentence has to say then. */
static void
every_part(void **state)
{
	struct fleet_member m;
	static const struct {
		size_t part;
		enum fleet_found found;
		const char *said, *advice;
	} cases[] = {
#define PART(member) offsetof(struct fleet_member, member)
		{PART(namespace), FLEET_MISSING, "store-corner-shop is gone", "backup"},
		{PART(namespace), FLEET_ENDING, "is being deleted", "delete the store"},
		{PART(database), FLEET_MISSING, "database was removed", "rollback wc-corner-shop 3"},
		{PART(database), FLEET_ENDING, "database is being deleted", ""},
		{PART(database), FLEET_ZERO, "scaled to nothing", "scale statefulset corner-shop"},
		{PART(database), FLEET_BAD, "does not run", "describe statefulset"},
		{PART(wordpress), FLEET_MISSING, "WordPress was removed", "rollback"},
		{PART(wordpress), FLEET_ENDING, "WordPress is being deleted", ""},
		{PART(wordpress), FLEET_ZERO, "scaled to nothing", "scale deployment corner-shop"},
		{PART(wordpress), FLEET_BAD, "does not run", "describe deployment"},
		{PART(claim[0]), FLEET_MISSING, "corner-shop-mariadb-data of the shop is gone", "backup"},
		{PART(claim[0]), FLEET_BAD, "has lost its storage", "backup"},
		{PART(claim[1]), FLEET_ENDING, "corner-shop-wordpress-data of the shop goes", "Save"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[ERR_TEXT_MAX];

		m = whole();
		memcpy((char *)&m + cases[i].part, &cases[i].found, sizeof(cases[i].found));
		assert_true(fleet_judge(&m, text));
		assert_contains(text, cases[i].said);
		assert_contains(text, cases[i].advice);
	}
	for (int i = RELEASE_NONE; i < RELEASE_STATUSES; i++) {
		char text[ERR_TEXT_MAX];

		m = whole();
		m.release = (enum release_status)i;
		assert_int_equal(fleet_judge(&m, text), i != RELEASE_DEPLOYED);
		if (i > RELEASE_DEPLOYED)
			assert_contains(text, release_word(m.release));
	}
}

/* The worst is told: what is in a namespace goes with it. */
static void
the_worst_is_told(void **state)
{
	struct fleet_member m = whole();
	char text[ERR_TEXT_MAX];

	(void)state;
	m.namespace = m.database = m.wordpress = m.claim[0] = m.claim[1] = FLEET_MISSING;
	m.release = RELEASE_NONE;
	assert_true(fleet_judge(&m, text));
	assert_contains(text, "namespace store-corner-shop is gone");
	m.namespace = FLEET_THERE;
	assert_true(fleet_judge(&m, text));
	assert_contains(text, "mariadb-data");
	m.foreign = true;
	assert_true(fleet_judge(&m, text));
	assert_contains(text, "another store's label");
}

int
main(void)
{
	const struct CMUnitTest fleet[] = {
		cmocka_unit_test(nothing_is_missing),
		cmocka_unit_test(every_part),
		cmocka_unit_test(the_worst_is_told),
	};

	return TOOL_RUN(fleet);
}
