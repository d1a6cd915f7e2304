/* test_cause.c: the sentence for each way in which a part does not get ready. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "base/valid.h"
#include "cluster/blocker.h"
#include "cluster/cause.h"
#include "cluster/diagnose.h"
#include "cluster/mask.h"

#define EVENT(reason, message) "[{\"reason\":\"" reason "\",\"message\":\"" message "\"}]"
#define ABOUT(claim, reason, message)                                                              \
	"[{\"involvedObject\":{\"name\":\"" claim "\"},\"reason\":\"" reason "\",\"message\":\"" message \
	"\"}]"
#define CLAIM(class, phase)                                                                        \
	"[{\"metadata\":{\"name\":\"data-0\"},\"spec\":{" class "},\"status\":{\"phase\":\"" phase "\"}}]"
#define FAST "\"storageClassName\":\"fast\""
#define UNSCHEDULABLE(message)                                                                     \
	"[{\"status\":{\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"           \
	"\"Unschedulable\",\"message\":\"" message "\"}]}}]"
#define SET "{\"kind\":\"StatefulSet\"}"
#define JOB "{\"kind\":\"Job\"}"
#define WAITING(reason) POD("\"state\":{\"waiting\":{\"reason\":\"" reason "\",\"message\":\"the text\"}}")
#define POD(state)                                                                                 \
	"[{\"metadata\":{\"name\":\"p-0\"},\"spec\":{\"containers\":[{\"name\":\"c\","             \
	"\"resources\":{\"limits\":{\"memory\":\"512Mi\"}}}]},\"status\":{\"containerStatuses\":"  \
	"[{\"name\":\"c\",\"image\":\"an/image:1\"," state "}]}}]"

static const struct {
	const char *word, *part, *workload, *pods, *events, *claims, *log;
	const char *says[3];
} cases[] = {
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
	{"claim_not_bound", "database", NULL, NULL,
	 ABOUT("data-0", "ProvisioningFailed", "no class \\\"fast\\\""), CLAIM(FAST, "Pending"), "",
	 {"volume claim data-0 is not bound", "no class \"fast\""}},
	{"claim_not_bound", "database", NULL, NULL, NULL, CLAIM(FAST, "Lost"), "", {"is lost"}},
	{"claim_not_bound", "database", NULL, NULL, NULL, CLAIM("", "Pending"), "",
	 {"names no storage class"}},
	{"not_ready", "database", SET, NULL, NULL, CLAIM(FAST, "Pending"), "",
	 {"makes no pod"}}, /* it may be bound when there is a pod */
	{"warning", "database", NULL, NULL, ABOUT("data-1", "ProvisioningFailed", "another's"),
	 CLAIM(FAST, "Pending"), "", {"another's"}},
	{"claim_waits", "database", SET,
	 UNSCHEDULABLE("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."), NULL,
	 CLAIM(FAST, "Pending"), "", {"waits for its volume", "unbound immediate", "provisioner"}},
	{"no_room", "database", NULL,
	 UNSCHEDULABLE("0/1 nodes: 1 Insufficient memory. no claims, preemption: 0/1 nodes help."), NULL, NULL, "",
	 {"has no room for the store's database: 0/1 nodes: 1 Insufficient memory. Free"}},
	{"unschedulable", "database", NULL, UNSCHEDULABLE("1 node(s) had untolerated taint {disk}."), NULL,
	 NULL, "", {"No node of the cluster takes the store's database", "taint {disk}."}},
	{"image_pull", "wordpress", NULL, WAITING("ImagePullBackOff"), NULL, NULL, "",
	 {"The image an/image:1 of the store's wordpress", "the text"}},
	{"container_config", "wordpress", NULL, WAITING("CreateContainerConfigError"), NULL, NULL, "",
	 {"container c of the store's wordpress cannot be started", "the text"}},
	{"container_config", "database", NULL,
	 POD("\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":"
	     "{\"reason\":\"StartError\",\"exitCode\":128,\"message\":\"no such program\"}}"),
	 NULL, NULL, "", {"container c of the store's database cannot be started (no such program)"}},
	{"not_ready", "database", SET,
	 POD("\"state\":{\"running\":{}},\"lastState\":{\"terminated\":{\"reason\":\"StartError\"}}"), NULL,
	 NULL, "", {"does not say why"}}, /* it could be started since */
	{"out_of_memory", "database", NULL,
	 POD("\"lastState\":{\"terminated\":{\"reason\":\"OOMKilled\",\"exitCode\":137}}"), NULL, NULL, "",
	 {"ran out of its memory limit of 512Mi"}},
	{"out_of_memory", "database", NULL,
	 "[{\"spec\":{\"initContainers\":[{\"name\":\"i\",\"resources\":{\"limits\":{\"memory\":\"64Mi\"}}}]},"
	 "\"status\":{\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"terminated\":"
	 "{\"reason\":\"OOMKilled\"}}}]}}]",
	 NULL, NULL, "", {"container i", "limit of 64Mi"}},
	{"crash_loop", "database", NULL,
	 POD("\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}},"
	     "\"lastState\":{\"terminated\":{\"exitCode\":3}}"),
	 NULL, NULL, "it\nfell", {"(exit status 3)", "Its last lines: it fell"}},
	{"crash_loop", "database", NULL, WAITING("CrashLoopBackOff"), NULL, NULL, "", {"left no log"}},
	{"crash_loop", "database", NULL,
	 POD("\"restartCount\":2,\"ready\":false,\"state\":{\"running\":{}},"
	     "\"lastState\":{\"terminated\":{\"exitCode\":1}}"),
	 NULL, NULL, "", {"again and again"}}, /* up for a moment */
	{"not_ready", "database", SET,
	 POD("\"restartCount\":1,\"ready\":false,\"state\":{\"running\":{}},"
	     "\"lastState\":{\"terminated\":{\"exitCode\":1}}"),
	 NULL, NULL, "", {"does not say why (pod p-0"}}, /* an accident */
	{"evicted", "database", NULL,
	 "[{\"status\":{\"reason\":\"Evicted\",\"message\":\"low on disk\"}}]", NULL, NULL, "",
	 {"low on disk"}},
	{"", "set-up job", JOB, "[{\"status\":{\"phase\":\"Running\"}}]", NULL, NULL, "", {""}},
	{"not_ready", "set-up job", JOB, "[{\"status\":{\"phase\":\"Pending\"}}]", NULL, NULL, "",
	 {"Pending"}},
	{"not_ready", "database", NULL, NULL, NULL, NULL, "", {"somebody removed it"}},
	{"not_ready", "database", SET,
	 "[{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\","
	 "\"message\":\"unready: [c]\"}]}}]",
	 NULL, NULL, "", {"Running, unready: [c])"}},
	{"try_failed", "set-up job", JOB, POD("\"state\":{\"terminated\":{\"exitCode\":1}}"), NULL, NULL,
	 "wp: no", {"A try of the set-up job failed (c: exit status 1)", "Its last lines: wp: no"}},
	{"job_failed", "set-up job",
	 "{\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\",\"reason\":"
	 "\"BackoffLimitExceeded\",\"message\":\"m\"}]}}",
	 NULL, NULL, NULL, "wp: no", {"The set-up job failed (BackoffLimitExceeded: m). Correct", "Its last lines: wp: no"}},
	{"stalled", "wordpress",
	 "{\"status\":{\"conditions\":[{\"type\":\"Progressing\",\"status\":\"False\",\"message\":"
	 "\"deadline\"}]}}",
	 NULL, NULL, NULL, "", {"does not come up: deadline"}},
	{"warning", "wordpress", NULL, NULL, EVENT("Unhealthy", "probe \\u001b[31m\\nfailed"), NULL, "",
	 {"(Unhealthy: probe  [31m failed)", "goes on by itself"}},
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
		assert_in_range(c.grace, 0, 45); /* told within a minute */
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
	blocker_namespace(ns, text);
	assert_string_equal(text, "x/y in 1; pods."); /* the blocker before what it blocks */
	blocker_namespace(NULL, text);
	assert_string_equal(text, "");
}

