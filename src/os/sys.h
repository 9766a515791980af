/* SPDX-License-Identifier: MIT */
/*
 * The seam to the kernel. src/os makes every system call of the library, with three exceptions:
 * liburing makes io_uring's for src/event/uring.c, the C library makes those of memory, locks and
 * threads, and src/core/gate.c yields the processor.
 *
 * Each function returns a result of at least 0 or a negative errno value. No other folder reads
 * errno. A call that a signal interrupts is made again.
 *
 * The room owns no state but one variable of each thread (rawpci_sys_lack()), and has no lock.
 * Its headers, each of which calls only those below it:
 *
 *   inuse.h, idle.h       what the host does with a device
 *   opener.h, slow.h      which process has a file open; reads and writes that can hang
 *   sysfs.h               what sysfs says about PCI devices; uses src/pci
 *   sys.h, epoll.h        the seam
 *
 * The seam's files: clock.c, eventfd.c, memory.c, node.c, path.c, process.c and directory.c call own.c,
 * file.c and error.c, in this order.
 */
#ifndef RAWPCI_OS_SYS_H
#define RAWPCI_OS_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Descriptors (file.c)
 */

/* Opens close-on-exec. Returns the descriptor. */
int rawpci_sys_open(const char *path, int flags);

/* Closes *fd unless it is -1, and makes it -1. */
void rawpci_sys_close(int *fd);

/* Another descriptor, close-on-exec, for the same open file. */
int rawpci_sys_dup(int fd);

/* Moves a new descriptor away from those of standard input, output and error. Returns the new
 * number, or fd if it is a negative errno value. Files, eventfds, timers and copies that this
 * header opens never have the numbers 0 to 2. */
int rawpci_sys_keep_clear(int fd);

/* Returns what the ioctl returned. */
int rawpci_sys_ioctl(int fd, unsigned long request, void *argument);

/* Return the number of bytes, which may be fewer than asked for. */
int rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset);
int rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);

/* Reads a small file into text, without its last line break. Returns its length; -ENOBUFS if it
 * does not fit. */
int rawpci_sys_read_file(const char *path, char *text, size_t size);

/* Writes text to a file in one write. */
int rawpci_sys_write_file(const char *path, const char *text);

/* Are a and b descriptors of the same open file? True if the kernel does not tell. */
bool rawpci_sys_same_file(int a, int b);

/* The numbers of the device whose node fd is; -ENODEV: fd is no device node. */
int rawpci_sys_device_number(int fd, unsigned *major, unsigned *minor);

/*
 * What a path leads to (path.c, directory.c)
 */

/* Do two paths lead to the same file, or to nodes of the same device? */
bool rawpci_sys_same_path(const char *a, const char *b);

/* How many bytes a file has. */
int rawpci_sys_size(const char *path, uint64_t *size);

/* The target of a symbolic link, as the link has it. Returns its length. */
int rawpci_sys_read_link(const char *path, char *target, size_t size);

/* The last part of the target of a symbolic link. Returns its length. */
int rawpci_sys_link_name(const char *path, char *name, size_t size);

/* May this process use the file at path so (mode as for access(2))? Returns 0, -ENOENT if there is
 * no file, -EACCES, ... */
int rawpci_sys_access(const char *path, int mode);

/* Calls each() with the names in a directory until it returns other than 0. Returns that value, or
 * 0. */
int rawpci_sys_list(const char *path, int (*each)(void *opaque, const char *name), void *opaque);

/*
 * Descriptors that signal (eventfd.c)
 */

/* A non-blocking, close-on-exec eventfd with counter 0. */
int rawpci_sys_eventfd(void);

/* Adds 1 to an eventfd's counter. */
int rawpci_sys_signal(int fd);

/* Makes an eventfd's counter 0. Returns 1 if it was not 0 before, else 0. */
int rawpci_sys_drain(int fd);

/* Reads exactly size bytes without blocking. Returns 0, -EAGAIN, or -EIO for fewer bytes. */
int rawpci_sys_read_event(int fd, void *buffer, size_t size);

/* Is fd an eventfd? Without /proc: is fd open? */
bool rawpci_sys_is_eventfd(int fd);

/*
 * Time (clock.c)
 */

/* Milliseconds of a clock that only goes forward. */
uint64_t rawpci_sys_now_ms(void);

/* Sleeps for at least this time. */
void rawpci_sys_sleep_ms(unsigned milliseconds);

/* A non-blocking, close-on-exec descriptor. Once after each start, when the time has passed, it
 * becomes readable: RAWPCI_SYS_TIMER_SIZE bytes. */
