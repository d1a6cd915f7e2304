/* test_progress.c: how far a job is, as a table of rows and answers. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

#include "base/valid.h"
#include "model/progress.h"

/* Each step of a provision takes a second. */
static const struct event_times second[PROVISION_STEPS] = {
	{1, 1000, 0}, {1, 1000, 0}, {1, 1000, 0}, {1, 1000, 0},
	{1, 1000, 0}, {1, 1000, 0}, {1, 1000, 0},
};
static const struct event_times unknown[PROVISION_STEPS];

struct input {
	enum job_kind kind;
	enum job_state state;
	const char *step; /* of the last event, NULL: none */
	enum event_state event;
	const char *error;
	int64_t position;
	const char *hold;
};

struct want {
	const char *step;
	int index, percent;
	const char *message;
	int64_t queue_position, ready_at;
};

static const struct {
	struct input in;
	struct want want;
} cases[] = {
	{{JOB_PROVISION, JOB_QUEUED, NULL, 0, "", 3, NULL},
	 {NULL, 0, 0, "Waiting in the queue.", 3, 0}},
	{{JOB_PROVISION, JOB_QUEUED, NULL, 0, "", 1, "The cluster cannot be reached."},
	 {NULL, 0, 0, "The cluster cannot be reached.", 1, 0}},
	{{JOB_PROVISION, JOB_RUNNING, NULL, 0, "", 0, NULL}, {NULL, 0, 0, "Starting.", 0, 0}},
	{{JOB_PROVISION, JOB_RUNNING, "namespace", EVENT_STARTED, "", 0, NULL},
	 {"namespace", 1, 0, "Making the shop's own namespace.", 0, 5000 + 7000}},
	{{JOB_PROVISION, JOB_RUNNING, "namespace", EVENT_DONE, "", 0, NULL},
	 {"namespace", 1, 14, "Making the shop's own namespace.", 0, 5000 + 6000}},
	{{JOB_PROVISION, JOB_RUNNING, "database", EVENT_STARTED, "", 0, NULL},
	 {"database", 4, 42, "Waiting for the database.", 0, 5000 + 4000}},
	{{JOB_PROVISION, JOB_RUNNING, "storefront", EVENT_STARTED, "", 0, NULL},
	 {"storefront", 7, 85, "Looking at the shop page.", 0, 5000 + 1000}},
	{{JOB_PROVISION, JOB_RUNNING, "storefront", EVENT_DONE, "", 0, NULL},
	 {"storefront", 7, 100, "Looking at the shop page.", 0, 5000}},
	{{JOB_PROVISION, JOB_RUNNING, "of another version", EVENT_DONE, "", 0, NULL},
	 {NULL, 0, 0, "Starting.", 0, 0}},
	{{JOB_PROVISION, JOB_RETRY, "release", EVENT_FAILED, "It failed.", 2, NULL},
	 {"release", 3, 28, "Waiting for attempt 2 of 5: It failed.", 2, 0}},
	{{JOB_PROVISION, JOB_RETRY, "release", EVENT_FAILED, "It failed.", 2, "No helm."},
	 {"release", 3, 28, "No helm.", 2, 0}},
	{{JOB_PROVISION, JOB_FAILED, "release", EVENT_FAILED, "It failed.", 0, NULL},
	 {"release", 3, 28, "It failed.", 0, 0}},
	{{JOB_PROVISION, JOB_DONE, "storefront", EVENT_DONE, "", 0, NULL},
	 {"storefront", 7, 100, "Looking at the shop page.", 0, 0}},
	{{JOB_DELETE, JOB_RUNNING, "release", EVENT_STARTED, "", 0, NULL},
	 {"release", 1, 0, "Uninstalling the shop with helm.", 0, 5000 + 3000}},
	{{JOB_DELETE, JOB_RUNNING, "volumes", EVENT_STARTED, "", 0, NULL},
	 {"volumes", 3, 66, "Waiting until the shop's volumes are gone.", 0, 5000 + 1000}},
};

static struct progress
progress(const struct input *in, const struct event_times *times)
{
	struct job job = {.kind = in->kind, .state = in->state, .attempt = 1, .max_attempts = 5};
	struct event last = {.created_at = 5000};

	snprintf(job.error_message, sizeof(job.error_message), "%s", in->error);
	snprintf(last.state, sizeof(last.state), "%s", event_state_words[in->event]);
	if (in->step)
		snprintf(last.step, sizeof(last.step), "%s", in->step);
	return progress_of(&job, in->step ? &last : NULL, in->position, in->hold, times);
}

