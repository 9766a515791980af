/* SPDX-License-Identifier: MIT */
/* Address space: reserving it, and mapping files over it. */
#include "os/sys.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t rawpci_sys_page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return size > 0 ? (uint64_t)size : 4096;
}

int rawpci_sys_memfd(const char *name, uint64_t size)
{
	int fd, r;

	if (size > INT64_MAX)
		return -EFBIG;
	fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) == 0)
		return fd;
	r = -errno;
	rawpci_sys_close(&fd);
	return r;
}

/* mmap() aligns to a page only. So this reserves more than is asked for and returns the ends. */
int rawpci_sys_reserve(uint64_t size, uint64_t align, void **where)
{
	uint64_t page = rawpci_sys_page_size();
	uint64_t length, lead, tail;
	unsigned char *base;

	if (size > SIZE_MAX - page || align > SIZE_MAX / 2)
		return -ENOMEM;
	length = (size + page - 1) & ~(page - 1);
	if (align < page)
		align = page;
	if (length > SIZE_MAX - align)
		return -ENOMEM;
	base = mmap(NULL, (size_t)(length + align - page), PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	lead = (align - ((uintptr_t)base & (align - 1))) & (align - 1);
	tail = align - page - lead;
	if (lead > 0)
		(void)munmap(base, (size_t)lead);
	if (tail > 0)
		(void)munmap(base + lead + length, (size_t)tail);
	*where = base + lead;
	return 0;
}

/* Maps the file elsewhere first and then moves the mapping. If a driver refuses a MAP_FIXED
 * mapping, the kernel has already removed the reservation, and another thread's mmap() could take
 * the gap. */
int rawpci_sys_map(void *where, uint64_t size, int fd, uint64_t offset, bool writable)
{
	int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	void *at, *moved;
	int r;

	if (size > SIZE_MAX || offset > INT64_MAX)
		return -EINVAL;
	at = mmap(NULL, (size_t)size, protection, MAP_SHARED, fd, (off_t)offset);
	if (at == MAP_FAILED)
		return -errno;
	(void)madvise(at, (size_t)size, MADV_DONTFORK);
	moved = mremap(at, (size_t)size, (size_t)size, MREMAP_MAYMOVE | MREMAP_FIXED, where);
	if (moved != MAP_FAILED)
		return 0;
	r = -errno;
	(void)munmap(at, (size_t)size);
	return r;
}

/* Replaces the mapping in place, so that another thread's mmap() finds no gap. */
int rawpci_sys_cover(void *where, uint64_t size, int fd)
{
	const int nothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;

	if (fd >= 0 && mmap(where, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			    0) != MAP_FAILED)
		return 0;
	return mmap(where, (size_t)size, PROT_NONE, nothing, -1, 0) == MAP_FAILED ? -errno : 0;
}

void rawpci_sys_unmap(void *where, uint64_t size)
{
	uint64_t page = rawpci_sys_page_size();

	if (where)
		(void)munmap(where, (size_t)((size + page - 1) & ~(page - 1)));
}
