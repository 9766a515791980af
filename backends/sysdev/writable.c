/* SPDX-License-Identifier: MIT */
/*
 * The bits of config space that a device's user may write. Bits that are not listed are kept,
 * because no kernel driver keeps them: ids, class, header type, pointers to capabilities (some
 * devices let their drivers write them), and capabilities that are not known here.
 *
 * The kernel's VFIO has a list, too (Linux drivers/vfio/pci/vfio_pci_config.c). Comments in this
 * table say where the two differ. VFIO lets through the following, and this table does not:
 *   BIST                a device that tests itself answers nothing meanwhile, for up to 2 s
 *   VPD                 VFIO writes them to the device; here they are only read (vpd.c)
 *   MSI                 mask bits and queue size: no MSI is ever enabled here
 *   PCI-X ECC           exists in its mode 2 alone; other modes have something else in its place
 *   AER                 status, masks, severities: the kernel's AER driver looks after the device
 *   power budgeting     its data select: of no use without the rest of extended space
 *   vendor-specific extended capabilities: as all of extended space (CXL and others live there)
 *   bytes of no capability: VFIO writes them, for devices that have registers there. Some devices
 *                       change their ids and capabilities there
 * Both keep: header, BARs (copies), MSI and MSI-X, AGP, HyperTransport, SATA, Enhanced Allocation
 * (its entries move BARs), slots, bridges, and of extended space ATS, SR-IOV, ACS, ARI and so on.
 */
#include <string.h>

#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define CACHE_LINE_SIZE 0x0c
#define LATENCY_TIMER 0x0d

#define EXPRESS_FLAGS 2
#define EXPRESS_VERSION 0x000f
#define EXPRESS_STATUS 0x0a
#define EXPRESS_CONTROL2 0x28

#define NO_CAPABILITY 0xff

#define VENDOR_LENGTH 2
#define VENDOR_BODY 3

/* A register. The rest of it is written back as it was read. */
struct rule {
	uint8_t cap; /* 0: the header */
	uint8_t at;
	uint8_t width;
	uint32_t write;   /* bits that take the value written */
	uint32_t clear;   /* bits that are cleared by writing 1 */
	uint32_t sticky;  /* such bits that are kept: they are written as 0 */
	uint32_t restore; /* bits that the device itself may change, restored at the end */
};

/* PCI Local Bus Specification 3.0, 6.2; PCI-X Addendum 2.0a, 7.2; PCI Bus Power Management 1.2,
 * 3.2; PCI Express Base Specification 5.0, 7.5.3. */
