/* test_cause.c: the sentence for each way in which a part does not get ready. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "base/valid.h"
#include "cluster/cause.h"

#define EVENT(reason, message) "[{\"reason\":\"" reason "\",\"message\":\"" message "\"}]"
#define WAITING(reason) POD("\"state\":{\"waiting\":{\"reason\":\"" reason "\",\"message\":\"the text\"}}")
#define POD(state)                                                                                 \
	"[{\"metadata\":{\"name\":\"p-0\"},\"spec\":{\"containers\":[{\"name\":\"c\","             \
	"\"resources\":{\"limits\":{\"memory\":\"512Mi\"}}}]},\"status\":{\"containerStatuses\":"  \
	"[{\"name\":\"c\",\"image\":\"an/image:1\"," state "}]}}]"

static const struct {
	const char *word, *part, *workload, *pods, *events, *claims, *log;
	const char *says[2];
} cases[] = {
	{"", "database", NULL, NULL, NULL, NULL, "", {""}},
	{"", "database", "{}", "[]", "[]", "[]", "", {""}},
	{"quota_exceeded", "database", NULL, NULL,
	 EVENT("FailedCreate", "pods \\\"x\\\" is forbidden: exceeded quota: q, requested: cpu=1"), NULL, "",
	 {"quota is used up for its database", "exceeded quota: q, requested: cpu=1"}},
	{"pod_security", "wordpress", NULL, NULL,
	 EVENT("FailedCreate", "pods violates PodSecurity \\\"restricted:latest\\\""), NULL, "",
	 {"Pod Security refuses the store's wordpress", "restricted:latest"}},
	{"pods_refused", "wordpress", NULL, NULL, EVENT("FailedCreate", "webhook says no"), NULL, "",
	 {"webhook says no"}},
	{"warning", "wordpress", NULL, NULL, EVENT("FailedCreate", "status unknown for quota: q"), NULL, "",
	 {"status unknown for quota"}}, /* for a moment only */
	{"claim_not_bound", "database", NULL, NULL, EVENT("ProvisioningFailed", "no class \\\"fast\\\""),
	 "[{\"metadata\":{\"name\":\"data-0\"},\"status\":{\"phase\":\"Pending\"}}]", "",
	 {"volume claim data-0 is not bound", "no class \"fast\""}},
	{"claim_not_bound", "database", NULL, NULL, NULL,
	 "[{\"metadata\":{\"name\":\"data-0\"},\"status\":{\"phase\":\"Lost\"}}]", "", {"is lost"}},
	{"", "database", NULL, NULL, NULL, "[{\"status\":{\"phase\":\"Pending\"}}]", "", {""}},
	{"no_room", "database", NULL,
	 "[{\"status\":{\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
	 "\"Unschedulable\",\"message\":\"0/1 nodes: Insufficient memory.\"}]}}]",
	 NULL, NULL, "", {"has no room for the store's database", "Insufficient memory"}},
	{"image_pull", "wordpress", NULL, WAITING("ImagePullBackOff"), NULL, NULL, "",
	 {"The image an/image:1 of the store's wordpress", "the text"}},
	{"container_config", "wordpress", NULL, WAITING("CreateContainerConfigError"), NULL, NULL, "",
	 {"container c of the store's wordpress cannot be started", "the text"}},
	{"out_of_memory", "database", NULL,
	 POD("\"lastState\":{\"terminated\":{\"reason\":\"OOMKilled\",\"exitCode\":137}}"), NULL, NULL, "",
	 {"ran out of its memory limit of 512Mi"}},
	{"crash_loop", "database", NULL,
	 POD("\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},"
	     "\"lastState\":{\"terminated\":{\"exitCode\":3}}"),
	 NULL, NULL, "it\nfell", {"(exit status 3)", "Its last lines: it fell"}},
	{"crash_loop", "database", NULL, WAITING("CrashLoopBackOff"), NULL, NULL, "", {"left no log"}},
	{"evicted", "database", NULL,
	 "[{\"status\":{\"reason\":\"Evicted\",\"message\":\"low on disk\"}}]", NULL, NULL, "",
	 {"low on disk"}},
	{"job_failed", "set-up job",
	 "{\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\",\"reason\":"
	 "\"BackoffLimitExceeded\",\"message\":\"m\"}]}}",
	 NULL, NULL, NULL, "wp: no", {"The set-up job failed (BackoffLimitExceeded: m)", "wp: no"}},
	{"stalled", "wordpress",
	 "{\"status\":{\"conditions\":[{\"type\":\"Progressing\",\"status\":\"False\",\"message\":"
	 "\"deadline\"}]}}",
	 NULL, NULL, NULL, "", {"does not come up: deadline"}},
	{"warning", "wordpress", NULL, NULL, EVENT("Unhealthy", "probe \\u001b[31m\\nfailed"), NULL, "",
	 {"(Unhealthy): probe  [31m failed"}},
	/* The heavier one of two is told. */
	{"quota_exceeded", "database", NULL, WAITING("CrashLoopBackOff"),
	 EVENT("FailedCreate", "exceeded quota: q"), NULL, "", {"exceeded quota: q"}},
};

