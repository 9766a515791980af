/* SPDX-License-Identifier: MIT */
/*
 * The kernel mappings of one address space: planned, made, kept or dropped. The flags of a piece:
 *
 *   gone   the kernel does not have it (yet, or any more)
 *   made   this call has mapped it
 *   part   it belongs to the kernel mapping that starts with an earlier piece
 *   cut    it is the rest of a larger piece, a part of which was taken away
 *
 * made and part are used between plan and keep alone.
 */
#include "memory/pieces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/log.h"

void rawpci_leftover_init(struct rawpci_leftover *left)
{
	*left = (struct rawpci_leftover){ .count = 0 };
	(void)snprintf(left->cause, sizeof(left->cause), "%s", rawpci_reason());
}

static void note(struct rawpci_leftover *left, const struct rawpci_range *piece)
{
	left->count++;
	left->first = piece->iova;
	left->last = rawpci_range_last(piece);
}

int rawpci_leftover_report(struct rawpci *ctx, int error, const struct rawpci_leftover *left,
			   const char *now)
{
	if (!left->count)
		return rawpci_backend_fail(ctx, error, "%s", left->cause);
	return rawpci_backend_fail(ctx, error,
				   "undoing the failed call failed, too: %u range(s), "
				   "such as guest 0x%" PRIx64 "-0x%" PRIx64 ", %s: %s",
				   left->count, left->first, left->last, now, left->cause);
}

static int no_memory(struct rawpci *ctx)
{
	return rawpci_backend_fail(ctx, -ENOMEM, "no memory to keep track of kernel mappings");
}

static int make(const struct rawpci_guest_space *space, struct rawpci_range *piece)
{
	int r = space->backend->dma_map(space->space, piece->iova, (void *)piece->host,
					piece->size);

	if (r)
		return r;
	piece->gone = false;
	piece->made = true;
	return 0;
}

static int unmake(const struct rawpci_guest_space *space, struct rawpci_range *piece)
{
	int r = space->backend->dma_unmap(space->space, piece->iova, piece->size);

	if (r)
		return r;
	piece->gone = true;
	piece->made = false;
	return 0;
}

/*
 * Mapping.
 */

int rawpci_pieces_plan(struct rawpci *ctx, struct rawpci_guest_space *space, rawpci_iova_t iova,
		       uintptr_t host, uint64_t size)
{
	struct rawpci_range *next = rawpci_ranges_find(&space->pieces, iova);
	rawpci_iova_t last = iova + (size - 1);
	rawpci_iova_t at = iova;
	struct rawpci_range *piece;
	rawpci_iova_t stop; /* the last byte of this step */

	for (;; at = stop + 1) {
		if (next && next->iova <= at) {
			if (!rawpci_range_alike(next, iova, host))
				return rawpci_backend_fail(ctx, -EADDRNOTAVAIL,
							   "guest 0x%" PRIx64
							   " is still mapped to other memory, left "
							   "by an earlier failure",
							   at);
			stop = rawpci_range_last(next);
			next = next->next;
		} else {
			stop = next && next->iova <= last ? next->iova - 1 : last;
			if (stop - at >= RAWPCI_PIECE_MAX)
				stop = at + RAWPCI_PIECE_MAX - 1;
			piece = rawpci_ranges_add(&space->pieces, next, at,
						  host + (uintptr_t)(at - iova), stop - at + 1);
			if (!piece)
				return no_memory(ctx);
			piece->gone = true;
		}
		if (stop >= last)
			return 0;
	}
}

int rawpci_pieces_make(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last)
{
	struct rawpci_range *piece = rawpci_ranges_find(&space->pieces, iova);
	int r;

	for (; piece && piece->iova <= last; piece = piece->next) {
		r = piece->gone ? make(space, piece) : 0;
		if (r)
			return r;
	}
	return 0;
}

void rawpci_pieces_keep(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last)
{
	struct rawpci_range *piece = rawpci_ranges_find(&space->pieces, iova);

	for (; piece && piece->iova <= last; piece = piece->next)
		piece->made = false;
}

void rawpci_pieces_drop(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last,
			struct rawpci_leftover *left)
{
	struct rawpci_range *piece = rawpci_ranges_find(&space->pieces, iova);
	struct rawpci_range *next;

	for (; piece && piece->iova <= last; piece = next) {
		next = piece->next;
		if (piece->made && unmake(space, piece)) {
			note(left, piece);
			piece->made = false;
		}
		if (piece->gone)
			rawpci_ranges_remove(&space->pieces, piece);
	}
}

/*
 * Unmapping. The kernel does not split a mapping, so the piece is unmapped as a whole and what
 * stays is mapped again. The records are split first: a kernel mapping is then a piece and the
 * parts that follow it.
 */

static struct rawpci_range *mapping_first(const struct rawpci_guest_space *space,
					  rawpci_iova_t iova)
{
	struct rawpci_range *piece = rawpci_ranges_find(&space->pieces, iova);

	while (piece && piece->part)
		piece = piece->prev;
	return piece;
}

static struct rawpci_range *mapping_next(struct rawpci_range *piece)
{
	do
		piece = piece->next;
	while (piece && piece->part);
	return piece;
}

static struct rawpci_range mapping_whole(const struct rawpci_guest_space *space,
					 const struct rawpci_range *first,
					 const struct rawpci_range *next)
{
	struct rawpci_range whole = *first;

	whole.size = rawpci_range_last(next ? next->prev : space->pieces.last) - first->iova + 1;
	return whole;
}

static bool inside(const struct rawpci_range *piece, rawpci_iova_t iova, rawpci_iova_t last)
{
	return piece->iova >= iova && rawpci_range_last(piece) <= last;
}

