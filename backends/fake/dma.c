/* SPDX-License-Identifier: MIT */
/*
 * Address spaces and transfers. A space is a balanced tree of mappings that do not overlap.
 * Comparing ranges, with "overlaps" as "equal", therefore orders them. A transfer holds the space's
 * lock: once dma_unmap has returned, nothing reaches that memory.
 */
#include "fake/internal.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "pci/pci.h"

#define DEFAULT_PAGE 4096

/* On x86 these addresses are interrupts. They are not translated. */
#define MSI_FIRST 0xfee00000
#define MSI_LAST RAWPCI_FAKE_MSI_LAST

struct rawpci_fake_space {
	struct rawpci_fake_instance *instance;
	pthread_mutex_t lock;
	void *mappings;
	uint64_t count;
};

struct mapping {
	uint64_t first, last; /* inclusive */
	unsigned char *host;
};

static int compare(const void *left, const void *right)
{
	const struct mapping *a = left, *b = right;

	if (a->last < b->first)
		return -1;
	return a->first > b->last ? 1 : 0;
}

int rawpci_fake_space_create(void *instance, void **space)
{
	struct rawpci_fake_instance *in = instance;
	struct rawpci_fake_space *new;
	int r = rawpci_fake_enter(in, RAWPCI_FAKE_SPACE_CREATE);

	if (r < 0)
		return r;
	new = calloc(1, sizeof(*new));
	if (!new)
		return rawpci_backend_fail(in->ctx, -ENOMEM, "fake: no memory for a space");
	new->instance = in;
	(void)pthread_mutex_init(&new->lock, NULL);
	*space = new;
	return 0;
}

void rawpci_fake_space_destroy(void *space)
{
	struct rawpci_fake_space *old = space;

	if (!old)
		return;
	tdestroy(old->mappings, free);
	(void)pthread_mutex_destroy(&old->lock);
	free(old);
}

uint64_t rawpci_fake_space_count(struct rawpci_fake_space *space)
{
	uint64_t count;

	(void)pthread_mutex_lock(&space->lock);
	count = space->count;
	(void)pthread_mutex_unlock(&space->lock);
	return count;
}

/* Each device in the space has a smallest page: the largest of them. */
static uint64_t page_size(struct rawpci_fake_space *space)
{
	struct rawpci_fake_instance *instance = space->instance;
	uint64_t page = 0;

	(void)pthread_mutex_lock(&instance->lock);
	for (const struct rawpci_fake *fake = instance->devices; fake; fake = fake->next)
		if (fake->space == space && fake->is.dma_page > page)
			page = fake->is.dma_page;
	(void)pthread_mutex_unlock(&instance->lock);
	return page > 0 ? page : DEFAULT_PAGE;
}

/* Each device in the space has a last address that is translated: the lowest of them. */
static uint64_t last_address(struct rawpci_fake_space *space)
{
	struct rawpci_fake_instance *instance = space->instance;
	uint64_t last = UINT64_MAX;
	bool any = false;

	(void)pthread_mutex_lock(&instance->lock);
	for (const struct rawpci_fake *fake = instance->devices; fake; fake = fake->next) {
		if (fake->space != space)
			continue;
		any = true;
		if (fake->is.dma_last < last)
			last = fake->is.dma_last;
	}
	(void)pthread_mutex_unlock(&instance->lock);
	return any ? last : RAWPCI_FAKE_DMA_LAST;
}

int rawpci_fake_space_limits(void *space, struct rawpci_dma_limits *limits)
{
	struct rawpci_fake_space *in = space;
	int r = rawpci_fake_enter(in->instance, RAWPCI_FAKE_SPACE_LIMITS);

	if (r < 0)
		return r;
	memset(limits, 0, sizeof(*limits));
	limits->page_size = page_size(in);
	limits->range_count = 2;
	limits->ranges[0].first = 0;
	limits->ranges[0].last = MSI_FIRST - 1;
	limits->ranges[1].first = MSI_LAST + 1;
	limits->ranges[1].last = last_address(in);
	return 0;
}

/* Refuses what the kernel would refuse. */
static int check(struct rawpci_fake_space *space, const struct mapping *mapping, uint64_t size)
{
	struct rawpci *ctx = space->instance->ctx;
	uint64_t page = page_size(space);
	uint64_t all = mapping->first | size | (uintptr_t)mapping->host;
	uint64_t end = last_address(space);

	if (size == 0 || mapping->last < mapping->first || (all & (page - 1)) != 0)
		return rawpci_backend_fail(
			ctx, -EADDRNOTAVAIL,
			"fake: %#llx bytes at %#llx cannot be mapped: not whole pages of %#llx",
			(unsigned long long)size, (unsigned long long)mapping->first,
			(unsigned long long)page);
	if (mapping->last > end || (mapping->first <= MSI_LAST && mapping->last >= MSI_FIRST))
		return rawpci_backend_fail(
			ctx, -ERANGE,
			"fake: %#llx bytes at %#llx cannot be translated: valid are 0 to %#x and "
			"%#x to %#llx",
			(unsigned long long)size, (unsigned long long)mapping->first, MSI_FIRST - 1,
			MSI_LAST + 1, (unsigned long long)end);
	return 0;
}