static void
follows_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct want *w = &cases[i].want;
		struct progress p = progress(&cases[i].in, second);

		if ((p.step == NULL) != (w->step == NULL) || (p.step && strcmp(p.step, w->step) != 0) ||
		    p.index != w->index || p.percent != w->percent ||
		    strcmp(p.message, w->message) != 0 || p.queue_position != w->queue_position ||
		    p.estimated_ready_at != w->ready_at)
			fail_msg("case %zu: %s %d %d%% \"%s\" %lld %lld", i, p.step ? p.step : "-",
				 p.index, p.percent, p.message, (long long)p.queue_position,
				 (long long)p.estimated_ready_at);
		assert_int_equal(p.of, progress_plans[cases[i].in.kind].count);
	}
}

static void
estimates_only_what_it_knows(void **state)
{
	struct input in = {JOB_PROVISION, JOB_RUNNING, "wordpress", EVENT_STARTED, "", 0, NULL};
	struct event_times some[PROVISION_STEPS];

	(void)state;
	assert_int_equal(progress(&in, unknown).estimated_ready_at, 0);
	memcpy(some, second, sizeof(some));
	some[STEP_NAMESPACE] = (struct event_times){0, 0, 0}; /* it is over */
	assert_int_equal(progress(&in, some).estimated_ready_at, 5000 + 3000);
	some[STEP_STOREFRONT] = (struct event_times){0, 0, 0};
	assert_int_equal(progress(&in, some).estimated_ready_at, 0);
}

static void
says_that_it_is_stopped(void **state)
{
	struct job job = {.kind = JOB_PROVISION, .state = JOB_RUNNING, .cancel_requested_at = 1};
	struct progress p = progress_of(&job, NULL, 0, NULL, unknown);

	(void)state;
	assert_contains(p.message, "is being stopped");
	assert_int_equal(p.estimated_ready_at, 0);
}

/* A long error is cut within the message, never within a character. */
static void
quotes_whole_characters(void **state)
{
	char error[ERR_TEXT_MAX] = "";
	struct input in = {JOB_PROVISION, JOB_RETRY, NULL, 0, error, 1, NULL};

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(error); i += 2)
		memcpy(error + i, "\u00e9", 3);
	for (int shift = 0; shift < 2; shift++) {
		struct progress p = progress(&in, unknown);

		assert_true(valid_text(p.message) > 100);
		memmove(error + 1, error, sizeof(error) - 3);
		error[0] = 'x';
	}
}

static void
names_every_step_once(void **state)
{
	(void)state;
	for (int k = 0; k < JOB_KINDS; k++)
		for (int i = 0; i < progress_plans[k].count; i++) {
			const struct progress_step *step = &progress_plans[k].steps[i];

			assert_true(strlen(step->name) < JOB_WORD);
			assert_int_equal(step->doing[strlen(step->doing) - 1], '.');
			for (int j = 0; j < i; j++)
				assert_string_not_equal(step->name, progress_plans[k].steps[j].name);
		}
}

/* Estimates of jobs that wait: each takes the place that gets free first. */
static void
foresees_the_queue(void **state)
{
	static const struct {
		struct progress_places places;
		int64_t run_at, position, want;
	} waits[] = {
		{{1, 0, {0}}, 1000, 1, 8000},		/* a free place: its own seven seconds */
		{{1, 1, {5000}}, 1000, 1, 12000},	/* after the one that works */
		{{1, 1, {5000}}, 1000, 2, 19000},	/* and one more before it */
		{{2, 2, {5000, 6000}}, 1000, 2, 13000},
		{{2, 2, {5000, 6000}}, 1000, 3, 19000},
		{{3, 2, {5000, 6000}}, 1000, 1, 8000},
		{{2, 1, {0}}, 1000, 1, 8000},		/* an end that nobody knows */
		{{1, 1, {5000}}, 90000, 1, 97000},	/* its pause is longer */
		{{0, 0, {0}}, 1000, 1, 0},
		{{1, 0, {0}}, 1000, 1001, 0},		/* nobody foresees that */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct job job = {.kind = JOB_PROVISION, .run_at = waits[i].run_at};

		assert_int_equal(progress_wait(&waits[i].places, &job, waits[i].position, second),
				 waits[i].want);
		assert_int_equal(progress_wait(&waits[i].places, &job, waits[i].position, unknown),
				 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_table),
		cmocka_unit_test(estimates_only_what_it_knows),
		cmocka_unit_test(says_that_it_is_stopped),
		cmocka_unit_test(quotes_whole_characters),
		cmocka_unit_test(names_every_step_once),
		cmocka_unit_test(foresees_the_queue),
	};

	return TOOL_RUN(tests);
}
