/* SPDX-License-Identifier: MIT */
/*
 * A VM's guest memory, and its address spaces. Runs are the memory that the embedder mapped
 * (coalesce.h). Each space with a device on has pieces: the kernel mappings made of the runs
 * (pieces.h). Pieces cover the runs exactly, unless undoing a change has failed. A change allocates
 * all its memory before it calls the kernel.
 */
#include "memory/guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory/pieces.h"
#include "memory/coalesce.h"
#include "os/sys.h"

#define SPAN "0x%" PRIx64 "-0x%" PRIx64

struct rawpci_guest {
	struct rawpci *ctx;
	uint64_t host_page;
	struct rawpci_ranges runs;
	struct rawpci_guest_space *spaces; /* those with a device on */
};

int rawpci_guest_create(struct rawpci *ctx, struct rawpci_guest **out)
{
	struct rawpci_guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return rawpci_backend_fail(ctx, -ENOMEM, "no memory for a VM's guest memory map");
	guest->ctx = ctx;
	guest->host_page = rawpci_sys_page_size();
	*out = guest;
	return 0;
}

void rawpci_guest_destroy(struct rawpci_guest *guest)
{
	if (!guest)
		return;
	rawpci_ranges_clear(&guest->runs);
	free(guest);
}

/*
 * Checks.
 */

static int no_memory(const struct rawpci_guest *guest)
{
	return rawpci_backend_fail(guest->ctx, -ENOMEM, "no memory to keep track of guest memory");
}

static int check_page(const struct rawpci_guest *guest, uint64_t page, rawpci_iova_t iova,
		      uintptr_t host, uint64_t size)
{
	if (!((iova | host | size) & (page - 1)))
		return 0;
	if (host == 0)
		return rawpci_backend_fail(guest->ctx, -EDOM,
					   "guest memory at 0x%" PRIx64
					   ": address and size 0x%" PRIx64
					   " must be multiples of 0x%" PRIx64,
					   iova, size, page);
	return rawpci_backend_fail(guest->ctx, -EDOM,
				   "guest memory at 0x%" PRIx64 ": address, size 0x%" PRIx64
				   " and host address 0x%" PRIx64
				   " must be multiples of 0x%" PRIx64,
				   iova, size, (uint64_t)host, page);
}

int rawpci_guest_check(const struct rawpci_guest *guest, rawpci_iova_t iova, uintptr_t host,
		       uint64_t size)
{
	const struct rawpci_guest_space *space;
	uint64_t page = guest->spaces ? 1 : guest->host_page;
	int r;

	if (!size)
		return rawpci_backend_fail(guest->ctx, -EINVAL,
					   "guest memory at 0x%" PRIx64 ": the size is 0", iova);
	for (space = guest->spaces; space; space = space->next)
		page = space->limits.page_size > page ? space->limits.page_size : page;
	r = check_page(guest, page, iova, host, size);
	if (r)
		return r;
	/* A guest may have memory at its very last address, but a process never has. */
	if (size - 1 > UINT64_MAX - iova || (host != 0 && size > UINTPTR_MAX - host))
		return rawpci_backend_fail(guest->ctx, -ERANGE,
					   "guest memory at 0x%" PRIx64 ": 0x%" PRIx64
					   " bytes reach beyond the end of the address space",
					   iova, size);
	return 0;
}

static void describe_limits(const struct rawpci_dma_limits *limits, char *text, size_t size)
{
	unsigned i;
	int n;

	for (i = 0; i < limits->range_count; i++) {
		n = snprintf(text, size, "%s" SPAN, i ? ", " : "", limits->ranges[i].first,
			     limits->ranges[i].last);
		if (n < 0 || (size_t)n >= size)
			return;
		text += n;
		size -= (size_t)n;
	}
}

static int check_limits(const struct rawpci_guest *guest, const struct rawpci_dma_limits *limits,
			rawpci_iova_t iova, uint64_t size)
{
	rawpci_iova_t last = iova + (size - 1);
	char valid[400];
	unsigned i;

	for (i = 0; i < limits->range_count; i++)
		if (iova >= limits->ranges[i].first && last <= limits->ranges[i].last)
			return 0;
	if (!limits->range_count)
		return 0;
	describe_limits(limits, valid, sizeof(valid));
	return rawpci_backend_fail(guest->ctx, -ERANGE,
				   "guest memory " SPAN " is not inside what the IOMMU can "
				   "translate: %s",
				   iova, last, valid);
}

