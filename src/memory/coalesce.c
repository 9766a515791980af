/* SPDX-License-Identifier: MIT */
/*
 * Runs: guest memory as the embedder mapped it. A range that continues another one, in the guest
 * and in the host, becomes one run with it. So memory mapped page by page is a few runs.
 */
#include "memory/coalesce.h"

struct rawpci_range *rawpci_runs_find_home(const struct rawpci_ranges *runs,
					   struct rawpci_range *next, rawpci_iova_t iova,
					   uintptr_t host, uint64_t size)
{
	struct rawpci_range *prev = next ? next->prev : runs->last;

	if (prev && rawpci_range_reaches(rawpci_range_last(prev), iova) &&
	    rawpci_range_alike(prev, iova, host))
		return prev;
	if (next && rawpci_range_reaches(iova + (size - 1), next->iova) &&
	    rawpci_range_alike(next, iova, host))
		return next;
	return NULL;
}

void rawpci_runs_extend(struct rawpci_ranges *runs, struct rawpci_range *run, rawpci_iova_t iova,
			uint64_t size)
{
	rawpci_iova_t last = iova + (size - 1);
	struct rawpci_range *next;

	if (last < rawpci_range_last(run))
		last = rawpci_range_last(run);
	for (next = run->next; next && rawpci_range_reaches(last, next->iova); next = run->next) {
		if (!rawpci_range_alike(next, run->iova, run->host))
			break;
		if (last < rawpci_range_last(next))
			last = rawpci_range_last(next);
		rawpci_ranges_remove(runs, next);
	}
	if (iova > run->iova)
		iova = run->iova;
	rawpci_ranges_resize(runs, run, iova, last - iova + 1);
}

void rawpci_runs_rejoin(struct rawpci_ranges *runs, rawpci_iova_t at)
{
	struct rawpci_range *upper = rawpci_ranges_find(runs, at);
	struct rawpci_range *lower = upper ? upper->prev : NULL;

	if (lower && upper->iova == at && rawpci_range_last(lower) == at - 1 &&
	    rawpci_range_alike(lower, upper->iova, upper->host))
		rawpci_ranges_join(runs, lower);
}
