/* SPDX-License-Identifier: MIT */
#include "handover/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"

#define RECORD_BYTES 1024
#define FILE_NAME (RAWPCI_ADDRESS_TEXT + 8)
#define TAKE_TRIES 3

static int open_directory(const char *run, bool make)
{
	int fd, r = make ? rawpci_sys_make_directory(run) : 0;

	if (r < 0 && r != -EEXIST)
		return r;
	fd = rawpci_sys_open_at(AT_FDCWD, run, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT && make ? -ESTALE : fd;
	r = rawpci_sys_check_own(fd, true);
	if (r < 0) {
		rawpci_sys_close(&fd);
		return r;
	}
	return fd;
}

/* Opens a file of a device's. Returns the descriptor. */
static int open_file(const struct rawpci_claim *claim, const char *suffix, int flags)
{
	char name[FILE_NAME];
	int fd, r;

	(void)snprintf(name, sizeof(name), "%s%s", claim->name, suffix);
	fd = rawpci_sys_open_at(claim->directory, name, flags);
	if (fd < 0)
		return fd;
	r = rawpci_sys_check_own(fd, false);
	if (r < 0) {
		rawpci_sys_close(&fd);
		return r;
	}
	return fd;
}

/* A file's text. Returns its length; -EBADMSG: longer than any that is written here. */
static int read_text(int fd, char text[RECORD_BYTES])
{
	int n = rawpci_sys_pread(fd, text, RECORD_BYTES, 0);

	if (n < 0)
		return n;
	if (n == RECORD_BYTES)
		return -EBADMSG;
	text[n] = '\0';
	return n;
}

static int take_once(struct rawpci_claim *claim, const char *run,
		     const struct rawpci_address *address)
{
	struct rawpci_claim taken = RAWPCI_CLAIM_NONE;
	int r;

	rawpci_address_format(address, taken.name);
	taken.directory = open_directory(run, true);
	if (taken.directory < 0)
		return taken.directory;
	taken.lock = open_file(&taken, ".lock", O_RDWR | O_CREAT);
	r = taken.lock < 0 ? taken.lock : rawpci_sys_lock(taken.lock);
	if (r < 0) {
		rawpci_claim_release(&taken);
		return r == -ENOENT ? -ESTALE : r;
	}
	*claim = taken;
	return 0;
}

/* The directory may be removed in the middle, as by a program that cleans /run. */
int rawpci_claim_take(struct rawpci_claim *claim, const char *run,
		      const struct rawpci_address *address)
{
	int r = -ESTALE;

	for (int i = 0; r == -ESTALE && i < TAKE_TRIES; i++)
		r = take_once(claim, run, address);
	return r;
}

static int open_shared(const char *root, const struct rawpci_address *address, int flags)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(root, address, "config", path, sizeof(path));

	return r < 0 ? r : rawpci_sys_open(path, flags);
}

/* For writing, so that no user without rights can keep others out by such a lock. */
int rawpci_claim_share(struct rawpci_claim *claim, const char *root,
		       const struct rawpci_address *address)
{
	int fd = open_shared(root, address, O_RDWR);
	int r = fd < 0 ? fd : rawpci_sys_lock(fd);

	if (r < 0) {
		rawpci_sys_close(&fd);
		return r;
	}
	claim->shared = fd;
	return 0;
}

int rawpci_claim_look_shared(const char *root, const struct rawpci_address *address)
{
	int fd = open_shared(root, address, O_RDONLY);
	int r = fd < 0 ? fd : rawpci_sys_locked(fd);

	rawpci_sys_close(&fd);
	return r > 0 ? -EWOULDBLOCK : r;
}

/* Could the directory be made? */
static int look_above(const char *run)
{
	const char *slash = strrchr(run, '/');
	char above[RAWPCI_SYSFS_PATH];
	int n = snprintf(above, sizeof(above), "%.*s", slash ? (int)(slash - run) : 1,
			 slash ? run : ".");

	if (n < 0 || (size_t)n >= sizeof(above))
		return -ENAMETOOLONG;
	return rawpci_sys_access(above[0] ? above : "/", W_OK | X_OK);
}

