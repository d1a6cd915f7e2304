/* recovery.c: see recovery.h. Every cell was tried with helm 3 and 4 (t/235-recovery.t). */
#include "provisioner/recovery.h"

static const enum recovery table[RELEASE_STATUSES][JOB_KINDS] = {
	/*			     provision		 delete */
	[RELEASE_NONE] =	    {RECOVERY_INSTALL,	 RECOVERY_PASS},
	[RELEASE_DEPLOYED] =	    {RECOVERY_COMPARE,	 RECOVERY_UNINSTALL},
	[RELEASE_FAILED] =	    {RECOVERY_INSTALL,	 RECOVERY_UNINSTALL},
	[RELEASE_SUPERSEDED] =	    {RECOVERY_INSTALL,	 RECOVERY_UNINSTALL},
	[RELEASE_PENDING_INSTALL] = {RECOVERY_FORGET,	 RECOVERY_UNINSTALL},
	[RELEASE_PENDING_UPGRADE] = {RECOVERY_FORGET,	 RECOVERY_UNINSTALL},
	[RELEASE_PENDING_ROLLBACK] = {RECOVERY_FORGET,	 RECOVERY_UNINSTALL},
	[RELEASE_UNINSTALLING] =    {RECOVERY_UNINSTALL, RECOVERY_UNINSTALL},
	/* helm would render it as revision 1 and record it as the next: its init Job is never found. */
	[RELEASE_UNINSTALLED] =	    {RECOVERY_FORGET,	 RECOVERY_PASS},
	[RELEASE_UNREADABLE] =	    {RECOVERY_STOP,	 RECOVERY_PASS},
};

enum recovery
recovery_of(enum release_status status, enum job_kind kind)
{
	return table[status][kind];
}
