/* SPDX-License-Identifier: MIT */
/*
 * A device's registers, restored as they were before a program used it. VFIO restores them itself
 * once its user is gone, but leaves decoding on (Linux drivers/vfio/pci/vfio_pci_core.c,
 * vfio_pci_core_disable()). uio_pci_generic only turns bus mastering off (uio_pci_generic.c,
 * release()). Behind the files of sysfs nothing restores registers.
 *
 * MSI and MSI-X are left out: bare backends let no write through to them. A reset, if the device
 * has one, undoes everything else that the program has written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/handover.h"
#include "os/slow.h"
#include "os/opener.h"
#include "os/sys.h"
#include "pci/pci.h"

#define COMMAND_DWORD (RAWPCI_CFG_COMMAND / 4)

/* Reads or writes config space past the backends: none has the device now. */
static int config(const struct rawpci_binding *at, uint32_t offset, void *bytes, unsigned size,
		  bool write)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(at->root, &at->address, "config", path, sizeof(path));
	int fd;

	if (r < 0)
		return r;
	fd = rawpci_sys_open(path, write ? O_RDWR : O_RDONLY);
	if (fd < 0)
		return fd;
	r = write ? rawpci_sys_pwrite(fd, bytes, size, offset)
		  : rawpci_sys_pread(fd, bytes, size, offset);
	rawpci_sys_close(&fd);
	if (r < 0)
		return r;
	return (unsigned)r == size ? 0 : -EIO;
}

static int get(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	unsigned char bytes[4] = { 0 };
	int r = config(opaque, offset, bytes, width, false);

	if (r == 0)
		*value = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
			 (uint32_t)bytes[3] << 24;
	return r;
}

static int put(struct rawpci_binding *at, uint32_t offset, unsigned width, uint32_t value)
{
	unsigned char bytes[4] = { (unsigned char)value, (unsigned char)(value >> 8),
				   (unsigned char)(value >> 16), (unsigned char)(value >> 24) };

	return config(at, offset, bytes, width, true);
}

int rawpci_state_look(const struct rawpci_binding *from, bool bare, struct rawpci_state *out)
{
	struct rawpci_state found = { .known = true, .bare = bare };
	struct rawpci_binding at = *from;
	const struct rawpci_config_reader reader = { get, &at };
	int r = 0;

	for (unsigned i = 0; r == 0 && i < RAWPCI_STATE_DWORDS; i++)
		r = get(&at, 4 * i, 4, &found.header[i]);
	if (r == 0 && found.header[COMMAND_DWORD] == UINT32_MAX)
		r = -ENODEV;
	if (r < 0)
		return r;
	if (bare)
		rawpci_state_look_words(&reader, &found);
	rawpci_handover_boot(found.boot);
	found.enables = (unsigned)rawpci_sysfs_number(at.root, &at.address, "enable");
	*out = found;
	return 0;
}

/* Turns bus mastering off. Returns 1 if it was on. */
static int stop(struct rawpci_binding *at)
{
	uint32_t now;
	int r = get(at, RAWPCI_CFG_COMMAND, 4, &now);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (now == UINT32_MAX || !(now & RAWPCI_COMMAND_MASTER))
		return 0;
	r = put(at, RAWPCI_CFG_COMMAND, 2, now & 0xffff & ~(uint32_t)RAWPCI_COMMAND_MASTER);
	return r < 0 ? r : 1;
}

/* If a program has put the device to sleep, the kernel does not know it, and a host driver would
 * find the device asleep. A device may have enabled its PME by itself, and would wake the host:
 * Linux turns PME on only for a driver that asks for it. */
static int wake(struct rawpci_binding *at)
{
	const struct rawpci_config_reader reader = { get, at };
	uint32_t control = 0;
	uint8_t pm;
	int r = rawpci_caps_find(&reader, RAWPCI_CAP_PM, &pm);

	if (r == 0 && pm != 0)
		r = get(at, pm + RAWPCI_PM_CONTROL, 2, &control);
	if (r < 0 || !(control & (RAWPCI_PM_STATE | RAWPCI_PM_PME_ENABLE)))
		return r;
	r = put(at, pm + RAWPCI_PM_CONTROL, 2,
		control & ~(uint32_t)(RAWPCI_PM_STATE | RAWPCI_PM_PME_ENABLE));
	if (control & RAWPCI_PM_STATE)
		rawpci_sys_sleep_ms(RAWPCI_PM_D3HOT_DELAY_MS);
	return r;
}