static int look_at_lock(const struct rawpci_claim *seen, const char *lock)
{
	int fd, r = rawpci_sys_access(lock, W_OK);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	fd = open_file(seen, ".lock", O_RDONLY);
	if (fd < 0)
		return fd;
	r = rawpci_sys_locked(fd);
	rawpci_sys_close(&fd);
	return r > 0 ? -EWOULDBLOCK : r;
}

int rawpci_claim_look(const char *run, const struct rawpci_address *address,
		      struct rawpci_record *record, int *recorded)
{
	struct rawpci_claim seen = RAWPCI_CLAIM_NONE;
	char lock[RAWPCI_SYSFS_PATH];
	int r = rawpci_claim_path(run, address, lock);

	if (r < 0)
		return r;
	*recorded = -ENOENT;
	seen.directory = open_directory(run, false);
	if (seen.directory < 0)
		return seen.directory == -ENOENT ? look_above(run) : seen.directory;
	rawpci_address_format(address, seen.name);
	r = look_at_lock(&seen, lock);
	if (r == 0)
		r = rawpci_sys_access(run, W_OK | X_OK);
	if (r == 0)
		*recorded = rawpci_record_read(&seen, record);
	rawpci_claim_release(&seen);
	return r;
}

int rawpci_claim_path(const char *run, const struct rawpci_address *address,
		      char path[RAWPCI_SYSFS_PATH])
{
	char name[RAWPCI_ADDRESS_TEXT];
	int n = snprintf(path, RAWPCI_SYSFS_PATH, "%s/%s.lock", run,
			 rawpci_address_format(address, name));

	return n < 0 || n >= RAWPCI_SYSFS_PATH ? -ENAMETOOLONG : 0;
}

void rawpci_claim_release(struct rawpci_claim *claim)
{
	rawpci_sys_close(&claim->shared);
	rawpci_sys_close(&claim->lock);
	rawpci_sys_close(&claim->directory);
}

/* What the kernel lets a driver be called, as far as it can be a part of a path and of a line. */
static bool good_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0)
		return true;
	if (length >= RAWPCI_SYSFS_NAME || name[0] == '.' || name[0] == ' ' ||
	    name[length - 1] == ' ')
		return false;
	for (; *name; name++)
		if (*name < ' ' || *name > '~' || *name == '/')
			return false;
	return true;
}

static int version_of(const struct rawpci_record *record)
{
	if (record->idle || (record->state.known && record->state.word_count > 0))
		return 3;
	return record->state.known ? 2 : 1;
}

/* The lines that version 3 has more than version 2. */
static int format_words(const struct rawpci_record *record, char *text, size_t size)
{
	const struct rawpci_state *state = &record->state;
	int n = snprintf(text, size, "idle %s\nwords", record->idle ? "yes" : "no");

	for (unsigned i = 0; i < state->word_count && n < (int)size; i++)
		n += snprintf(text + n, size - (size_t)n, " %03x=%04x", state->words[i].at,
			      state->words[i].value);
	if (n < (int)size)
		n += snprintf(text + n, size - (size_t)n, "\n");
	return n;
}

