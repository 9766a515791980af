/* SPDX-License-Identifier: MIT */
/*
 * An address space without a kernel. Like type1v2 it unmaps exactly what was mapped; a call that
 * breaks the contract of dma_map or dma_unmap fails the test.
 */
#ifndef RAWPCI_TESTS_MOCK_SPACE_H
#define RAWPCI_TESTS_MOCK_SPACE_H

#include <errno.h>
#include <string.h>

#include <rawpci/backend.h>

#include "memory/guest.h"
#include "harness.h"

#define PAGE UINT64_C(0x1000)
#define GIB (UINT64_C(1) << 30)
#define MOCK_MAPS 512

struct mock_map {
	rawpci_iova_t iova;
	uintptr_t host;
	uint64_t size;
};

struct mock_space {
	struct rawpci_guest_space guest;
	struct rawpci_dma_limits limits;
	int limits_error;
	unsigned limit; /* entries; 0: as many as there is room for */
	unsigned count;
	struct mock_map maps[MOCK_MAPS]; /* in no order */
	uint64_t pinned;                 /* bytes, by all calls of dma_map */
};

/* All spaces count together, so that "the k-th call" is one of all of them. */
static unsigned mock_calls;
static unsigned mock_fail_at;   /* this call fails, counted from 1; 0: none */
static unsigned mock_fail_also; /* and this one */
static unsigned mock_fail_from; /* from this call on all fail; 0: none */

static inline void mock_arm(unsigned at, unsigned from)
{
	mock_calls = 0;
	mock_fail_at = at;
	mock_fail_also = 0;
	mock_fail_from = from;
}

static inline bool mock_fails(void)
{
	mock_calls++;
	return mock_calls == mock_fail_at || mock_calls == mock_fail_also ||
	       (mock_fail_from && mock_calls >= mock_fail_from);
}

static inline int mock_space_limits(void *space, struct rawpci_dma_limits *limits)
{
	const struct mock_space *mock = space;

	if (mock->limits_error)
		return mock->limits_error;
	*limits = mock->limits;
	return 0;
}

static inline int mock_dma_map(void *space, rawpci_iova_t iova, void *host, uint64_t size)
{
	struct mock_space *mock = space;
	unsigned i;

	ck_assert_uint_gt(size, 0);
	ck_assert_uint_eq((iova | (uintptr_t)host | size) & (mock->limits.page_size - 1), 0);
	ck_assert_uint_ge(iova + (size - 1), iova);
	for (i = 0; i < mock->count; i++)
		ck_assert(iova + (size - 1) < mock->maps[i].iova ||
			  mock->maps[i].iova + (mock->maps[i].size - 1) < iova);
	if (mock_fails() || (mock->limit && mock->count >= mock->limit))
		return rawpci_backend_fail(NULL, -ENOSPC, "mock: no entry left");
	ck_assert_uint_lt(mock->count, MOCK_MAPS);
	mock->maps[mock->count++] = (struct mock_map){ iova, (uintptr_t)host, size };
	mock->pinned += size;
	return 0;
}

static inline int mock_dma_unmap(void *space, rawpci_iova_t iova, uint64_t size)
{
	struct mock_space *mock = space;
	unsigned i;

	for (i = 0; i < mock->count; i++)
		if (mock->maps[i].iova == iova && mock->maps[i].size == size)
			break;
	ck_assert_uint_lt(i, mock->count);
	if (mock_fails())
		return rawpci_backend_fail(NULL, -EIO, "mock: cannot unmap");
	mock->maps[i] = mock->maps[--mock->count];
	return 0;
}

static const struct rawpci_backend mock_backend = {
	.version = RAWPCI_BACKEND_VERSION,
	.name = "mock",
	.space_limits = mock_space_limits,
	.dma_map = mock_dma_map,
	.dma_unmap = mock_dma_unmap,
};

static inline void mock_init(struct mock_space *mock)
{
	*mock = (struct mock_space){ .limits.page_size = PAGE };
	mock->guest.backend = &mock_backend;
	mock->guest.space = mock;
}

/* The host address that a device reaches there; 0: none. */
static inline uintptr_t mock_reach(const struct mock_space *mock, rawpci_iova_t iova)
{
	unsigned i;

	for (i = 0; i < mock->count; i++)
		if (iova - mock->maps[i].iova < mock->maps[i].size)
			return mock->maps[i].host + (uintptr_t)(iova - mock->maps[i].iova);
	return 0;
}

/* Is there exactly this kernel mapping? */
static inline bool mock_has(const struct mock_space *mock, rawpci_iova_t iova, uint64_t size)
{
	unsigned i;

	for (i = 0; i < mock->count; i++)
		if (mock->maps[i].iova == iova && mock->maps[i].size == size)
			return true;
	return false;
}

/* Do both have the same kernel mappings? */
static inline bool mock_same(const struct mock_space *a, const struct mock_space *b)
{
	unsigned i;

	for (i = 0; i < a->count; i++)
		if (!mock_has(b, a->maps[i].iova, a->maps[i].size) ||
		    mock_reach(b, a->maps[i].iova) != a->maps[i].host)
			return false;
	return a->count == b->count;
}

#endif