/* A device that wakes from D3hot may have forgotten its config space (PCI Power Management 1.2,
 * 5.4.1), and its owner may have been killed before it could restore that. The last register comes
 * first, and COMMAND is left out. */
static int put_header(struct rawpci_binding *at, const struct rawpci_state *state)
{
	uint32_t now;
	int r = 0;

	for (unsigned i = RAWPCI_STATE_DWORDS; r == 0 && i-- > 0;) {
		if (i == COMMAND_DWORD)
			continue;
		r = get(at, 4 * i, 4, &now);
		if (r == 0 && now != state->header[i])
			r = put(at, 4 * i, 4, state->header[i]);
	}
	return r;
}

/* A BAR must not be resized or moved while it decodes. */
static int stop_decoding(struct rawpci_binding *at)
{
	const uint32_t decoding = RAWPCI_COMMAND_MEMORY | RAWPCI_COMMAND_IO;
	uint32_t now;
	int r = get(at, RAWPCI_CFG_COMMAND, 2, &now);

	if (r < 0 || now == 0xffff || !(now & decoding))
		return r;
	return put(at, RAWPCI_CFG_COMMAND, 2, now & ~decoding);
}

/* Before the header: a capability sets the size of a BAR. */
static int put_words(struct rawpci_binding *at, const struct rawpci_state *state)
{
	uint32_t now;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < state->word_count; i++) {
		r = get(at, state->words[i].at, 2, &now);
		if (r == 0 && now != state->words[i].value)
			r = put(at, state->words[i].at, 2, state->words[i].value);
	}
	return r;
}

/* As a close does: else the device would go on with its former owner's work once a driver lets it
 * master the bus. Returns 0 or -ETIMEDOUT. */
static int reset(struct rawpci *ctx, const struct rawpci_binding *at, const char *name)
{
	char path[RAWPCI_SYSFS_PATH], text[128];
	int r = rawpci_sysfs_path(at->root, &at->address, "reset", path, sizeof(path));

	if (r < 0 || rawpci_sys_access(path, F_OK) == -ENOENT)
		return 0;
	r = rawpci_slow_write(path, "1", at->limit_ms, &at->keep);
	if (r < 0 && r != -ETIMEDOUT && r != -ENOENT && r != -ENODEV)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: returned, but its reset failed: %s", name,
			   rawpci_sys_error_text(r, text, sizeof(text)));
	return r == -ETIMEDOUT ? r : 0;
}

/* The former owner has enabled the device once; any further count is another program's. The kernel
 * refuses if the device is not enabled (-EIO), or if a driver has come (-EBUSY). */
static int disable(const struct rawpci_binding *at, const struct rawpci_state *state)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(at->root, &at->address, "enable", path, sizeof(path));

	if (r == 0 && rawpci_sysfs_number(at->root, &at->address, "enable") > state->enables)
		r = rawpci_slow_write(path, "0", at->limit_ms, &at->keep);
	return r == -EIO || r == -EBUSY ? 0 : r;
}

/* Bus mastering stays off. So does an interrupt that is pending and that no driver serves: the
 * kernel would shut its line for every device on it. A driver turns on what it needs. */
static int put_command(struct rawpci_binding *at, const struct rawpci_state *state)
{
	uint32_t then = state->header[COMMAND_DWORD] & 0xffff & ~(uint32_t)RAWPCI_COMMAND_MASTER;
	uint32_t now;
	int r = get(at, RAWPCI_CFG_COMMAND, 4, &now);

	if (r < 0)
		return r;
	if (now >> 16 & RAWPCI_STATUS_INTERRUPT)
		then |= RAWPCI_COMMAND_INTX_DISABLE;
	if (now == UINT32_MAX || (now & 0xffff) == then)
		return 0;
	return put(at, RAWPCI_CFG_COMMAND, 2, then);
}

/* No driver has the device; or (bound) the one that it had before, which does not touch it. */
static int put_back(struct rawpci *ctx, struct rawpci_binding *at, const char *name,
		    const struct rawpci_state *state, bool killed, bool bound)
{
	int r = 0;

	if (killed && state->bare)
		r = wake(at);
	if (r == 0 && killed && state->bare)
		r = stop_decoding(at);
	if (r == 0 && killed && state->bare)
		r = put_words(at, state);
	if (r == 0 && killed && state->bare)
		r = put_header(at, state);
	if (r == 0 && killed && state->bare && !bound)
		r = reset(ctx, at, name);
	if (r == 0 && state->bare && !bound)
		r = disable(at, state);
	if (r == 0)
		r = put_command(at, state);
	return r;
}