/* run: the first one that ends after iova. */
static int check_conflict(const struct rawpci_guest *guest, const struct rawpci_range *run,
			  rawpci_iova_t iova, uintptr_t host, uint64_t size)
{
	rawpci_iova_t last = iova + (size - 1);

	for (; run && run->iova <= last; run = run->next)
		if (!rawpci_range_alike(run, iova, host))
			return rawpci_backend_fail(guest->ctx, -EADDRINUSE,
						   "guest memory " SPAN " at host 0x%" PRIx64
						   ": guest " SPAN " is mapped to host 0x%" PRIx64
						   " already",
						   iova, last, (uint64_t)host, run->iova,
						   rawpci_range_last(run), (uint64_t)run->host);
	return 0;
}

/*
 * Mapping.
 */

/* In all spaces with a device on, or in none. */
static int map_pieces(struct rawpci_guest *guest, rawpci_iova_t iova, uintptr_t host, uint64_t size)
{
	rawpci_iova_t last = iova + (size - 1);
	struct rawpci_guest_space *space;
	struct rawpci_leftover left;
	int r = 0;

	for (space = guest->spaces; !r && space; space = space->next)
		if (space->attached)
			r = rawpci_pieces_plan(guest->ctx, space, iova, host, size);
	for (space = guest->spaces; !r && space; space = space->next) {
		if (!space->attached)
			continue;
		r = rawpci_pieces_make(space, iova, last);
		if (r == -ENOSPC && rawpci_pieces_compact(guest->ctx, space) > 0)
			r = rawpci_pieces_make(space, iova, last);
	}
	if (!r) {
		for (space = guest->spaces; space; space = space->next)
			rawpci_pieces_keep(space, iova, last);
		return 0;
	}
	rawpci_leftover_init(&left);
	for (space = guest->spaces; space; space = space->next)
		rawpci_pieces_drop(space, iova, last, &left);
	return rawpci_leftover_report(guest->ctx, r, &left, "are still reached by devices");
}

int rawpci_guest_map(struct rawpci_guest *guest, rawpci_iova_t iova, void *host, uint64_t size)
{
	uintptr_t where = (uintptr_t)host;
	const struct rawpci_guest_space *space;
	struct rawpci_range *next, *run;
	bool fresh;
	int r;

	r = rawpci_guest_check(guest, iova, where, size);
	for (space = guest->spaces; !r && space; space = space->next)
		r = check_limits(guest, &space->limits, iova, size);
	if (r)
		return r;
	next = rawpci_ranges_find(&guest->runs, iova);
	r = check_conflict(guest, next, iova, where, size);
	if (r)
		return r;
	run = rawpci_runs_find_home(&guest->runs, next, iova, where, size);
	fresh = !run;
	if (fresh)
		run = rawpci_ranges_add(&guest->runs, next, iova, where, size);
	if (!run)
		return no_memory(guest);
	r = guest->spaces ? map_pieces(guest, iova, where, size) : 0;
	if (r && fresh)
		rawpci_ranges_remove(&guest->runs, run);
	if (!r && !fresh)
		rawpci_runs_extend(&guest->runs, run, iova, size);
	return r;
}

/*
 * Unmapping.
 */

static int unmap_pieces(struct rawpci_guest *guest, rawpci_iova_t iova, rawpci_iova_t last)
{
	struct rawpci_guest_space *space;
	struct rawpci_leftover left;
	int r = 0;

	for (space = guest->spaces; !r && space; space = space->next)
		r = rawpci_pieces_cut_plan(guest->ctx, space, iova, last);
	for (space = guest->spaces; !r && space; space = space->next)
		r = rawpci_pieces_cut_make(space, iova, last);
	if (!r) {
		for (space = guest->spaces; space; space = space->next)
			rawpci_pieces_cut_keep(space, iova, last);
		return 0;
	}
	rawpci_leftover_init(&left);
	for (space = guest->spaces; space; space = space->next)
		rawpci_pieces_cut_drop(space, iova, last, &left);
	return rawpci_leftover_report(guest->ctx, r, &left, "are no longer reached by devices");
}

