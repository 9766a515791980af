/* SPDX-License-Identifier: MIT */
/*
 * What announcing guest memory costs: 1 GiB page by page before power-on, and maps of many
 * fragments that do not coalesce. Address spaces are pretended, so only the library's own time is
 * measured.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "memory/guest.h"

#define PAGE UINT64_C(0x1000)
#define HOST ((uintptr_t)0x7f0000000000)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static int limits(void *space, struct rawpci_dma_limits *out)
{
	(void)space;
	*out = (struct rawpci_dma_limits){ .page_size = PAGE };
	return 0;
}

static int dma_map(void *space, rawpci_iova_t iova, void *host, uint64_t size)
{
	(void)iova;
	(void)host;
	(void)size;
	++*(uint64_t *)space;
	return 0;
}

static int dma_unmap(void *space, rawpci_iova_t iova, uint64_t size)
{
	(void)space;
	(void)iova;
	(void)size;
	return 0;
}

static const struct rawpci_backend pretended = {
	.space_limits = limits,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
};

static int map_page(struct rawpci_guest *guest, uint64_t page)
{
	return rawpci_guest_map(guest, page * PAGE, (void *)(HOST + (uintptr_t)(page * PAGE)),
				PAGE);
}

static int announce(bool downwards)
{
	const uint64_t n = (UINT64_C(1) << 30) / PAGE;
	uint64_t calls = 0, start, i;
	struct rawpci_guest_space space = { .backend = &pretended, .space = &calls };
	struct rawpci_guest *guest;
	int err = rawpci_guest_create(NULL, &guest);

	if (err)
		return err;
	start = now_ns();
	for (i = 0; !err && i < n; i++)
		err = map_page(guest, downwards ? n - 1 - i : i);
	start = now_ns() - start;
	if (!err)
		err = rawpci_guest_attach(guest, &space);
	if (!err) {
		printf("1 GiB in %" PRIu64 " calls, %-9s  %6.1f ns a call, %" PRIu64
		       " kernel mapping(s)\n",
		       n, downwards ? "downwards" : "upwards", (double)start / (double)n, calls);
		rawpci_guest_detach(guest, &space);
	}
	rawpci_guest_destroy(guest);
	return err;
}

/* Rounded up. */
static double log2_of(uint64_t n)
{
	double bits = 0;

	for (n--; n; n /= 2)
		bits++;
	return bits;
}

/* Pages 0, 2, 4, ... in ascending order, or scattered by a factor without common divisor with n. */
static int fragments(uint64_t n, bool scattered)
{
	const uint64_t factor = scattered ? 611953 : 1;
	uint64_t insert, lookup, i;
	struct rawpci_guest *guest;
	int err = rawpci_guest_create(NULL, &guest);

	if (err)
		return err;
	insert = now_ns();
	for (i = 0; !err && i < n; i++)
		err = map_page(guest, 2 * (i * factor % n));
	insert = now_ns() - insert;
	lookup = now_ns(); /* mapping alike again finds and changes nothing */
	for (i = 0; !err && i < n; i++)
		err = map_page(guest, 2 * (i * factor % n));
	lookup = now_ns() - lookup;
	rawpci_guest_destroy(guest);
	if (!err)
		printf("%8" PRIu64 " fragments, %-9s  insert %7.1f ns (%5.1f a log2 n), lookup "
		       "%7.1f ns (%5.1f a log2 n)\n",
		       n, scattered ? "scattered" : "ascending", (double)insert / (double)n,
		       (double)insert / (double)n / log2_of(n), (double)lookup / (double)n,
		       (double)lookup / (double)n / log2_of(n));
	return err;
}

int main(void)
{
	uint64_t n;
	int err = announce(false);

	if (!err)
		err = announce(true);
	for (n = 1000; !err && n <= 1000000; n *= 10)
		err = fragments(n, false);
	for (n = 1000; !err && n <= 1000000; n *= 10)
		err = fragments(n, true);
	if (err)
		fprintf(stderr, "bench-guest: error %d\n", -err);
	return err ? 1 : 0;
}