static struct json *
tree(const char *text)
{
	struct json *j = NULL;

	if (text)
		OK(json_parse(&j, text, strlen(text), E));
	return j;
}

static void
follows_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(json_freep) struct json *workload = tree(cases[i].workload);
		CLEANUP(json_freep) struct json *pods = tree(cases[i].pods);
		CLEANUP(json_freep) struct json *events = tree(cases[i].events);
		CLEANUP(json_freep) struct json *claims = tree(cases[i].claims);
		const struct evidence e = {cases[i].part, workload, pods, events, claims, cases[i].log};
		struct cause c = cause_find(&e);

		if (strcmp(c.word, cases[i].word) != 0)
			fail_msg("case %zu: %s instead of %s", i, c.word, cases[i].word);
		for (size_t s = 0; s < ARRAY_SIZE(cases[i].says) && cases[i].says[s]; s++)
			assert_contains(c.sentence, cases[i].says[s]);
		assert_true(valid_text(c.sentence) >= 0);
		assert_int_equal(*c.word == '\0', *c.sentence == '\0');
		assert_true(c.patience >= 0 && c.patience <= CAUSE_PATIENT);
	}
}

/* What a program in the cluster says may be long and anything: it stays one valid sentence. */
static void
stands_a_flood(void **state)
{
	CLEANUP(json_freep) struct json *pods = tree(WAITING("CrashLoopBackOff"));
	char log[4000];
	const struct evidence e = {.part = "database", .pods = pods, .log = log};

	(void)state;
	for (int unit = 1; unit < 256; unit++) {
		struct cause c;

		memset(log, unit, sizeof(log) - 1);
		log[sizeof(log) - 1] = '\0';
		c = cause_find(&e);
		assert_true(valid_text(c.sentence) > 0);
	}
}

static void
finds_the_log(void **state)
{
	static const struct {
		const char *pods;
		bool found, previous;
	} logs[] = {
		{"[]", false, false},
		{POD("\"state\":{\"running\":{}}"), false, false},
		{POD("\"state\":{\"terminated\":{\"exitCode\":0}}"), false, false},
		{POD("\"state\":{\"terminated\":{\"exitCode\":1}}"), true, false},
		{WAITING("CrashLoopBackOff"), true, true},
		{POD("\"state\":{\"running\":{}},\"lastState\":{\"terminated\":{\"exitCode\":1}}"), true,
		 true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		CLEANUP(json_freep) struct json *pods = tree(logs[i].pods);
		const struct evidence e = {.part = "x", .pods = pods, .log = ""};
		struct cause_log where = {.pod = NULL};

		assert_int_equal(cause_log(&e, &where), logs[i].found);
		if (!logs[i].found)
			continue;
		assert_string_equal(where.pod, "p-0");
		assert_string_equal(where.container, "c");
		assert_int_equal(where.previous, logs[i].previous);
	}
}

static void
tells_why_a_namespace_stays(void **state)
{
	CLEANUP(json_freep)
	struct json *ns = tree("{\"status\":{\"conditions\":["
			       "{\"type\":\"NamespaceContentRemaining\",\"status\":\"True\",\"message\":\"pods.\"},"
			       "{\"type\":\"NamespaceFinalizersRemaining\",\"status\":\"True\",\"message\":\"x/y in 1\"},"
			       "{\"type\":\"NamespaceDeletionContentFailure\",\"status\":\"False\",\"message\":\"no\"}]}}");
	char text[ERR_TEXT_MAX];

	(void)state;
	cause_namespace(ns, text);
	assert_string_equal(text, "x/y in 1"); /* the blocker rather than what it blocks */
	cause_namespace(NULL, text);
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest cause[] = {
		cmocka_unit_test(follows_the_table),
		cmocka_unit_test(stands_a_flood),
		cmocka_unit_test(finds_the_log),
		cmocka_unit_test(tells_why_a_namespace_stays),
	};

	return TOOL_RUN(cause);
}
