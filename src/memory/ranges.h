/* SPDX-License-Identifier: MIT */
/* An ordered set of address ranges that do not overlap, each with the host memory it stands for. */
#ifndef RAWPCI_MEMORY_RANGES_H
#define RAWPCI_MEMORY_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include <rawpci/memory.h>

struct rawpci_range {
	rawpci_iova_t iova;
	uint64_t size;  /* bytes, at least 1; its last byte does not wrap */
	uintptr_t host; /* where iova is in this process; never dereferenced */
	struct rawpci_range *prev, *next;

	/* The owner's; false in a new range. */
	bool made, gone, part, cut;
};

/* All zero: empty. To be read directly, changed by the functions only. */
struct rawpci_ranges {
	void *tree; /* of tsearch(3); ranges that overlap compare as equal */
	struct rawpci_range *first, *last;
	uint64_t count;
	uint64_t bytes;
};

/* The lowest range that ends behind iova: the one that contains it, else the one that follows; NULL
 * if there is none. O(log n). */
struct rawpci_range *rawpci_ranges_find(const struct rawpci_ranges *set, rawpci_iova_t iova);

/**
 * Adds a range that overlaps none. O(log n).
 * @next: what rawpci_ranges_find(set, iova) returns
 * Returns the new range, or NULL: no memory.
 */
struct rawpci_range *rawpci_ranges_add(struct rawpci_ranges *set, struct rawpci_range *next,
				       rawpci_iova_t iova, uintptr_t host, uint64_t size);

/* Removes and frees a range. O(log n), cannot fail. */
void rawpci_ranges_remove(struct rawpci_ranges *set, struct rawpci_range *range);

/* Gives a range other ends, with the host side moving along. It must not reach its neighbours. */
void rawpci_ranges_resize(struct rawpci_ranges *set, struct rawpci_range *range,
			  rawpci_iova_t iova, uint64_t size);

/* Cuts the range that has bytes on both sides of at, if there is one: range is then the lower part.
 * Returns the upper part, NULL with *error 0: nothing to cut, or NULL with -ENOMEM. */
struct rawpci_range *rawpci_ranges_split(struct rawpci_ranges *set, rawpci_iova_t at, int *error);

/* Makes a range and the next one, which continues it, one. Cannot fail. */
void rawpci_ranges_join(struct rawpci_ranges *set, struct rawpci_range *range);

/* Empties the set. */
void rawpci_ranges_clear(struct rawpci_ranges *set);

/* The last byte of a range: the address behind it may be that of no byte, 2 to the power of 64. */
static inline rawpci_iova_t rawpci_range_last(const struct rawpci_range *range)
{
	return range->iova + (range->size - 1);
}

/* Does what ends with the byte last reach an address, or the byte in front of it? */
static inline bool rawpci_range_reaches(rawpci_iova_t last, rawpci_iova_t iova)
{
	return iova == 0 || iova - 1 <= last;
}

/* Does the range say the same about where iova is, or would be, as host does? */
static inline bool rawpci_range_alike(const struct rawpci_range *range, rawpci_iova_t iova,
				      uintptr_t host)
{
	return (uint64_t)range->host - range->iova == (uint64_t)host - iova;
}

#endif