/* What of the text comes before the last line. Returns its length, or where it would end. */
static int format_body(const struct rawpci_claim *claim, const struct rawpci_record *record,
		       char text[RECORD_BYTES])
{
	const struct rawpci_driver_hold *hold = &record->hold;
	const struct rawpci_state *state = &record->state;
	const int version = version_of(record);
	int n = snprintf(text, RECORD_BYTES,
			 "rawpci %d\ndevice %s %04x:%04x\ndriver %s\noverride %s\ntaken-by %s\n",
			 version, claim->name, record->vendor, record->device, hold->driver,
			 hold->override, hold->taken_by);

	if (version == 3 && n >= 0 && n < RECORD_BYTES)
		n += format_words(record, text + n, RECORD_BYTES - (size_t)n);
	if (!state->known || n < 0 || n >= RECORD_BYTES)
		return n;
	n += snprintf(text + n, RECORD_BYTES - (size_t)n, "bare %s\nboot %s\nenable %u\nheader",
		      state->bare ? "yes" : "no", state->boot, state->enables);
	for (int i = 0; i < RAWPCI_STATE_DWORDS && n < RECORD_BYTES; i++)
		n += snprintf(text + n, RECORD_BYTES - (size_t)n, " %08x", state->header[i]);
	if (n < RECORD_BYTES)
		n += snprintf(text + n, RECORD_BYTES - (size_t)n, "\n");
	return n;
}

static int format(const struct rawpci_claim *claim, const struct rawpci_record *record,
		  char text[RECORD_BYTES])
{
	const struct rawpci_driver_hold *hold = &record->hold;
	int n;

	if (!good_name(hold->driver) || !good_name(hold->override) || !good_name(hold->taken_by) ||
	    !good_name(record->state.boot))
		return -EINVAL;
	n = format_body(claim, record, text);
	if (n >= 0 && n < RECORD_BYTES)
		n += snprintf(text + n, RECORD_BYTES - (size_t)n, "end\n");
	return n < 0 || n >= RECORD_BYTES ? -ENAMETOOLONG : n;
}

static int write_all(int fd, const char *text, size_t size)
{
	int n;

	/* The kernel would send SIGXFSZ. */
	if (!rawpci_sys_may_grow(size))
		return -EFBIG;
	n = rawpci_sys_pwrite(fd, text, size, 0);
	if (n < 0)
		return n;
	return (size_t)n == size ? rawpci_sys_sync(fd) : -ENOSPC;
}

