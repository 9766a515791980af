/* SPDX-License-Identifier: MIT */
/*
 * What a device forgets that wakes from D3hot without No_Soft_Reset, and which the host relies on:
 * the registers that the kernel restores (Linux drivers/pci/pci.c, pci_restore_state()). They get
 * the values that they had at open, because a guest cannot write them through here, and yet a
 * device may let it do so in another way. Bits that a user may write, and Link Control, which the
 * kernel may change at any time, get the values that they had before the sleep.
 */
#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define EXTENDED 0x100 /* where extended capabilities begin */
#define END 0x1000
#define ROW_NONE 0

/* Extended capabilities (PCI Express Base Specification 6.0, 7.5 to 7.9). */
enum {
	AER = 0x01, VC = 0x02, MFVC = 0x08, VC_AND_MFVC = 0x09, ACS = 0x0d, ARI = 0x0e, ATS = 0x0f,
	SRIOV = 0x10, PRI = 0x13, REBAR = 0x15, TPH = 0x17, LTR = 0x18, PASID = 0x1b, L1SS = 0x1e,
	PTM = 0x1f, DVSEC = 0x23, VF_REBAR = 0x24, IDE = 0x30,
};
#define PCIX (0x10000 | RAWPCI_CAP_PCIX) /* these two are of the first 256 bytes */
#define EXPRESS (0x10000 | RAWPCI_CAP_EXPRESS)

#define VC_COUNT 0x04
#define VC_COUNT_EXTENDED 0x7
#define SRIOV_LENGTH 0x40
#define SRIOV_CONTROL 0x08
#define SRIOV_ENABLED 0x1
#define DVSEC_VENDOR 0x04
#define DVSEC_CXL 0x1e98
#define REBAR_CONTROL 0x08
#define REBAR_COUNT(control) ((control) >> 5 & 0x7)

struct row {
	uint32_t cap;
	uint8_t at, width;
	uint32_t mask, live; /* bits to restore, and which of them as they were before the sleep */
};

/*
 * In this order. Latencies, and how L1 is left, come before what enables their use. Link Control
 * comes after the rest of its kind, and enable bits come last: those of L1SS have a row of their
 * own.
 */
static const struct row before_header[] = {
	{ LTR, 0x04, 4, 0xffffffff, 0 },
	{ L1SS, 0x0c, 4, 0xffffffff, 0 },
	{ L1SS, 0x08, 4, 0xfffffff0, 0 },
	{ L1SS, 0x08, 4, 0x0000000f, 0 },
	{ EXPRESS, RAWPCI_EXPRESS_DEVICE_CONTROL, 2, 0x7fff, 0x781f },
	{ EXPRESS, 0x28, 2, 0xffff, 0x031f },
	{ EXPRESS, 0x30, 2, 0xffff, 0xffff },
	{ EXPRESS, 0x10, 2, 0xffdf, 0xffdf }, /* without Retrain Link */
	{ PASID, 0x06, 2, 0xffff, 0 },
	{ PRI, 0x0c, 4, 0xffffffff, 0 },
	{ PRI, 0x04, 2, 0x0001, 0 }, /* without Reset */
	{ ATS, 0x06, 2, 0xffff, 0 },
	{ VC, 0x14, 4, 0xfffeffff, 0 }, /* without Load Port Arbitration Table */
	{ VC_AND_MFVC, 0x14, 4, 0xfffeffff, 0 },
	{ PTM, 0x08, 4, 0xffffffff, 0 },
	{ AER, 0x08, 4, 0xffffffff, 0 },
	{ AER, 0x0c, 4, 0xffffffff, 0 },
	{ AER, 0x14, 4, 0xffffffff, 0 },
	{ AER, 0x18, 4, 0x00000540, 0 }, /* what it says of an error is not restored */
	{ ACS, 0x06, 2, 0xffff, 0 },
	{ ARI, 0x06, 2, 0xffff, 0 },
	{ TPH, 0x08, 4, 0xffffffff, 0 },
	{ PCIX, 0x02, 2, 0xffff, 0x007f },
};