int rawpci_guest_unmap(struct rawpci_guest *guest, rawpci_iova_t iova, uint64_t size)
{
	rawpci_iova_t last = iova + (size - 1);
	struct rawpci_range *run, *next;
	int r;

	r = rawpci_guest_check(guest, iova, 0, size);
	if (r)
		return r;
	run = rawpci_ranges_find(&guest->runs, iova);
	if (!run || run->iova > last)
		return rawpci_backend_fail(guest->ctx, -ENOENT,
					   "no guest memory is mapped in " SPAN, iova, last);
	(void)rawpci_ranges_split(&guest->runs, iova, &r);
	if (!r)
		(void)rawpci_ranges_split(&guest->runs, last + 1, &r);
	r = r ? no_memory(guest) : unmap_pieces(guest, iova, last);
	if (r) {
		rawpci_runs_rejoin(&guest->runs, iova);
		rawpci_runs_rejoin(&guest->runs, last + 1);
		return r;
	}
	for (run = rawpci_ranges_find(&guest->runs, iova); run && run->iova <= last; run = next) {
		next = run->next;
		rawpci_ranges_remove(&guest->runs, run);
	}
	return 0;
}

/*
 * Spaces.
 */

static int check_runs(const struct rawpci_guest *guest, const struct rawpci_dma_limits *limits)
{
	const struct rawpci_range *run;
	int r = 0;

	for (run = guest->runs.first; !r && run; run = run->next) {
		r = check_page(guest, limits->page_size, run->iova, run->host, run->size);
		if (!r)
			r = check_limits(guest, limits, run->iova, run->size);
	}
	return r;
}

static int map_runs(const struct rawpci_guest *guest, struct rawpci_guest_space *space)
{
	const struct rawpci_range *run;
	struct rawpci_leftover left;
	int r = 0;

	for (run = guest->runs.first; !r && run; run = run->next)
		r = rawpci_pieces_plan(guest->ctx, space, run->iova, run->host, run->size);
	if (!r)
		r = rawpci_pieces_make(space, 0, UINT64_MAX);
	if (!r) {
		rawpci_pieces_keep(space, 0, UINT64_MAX);
		return 0;
	}
	rawpci_leftover_init(&left);
	rawpci_pieces_drop(space, 0, UINT64_MAX, &left);
	return rawpci_leftover_report(guest->ctx, r, &left, "are still reached by devices");
}

static bool is_linked(const struct rawpci_guest *guest, const struct rawpci_guest_space *space)
{
	const struct rawpci_guest_space *known = guest->spaces;

	while (known && known != space)
		known = known->next;
	return known != NULL;
}

static void unlink_space(struct rawpci_guest *guest, struct rawpci_guest_space *space)
{
	struct rawpci_guest_space **link = &guest->spaces;

	if (!is_linked(guest, space))
		return;
	while (*link != space)
		link = &(*link)->next;
	*link = space->next;
	space->next = NULL;
}

int rawpci_guest_attach(struct rawpci_guest *guest, struct rawpci_guest_space *space)
{
	struct rawpci_dma_limits limits = { 0 };
	int r;

	r = space->backend->space_limits(space->space, &limits);
	if (!r)
		r = check_runs(guest, &limits);
	if (r)
		return r;
	if (!space->attached)
		r = map_runs(guest, space);
	/* Undoing may have left pieces in the kernel. The space stays listed, to unmap them
	 * later. */
	if (r && !space->pieces.count)
		return r;
	space->limits = limits;
	if (!is_linked(guest, space)) {
		space->next = guest->spaces;
		guest->spaces = space;
	}
	if (!r)
		space->attached++;
	return r;
}

void rawpci_guest_detach(struct rawpci_guest *guest, struct rawpci_guest_space *space)
{
	if (--space->attached)
		return;
	rawpci_pieces_clear(guest->ctx, space);
	/* If the kernel still has a piece, the space stays listed, to unmap that later. */
	if (!space->pieces.count)
		unlink_space(guest, space);
}

void rawpci_guest_forget(struct rawpci_guest *guest, struct rawpci_guest_space *space)
{
	unlink_space(guest, space);
	rawpci_ranges_clear(&space->pieces);
}

void rawpci_guest_stats(const struct rawpci_guest *guest, struct rawpci_memory_stats *out)
{
	const struct rawpci_guest_space *space;

	*out = (struct rawpci_memory_stats){ .bytes = guest->runs.bytes,
					     .runs = guest->runs.count };
	for (space = guest->spaces; space; space = space->next)
		out->kernel_mappings += space->pieces.count;
}