static const struct rule rules[] = {
	/*
	 * State and Data Select. Enabling PME would outlast the close and resets, and wake the
	 * host. Older VFIO lets it through, newer VFIO keeps it. This rule is the first, because
	 * the others need a device that is awake.
	 */
	{ RAWPCI_CAP_PM, RAWPCI_PM_CONTROL, 2, 0x1e00 | RAWPCI_PM_STATE, 0, 0x8000,
	  RAWPCI_PM_PME_ENABLE },

	/* COMMAND (command.c): without Fast Back-to-Back (0x0200), on which a bus agrees, and
	 * without reserved bits. VFIO lets all of it through. */

	/* STATUS: the errors that this function has seen. VFIO keeps them. */
	{ 0, RAWPCI_CFG_STATUS, 2, 0, 0xf900, 0, 0 },
	{ 0, CACHE_LINE_SIZE, 1, 0xff, 0, 0, 0 },
	{ 0, LATENCY_TIMER, 1, 0xff, 0, 0, 0 },

	/* Command, without reserved bits; and in Status the errors that this function has seen,
	 * which VFIO keeps. */
	{ RAWPCI_CAP_PCIX, 2, 2, 0x007f, 0, 0, 0 },
	{ RAWPCI_CAP_PCIX, 4, 4, 0, 0x200c0000, 0, 0 },

	/*
	 * Device Control: error reporting, relaxed ordering, no snoop, read request size. Payload
	 * size and phantom functions are the fabric's. VFIO keeps a copy of the payload size, and
	 * makes a read request at least as large as a payload. VFIO lets through Extended Tag
	 * (0x0100), which not every root port can take: here the kernel decides. It also lets
	 * through auxiliary power (0x0400), which outlasts the close and resets. The reset bit is
	 * in write.c.
	 */
	{ RAWPCI_CAP_EXPRESS, RAWPCI_EXPRESS_DEVICE_CONTROL, 2, 0x781f, 0, 0, 0 },
	/* Device Status: errors seen. VFIO keeps them. */
	{ RAWPCI_CAP_EXPRESS, EXPRESS_STATUS, 2, 0, 0x000f, 0x0040, 0 },
	/*
	 * Device Control 2: completion timeout, ID-based ordering. VFIO keeps ARI alone. The other
	 * bits need everything on the way to agree, or the root port takes a request for an error:
	 * atomic operations, LTR, OBFF, 10-bit tags, prefixes.
	 */
	{ RAWPCI_CAP_EXPRESS, EXPRESS_CONTROL2, 2, 0x031f, 0, 0, 0 },
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

static int read_raw(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	return rawpci_sysdev_raw_read(opaque, offset, width, value);
}

/* The first capability of a kind counts, and every vendor-specific one. The others only end those
 * before them. */
static int note(void *opaque, uint8_t id, uint8_t at)
{
	struct rawpci_sysdev *device = opaque;

	for (unsigned i = 0; i < device->config.cap_count; i++) {
		if (device->config.caps[i].at == at)
			return 0;
		if (device->config.caps[i].id == id && id != RAWPCI_CAP_VENDOR)
			id = NO_CAPABILITY;
	}
	device->config.caps[device->config.cap_count++] = (struct rawpci_sysdev_cap){ .id = id,
										      .at = at };
	return 0;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t before(const struct rawpci_sysdev *device, uint32_t offset, unsigned width)
{
	return (device->config.before[offset / 4] >> (8 * (offset & 3))) &
	       (UINT32_MAX >> (32 - 8 * width));
}

/* A capability ends at the next one at the latest, or where its own registers say. */
static uint32_t length_of(const struct rawpci_sysdev *device, const struct rawpci_sysdev_cap *cap)
{
	uint32_t end = RAWPCI_SYSDEV_DWORDS * 4;

	for (unsigned i = 0; i < device->config.cap_count; i++)
		if (device->config.caps[i].at > cap->at)
			end = lesser(end, device->config.caps[i].at);
	if (cap->id == RAWPCI_CAP_VENDOR)
		return lesser(end - cap->at, before(device, cap->at + VENDOR_LENGTH, 1));
	if (cap->id == RAWPCI_CAP_EXPRESS &&
	    (before(device, cap->at + EXPRESS_FLAGS, 2) & EXPRESS_VERSION) < 2)
		return lesser(end - cap->at, EXPRESS_CONTROL2);
	return end - cap->at;
}

int rawpci_sysdev_writable_init(struct rawpci_sysdev *device)
{
	const struct rawpci_config_reader reader = { read_raw, device };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < RAWPCI_SYSDEV_DWORDS; i++)
		r = rawpci_sysdev_raw_read(device, 4 * i, 4, &device->config.before[i]);
	device->config.cap_count = 0;
	if (r == 0)
		r = rawpci_caps_each(&reader, note, device);
	for (unsigned i = 0; r == 0 && i < device->config.cap_count; i++)
		device->config.caps[i].length = (uint8_t)length_of(device, &device->config.caps[i]);
	return r;
}

/* Calls each() for every register that a device has. */
static int each_register(struct rawpci_sysdev *device,
			 int (*each)(struct rawpci_sysdev *device, const struct rule *rule,
				     uint32_t at, void *opaque),
			 void *opaque)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < RULES; i++) {
		const struct rule *rule = &rules[i];

		if (rule->cap == 0)
			r = each(device, rule, rule->at, opaque);
		for (unsigned c = 0; r == 0 && c < device->config.cap_count; c++) {
			const struct rawpci_sysdev_cap *cap = &device->config.caps[c];

			if (cap->id == rule->cap && rule->cap != 0 &&
			    rule->at + rule->width <= cap->length)
				r = each(device, rule, (uint32_t)cap->at + rule->at, opaque);
		}
	}
	return r;
}

static int put(struct rawpci_sysdev *device, const struct rule *rule, uint32_t at, uint32_t value)
{
	return rule->cap == RAWPCI_CAP_PM ? rawpci_sysdev_write_pm(device, at, 2, value)
					  : rawpci_sysdev_raw_write(device, at, rule->width, value);
}

struct written {
	uint32_t offset, value;
	unsigned width;
	bool listed; /* some of the bytes belong to a rule */
};