static void
names_the_volume_that_stays(void **state)
{
	CLEANUP(json_freep)
	struct json *list = tree("{\"items\":["
				 "{\"metadata\":{\"name\":\"pv-1\"},\"spec\":{\"claimRef\":{\"namespace\":\"store-b\"}}},"
				 "{\"metadata\":{\"name\":\"pv-2\"},\"spec\":{\"claimRef\":{\"namespace\":\"store-a\"},"
				 "\"persistentVolumeReclaimPolicy\":\"Retain\"},\"status\":{\"phase\":\"Released\"}},"
				 "{\"metadata\":{\"name\":\"pv-3\"},\"spec\":{\"claimRef\":{\"namespace\":\"store-c\"}},"
				 "\"status\":{\"phase\":\"Failed\",\"message\":\"disk is gone\"}}]}");
	char text[ERR_TEXT_MAX] = "";

	(void)state;
	assert_true(blocker_volume(list, "store-a", text));
	assert_string_equal(text, "pv-2 (Released, its storage class keeps volumes)");
	assert_true(blocker_volume(list, "store-c", text));
	assert_string_equal(text, "pv-3 (Failed: disk is gone)");
	assert_false(blocker_volume(list, "store-aa", text));
	assert_false(blocker_volume(NULL, "store-a", text));
}

