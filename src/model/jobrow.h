/* jobrow.h: a row of `jobs`; job.h says what may be done with it. */
#ifndef MODEL_JOBROW_H
#define MODEL_JOBROW_H

#include "base/err.h"
#include "base/valid.h"

enum job_kind { JOB_PROVISION, JOB_DELETE, JOB_KINDS };
enum job_state {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_RETRY,
	JOB_DONE,
	JOB_FAILED,
	JOB_CANCELLED,
	JOB_STATES
};

enum { JOB_WORD = 32, JOB_ACTOR = 64, JOB_REQUEST_ID = 64 };

extern const char *const job_kind_words[JOB_KINDS];
extern const char *const job_state_words[JOB_STATES];

struct job {
	int64_t id;
	char store_id[VALID_UUID_BYTES];
	enum job_kind kind;
	enum job_state state;
	int attempt;
	int max_attempts;
	int outages; /* ends of it that cost no attempt: they lengthen the pause */
	int64_t run_at;
	int64_t fence;
	char instance_id[VALID_UUID_BYTES];
	char step[JOB_WORD];
	int64_t cancel_requested_at;
	char actor[JOB_ACTOR];
	char request_id[JOB_REQUEST_ID];
	char error_code[JOB_WORD];
	char error_message[ERR_TEXT_MAX];
	int64_t created_at;
	int64_t started_at;
	int64_t finalized_at;
	int64_t lease_until; /* wall clock */
};

#endif