/* Behind the sizes of its BARs. No function of it is enabled: else the device does not sleep. */
static const struct row virtual_functions[] = {
	{ SRIOV, 0x20, 4, 0xffffffff, 0 },
	{ SRIOV, 0x24, 4, 0xffffffff, 0 },
	{ SRIOV, 0x28, 4, 0xffffffff, 0 },
	{ SRIOV, 0x2c, 4, 0xffffffff, 0 },
	{ SRIOV, 0x30, 4, 0xffffffff, 0 },
	{ SRIOV, 0x34, 4, 0xffffffff, 0 },
	{ SRIOV, 0x38, 4, 0xffffffff, 0 },
	{ SRIOV, 0x10, 2, 0xffff, 0 },
	{ SRIOV, SRIOV_CONTROL, 2, 0xfffe, 0 },
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Calls each() for the extended capabilities, until it returns other than 0. A list that loops or
 * leaves the space ends. */
static int each_extended(const struct rawpci_sysdev *device,
			 int (*each)(const struct rawpci_sysdev *device, uint32_t id, uint32_t at,
				     void *opaque), void *opaque)
{
	uint32_t at = EXTENDED, entry;
	int r = 0;

	if (device->config_size < END)
		return 0;
	for (unsigned i = 0; r == 0 && at >= EXTENDED && i < (END - EXTENDED) / 8; i++) {
		r = rawpci_sysdev_raw_read(device, at, 4, &entry);
		if (r < 0 || entry == 0 || entry == UINT32_MAX)
			return r;
		r = each(device, entry & 0xffff, at, opaque);
		at = entry >> 20 & 0xffc;
	}
	return r;
}

struct search {
	uint32_t id, at;
};

static int compare(const struct rawpci_sysdev *device, uint32_t id, uint32_t at, void *opaque)
{
	struct search *search = opaque;

	(void)device;
	if (id != search->id)
		return 0;
	search->at = at;
	return 1;
}

/* Where a capability is, and where it ends at the latest. 0: there is none. */
static int find(const struct rawpci_sysdev *device, uint32_t cap, uint32_t *at, uint32_t *end)
{
	struct search search = { cap, 0 };
	int r = 0;

	*end = END;
	if (cap == EXPRESS) {
		search.at = device->express;
		*end = search.at + device->express_length;
	} else if (cap == PCIX) {
		for (unsigned i = 0; i < device->cap_count; i++)
			if (device->caps[i].id == RAWPCI_CAP_PCIX)
				search.at = device->caps[i].at;
		*end = EXTENDED;
	} else {
		r = each_extended(device, compare, &search);
	}
	*at = search.at;
	return r < 0 ? r : 0;
}

static int keep(struct rawpci_sysdev *device, uint32_t at, const struct row *row, bool resizes)
{
	struct rawpci_sysdev_kept *kept = &device->kept[device->kept_count];
	int r;

	if (device->kept_count == RAWPCI_SYSDEV_KEPT) {
		device->forgets = true;
		return 0;
	}
	*kept = (struct rawpci_sysdev_kept){
		.at = (uint16_t)at, .width = row->width, .mask = row->mask, .live = row->live,
		.resizes = resizes,
	};
	r = rawpci_sysdev_raw_read(device, at, row->width, &kept->value);
	if (r == 0)
		device->kept_count++;
	return r;
}

static int keep_rows(struct rawpci_sysdev *device, const struct row *rows, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		uint32_t at, end;

		r = find(device, rows[i].cap, &at, &end);
		if (r == 0 && at != 0 && at + rows[i].at + rows[i].width <= end)
			r = keep(device, at + rows[i].at, &rows[i], false);
	}
	return r;
}

/* A control register for each BAR that has several sizes; the first says how many there are. */
static int keep_sizes(struct rawpci_sysdev *device, uint32_t cap)
{
	static const struct row row = { ROW_NONE, 0, 4, 0xffffffff, 0 };
	uint32_t at, end, control = 0;
	int r = find(device, cap, &at, &end);

	if (r < 0 || at == 0 || at + REBAR_CONTROL + 4 > end)
		return r;
	r = rawpci_sysdev_raw_read(device, at + REBAR_CONTROL, 4, &control);
	for (uint32_t i = 0; r == 0 && i < REBAR_COUNT(control); i++)
		if (at + REBAR_CONTROL + 8 * i + 4 <= end)
			r = keep(device, at + REBAR_CONTROL + 8 * i, &row, true);
	return r;
}