/* A file that was left half-written, or put there, is not written to but replaced. */
int rawpci_record_write(const struct rawpci_claim *claim, const struct rawpci_record *record)
{
	char text[RECORD_BYTES], temporary[FILE_NAME];
	int length = format(claim, record, text);
	int fd, r;

	if (length < 0)
		return length;
	(void)snprintf(temporary, sizeof(temporary), "%s.new", claim->name);
	r = rawpci_sys_unlink_at(claim->directory, temporary);
	if (r < 0 && r != -ENOENT)
		return r;
	fd = rawpci_sys_open_at(claim->directory, temporary, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	r = write_all(fd, text, (size_t)length);
	rawpci_sys_close(&fd);
	if (r == 0)
		r = rawpci_sys_rename_at(claim->directory, temporary, claim->name);
	if (r < 0) {
		(void)rawpci_sys_unlink_at(claim->directory, temporary);
		return r;
	}
	return rawpci_sys_sync(claim->directory);
}

/* The value in "<key> <value>\n"; *at moves on to the next line. */
static bool take_line(const char **at, const char *key, char value[RAWPCI_SYSFS_NAME])
{
	size_t length = strlen(key);
	const char *end = strchr(*at, '\n');

	if (!end || strncmp(*at, key, length) != 0 || (*at)[length] != ' ')
		return false;
	*at += length + 1;
	length = (size_t)(end - *at);
	if (end < *at || length >= RAWPCI_SYSFS_NAME)
		return false;
	memcpy(value, *at, length);
	value[length] = '\0';
	*at = end + 1;
	return true;
}

static bool take_id(const char *text, char after, uint16_t *id)
{
	char *end;
	unsigned long value = strtoul(text, &end, 16);

	*id = (uint16_t)value;
	return end == text + 4 && *end == after;
}

/* The lines that version 3 has more. What is wrong in them is found out by who calls. */
static bool take_words(const char **at, struct rawpci_record *record)
{
	struct rawpci_state *state = &record->state;
	char idle[RAWPCI_SYSFS_NAME];
	char *end;

	if (!take_line(at, "idle", idle) || strncmp(*at, "words", 5) != 0)
		return false;
	record->idle = strcmp(idle, "yes") == 0;
	*at += 5;
	for (; **at == ' ' && state->word_count < RAWPCI_STATE_WORDS; state->word_count++) {
		state->words[state->word_count].at = (uint16_t)strtoul(*at, &end, 16);
		if (*end != '=' || (state->words[state->word_count].at & 0xf001))
			return false;
		state->words[state->word_count].value = (uint16_t)strtoul(end + 1, &end, 16);
		*at = end;
	}
	return *(*at)++ == '\n';
}

/* The lines that version 2 has more. What is wrong in them is found out by who calls. */
static bool take_state(const char *at, struct rawpci_state *state)
{
	char bare[RAWPCI_SYSFS_NAME], boot[RAWPCI_SYSFS_NAME], enables[RAWPCI_SYSFS_NAME];
	char *end;

	if (!take_line(&at, "bare", bare) || !take_line(&at, "boot", boot) ||
	    strlen(boot) >= sizeof(state->boot) || !take_line(&at, "enable", enables) ||
	    strncmp(at, "header ", 7) != 0)
		return false;
	memcpy(state->boot, boot, strlen(boot) + 1);
	state->known = true;
	state->bare = strcmp(bare, "yes") == 0;
	state->enables = (unsigned)strtoul(enables, NULL, 10);
	at += 6;
	for (int i = 0; i < RAWPCI_STATE_DWORDS; i++, at = end)
		state->header[i] = (uint32_t)strtoul(at, &end, 16);
	return true;
}

/* Right is what format() makes of what was understood, to the byte. */
static int parse(const struct rawpci_claim *claim, const char *text, struct rawpci_record *record)
{
	char version[RAWPCI_SYSFS_NAME], device[RAWPCI_SYSFS_NAME], again[RECORD_BYTES];
	struct rawpci_record found = {.hold = {.held = true}};
	const char *at = text;
	const char *ids;

	if (!take_line(&at, "rawpci", version) || !take_line(&at, "device", device) ||
	    !take_line(&at, "driver", found.hold.driver) ||
	    !take_line(&at, "override", found.hold.override) ||
	    !take_line(&at, "taken-by", found.hold.taken_by))
		return -EBADMSG;
	if (strcmp(version, "3") == 0 && !take_words(&at, &found))
		return -EBADMSG;
	if ((strcmp(version, "2") == 0 ||
	     (strcmp(version, "3") == 0 && strcmp(at, "end\n") != 0)) &&
	    !take_state(at, &found.state))
		return -EBADMSG;
	ids = strchr(device, ' ');
	if (!ids || !take_id(ids + 1, ':', &found.vendor) || !take_id(ids + 6, '\0', &found.device))
		return -EBADMSG;
	if (format(claim, &found, again) < 0 || strcmp(text, again) != 0)
		return -EBADMSG;
	*record = found;
	return 0;
}

int rawpci_record_read(const struct rawpci_claim *claim, struct rawpci_record *record)
{
	char text[RECORD_BYTES];
	int fd = open_file(claim, "", O_RDONLY);
	int r;

	if (fd < 0)
		return fd;
	r = read_text(fd, text);
	rawpci_sys_close(&fd);
	return r < 0 ? r : parse(claim, text, record);
}

int rawpci_record_erase(const struct rawpci_claim *claim)
{
	int r = rawpci_sys_unlink_at(claim->directory, claim->name);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return rawpci_sys_sync(claim->directory);
}

struct walk {
	int (*each)(void *opaque, const struct rawpci_address *address);
	void *opaque;
};

/* Locks and what else there is have other names. */
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
	struct walk walk = {.each = each, .opaque = opaque};
	int fd = open_directory(run, false);
	int r;

	if (fd < 0)
		return fd;
	r = rawpci_sys_list_at(fd, visit, &walk);
	rawpci_sys_close(&fd);
	return r;
}
