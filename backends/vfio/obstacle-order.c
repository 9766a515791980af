/* SPDX-License-Identifier: MIT */
/* The list of obstacles: probe() stops at the first that is found, explain() reports all. */
#include "vfio/obstacles.h"

/* In the order in which an attempt to open the device meets them. */
static const struct check {
	enum rawpci_vfio_step step;
	bool final; /* if it is found, nothing after it matters */
	int (*look)(struct rawpci_vfio_question *q);
} checks[] = {
	{ RAWPCI_VFIO_PROBE, true, rawpci_vfio_find_absent },
	{ RAWPCI_VFIO_PROBE, true, rawpci_vfio_find_bridge },
	{ RAWPCI_VFIO_PROBE, false, rawpci_vfio_find_no_group },
	{ RAWPCI_VFIO_PROBE, false, rawpci_vfio_find_no_module },
	{ RAWPCI_VFIO_PROBE, false, rawpci_vfio_find_no_space },
	{ RAWPCI_VFIO_PROBE, false, rawpci_vfio_find_blockers },
	{ RAWPCI_VFIO_PROBE, false, rawpci_vfio_find_functions },
	{ RAWPCI_VFIO_OPEN, false, rawpci_vfio_find_sibling },
	{ RAWPCI_VFIO_OPEN, false, rawpci_vfio_find_node },
	{ RAWPCI_VFIO_MAP, false, rawpci_vfio_find_lock_limit },
};

int rawpci_vfio_check(struct rawpci_vfio_question *q, enum rawpci_vfio_step last, bool until_found)
{
	unsigned i;
	int r = 0;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]) && checks[i].step <= last; i++) {
		r = checks[i].look(q);
		if (r != 0 || (q->found > 0 && (until_found || checks[i].final)))
			break;
	}
	return r;
}