static void
knows_whose_a_pod_is(void **state)
{
	static const struct {
		const char *workload, *pod;
		bool owned;
	} pods[] = {
		{"{\"name\":\"s-init-2\",\"uid\":\"u2\"}", "{\"ownerReferences\":[{\"kind\":\"Job\",\"uid\":\"u2\"}]}",
		 true},
		{"{\"name\":\"s-init-2\",\"uid\":\"u2\"}", "{\"ownerReferences\":[{\"kind\":\"Job\",\"uid\":\"u1\"}]}",
		 false}, /* of the revision before */
		{"{\"name\":\"s-init-2\",\"uid\":\"u2\"}",
		 "{\"deletionTimestamp\":\"x\",\"ownerReferences\":[{\"kind\":\"Job\",\"uid\":\"u2\"}]}", false},
		{"{\"name\":\"s-wordpress\",\"uid\":\"u\"}",
		 "{\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"s-wordpress-7d9\",\"uid\":\"r\"}]}", true},
		{"{\"name\":\"s-wordpress\",\"uid\":\"u\"}",
		 "{\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"s-wordpressed\",\"uid\":\"r\"}]}", false},
		{"{\"name\":\"s\",\"uid\":\"u\"}", "{}", false},
		{"{}", "{\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"s\"}]}", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pods); i++) {
		CLEANUP(json_freep) struct json *workload = json_new_object();
		CLEANUP(json_freep) struct json *pod = json_new_object();

		json_set(workload, "metadata", tree(pods[i].workload));
		json_set(pod, "metadata", tree(pods[i].pod));
		if (diagnose_owns(workload, pod) != pods[i].owned)
			fail_msg("case %zu", i);
	}
}

static void
masks_passwords(void **state)
{
	CLEANUP(json_freep)
	struct json *secret = tree("{\"data\":{"
				   "\"admin-password\":\"aHVudGVyMg==\"," /* hunter2 */
				   "\"root-password\":\"YWI=\","	     /* ab: no password */
				   "\"password\":\"@\","		     /* no base64 */
				   "\"admin-user\":\"YWRtaW4=\"}}");   /* admin: no secret */
	char text[] = "connect('admin', 'hunter2'): hunter hunter2hunter2 ab";

	(void)state;
	mask_secret(text, secret);
	assert_string_equal(text, "connect('admin', '***'): hunter ****** ab");
	mask_secret(text, NULL);
	assert_string_equal(text, "connect('admin', '***'): hunter ****** ab");
}

int
main(void)
{
	const struct CMUnitTest cause[] = {
		cmocka_unit_test(follows_the_table),
		cmocka_unit_test(stands_a_flood),
		cmocka_unit_test(finds_the_log),
		cmocka_unit_test(tells_why_a_namespace_stays),
		cmocka_unit_test(names_the_volume_that_stays),
		cmocka_unit_test(knows_whose_a_pod_is),
		cmocka_unit_test(masks_passwords),
	};

	return TOOL_RUN(cause);
}
