/* SPDX-License-Identifier: MIT */
#include "os/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "offsets into a device's file have 64 bits");

/* The kernel takes 32 bits of a request; C libraries other than glibc declare it an int. */
#ifdef __GLIBC__
#define REQUEST(request) (request)
#else
#define REQUEST(request) ((int)(request))
#endif

uint64_t rawpci_sys_page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return size > 0 ? (uint64_t)size : 4096;
}

/* A program that was started without descriptors 0 to 2 prints to whatever comes to be there. */
int rawpci_sys_keep_clear(int fd)
{
	int higher;

	if (fd < 0 || fd > 2)
		return fd;
	higher = rawpci_sys_dup(fd);
	rawpci_sys_close(&fd);
	return higher;
}

int rawpci_sys_open(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return rawpci_sys_note_lack(rawpci_sys_keep_clear(fd < 0 ? -errno : fd));
}

/* close() is not repeated after EINTR: on Linux the descriptor is gone by then. */
void rawpci_sys_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int rawpci_sys_ioctl(int fd, unsigned long request, void *argument)
{
	int r;

	do
		r = ioctl(fd, REQUEST(request), argument);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
	ssize_t n;

	if (size > INT_MAX || offset > INT64_MAX)
		return -EINVAL;
	do
		n = pread(fd, buffer, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

int rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
	ssize_t n;

	if (size > INT_MAX || offset > INT64_MAX)
		return -EINVAL;
	do
		n = pwrite(fd, buffer, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

int rawpci_sys_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return rawpci_sys_keep_clear(fd < 0 ? -errno : fd);
}

int rawpci_sys_signal(int fd)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	uint64_t one = 1;
	ssize_t n;

	/* The embedder's may block. A counter at its maximum is signalled already. */
	if (poll(&room, 1, 0) == 0)
		return 0;
	do
		n = write(fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	return n < 0 && errno != EAGAIN ? -errno : 0;
}

int rawpci_sys_drain(int fd)
{
	uint64_t count;
	int r = rawpci_sys_read_event(fd, &count, sizeof(count));

	if (r == -EAGAIN)
		return 0;
	return r < 0 ? r : 1;
}

int rawpci_sys_read_event(int fd, void *buffer, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int rawpci_sys_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	/* EINVAL: the limit is below the number that it may have. */
	return copy >= 0 ? copy : errno == EINVAL ? -EMFILE : -errno;
}

bool rawpci_sys_same_file(int a, int b)
{
	pid_t self = getpid();

	return syscall(SYS_kcmp, self, self, KCMP_FILE, (unsigned long)a, (unsigned long)b) <= 0;
}

bool rawpci_sys_same_path(const char *a, const char *b)
{
	struct stat one, other;

	if (stat(a, &one) < 0 || stat(b, &other) < 0)
		return false;
	if (S_ISCHR(one.st_mode) && S_ISCHR(other.st_mode))
		return one.st_rdev == other.st_rdev;
	return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

int rawpci_sys_device_number(int fd, unsigned *major_number, unsigned *minor_number)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return -errno;
	if (!S_ISCHR(info.st_mode))
		return -ENODEV;
	*major_number = major(info.st_rdev);
	*minor_number = minor(info.st_rdev);
	return 0;
}

bool rawpci_sys_is_eventfd(int fd)
{
	char path[64] = "/proc/self/fd/";
	char target[32];
	char digits[16];
	size_t n = 0;
	ssize_t length;
	char *end = path + strlen(path);
	int number = fd;

	if (fd < 0)
		return false;
	do {
		digits[n++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd > 0);
	while (n > 0)
		*end++ = digits[--n];
	*end = '\0';
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0) /* without /proc: what is open is left to the kernel to judge */
		return fcntl(number, F_GETFD) >= 0;
	target[length] = '\0';
	return strcmp(target, "anon_inode:[eventfd]") == 0;
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

/* Reserves more than is needed and gives the ends back, which is how an alignment is got. */
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

/* Mapped elsewhere first and then moved: where a driver refuses a MAP_FIXED mapping, the kernel has
 * removed what was there already, and another thread's mmap() could get into the gap. */
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

/* In place: what was there stays until it is replaced, so that no other mapping gets into a gap. */
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

int rawpci_sys_read_file(const char *path, char *text, size_t size)
{
	int fd = rawpci_sys_open(path, O_RDONLY);
	size_t length = 0;
	int n;

	if (fd < 0)
		return fd;
	do {
		n = rawpci_sys_pread(fd, text + length, size - length, length);
		if (n > 0)
			length += (size_t)n;
	} while (n > 0 && length < size);
	rawpci_sys_close(&fd);
	if (n < 0)
		return n;
	if (length >= size)
		return -ENOBUFS;
	if (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	return (int)length;
}

int rawpci_sys_size(const char *path, uint64_t *size)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return -errno;
	*size = (uint64_t)info.st_size;
	return 0;
}

int rawpci_sys_write_file(const char *path, const char *text)
{
	size_t size = strlen(text);
	int fd = rawpci_sys_open(path, O_WRONLY);
	int n;

	if (fd < 0)
		return fd;
	n = rawpci_sys_pwrite(fd, text, size, 0);
	rawpci_sys_close(&fd);
	if (n < 0)
		return n;
	return (size_t)n == size ? 0 : -EIO;
}

int rawpci_sys_read_link(const char *path, char *target, size_t size)
{
	ssize_t length = readlink(path, target, size);

	if (length < 0)
		return -errno;
	if ((size_t)length >= size)
		return -ENOBUFS;
	target[length] = '\0';
	return (int)length;
}

int rawpci_sys_link_name(const char *path, char *name, size_t size)
{
	char target[PATH_MAX];
	const char *last;
	int r = rawpci_sys_read_link(path, target, sizeof(target));

	if (r < 0)
		return r;
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return -ENOBUFS;
	memcpy(name, last, strlen(last) + 1);
	return (int)strlen(last);
}

int rawpci_sys_access(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0 ? -errno : 0;
}

int rawpci_sys_list(const char *path, int (*each)(void *opaque, const char *name), void *opaque)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return rawpci_sys_note_lack(-errno);
	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			r = each(opaque, entry->d_name);
	(void)closedir(dir);
	return r;
}

int rawpci_sys_memlock_limit(uint64_t *bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return -errno;
	*bytes = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
	return 0;
}

unsigned rawpci_sys_user(void)
{
	return geteuid();
}

void rawpci_sys_sleep_ms(unsigned milliseconds)
{
	struct timespec left = {
		.tv_sec = (time_t)(milliseconds / 1000),
		.tv_nsec = (long)(milliseconds % 1000) * 1000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

uint64_t rawpci_sys_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int rawpci_sys_barrier_prepare(void)
{
	long r = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0);

	return r < 0 ? -errno : 0;
}

int rawpci_sys_barrier(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) < 0 ? -errno : 0;
}
