/* SPDX-License-Identifier: MIT */
/*
 * Runs are what the embedder announced; each space with a device on has pieces, the kernel
 * mappings made of them (core/pieces.h). Pieces cover the runs exactly, save for what a failed
 * rollback left. All memory a change needs is there before the kernel is called the first time.
 */
#include "memory/guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory/pieces.h"
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
	return rawpci_backend_fail(guest->ctx, -ENOMEM,
				   "no memory to keep track of guest memory");
}

static int check_page(const struct rawpci_guest *guest, uint64_t page, rawpci_iova_t iova,
		      uintptr_t host, uint64_t size)
{
	if (!((iova | host | size) & (page - 1)))
		return 0;
	return rawpci_backend_fail(guest->ctx, -EDOM,
				   "guest memory at 0x%" PRIx64 ": address, size 0x%" PRIx64
				   " and host address 0x%" PRIx64 " must be multiples of 0x%"
				   PRIx64, iova, size, (uint64_t)host, page);
}

int rawpci_guest_check(const struct rawpci_guest *guest, rawpci_iova_t iova, uintptr_t host,
		       uint64_t size)
{
	const struct rawpci_guest_space *space;
	uint64_t page = guest->spaces ? 1 : guest->host_page;
	int err;

	if (!size)
		return rawpci_backend_fail(guest->ctx, -EINVAL,
					   "guest memory at 0x%" PRIx64 ": the size is 0", iova);
	for (space = guest->spaces; space; space = space->next)
		page = space->limits.page_size > page ? space->limits.page_size : page;
	err = check_page(guest, page, iova, host, size);
	if (err)
		return err;
	/* The last byte of all guest addresses is one; of this process it never is. */
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
				   "translate: %s", iova, last, valid);
}

/* @run: the first run that ends behind iova */
static int check_conflict(const struct rawpci_guest *guest, const struct rawpci_range *run,
			  rawpci_iova_t iova, uintptr_t host, uint64_t size)
{
	rawpci_iova_t last = iova + (size - 1);

	for (; run && run->iova <= last; run = run->next)
		if (!rawpci_range_alike(run, iova, host))
			return rawpci_backend_fail(guest->ctx, -EADDRINUSE, "guest memory " SPAN
						   " at host 0x%" PRIx64 ": guest " SPAN
						   " is mapped to host 0x%" PRIx64 " already",
						   iova, last, (uint64_t)host,
						   run->iova, rawpci_range_last(run),
						   (uint64_t)run->host);
	return 0;
}

/*
 * Mapping.
 */

/* The run that a range becomes part of: the one it continues, overlaps, or is continued by. */
static struct rawpci_range *find_home(const struct rawpci_guest *guest, struct rawpci_range *next,
				      rawpci_iova_t iova, uintptr_t host, uint64_t size)
{
	struct rawpci_range *prev = next ? next->prev : guest->runs.last;

	if (prev && rawpci_range_reaches(rawpci_range_last(prev), iova) &&
	    rawpci_range_alike(prev, iova, host))
		return prev;
	if (next && rawpci_range_reaches(iova + (size - 1), next->iova) &&
	    rawpci_range_alike(next, iova, host))
		return next;
	return NULL;
}