static int insert(struct rawpci_fake_space *space, struct mapping *mapping)
{
	struct mapping **node;
	int r = 0;

	(void)pthread_mutex_lock(&space->lock);
	node = tsearch(mapping, &space->mappings, compare);
	if (!node)
		r = -ENOMEM;
	else if (*node != mapping)
		r = -EADDRINUSE;
	else
		space->count++;
	(void)pthread_mutex_unlock(&space->lock);
	return r;
}

int rawpci_fake_dma_map(void *space, rawpci_iova_t iova, void *host, uint64_t size)
{
	struct rawpci_fake_space *in = space;
	struct mapping wanted = { iova, iova + size - 1, host };
	struct mapping *mapping;
	int r = rawpci_fake_enter(in->instance, RAWPCI_FAKE_DMA_MAP);

	if (r < 0)
		return r;
	r = check(in, &wanted, size);
	if (r < 0)
		return r;
	mapping = malloc(sizeof(*mapping));
	if (!mapping)
		return rawpci_backend_fail(in->instance->ctx, -ENOMEM,
					   "fake: no memory for a DMA mapping");
	*mapping = wanted;
	r = insert(in, mapping);
	if (r == 0)
		return 0;
	free(mapping);
	return rawpci_backend_fail(in->instance->ctx, r,
				   "fake: %#llx bytes at %#llx cannot be mapped: %s",
				   (unsigned long long)size, (unsigned long long)iova,
				   r == -ENOMEM ? "no memory" : "part of it is mapped already");
}

int rawpci_fake_dma_unmap(void *space, rawpci_iova_t iova, uint64_t size)
{
	struct rawpci_fake_space *in = space;
	struct mapping key = { iova, iova + size - 1, NULL };
	struct mapping *mapping = NULL;
	struct mapping **node;
	int r = rawpci_fake_enter(in->instance, RAWPCI_FAKE_DMA_UNMAP);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&in->lock);
	node = tfind(&key, &in->mappings, compare);
	if (node && (*node)->first == key.first && (*node)->last == key.last) {
		mapping = *node;
		(void)tdelete(&key, &in->mappings, compare);
		in->count--;
	}
	(void)pthread_mutex_unlock(&in->lock);
	if (!mapping)
		return rawpci_backend_fail(in->instance->ctx, -EINVAL,
					   "fake: %#llx bytes at %#llx are not one mapping",
					   (unsigned long long)size, (unsigned long long)iova);
	free(mapping);
	return 0;
}

/* Walks the mappings of [iova, iova + size), and copies from or to a buffer; NULL: only looks.
 * Requires the space's lock. */
static bool walk(struct rawpci_fake_space *space, uint64_t iova, unsigned char *buffer,
		 uint64_t size, bool to_memory)
{
	while (size > 0) {
		struct mapping key = { iova, iova, NULL };
		struct mapping **node = tfind(&key, &space->mappings, compare);
		unsigned char *host;
		uint64_t n;

		if (!node)
			return false;
		n = (*node)->last - iova + 1;
		if (n > size)
			n = size;
		host = (*node)->host + (iova - (*node)->first);
		if (buffer) {
			memcpy(to_memory ? host : buffer, to_memory ? buffer : host, (size_t)n);
			buffer += n;
		}
		iova += n;
		size -= n;
	}
	return true;
}

static bool transfer(struct rawpci_fake_space *space, uint64_t iova, unsigned char *buffer,
		     uint64_t size, bool to_memory)
{
	bool reached;

	(void)pthread_mutex_lock(&space->lock);
	/* A range does not wrap. */
	reached = (size == 0 || size - 1 <= UINT64_MAX - iova) &&
		  walk(space, iova, NULL, size, to_memory);
	if (reached)
		(void)walk(space, iova, buffer, size, to_memory);
	(void)pthread_mutex_unlock(&space->lock);
	return reached;
}

/* Holds the device's lock to the end. When bus mastering has been turned off, or the device closed,
 * no transfer is under way. */
int rawpci_fake_dma_transfer(struct rawpci_fake *fake, rawpci_iova_t iova, void *buffer,
			     uint64_t size, bool to_memory)
{
	bool done = false;

	if (rawpci_fake_lock(fake) && size <= SIZE_MAX && fake->space && !fake->is.no_dma &&
	    (rawpci_fake_config_get16(fake, RAWPCI_CFG_COMMAND) & RAWPCI_COMMAND_MASTER) &&
	    rawpci_fake_config_awake(fake))
		done = transfer(fake->space, iova, buffer, size, to_memory);
	rawpci_fake_unlock(fake);
	if (done)
		return 0;
	atomic_fetch_add(&fake->dma_faults, 1);
	return -EFAULT;
}
