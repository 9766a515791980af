/* SPDX-License-Identifier: MIT */
/*
 * Calls that the linker sends here first (--wrap), so that the n-th of them can fail and what they
 * gave out can be counted. Armed only between seams_arm() and seams_disarm().
 */
#ifndef RAWPCI_TESTS_SEAMS_H
#define RAWPCI_TESTS_SEAMS_H

#include <stdbool.h>

enum seam {
	SEAM_ALLOCATE,  /* malloc and its relatives */
	SEAM_EVENTFD,   /* rawpci_sys_eventfd */
	SEAM_MEMFD,     /* rawpci_sys_memfd */
	SEAM_RESERVE,   /* rawpci_sys_reserve */
	SEAM_MAP,       /* rawpci_sys_map */
	SEAM_DUP,       /* rawpci_sys_dup */
	SEAM_EPOLL,     /* epoll_create1 */
	SEAM_EPOLL_CTL, /* epoll_ctl */
	SEAM_URING,     /* io_uring_queue_init_params */
	SEAM_THREAD,    /* pthread_create */
	SEAMS,
};

extern const char *const seam_names[SEAMS];

/* Call number skip (from 0) fails with -error, and with all set every one after it. */
void seams_arm(enum seam seam, unsigned skip, bool all, int error);
/* Returns how many calls there were since it was armed. */
unsigned seams_disarm(void);
/* Did a call fail since it was armed? */
bool seams_failed(void);

/* What is out at present: allocations and reservations of address space. */
long seams_allocations(void);
long seams_reservations(void);

#endif