static int split(struct rawpci *ctx, struct rawpci_guest_space *space, rawpci_iova_t at,
		 struct rawpci_range **upper)
{
	int r;

	*upper = rawpci_ranges_split(&space->pieces, at, &r);
	if (*upper) {
		(*upper)->part = true;
		(*upper)->cut = (*upper)->prev->cut;
	}
	return r ? no_memory(ctx) : 0;
}

/*
 * If a guest gives memory back chunk by chunk, each cut would pin all of the rest again. So a piece
 * that is cut at its edge for the second time is mapped as several pieces, which double in size
 * away from that edge. Then each page is pinned again only a logarithmic number of times.
 */
static int grade(struct rawpci *ctx, struct rawpci_guest_space *space, rawpci_iova_t iova,
		 rawpci_iova_t last, struct rawpci_range *above)
{
	struct rawpci_range *low = mapping_first(space, iova);
	struct rawpci_range *high = above;
	struct rawpci_range *upper;
	uint64_t step;
	int r = 0;

	while (high && high->part)
		high = high->prev;
	if (high && high->cut && high->iova >= iova)
		for (step = last - iova + 1; !r && above->size > step; above = upper, step *= 2)
			r = split(ctx, space, above->iova + step, &upper);
	if (low && low != high && low->cut && low->iova < iova)
		for (step = last - iova + 1; !r && low->size > step; step *= 2)
			r = split(ctx, space, rawpci_range_last(low) - step + 1, &upper);
	return r;
}

int rawpci_pieces_cut_plan(struct rawpci *ctx, struct rawpci_guest_space *space, rawpci_iova_t iova,
			   rawpci_iova_t last)
{
	struct rawpci_range *above;
	int r;

	r = split(ctx, space, iova, &above);
	if (!r)
		r = split(ctx, space, last + 1, &above);
	return r ? r : grade(ctx, space, iova, last, above);
}

static int cut(const struct rawpci_guest_space *space, struct rawpci_range *first,
	       const struct rawpci_range *next, rawpci_iova_t iova, rawpci_iova_t last)
{
	struct rawpci_range whole = mapping_whole(space, first, next);
	struct rawpci_range *piece;
	/* After an earlier failure the kernel may not have the piece. */
	int r = first->gone ? 0 : unmake(space, &whole);

	if (r)
		return r;
	for (piece = first; piece != next; piece = piece->next)
		piece->gone = true;
	for (piece = first; !r && piece != next; piece = piece->next)
		if (!inside(piece, iova, last))
			r = make(space, piece);
	return r;
}

int rawpci_pieces_cut_make(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last)
{
	struct rawpci_range *piece = mapping_first(space, iova);
	struct rawpci_range *next;
	int r;

	for (; piece && piece->iova <= last; piece = next) {
		next = mapping_next(piece);
		r = cut(space, piece, next, iova, last);
		if (r)
			return r;
	}
	return 0;
}

void rawpci_pieces_cut_keep(struct rawpci_guest_space *space, rawpci_iova_t iova,
			    rawpci_iova_t last)
{
	struct rawpci_range *piece = mapping_first(space, iova);
	struct rawpci_range *next;

	for (; piece && (piece->iova <= last || piece->part); piece = next) {
		next = piece->next;
		if (inside(piece, iova, last)) {
			rawpci_ranges_remove(&space->pieces, piece);
			continue;
		}
		piece->made = false;
		piece->part = false;
		piece->cut = true;
	}
}

/* Keeps each part that the kernel has, or takes now, as a piece of its own. */
static void salvage(struct rawpci_guest_space *space, struct rawpci_range *first,
		    const struct rawpci_range *stop, struct rawpci_leftover *left)
{
	struct rawpci_range *piece = first;
	struct rawpci_range *next;

	for (; piece != stop; piece = next) {
		next = piece->next;
		if (piece->gone && make(space, piece)) {
			note(left, piece);
			rawpci_ranges_remove(&space->pieces, piece);
			continue;
		}
		piece->made = false;
		piece->part = false;
	}
}

static void restore(struct rawpci_guest_space *space, struct rawpci_range *first,
		    const struct rawpci_range *next, struct rawpci_leftover *left)
{
	struct rawpci_range whole = mapping_whole(space, first, next);
	struct rawpci_range *piece;
	bool some = false;

	if (first->gone || first->made) {
		for (piece = first; piece != next; piece = piece->next) {
			if (piece->made)
				(void)unmake(space, piece);
			some = some || !piece->gone;
		}
		if (some || make(space, &whole)) {
			salvage(space, first, next, left);
			return;
		}
	}
	while (first->next != next)
		rawpci_ranges_join(&space->pieces, first);
	first->gone = false;
}

void rawpci_pieces_cut_drop(struct rawpci_guest_space *space, rawpci_iova_t iova,
			    rawpci_iova_t last, struct rawpci_leftover *left)
{
	struct rawpci_range *piece = mapping_first(space, iova);
	struct rawpci_range *next;

	for (; piece && piece->iova <= last; piece = next) {
		next = mapping_next(piece);
		restore(space, piece, next, left);
	}
}

void rawpci_pieces_clear(struct rawpci *ctx, struct rawpci_guest_space *space)
{
	struct rawpci_leftover left = { .count = 0 };
	struct rawpci_range *piece, *next;

	for (piece = space->pieces.first; piece; piece = next) {
		next = piece->next;
		if (piece->gone || !unmake(space, piece))
			rawpci_ranges_remove(&space->pieces, piece);
		else
			note(&left, piece);
	}
	if (left.count)
		rawpci_backend_log(ctx, RAWPCI_LOG_WARNING,
				   "%u kernel mapping(s), such as guest "
				   "0x%" PRIx64 "-0x%" PRIx64 ", could not be taken back: %s",
				   left.count, left.first, left.last, rawpci_reason());
}
