/* jump.c: see jump.h. */
#include "provisioner/jump.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/job.h"

enum { JUMP_MS = 2000 }; /* slewing is slower, and harmless */

void
jump_tick(struct jump *j, struct db *db)
{
	int64_t offset = clock_wall_ms() - clock_mono_ms();
	int64_t back = j->known ? j->offset - offset : 0;
	struct err err = ERR_INIT;
	int r = 0;

	if (!j->known)
		r = job_clamp(db, &err);
	else if (back > JUMP_MS) {
		log_warn("the clock was put back by %lld s", (long long)back / 1000);
		r = job_shift(db, back, &err);
	} else if (back < -JUMP_MS)
		log_warn("the clock was put forward by %lld s", (long long)-back / 1000);
	if (r < 0) {
		log_warn("waiting jobs cannot be moved: %s", err.text);
		return; /* at the next tick again */
	}
	j->known = true;
	j->offset = offset;
}
