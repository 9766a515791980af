/* SPDX-License-Identifier: MIT */
/* The wrapped calls: each counts, fails when it is told to, and keeps account of what it gave out. */
#include "seams.h"

#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "os/sys.h"

const char *const seam_names[SEAMS] = {
	[SEAM_ALLOCATE] = "allocation",
	[SEAM_EVENTFD] = "eventfd",
	[SEAM_MEMFD] = "memfd",
	[SEAM_RESERVE] = "reserve",
	[SEAM_MAP] = "map",
	[SEAM_DUP] = "dup",
	[SEAM_EPOLL] = "epoll_create",
	[SEAM_EPOLL_CTL] = "epoll_ctl",
	[SEAM_URING] = "io_uring",
	[SEAM_THREAD] = "thread",
};

static atomic_int armed = -1; /* enum seam */
static atomic_uint calls;
static atomic_bool failed;
static unsigned fail_at;
static bool fail_all;
static int fail_with;
static atomic_long allocations, reservations;

void seams_arm(enum seam seam, unsigned skip, bool all, int error)
{
	fail_at = skip;
	fail_all = all;
	fail_with = error;
	atomic_store(&calls, 0);
	atomic_store(&failed, false);
	atomic_store(&armed, (int)seam);
}

unsigned seams_disarm(void)
{
	atomic_store(&armed, -1);
	return atomic_load(&calls);
}

bool seams_failed(void)
{
	return atomic_load(&failed);
}

long seams_allocations(void)
{
	return atomic_load(&allocations);
}

long seams_reservations(void)
{
	return atomic_load(&reservations);
}

static bool fails(enum seam seam)
{
	unsigned n;

	if (atomic_load(&armed) != (int)seam)
		return false;
	n = atomic_fetch_add(&calls, 1);
	if (n != fail_at && !(fail_all && n > fail_at))
		return false;
	atomic_store(&failed, true);
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
void __real_free(void *memory);
void __wrap_free(void *memory);
int __real_rawpci_sys_eventfd(void);
int __wrap_rawpci_sys_eventfd(void);
int __real_rawpci_sys_memfd(const char *name, uint64_t size);
int __wrap_rawpci_sys_memfd(const char *name, uint64_t size);
int __real_rawpci_sys_reserve(uint64_t size, uint64_t align, void **where);
int __wrap_rawpci_sys_reserve(uint64_t size, uint64_t align, void **where);
void __real_rawpci_sys_unmap(void *where, uint64_t size);
void __wrap_rawpci_sys_unmap(void *where, uint64_t size);
int __real_rawpci_sys_map(void *where, uint64_t size, int fd, uint64_t offset, bool writable);
int __wrap_rawpci_sys_map(void *where, uint64_t size, int fd, uint64_t offset, bool writable);
int __real_rawpci_sys_dup(int fd);
int __wrap_rawpci_sys_dup(int fd);
void __wrap_rawpci_sys_sleep_ms(unsigned milliseconds);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event);
int __real_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
				      struct io_uring_params *params);
int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
				      struct io_uring_params *params);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);

static void *counted(void *memory)
{
	if (memory)
		atomic_fetch_add(&allocations, 1);
	return memory;
}

static bool no_memory(void)
{
	if (!fails(SEAM_ALLOCATE))
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return no_memory() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	void *new = no_memory() ? NULL : __real_realloc(old, size);

	return old ? new : counted(new);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	return no_memory() ? NULL : counted(__real_aligned_alloc(align, size));
}

char *__wrap_strdup(const char *text)
{
	return no_memory() ? NULL : counted(__real_strdup(text));
}

void __wrap_free(void *memory)
{
	if (memory)
		atomic_fetch_sub(&allocations, 1);
	__real_free(memory);
}

int __wrap_rawpci_sys_eventfd(void)
{
	return fails(SEAM_EVENTFD) ? -fail_with : __real_rawpci_sys_eventfd();
}

int __wrap_rawpci_sys_memfd(const char *name, uint64_t size)
{
	return fails(SEAM_MEMFD) ? -fail_with : __real_rawpci_sys_memfd(name, size);
}

int __wrap_rawpci_sys_reserve(uint64_t size, uint64_t align, void **where)
{
	int r = fails(SEAM_RESERVE) ? -fail_with : __real_rawpci_sys_reserve(size, align, where);

	if (r == 0)
		atomic_fetch_add(&reservations, 1);
	return r;
}

void __wrap_rawpci_sys_unmap(void *where, uint64_t size)
{
	if (where)
		atomic_fetch_sub(&reservations, 1);
	__real_rawpci_sys_unmap(where, size);
}

int __wrap_rawpci_sys_map(void *where, uint64_t size, int fd, uint64_t offset, bool writable)
{
	return fails(SEAM_MAP) ? -fail_with
			       : __real_rawpci_sys_map(where, size, fd, offset, writable);
}

int __wrap_rawpci_sys_dup(int fd)
{
	return fails(SEAM_DUP) ? -fail_with : __real_rawpci_sys_dup(fd);
}

/* No device here needs the time. */
void __wrap_rawpci_sys_sleep_ms(unsigned milliseconds)
{
	(void)milliseconds;
}

static int failed_call(void)
{
	errno = fail_with;
	return -1;
}

int __wrap_epoll_create1(int flags)
{
	return fails(SEAM_EPOLL) ? failed_call() : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	/* The kernel takes a descriptor away whatever happens. */
	if (op != EPOLL_CTL_DEL && fails(SEAM_EPOLL_CTL))
		return failed_call();
	return __real_epoll_ctl(epoll, op, fd, event);
}

int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
				      struct io_uring_params *params)
{
	return fails(SEAM_URING) ? -fail_with
				 : __real_io_uring_queue_init_params(entries, ring, params);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg)
{
	return fails(SEAM_THREAD) ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}
