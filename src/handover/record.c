/* SPDX-License-Identifier: MIT */
/* Writes, reads and removes the files of records. */
#include "handover/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "os/sys.h"

#define FILE_NAME (RAWPCI_ADDRESS_TEXT + 8)

/* Returns the text's length; -EBADMSG: it is longer than any record. */
static int read_text(int fd, char text[RAWPCI_RECORD_BYTES])
{
	int n = rawpci_sys_pread(fd, text, RAWPCI_RECORD_BYTES, 0);

	if (n < 0)
		return n;
	if (n == RAWPCI_RECORD_BYTES)
		return -EBADMSG;
	text[n] = '\0';
	return n;
}

static int write_all(int fd, const char *text, size_t size)
{
	int n;

	/* Else the kernel sends SIGXFSZ. */
	if (!rawpci_sys_may_grow(size))
		return -EFBIG;
	n = rawpci_sys_pwrite(fd, text, size, 0);
	if (n < 0)
		return n;
	return (size_t)n == size ? rawpci_sys_sync(fd) : -ENOSPC;
}

/* A file that is half-written, or that another program has put there, is replaced, not written
 * to. */
static int write_aside(const struct rawpci_locks *locks, const struct rawpci_record *record,
		       const char *name)
{
	char text[RAWPCI_RECORD_BYTES];
	int length = rawpci_record_format(locks->name, record, text);
	int fd, r;

	if (length < 0)
		return length;
	r = rawpci_sys_unlink_at(locks->directory, name);
	if (r < 0 && r != -ENOENT)
		return r;
	fd = rawpci_sys_open_at(locks->directory, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	r = write_all(fd, text, (size_t)length);
	rawpci_sys_close(&fd);
	if (r < 0)
		(void)rawpci_sys_unlink_at(locks->directory, name);
	return r;
}

/* Puts another file in the record's place. */
static int replace(const struct rawpci_locks *locks, const char *name)
{
	int r = rawpci_sys_rename_at(locks->directory, name, locks->name);

	if (r == 0)
		return rawpci_sys_sync(locks->directory);
	(void)rawpci_sys_unlink_at(locks->directory, name);
	return r;
}

int rawpci_record_write(const struct rawpci_locks *locks, const struct rawpci_record *record)
{
	char name[FILE_NAME];
	int r;

	(void)snprintf(name, sizeof(name), "%s.new", locks->name);
	r = write_aside(locks, record, name);
	return r < 0 ? r : replace(locks, name);
}

static void name_copy(const struct rawpci_locks *locks, char name[FILE_NAME])
{
	(void)snprintf(name, FILE_NAME, "%s.copy", locks->name);
}

int rawpci_record_copy(const struct rawpci_locks *locks, const struct rawpci_record *record)
{
	char name[FILE_NAME];

	name_copy(locks, name);
	return write_aside(locks, record, name);
}

int rawpci_record_put_copy(const struct rawpci_locks *locks)
{
	char name[FILE_NAME];

	name_copy(locks, name);
	return replace(locks, name);
}

void rawpci_record_drop_copy(const struct rawpci_locks *locks)
{
	char name[FILE_NAME];

	name_copy(locks, name);
	(void)rawpci_sys_unlink_at(locks->directory, name);
}

int rawpci_record_read(const struct rawpci_locks *locks, struct rawpci_record *record)
{
	char text[RAWPCI_RECORD_BYTES];
	int fd = rawpci_locks_file(locks, "", O_RDONLY);
	int r;

	if (fd < 0)
		return fd;
	r = read_text(fd, text);
	rawpci_sys_close(&fd);
	return r < 0 ? r : rawpci_record_parse(locks->name, text, record);
}

int rawpci_record_peek(const char *run, const struct rawpci_address *address,
		       struct rawpci_record *record)
{
	struct rawpci_locks seen = RAWPCI_LOCKS_NONE;
	int r;

	rawpci_address_format(address, seen.name);
	seen.directory = rawpci_locks_directory(run, false);
	r = seen.directory < 0 ? seen.directory : rawpci_record_read(&seen, record);
	rawpci_locks_release(&seen);
	return r;
}

int rawpci_record_erase(const struct rawpci_locks *locks)
{
	int r = rawpci_sys_unlink_at(locks->directory, locks->name);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return rawpci_sys_sync(locks->directory);
}

int rawpci_record_look(const char *run, const struct rawpci_address *address,
		       struct rawpci_record *record, int *recorded)
{
	struct rawpci_locks seen;
	int r = rawpci_locks_look(run, address, &seen);

	*recorded = -ENOENT;
	if (r == 0 && seen.directory >= 0)
		*recorded = rawpci_record_read(&seen, record);
	rawpci_locks_release(&seen);
	return r;
}

struct walk {
	int (*each)(void *opaque, const struct rawpci_address *address);
	void *opaque;
};

/* Locks and other files have no address for a name. */
static int visit(void *opaque, const char *name)
{
	const struct walk *walk = opaque;
	char text[RAWPCI_ADDRESS_TEXT];
	struct rawpci_address address;

	if (rawpci_address_parse(name, &address) < 0 ||
	    strcmp(rawpci_address_format(&address, text), name) != 0)
		return 0;
	return walk->each(walk->opaque, &address);
}

int rawpci_record_each(const char *run,
		       int (*each)(void *opaque, const struct rawpci_address *address),
		       void *opaque)
{
	struct walk walk = { .each = each, .opaque = opaque };
	int fd = rawpci_locks_directory(run, false);
	int r;

	if (fd < 0)
		return fd;
	r = rawpci_sys_list_at(fd, visit, &walk);
	rawpci_sys_close(&fd);
	return r;
}
