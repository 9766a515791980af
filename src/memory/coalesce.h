/* SPDX-License-Identifier: MIT */
/* Private to src/memory: the runs of a VM's guest memory, in a set of ranges. No function can
 * fail. */
#ifndef RAWPCI_MEMORY_COALESCE_H
#define RAWPCI_MEMORY_COALESCE_H

#include "memory/ranges.h"

/* The run that a range becomes part of, because one continues or overlaps the other. NULL: none.
 * next: the first run that ends after iova. The range conflicts with no run. */
struct rawpci_range *rawpci_runs_find_home(const struct rawpci_ranges *runs,
					   struct rawpci_range *next, rawpci_iova_t iova,
					   uintptr_t host, uint64_t size);

/* Makes the run cover a range as well, and every run that then continues it. */
void rawpci_runs_extend(struct rawpci_ranges *runs, struct rawpci_range *run, rawpci_iova_t iova,
			uint64_t size);

/* Undoes a split at an address: two runs that continue each other there become one again. */
void rawpci_runs_rejoin(struct rawpci_ranges *runs, rawpci_iova_t at);

#endif
