/* SPDX-License-Identifier: MIT */
/* What the process may do, and barriers for all its threads. */
#include "os/sys.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

unsigned rawpci_sys_user(void)
{
	return geteuid();
}

unsigned rawpci_sys_process(void)
{
	return (unsigned)getpid();
}

int rawpci_sys_memlock_limit(uint64_t *bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return -errno;
	*bytes = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
	return 0;
}

bool rawpci_sys_may_grow(uint64_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
	       size <= limit.rlim_cur;
}

int rawpci_sys_barrier_prepare(void)
{
	long r = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0);

	return r < 0 ? -errno : 0;
}

int rawpci_sys_barrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) < 0 ? -errno : 0;
}