/* From the end, as the kernel does it. COMMAND is put by itself. */
static int keep_header(struct rawpci_sysdev *device)
{
	int r = 0;

	for (uint32_t at = 0x40; r == 0 && at > 0;) {
		struct row row = { ROW_NONE, 0, 4, 0xffffffff, 0 };

		at -= 4;
		if (at == RAWPCI_CFG_COMMAND)
			continue;
		/* Cache line size and latency timer are the user's. BIST would start a test. */
		if (at == (RAWPCI_CFG_HEADER_TYPE & ~3u)) {
			row.mask = 0x00ffffff;
			row.live = 0x0000ffff;
		}
		r = keep(device, at, &row, false);
	}
	return r;
}

/* Is there what cannot be restored: tables, several channels, keys, memory that CXL decodes? */
static int judge(const struct rawpci_sysdev *device, uint32_t id, uint32_t at, void *opaque)
{
	bool *forgets = opaque;
	uint32_t value = 0;
	int r = 0;

	if (id == MFVC || id == IDE) {
		*forgets = true;
	} else if (at + 8 <= END && (id == VC || id == VC_AND_MFVC)) {
		r = rawpci_sysdev_raw_read(device, at + VC_COUNT, 4, &value);
		if (value & VC_COUNT_EXTENDED)
			*forgets = true;
	} else if (at + 8 <= END && id == DVSEC) {
		r = rawpci_sysdev_raw_read(device, at + DVSEC_VENDOR, 2, &value);
		if (value == DVSEC_CXL)
			*forgets = true;
	}
	return r;
}

int rawpci_sysdev_kept_init(struct rawpci_sysdev *device)
{
	uint32_t end;
	int r;

	device->kept_count = 0;
	device->forgets = false;
	r = each_extended(device, judge, &device->forgets);
	if (r == 0)
		r = find(device, SRIOV, &device->sriov, &end);
	if (device->sriov + SRIOV_LENGTH > END)
		device->sriov = 0;
	if (r == 0)
		r = keep_rows(device, before_header, COUNT(before_header));
	if (r == 0)
		r = keep_sizes(device, REBAR);
	if (r == 0)
		r = keep_header(device);
	if (r == 0)
		r = keep_sizes(device, VF_REBAR);
	return r < 0 ? r : keep_rows(device, virtual_functions, COUNT(virtual_functions));
}

int rawpci_sysdev_kept_save(struct rawpci_sysdev *device)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < device->kept_count; i++) {
		struct rawpci_sysdev_kept *kept = &device->kept[i];
		uint32_t now;

		if (kept->live == 0)
			continue;
		r = rawpci_sysdev_raw_read(device, kept->at, kept->width, &now);
		if (r == 0)
			kept->value = (kept->value & ~kept->live) | (now & kept->live);
	}
	return r;
}

/* A BAR changes its size only where the device does not decode. */
static int stop_decoding(const struct rawpci_sysdev *device)
{
	uint32_t command;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &command);

	if (r < 0 || !(command & RAWPCI_COMMAND_MEMORY) || command == 0xffff)
		return r;
	return rawpci_sysdev_raw_write(device, RAWPCI_CFG_COMMAND, 2,
				       command & ~(uint32_t)RAWPCI_COMMAND_MEMORY);
}

int rawpci_sysdev_kept_restore(const struct rawpci_sysdev *device)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < device->kept_count; i++) {
		const struct rawpci_sysdev_kept *kept = &device->kept[i];
		uint32_t now, then;

		r = rawpci_sysdev_raw_read(device, kept->at, kept->width, &now);
		if (r < 0)
			break;
		then = (now & ~kept->mask) | (kept->value & kept->mask);
		if (then == now)
			continue;
		if (kept->resizes)
			r = stop_decoding(device);
		if (r == 0)
			r = rawpci_sysdev_raw_write(device, kept->at, kept->width, then);
	}
	return r;
}

bool rawpci_sysdev_kept_whole(const struct rawpci_sysdev *device)
{
	uint32_t control = 0;

	if (device->forgets)
		return false;
	return device->sriov == 0 ||
	       (rawpci_sysdev_raw_read(device, device->sriov + SRIOV_CONTROL, 2, &control) == 0 &&
		!(control & SRIOV_ENABLED));
}