/* A reboot has set all registers anew, and an old address may be another device's now. If no boot's
 * id is known, only the process that has read the registers knows that the boot is the same. */
static bool is_of_this_boot(const struct rawpci_state *state, bool killed)
{
	char now[RAWPCI_BOOT_TEXT];

	rawpci_handover_boot(now);
	return strcmp(state->boot, now) == 0 && (!killed || now[0] != '\0');
}

static int stop_first(struct rawpci *ctx, struct rawpci_binding *at, const char *name)
{
	char text[128];
	int r = stop(at);

	if (r > 0)
		rawpci_say(ctx, RAWPCI_LOG_INFO,
			   "%s: it still mastered the bus: its bus "
			   "mastering is off now",
			   name);
	if (r >= 0)
		return 0;
	return rawpci_fail(ctx, r,
			   "%s: its bus mastering cannot be turned off (%s), so no driver "
			   "gets it: reset it, then call rawpci_recover()",
			   name, rawpci_sys_error_text(r, text, sizeof(text)));
}

/* The kernel has reset the device. Return it to the host driver even if a register could not be
 * restored. */
static int fail_put_back(struct rawpci *ctx, const char *name, bool bare, int r)
{
	char text[128];

	if (r == 0 || r == -ETIMEDOUT)
		return r;
	(void)rawpci_fail(ctx, r, "%s: its registers cannot be restored: %s", name,
			  rawpci_sys_error_text(r, text, sizeof(text)));
	if (bare)
		return r;
	rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
	return 0;
}

/* Has a process one of the device's regions open? Such a program may use a device of pci-stub. (This
 * process has "config" open, for the lock.) */
static bool is_open(const struct rawpci_binding *at)
{
	static const char *const files[] = { "resource0", "resource1", "resource2",
					     "resource3", "resource4", "resource5" };
	struct rawpci_opener opener = { .process = 0 };
	char path[RAWPCI_SYSFS_PATH];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && opener.process == 0; i++)
		if (rawpci_sysfs_path(at->root, &at->address, files[i], path, sizeof(path)) == 0 &&
		    rawpci_sys_access(path, F_OK) == 0)
			rawpci_opener_find("/proc", path, false, &opener);
	return opener.process != 0;
}

/* May the registers be restored under the driver that is bound now? Not if that driver works with
 * the device itself. pci-stub touches no register. It keeps a device for later, so what a killed
 * process has left goes on. */
static bool is_undriven(const struct rawpci_binding *at, const struct rawpci_record *record,
			const char *now)
{
	const bool bare = record->state.bare;

	return now[0] == '\0' ||
	       (bare && rawpci_sysfs_is_for_user(now) && strcmp(now, record->hold.taken_by) == 0) ||
	       (bare && strcmp(now, "pci-stub") == 0 && !is_open(at));
}

/* A device that another driver has is not touched. A kernel driver that turns bus mastering off
 * itself has done that by now: if it is on again, a new program uses the device. */
int rawpci_state_restore(struct rawpci *ctx, const struct rawpci_binding *from, const char *name,
			 const struct rawpci_record *record, bool killed)
{
	const bool bare = record->state.bare;
	struct rawpci_binding at = *from;
	char now[RAWPCI_SYSFS_NAME];
	int r;

	if (rawpci_sysfs_present(at.root, &at.address) == -ENODEV)
		return 0;
	r = rawpci_sysfs_driver(at.root, &at.address, now);
	if (r < 0)
		return fail_put_back(ctx, name, true, r);
	if (killed && is_undriven(&at, record, now))
		r = stop_first(ctx, &at, name);
	if (r < 0)
		return r;
	if (rawpci_driver_let_go(&at, &record->hold) == -ETIMEDOUT)
		return -ETIMEDOUT;
	r = rawpci_sysfs_driver(at.root, &at.address, now);
	if (r < 0)
		return fail_put_back(ctx, name, true, r);
	if (!is_undriven(&at, record, now))
		return 0;
	if (killed)
		r = stop_first(ctx, &at, name);
	if (r < 0 || !record->state.known || !is_of_this_boot(&record->state, killed))
		return r;
	r = put_back(ctx, &at, name, &record->state, killed, now[0] != '\0');
	if (r < 0 && rawpci_sysfs_present(at.root, &at.address) == -ENODEV)
		return 0;
	return fail_put_back(ctx, name, bare, r);
}
