/* SPDX-License-Identifier: MIT */
/* Why the kernel refuses io_uring to this process, as a finding. */
#include <errno.h>
#include <string.h>

#include "explain/explain.h"
#include "os/sys.h"

static void uring_cause(struct rawpci_finding *finding, const char *reason)
{
	SAY(finding->cause, "%s, so %s", reason,
	    finding->blocks ? "irq.engine=uring does not work"
			    : "interrupts go through epoll, which costs more for each");
}

void rawpci_finding_uring(struct rawpci_finding *finding, int error, const char *sysctl,
			  bool seccomp, bool only)
{
	bool refused = error == -EPERM || error == -EACCES;
	char reason[200], text[128];

	memset(finding, 0, sizeof(*finding));
	finding->obstacle = RAWPCI_OBSTACLE_IO_URING;
	finding->blocks = only;
	finding->error = only ? error : 0;
	if (refused && sysctl[0] != '\0' && sysctl[0] != '0') {
		SAY(reason, "io_uring is forbidden (kernel.io_uring_disabled is %.8s)", sysctl);
		SAY(finding->remedy, "sysctl kernel.io_uring_disabled=0%s",
		    sysctl[0] == '1' ? ", or put the user into the group of kernel.io_uring_group"
				     : "");
		SAY(finding->commands, "sysctl kernel.io_uring_disabled=0\n");
	} else if (seccomp && (refused || error == -ENOSYS)) {
		SAY(reason, "io_uring is forbidden by a seccomp filter on this process");
		SAY(finding->remedy, "allow io_uring_setup, io_uring_enter and io_uring_register "
				     "in the seccomp profile of this container or service");
	} else if (error == -ENOSYS) {
		SAY(reason, "the kernel has no io_uring");
		SAY(finding->remedy, "use a kernel with CONFIG_IO_URING");
	} else {
		SAY(reason, "io_uring is refused: %s",
		    rawpci_sys_error_text(error, text, sizeof(text)));
		SAY(finding->remedy, "raise RLIMIT_NOFILE and RLIMIT_MEMLOCK, or use a newer "
				     "kernel");
	}
	uring_cause(finding, reason);
}