/* Makes a run reach over a range and every run that then continues it. Cannot fail. */
static void extend_run(struct rawpci_ranges *runs, struct rawpci_range *run, rawpci_iova_t iova,
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

/* In all spaces with a device on, or in none. */
static int map_pieces(struct rawpci_guest *guest, rawpci_iova_t iova, uintptr_t host,
		      uint64_t size)
{
	rawpci_iova_t last = iova + (size - 1);
	struct rawpci_guest_space *space;
	struct rawpci_leftover left;
	int err = 0;

	for (space = guest->spaces; !err && space; space = space->next)
		if (space->attached)
			err = rawpci_pieces_plan(guest->ctx, space, iova, host, size);
	for (space = guest->spaces; !err && space; space = space->next) {
		if (!space->attached)
			continue;
		err = rawpci_pieces_make(space, iova, last);
		if (err == -ENOSPC && rawpci_pieces_merge(guest->ctx, space) > 0)
			err = rawpci_pieces_make(space, iova, last);
	}
	if (!err) {
		for (space = guest->spaces; space; space = space->next)
			rawpci_pieces_keep(space, iova, last);
		return 0;
	}
	rawpci_leftover_init(&left);
	for (space = guest->spaces; space; space = space->next)
		rawpci_pieces_drop(space, iova, last, &left);
	return rawpci_leftover_report(guest->ctx, err, &left, "are still reached by devices");
}

int rawpci_guest_map(struct rawpci_guest *guest, rawpci_iova_t iova, void *host, uint64_t size)
{
	uintptr_t where = (uintptr_t)host;
	const struct rawpci_guest_space *space;
	struct rawpci_range *next, *run;
	bool fresh;
	int err;

	err = rawpci_guest_check(guest, iova, where, size);
	for (space = guest->spaces; !err && space; space = space->next)
		err = check_limits(guest, &space->limits, iova, size);
	if (err)
		return err;
	next = rawpci_ranges_find(&guest->runs, iova);
	err = check_conflict(guest, next, iova, where, size);
	if (err)
		return err;
	run = find_home(guest, next, iova, where, size);
	fresh = !run;
	if (fresh)
		run = rawpci_ranges_add(&guest->runs, next, iova, where, size);
	if (!run)
		return no_memory(guest);
	err = guest->spaces ? map_pieces(guest, iova, where, size) : 0;
	if (err && fresh)
		rawpci_ranges_remove(&guest->runs, run);
	if (!err && !fresh)
		extend_run(&guest->runs, run, iova, size);
	return err;
}

/*
 * Unmapping.
 */

/* Makes two runs that continue each other at an address one again. At 0 none does. */
static void rejoin(struct rawpci_ranges *runs, rawpci_iova_t at)
{
	struct rawpci_range *upper = rawpci_ranges_find(runs, at);
	struct rawpci_range *lower = upper ? upper->prev : NULL;

	if (lower && upper->iova == at && rawpci_range_last(lower) == at - 1 &&
	    rawpci_range_alike(lower, upper->iova, upper->host))
		rawpci_ranges_join(runs, lower);
}

static int unmap_pieces(struct rawpci_guest *guest, rawpci_iova_t iova, rawpci_iova_t last)
{
	struct rawpci_guest_space *space;
	struct rawpci_leftover left;
	int err = 0;

	for (space = guest->spaces; !err && space; space = space->next)
		err = rawpci_pieces_cut_plan(guest->ctx, space, iova, last);
	for (space = guest->spaces; !err && space; space = space->next)
		err = rawpci_pieces_cut_make(space, iova, last);
	if (!err) {
		for (space = guest->spaces; space; space = space->next)
			rawpci_pieces_cut_keep(space, iova, last);
		return 0;
	}
	rawpci_leftover_init(&left);
	for (space = guest->spaces; space; space = space->next)
		rawpci_pieces_cut_drop(space, iova, last, &left);
	return rawpci_leftover_report(guest->ctx, err, &left,
				      "are no longer reached by devices");
}

int rawpci_guest_unmap(struct rawpci_guest *guest, rawpci_iova_t iova, uint64_t size)
{
	rawpci_iova_t last = iova + (size - 1);
	struct rawpci_range *run, *next;
	int err;

	err = rawpci_guest_check(guest, iova, 0, size);
	if (err)
		return err;
	run = rawpci_ranges_find(&guest->runs, iova);
	if (!run || run->iova > last)
		return rawpci_backend_fail(guest->ctx, -ENOENT,
					   "no guest memory is mapped in " SPAN, iova, last);
	(void)rawpci_ranges_split(&guest->runs, iova, &err);
	if (!err)
		(void)rawpci_ranges_split(&guest->runs, last + 1, &err);
	err = err ? no_memory(guest) : unmap_pieces(guest, iova, last);
	if (err) {
		rejoin(&guest->runs, iova);
		rejoin(&guest->runs, last + 1);
		return err;
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
	int err = 0;

	for (run = guest->runs.first; !err && run; run = run->next) {
		err = check_page(guest, limits->page_size, run->iova, run->host, run->size);
		if (!err)
			err = check_limits(guest, limits, run->iova, run->size);
	}
	return err;
}

static int map_runs(const struct rawpci_guest *guest, struct rawpci_guest_space *space)
{
	const struct rawpci_range *run;
	struct rawpci_leftover left;
	int err = 0;

	for (run = guest->runs.first; !err && run; run = run->next)
		err = rawpci_pieces_plan(guest->ctx, space, run->iova, run->host, run->size);
	if (!err)
		err = rawpci_pieces_make(space, 0, UINT64_MAX);
	if (!err) {
		rawpci_pieces_keep(space, 0, UINT64_MAX);
		return 0;
	}
	rawpci_leftover_init(&left);
	rawpci_pieces_drop(space, 0, UINT64_MAX, &left);
	return rawpci_leftover_report(guest->ctx, err, &left, "are still reached by devices");
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
	int err;

	err = space->backend->space_limits(space->space, &limits);
	if (!err)
		err = check_runs(guest, &limits);
	if (err)
		return err;
	if (!space->attached)
		err = map_runs(guest, space);
	/* What undoing left in the kernel has to be taken away some day, too. */
	if (err && !space->pieces.count)
		return err;
	space->limits = limits;
	if (!is_linked(guest, space)) {
		space->next = guest->spaces;
		guest->spaces = space;
	}
	if (!err)
		space->attached++;
	return err;
}

void rawpci_guest_detach(struct rawpci_guest *guest, struct rawpci_guest_space *space)
{
	if (--space->attached)
		return;
	rawpci_pieces_clear(guest->ctx, space);
	/* What the kernel did not let go has to be asked for again when it is taken away. */
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