#define RAWPCI_SYS_TIMER_SIZE 8u
int rawpci_sys_timer(void);
int rawpci_sys_timer_start(int fd, unsigned milliseconds);

/*
 * Address space (memory.c)
 */

/* The size of a page, bytes. */
uint64_t rawpci_sys_page_size(void);

/* An anonymous memory file of size zero bytes. */
int rawpci_sys_memfd(const char *name, uint64_t size);

/* Reserves inaccessible address space. align: 0, or a power of two to align to. */
int rawpci_sys_reserve(uint64_t size, uint64_t align, void **where);

/* Maps a file shared over reserved space, readable, and writable if asked. After a failure the
 * space is still reserved. A child does not inherit the mapping. */
int rawpci_sys_map(void *where, uint64_t size, int fd, uint64_t offset, bool writable);

/* Replaces a mapping by inaccessible pages.
 * fd: a memory file of size 0, so that every access raises SIGBUS. With -1, or if the kernel
 * refuses to map fd, every access raises SIGSEGV. */
int rawpci_sys_cover(void *where, uint64_t size, int fd);

/* Gives address space back to the process, with everything mapped in it. */
void rawpci_sys_unmap(void *where, uint64_t size);

/*
 * Files of the library's own (own.c, directory.c). If the last part of a path is a symbolic link,
 * these functions do not follow it.
 */

/* Makes a directory for this user only. -EEXIST. */
int rawpci_sys_make_directory(const char *path);

/* Opens close-on-exec, without blocking. A file that it makes is for this user only.
 * directory: a descriptor, or AT_FDCWD. Returns the descriptor; -ELOOP or -ENOTDIR for a link. */
int rawpci_sys_open_at(int directory, const char *name, int flags);

/* Returns 0 if fd is a directory, or a file with one name, that belongs to this user or root, and
 * no other user may write to it; else -EPERM. */
int rawpci_sys_check_own(int fd, bool directory);

/* Locks the open file until every copy of the descriptor is closed. -EWOULDBLOCK: another open file
 * has the lock. */
int rawpci_sys_lock(int fd);

/* Has another open file the lock? 1, 0 or -errno. Never takes the lock, even for a moment. */
int rawpci_sys_locked(int fd);

/* Returns once everything written is on the disk. */
int rawpci_sys_sync(int fd);

/* Inside one directory. Rename replaces to: at every moment one of the two files is there. */
int rawpci_sys_rename_at(int directory, const char *from, const char *to);
int rawpci_sys_unlink_at(int directory, const char *name);

/* As rawpci_sys_list(). */
int rawpci_sys_list_at(int directory, int (*each)(void *opaque, const char *name), void *opaque);

/*
 * Who may open a device node (node.c). -ENODEV: path is no node of that character device.
 */

struct rawpci_node_owner {
	uint32_t uid, gid;
	unsigned mode; /* the permissions of open() */
};

int rawpci_sys_node_owner(const char *path, unsigned major, unsigned minor,
			  struct rawpci_node_owner *owner);

/* -ESTALE: it is not as from has it, and stays so. */
int rawpci_sys_node_change(const char *path, unsigned major, unsigned minor,
			   const struct rawpci_node_owner *from,
			   const struct rawpci_node_owner *to);

/*
 * This process (process.c)
 */

/* The effective user. */
unsigned rawpci_sys_user(void);

/* How many bytes this process may lock in memory (RLIMIT_MEMLOCK); UINT64_MAX: no limit. */
int rawpci_sys_memlock_limit(uint64_t *bytes);

/* May this process write files of this many bytes (RLIMIT_FSIZE)? */
bool rawpci_sys_may_grow(uint64_t size);

/* Prepare once; an error: the kernel has no such barrier, or forbids it. Afterwards the second
 * function makes every thread of the process pass a full memory barrier before it returns. */
int rawpci_sys_barrier_prepare(void);
int rawpci_sys_barrier(void);

/*
 * Errors (error.c)
 */

/* The meaning of a negative errno value in words, and for EMFILE and ENFILE the remedy. Returns
 * text. */
const char *rawpci_sys_error_text(int error, char *text, size_t size);

/* The result of an operation that failed with a negative errno value: -ENOSPC if descriptors ran
 * out, -ENOMEM, or otherwise for every other error. */
int rawpci_sys_result(int error, int otherwise);

/* The last lack of descriptors or memory that this thread had while it opened files and directories
 * (-EMFILE, -ENFILE or -ENOMEM); 0: none since it called rawpci_sys_forget_lack(). After a lack, a
 * file may only seem absent. rawpci_sys_note_lack() notes a result and returns it. */
int rawpci_sys_lack(void);
void rawpci_sys_forget_lack(void);
int rawpci_sys_note_lack(int r);

#endif
