/* SPDX-License-Identifier: MIT */
/* Private to src/memory: an ordered set of address ranges that do not overlap, with host memory. */
#ifndef RAWPCI_MEMORY_RANGES_H
#define RAWPCI_MEMORY_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include <rawpci/memory.h>

struct rawpci_range {
	rawpci_iova_t iova;
	uint64_t size;  /* bytes, at least 1; its last byte does not wrap */
	uintptr_t host; /* the address of iova in this process; never dereferenced */
	struct rawpci_range *prev, *next;

	/* For the set's owner; false in a new range. */
	bool made, gone, part, cut;
};

/* All zero: empty. Callers read it directly, and change it by the functions only. */
struct rawpci_ranges {
	void *tree; /* of tsearch(3); ranges that overlap compare as equal */
	struct rawpci_range *first, *last;
	uint64_t count;
	uint64_t bytes;
};

/* The range that contains iova, or else the next one above; NULL: there is none. O(log n). */
struct rawpci_range *rawpci_ranges_find(const struct rawpci_ranges *set, rawpci_iova_t iova);

/* Adds a range that overlaps none; next: what rawpci_ranges_find(set, iova) returns. NULL: no
 * memory. O(log n). */
struct rawpci_range *rawpci_ranges_add(struct rawpci_ranges *set, struct rawpci_range *next,
				       rawpci_iova_t iova, uintptr_t host, uint64_t size);

/* Removes and frees a range. O(log n), cannot fail. */
void rawpci_ranges_remove(struct rawpci_ranges *set, struct rawpci_range *range);

/* Gives a range other ends, in the guest and in the host. It must not reach its neighbours. */
void rawpci_ranges_resize(struct rawpci_ranges *set, struct rawpci_range *range, rawpci_iova_t iova,
			  uint64_t size);

/* Cuts the range that has bytes on both sides of at. It becomes the lower part; returns the upper
 * one. NULL with *error 0: there is no such range. NULL with *error -ENOMEM: no memory. */
struct rawpci_range *rawpci_ranges_split(struct rawpci_ranges *set, rawpci_iova_t at, int *error);

/* Joins a range with the next one, which continues it. Cannot fail. */
void rawpci_ranges_join(struct rawpci_ranges *set, struct rawpci_range *range);

/* Empties the set. */
void rawpci_ranges_clear(struct rawpci_ranges *set);

/* The last byte of a range. The address after it may be 2 to the power of 64, which wraps. */
static inline rawpci_iova_t rawpci_range_last(const struct rawpci_range *range)
{
	return range->iova + (range->size - 1);
}

/* Does a range that ends with the byte last overlap, or touch, one that starts at iova? */
static inline bool rawpci_range_reaches(rawpci_iova_t last, rawpci_iova_t iova)
{
	return iova == 0 || iova - 1 <= last;
}

/* Is host the address that iova has in the range, or would have if the range reached it? */
static inline bool rawpci_range_alike(const struct rawpci_range *range, rawpci_iova_t iova,
				      uintptr_t host)
{
	return (uint64_t)range->host - range->iova == (uint64_t)host - iova;
}

#endif
