/* SPDX-License-Identifier: MIT */
/*
 * The rescue when the kernel is out of entries. Memory that is mapped page by page while a
 * device is on becomes one kernel mapping a page, and their number is limited (type1:
 * vfio_iommu_type1.dma_entry_limit, 65,535). So neighbours are unmapped, and mapped again as one.
 */
#include "memory/pieces.h"

#include <inttypes.h>

#include "core/log.h"

/* Devices may miss memory meanwhile, so saving fewer is not worth it. Also, the error may have
 * another cause than entries. */
#define WORTH_IT 16

static bool continues(const struct rawpci_range *piece)
{
	const struct rawpci_range *next = piece->next;

	return next && !piece->gone && !next->gone && !piece->made && !next->made &&
	       next->iova - 1 == rawpci_range_last(piece) &&
	       rawpci_range_alike(next, piece->iova, piece->host);
}

/* The last piece that can be one mapping with the first. */
static struct rawpci_range *group_last(struct rawpci_range *first)
{
	struct rawpci_range *last = first;

	while (continues(last) && rawpci_range_last(last->next) - first->iova < RAWPCI_PIECE_MAX)
		last = last->next;
	return last;
}

static uint64_t savings(const struct rawpci_ranges *pieces)
{
	const struct rawpci_range *piece;
	uint64_t n = 0;

	for (piece = pieces->first; piece; piece = piece->next)
		n += continues(piece);
	return n;
}

/* Maps each piece of a group that is not mapped. A piece that the kernel refuses stays gone, until
 * the embedder maps that memory again. */
static void map_each(struct rawpci *ctx, const struct rawpci_guest_space *space,
		     struct rawpci_range *first, const struct rawpci_range *stop)
{
	struct rawpci_range *piece;

	for (piece = first; piece != stop; piece = piece->next) {
		if (!piece->gone)
			continue;
		piece->gone = space->backend->dma_map(space->space, piece->iova,
						      (void *)piece->host, piece->size) < 0;
		if (piece->gone)
			rawpci_say(ctx, RAWPCI_LOG_WARNING,
				   "devices cannot reach guest 0x%" PRIx64 "-0x%" PRIx64 ": %s",
				   piece->iova, rawpci_range_last(piece), rawpci_reason());
	}
}

/* Returns how many mappings fewer there are. */
static uint64_t merge_group(struct rawpci *ctx, struct rawpci_guest_space *space,
			    struct rawpci_range *first, struct rawpci_range *last)
{
	struct rawpci_range *stop = last->next, *piece;
	uint64_t n = 0;
	int r = 0;

	for (piece = first; r == 0 && piece != stop; piece = piece->next) {
		r = space->backend->dma_unmap(space->space, piece->iova, piece->size);
		piece->gone = r == 0;
	}
	if (r == 0)
		r = space->backend->dma_map(space->space, first->iova, (void *)first->host,
					    rawpci_range_last(last) - first->iova + 1);
	if (r < 0) {
		map_each(ctx, space, first, stop);
		return 0;
	}
	first->gone = false;
	for (; first->next != stop; n++)
		rawpci_ranges_join(&space->pieces, first);
	return n;
}

uint64_t rawpci_pieces_compact(struct rawpci *ctx, struct rawpci_guest_space *space)
{
	struct rawpci_range *piece, *last;
	uint64_t fewer = 0;

	if (savings(&space->pieces) < WORTH_IT)
		return 0;
	for (piece = space->pieces.first; piece; piece = piece->next) {
		last = group_last(piece);
		if (last != piece)
			fewer += merge_group(ctx, space, piece, last);
	}
	rawpci_say(ctx, RAWPCI_LOG_WARNING,
		   "too many DMA mappings: %" PRIu64 " were merged, and "
		   "DMA may have failed meanwhile: map memory before power-on, or in larger pieces",
		   fewer);
	return fewer;
}
