/* SPDX-License-Identifier: MIT */
/* A set of ranges: a tree to search in, and a list to walk along. */
#include "memory/ranges.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

/* The key of a search by address. tfind(3) hands it to the comparison as the first argument. */
struct probe {
	rawpci_iova_t iova;
	const struct rawpci_range **above;
};

static int compare(const void *a, const void *b)
{
	const struct rawpci_range *left = a;
	const struct rawpci_range *right = b;

	if (rawpci_range_last(left) < right->iova)
		return -1;
	return rawpci_range_last(right) < left->iova;
}

static int compare_probe(const void *key, const void *member)
{
	const struct probe *probe = key;
	const struct rawpci_range *range = member;

	if (rawpci_range_last(range) < probe->iova)
		return 1;
	/* Whenever the search goes left, the range is above iova. The last such range is the
	 * lowest. */
	*probe->above = range;
	return range->iova <= probe->iova ? 0 : -1;
}

struct rawpci_range *rawpci_ranges_find(const struct rawpci_ranges *set, rawpci_iova_t iova)
{
	const struct rawpci_range *above = NULL;
	struct probe probe = { .iova = iova, .above = &above };

	(void)tfind(&probe, &set->tree, compare_probe);
	return (struct rawpci_range *)above;
}

struct rawpci_range *rawpci_ranges_add(struct rawpci_ranges *set, struct rawpci_range *next,
				       rawpci_iova_t iova, uintptr_t host, uint64_t size)
{
	struct rawpci_range *range = calloc(1, sizeof(*range));

	if (!range)
		return NULL;
	range->iova = iova;
	range->size = size;
	range->host = host;
	if (!tsearch(range, &set->tree, compare)) {
		free(range);
		return NULL;
	}
	range->next = next;
	range->prev = next ? next->prev : set->last;
	*(range->prev ? &range->prev->next : &set->first) = range;
	*(next ? &next->prev : &set->last) = range;
	set->count++;
	set->bytes += size;
	return range;
}

void rawpci_ranges_remove(struct rawpci_ranges *set, struct rawpci_range *range)
{
	(void)tdelete(range, &set->tree, compare);
	*(range->prev ? &range->prev->next : &set->first) = range->next;
	*(range->next ? &range->next->prev : &set->last) = range->prev;
	set->count--;
	set->bytes -= range->size;
	free(range);
}

void rawpci_ranges_resize(struct rawpci_ranges *set, struct rawpci_range *range, rawpci_iova_t iova,
			  uint64_t size)
{
	set->bytes += size - range->size;
	range->host += (uintptr_t)(iova - range->iova);
	range->iova = iova;
	range->size = size;
}

struct rawpci_range *rawpci_ranges_split(struct rawpci_ranges *set, rawpci_iova_t at, int *error)
{
	struct rawpci_range *range = rawpci_ranges_find(set, at);
	struct rawpci_range *upper;
	uint64_t lower, size;

	*error = 0;
	if (!range || range->iova >= at)
		return NULL;
	lower = at - range->iova;
	size = range->size;
	/* Shortened first, because overlapping ranges compare as equal in the tree. */
	rawpci_ranges_resize(set, range, range->iova, lower);
	upper = rawpci_ranges_add(set, range->next, at, range->host + (uintptr_t)lower,
				  size - lower);
	if (!upper) {
		rawpci_ranges_resize(set, range, range->iova, size);
		*error = -ENOMEM;
	}
	return upper;
}

void rawpci_ranges_join(struct rawpci_ranges *set, struct rawpci_range *range)
{
	uint64_t size = range->size + range->next->size;

	rawpci_ranges_remove(set, range->next);
	rawpci_ranges_resize(set, range, range->iova, size);
}

void rawpci_ranges_clear(struct rawpci_ranges *set)
{
	tdestroy(set->tree, free);
	*set = (struct rawpci_ranges){ 0 };
}