static int write_register(struct rawpci_sysdev *device, const struct rule *rule, uint32_t at,
			  void *opaque)
{
	struct written *w = opaque;
	uint32_t ones = UINT32_MAX >> (32 - 8 * rule->width), given, touched, now;
	int r;

	if (!rawpci_config_overlaps(w->offset, w->width, at, rule->width))
		return 0;
	given = rawpci_config_merge(0, at, w->offset, w->width, w->value) & ones;
	touched = rawpci_config_merge(0, at, w->offset, w->width, UINT32_MAX) & ones;
	if (!(touched & (rule->write | rule->clear)))
		return 0;
	w->listed = true;
	if (rule->write == 0 && !(given & rule->clear))
		return 0;
	r = rawpci_sysdev_raw_read(device, at, rule->width, &now);
	if (r < 0)
		return r;
	now &= ~(rule->clear | rule->sticky | (rule->write & touched));
	return put(device, rule, at, now | (given & (rule->write | rule->clear)));
}

/* The body of a vendor-specific capability is written as it is. It concerns this function alone,
 * like the registers in its BARs. VFIO lets the first bytes through, too, and leaves them to the
 * next user. Here close restores the body (put_vendor()). */
static int write_vendor(struct rawpci_sysdev *device, struct written *w)
{
	int r = 0;

	for (unsigned c = 0; r == 0 && c < device->config.cap_count; c++) {
		const struct rawpci_sysdev_cap *cap = &device->config.caps[c];
		uint32_t first = (uint32_t)cap->at + VENDOR_BODY;
		uint32_t end = (uint32_t)cap->at + cap->length;

		if (cap->id != RAWPCI_CAP_VENDOR || cap->length <= VENDOR_BODY ||
		    !rawpci_config_overlaps(w->offset, w->width, first, end - first))
			continue;
		w->listed = true;
		if (w->offset >= first && w->offset + w->width <= end)
			return rawpci_sysdev_raw_write(device, w->offset, w->width, w->value);
		for (unsigned i = 0; r == 0 && i < w->width; i++)
			if (w->offset + i >= first && w->offset + i < end)
				r = rawpci_sysdev_raw_write(device, w->offset + i, 1,
							    w->value >> (8 * i) & 0xff);
	}
	return r;
}

int rawpci_sysdev_write_listed(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			       uint32_t value)
{
	struct written w = { .offset = offset, .value = value, .width = width };
	int r = each_register(device, write_register, &w);

	if (r == 0)
		r = write_vendor(device, &w);
	return r < 0 ? r : w.listed;
}

/* From the first byte on, and each is compared only when its turn comes. A window among them has
 * its place and size before its data, and so its data are not written through it. */
static int put_vendor(struct rawpci_sysdev *device, const struct rawpci_sysdev_cap *cap)
{
	uint32_t end = (uint32_t)cap->at + cap->length, now;
	int r = 0;

	for (uint32_t at = (uint32_t)cap->at + VENDOR_BODY; r == 0 && at < end;) {
		unsigned width = at % 4 == 0 && at + 4 <= end ? 4 : 1;

		r = rawpci_sysdev_raw_read(device, at, width, &now);
		if (r == 0 && now != before(device, at, width))
			r = rawpci_sysdev_raw_write(device, at, width, before(device, at, width));
		at += width;
	}
	return r;
}

static int put_register(struct rawpci_sysdev *device, const struct rule *rule, uint32_t at,
			void *opaque)
{
	uint32_t mask = rule->write | rule->restore, now, then;
	int r = mask == 0 ? 0 : rawpci_sysdev_raw_read(device, at, rule->width, &now);

	(void)opaque;
	if (r < 0 || mask == 0)
		return r;
	now &= ~(rule->clear | rule->sticky);
	then = (now & ~mask) | (before(device, at, rule->width) & mask);
	if (rule->cap == RAWPCI_CAP_PM)
		then &= ~(uint32_t)RAWPCI_PM_STATE;
	return then == now ? 0 : put(device, rule, at, then);
}

int rawpci_sysdev_put_listed(struct rawpci_sysdev *device)
{
	int r = each_register(device, put_register, NULL);

	for (unsigned i = 0; r == 0 && i < device->config.cap_count; i++)
		if (device->config.caps[i].id == RAWPCI_CAP_VENDOR)
			r = put_vendor(device, &device->config.caps[i]);
	return r;
}
