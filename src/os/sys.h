/* SPDX-License-Identifier: MIT */
/*
 * The seam to the kernel: src/os makes every system call of the library. The one exception is
 * io_uring: liburing makes its calls for src/event/uring.c.
 *
 * Each function returns a result of at least 0 or a negative errno value. No other folder reads
 * errno. A call that a signal interrupts is made again.
 */
#ifndef RAWPCI_OS_SYS_H
#define RAWPCI_OS_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of a page, bytes. */
uint64_t rawpci_sys_page_size(void);

/* Opens close-on-exec. Returns the descriptor. */
int rawpci_sys_open(const char *path, int flags);

/* Closes what is not -1 and makes it -1. */
void rawpci_sys_close(int *fd);

/* Returns what the ioctl returned. */
int rawpci_sys_ioctl(int fd, unsigned long request, void *argument);

/* Return the number of bytes, which may be fewer than asked for. */
int rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset);
int rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);

/* A non-blocking, close-on-exec eventfd with counter 0. */
int rawpci_sys_eventfd(void);

/* Adds 1 to an eventfd's counter. */
int rawpci_sys_signal(int fd);

/* Makes an eventfd's counter 0. Returns 1 if it was not, 0 if it was. */
int rawpci_sys_drain(int fd);

/* A non-blocking, close-on-exec descriptor that becomes readable, RAWPCI_SYS_TIMER_SIZE bytes of it,
 * once so long after each start. */
#define RAWPCI_SYS_TIMER_SIZE 8u
int rawpci_sys_timer(void);
int rawpci_sys_timer_start(int fd, unsigned milliseconds);

/* Reads exactly size bytes without blocking. Returns 0, -EAGAIN, or -EIO for fewer. */
int rawpci_sys_read_event(int fd, void *buffer, size_t size);

/* Another descriptor, close-on-exec, for the same open file. */
int rawpci_sys_dup(int fd);

/* A new descriptor, or a negative errno as it is, moved away from those of standard input, output
 * and error, which the functions above and below keep clear of. */
int rawpci_sys_keep_clear(int fd);

/* Are they descriptors of the same open file? Where the kernel does not tell: true. */
bool rawpci_sys_same_file(int a, int b);

/* Do two paths lead to the same file, or to nodes of the same device? */
bool rawpci_sys_same_path(const char *a, const char *b);

/* The numbers of the device that a descriptor of a device node stands for; -ENODEV: of none. */
int rawpci_sys_device_number(int fd, unsigned *major, unsigned *minor);

/* Is it an eventfd? */
bool rawpci_sys_is_eventfd(int fd);

/* An anonymous memory file of size zero bytes. */
int rawpci_sys_memfd(const char *name, uint64_t size);

/* Reserves inaccessible address space, aligned to a power of two of at least a page. */
int rawpci_sys_reserve(uint64_t size, uint64_t align, void **where);

/* Maps a file shared, readable and (by writable) writable, over reserved space, which stays
 * reserved when it fails. Not inherited by children. */
int rawpci_sys_map(void *where, uint64_t size, int fd, uint64_t offset, bool writable);

/* Puts pages that cannot be touched where something was mapped: every access raises SIGBUS. fd: a
 * memory file of size 0. -1, or where the kernel refuses that: every access raises SIGSEGV. */
int rawpci_sys_cover(void *where, uint64_t size, int fd);

/* Gives address space back, whatever is in it. */
void rawpci_sys_unmap(void *where, uint64_t size);

/* Reads a small file into text, without its last line break. Returns its length; -ENOBUFS when it
 * does not fit. */
int rawpci_sys_read_file(const char *path, char *text, size_t size);

/* How many bytes a file has. */
int rawpci_sys_size(const char *path, uint64_t *size);

/* Writes text to a file in one write. */
int rawpci_sys_write_file(const char *path, const char *text);

/* The last part of what a symbolic link points to. Returns its length. */
int rawpci_sys_link_name(const char *path, char *name, size_t size);

/* Everything a symbolic link points to, as it is written there. Returns its length. */
int rawpci_sys_read_link(const char *path, char *target, size_t size);

/* Is there a file at path, and may this process use it so (mode of access(2))? Returns 0, -ENOENT,
 * -EACCES, ... */
int rawpci_sys_access(const char *path, int mode);

/* Calls each() with the names in a directory until it returns other than 0; returns that, or 0. */
int rawpci_sys_list(const char *path, int (*each)(void *opaque, const char *name), void *opaque);

/*
 * Files of the library's own (own.c, directory.c). Symbolic links are never followed in the last part.
 */

/* Makes a directory for this user only. -EEXIST. */
int rawpci_sys_make_directory(const char *path);

/* Opens close-on-exec, without waiting for anybody; a file that is made is for this user only.
 * directory: a descriptor, or AT_FDCWD. Returns the descriptor; -ELOOP or -ENOTDIR for a link. */
int rawpci_sys_open_at(int directory, const char *name, int flags);

/* 0 if it is a directory, or a file of one name, that belongs to this user or root and that nobody
 * else may write to; else -EPERM. */
int rawpci_sys_check_own(int fd, bool directory);

/* Locks the open file until every copy of the descriptor is closed. -EWOULDBLOCK: somebody else has
 * the lock. */
int rawpci_sys_lock(int fd);

/* May this process write files of so many bytes (RLIMIT_FSIZE)? */
bool rawpci_sys_may_grow(uint64_t size);

/* Is it locked by another open file? 1, 0 or -errno. Takes nothing, not even for a moment. */
int rawpci_sys_locked(int fd);

/* Returns when what was written is on the disk. */
int rawpci_sys_sync(int fd);

/* Inside one directory. Rename replaces to, and nobody ever sees neither. */
int rawpci_sys_rename_at(int directory, const char *from, const char *to);
int rawpci_sys_unlink_at(int directory, const char *name);

/* As rawpci_sys_list(). */
int rawpci_sys_list_at(int directory, int (*each)(void *opaque, const char *name), void *opaque);

/* Bytes this process may lock in memory (RLIMIT_MEMLOCK); UINT64_MAX: no limit. */
int rawpci_sys_memlock_limit(uint64_t *bytes);

/* The user this process acts as. */
unsigned rawpci_sys_user(void);

/*
 * Errors (error.c)
 */

/* What a negative errno value means, in words; of descriptors (EMFILE, ENFILE) also what to do.
 * Returns text. */
const char *rawpci_sys_error_text(int error, char *text, size_t size);

/* What an operation returns for a negative errno value: -ENOSPC for descriptors, -ENOMEM, and
 * otherwise for all that say something else. */
int rawpci_sys_result(int error, int otherwise);

/* Descriptors or memory that this thread was refused while it opened files and directories, since
 * it forgot (-EMFILE, -ENFILE or -ENOMEM); 0: none. A file that could not be opened then may have
 * been taken for one that is not there. Note: takes a result, and returns it. */
int rawpci_sys_lack(void);
void rawpci_sys_forget_lack(void);
int rawpci_sys_note_lack(int r);

/* Sleeps at least so long. */
void rawpci_sys_sleep_ms(unsigned milliseconds);

/* Milliseconds of a clock that only goes forward. */
uint64_t rawpci_sys_now_ms(void);

/* Makes every thread of the process pass a full memory barrier before it returns. To be prepared
 * once; where that fails the kernel has no such thing, or forbids it. */
int rawpci_sys_barrier_prepare(void);
int rawpci_sys_barrier(void);

#endif
