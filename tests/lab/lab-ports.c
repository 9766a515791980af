/* SPDX-License-Identifier: MIT */
/*
 * I/O ports through the ABI's requests, on QEMU's pci-testdev (QEMU docs/specs/pci-testdev): its
 * I/O BAR has a header of one of its tests; writing the test's data to the test's offset counts.
 */
#include <stdio.h>
#include <string.h>

#include <rawpci.h>
#include <rawpci/abi.h>

#include "lab.h"

enum { BAR = 1, TEST = 0, OFFSET = 4, DATA = 8, COUNT = 12, NAME = 16 };

struct target {
	PSUPDRVSESSION session;
	PCIRAWDEVHANDLE device;
	uint32_t base, size;
};

static PCIRAWSENDREQ request(const struct target *t, PCIRAWR0OPERATION operation)
{
	PCIRAWSENDREQ r;

	memset(&r, 0, sizeof(r));
	r.Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	r.Hdr.cbReq = sizeof(r);
	r.iRequest = (int32_t)operation;
	r.TargetDevice = t->device;
	return r;
}

static int read_port(const struct target *t, uint32_t port, unsigned cb, uint32_t *value)
{
	PCIRAWSENDREQ r = request(t, PCIRAWR0_DO_PIO_READ);
	int rc;

	r.u.aPioRead.iPort = (uint16_t)port;
	r.u.aPioRead.cb = (uint16_t)cb;
	rc = rawpci_request(t->session, &r);
	*value = r.u.aPioRead.iValue;
	return rc;
}

static int write_port(const struct target *t, uint32_t port, unsigned cb, uint32_t value)
{
	PCIRAWSENDREQ r = request(t, PCIRAWR0_DO_PIO_WRITE);

	r.u.aPioWrite.iPort = (uint16_t)port;
	r.u.aPioWrite.cb = (uint16_t)cb;
	r.u.aPioWrite.iValue = value;
	return rawpci_request(t->session, &r);
}

static void use_ports(const struct target *t)
{
	uint32_t offset = 0, data = 0, value = 0;
	char name[8] = "";
	int rc = write_port(t, t->base + TEST, 1, 0);

	check(rc == VINF_SUCCESS, "a test chosen: %d", rc);
	for (unsigned i = 0; i + 1 < sizeof(name); i++) {
		read_port(t, t->base + NAME + i, 1, &value);
		name[i] = (char)value;
	}
	check(strcmp(name, "portio-") == 0, "its name begins with %s", name);
	rc = read_port(t, t->base + OFFSET, 4, &offset);
	check(rc == VINF_SUCCESS && offset < t->size, "its offset, 4 bytes: %d, 0x%x", rc, offset);
	rc = read_port(t, t->base + DATA, 2, &data);
	check(rc == VINF_SUCCESS && data == 0xfa, "its data, 2 bytes: %d, 0x%x", rc, data);
	for (int i = 0; i < 3; i++)
		write_port(t, t->base + offset, 1, data);
	rc = read_port(t, t->base + COUNT, 1, &value);
	check(rc == VINF_SUCCESS && value == 3, "3 writes counted: %d, %u", rc, value);
}

static void refuse_ports(const struct target *t)
{
	PCIRAWSENDREQ r = request(t, PCIRAWR0_DO_MAP_REGION);
	uint32_t value;
	int rc;

	check(read_port(t, t->base - 1, 1, &value) == VERR_OUT_OF_RANGE, "the port before");
	check(read_port(t, t->base + t->size, 1, &value) == VERR_OUT_OF_RANGE, "the port after");
	check(read_port(t, t->base + t->size - 1, 2, &value) == VERR_OUT_OF_RANGE, "half outside");
	check(read_port(t, t->base + t->size - 1, 1, &value) == VINF_SUCCESS, "the last port");
	check(write_port(t, 0x3f8, 1, 0) == VERR_OUT_OF_RANGE, "a port of the host's");
	check(read_port(t, t->base, 3, &value) == VERR_INVALID_PARAMETER, "3 bytes");
	check(read_port(t, t->base, 8, &value) == VERR_INVALID_PARAMETER, "8 bytes");
	r.u.aMapRegion.iRegion = BAR;
	r.u.aMapRegion.StartAddress = t->base;
	r.u.aMapRegion.iRegionSize = t->size;
	rc = rawpci_request(t->session, &r);
	check(rc == VERR_NOT_SUPPORTED, "mapping ports: %d", rc);
}

static bool open_ports(struct target *t, const char *bdf)
{
	PCIRAWSENDREQ r = request(t, PCIRAWR0_DO_OPEN_DEVICE);
	struct rawpci_address a;
	int rc;

	if (rawpci_address_parse(bdf, &a) < 0)
		return check(false, "%s is not an address", bdf);
	r.u.aOpenDevice.PciAddress = a.segment << 16 | (uint32_t)a.bus << 8 |
				     (uint32_t)a.device << 3 | a.function;
	r.u.aOpenDevice.fFlags = PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER;
	rc = rawpci_request(t->session, &r);
	t->device = r.u.aOpenDevice.Device;
	if (!check(rc == VINF_SUCCESS, "open: %d", rc))
		return false;
	r = request(t, PCIRAWR0_DO_POWER_STATE_CHANGE);
	r.u.aPowerStateChange.iState = PCIRAW_POWER_ON;
	rc = rawpci_request(t->session, &r);
	check(rc == VINF_SUCCESS, "power on: %d", rc);
	r = request(t, PCIRAWR0_DO_GET_REGION_INFO);
	r.u.aGetRegionInfo.iRegion = BAR;
	rc = rawpci_request(t->session, &r);
	t->base = (uint32_t)r.u.aGetRegionInfo.RegionStart;
	t->size = (uint32_t)r.u.aGetRegionInfo.u64RegionSize;
	return check(rc == VINF_SUCCESS && r.u.aGetRegionInfo.fPresent &&
			     r.u.aGetRegionInfo.fFlags == PCIRAW_ADDRESS_SPACE_IO,
		     "BAR 1: %d, %u ports from 0x%x", rc, t->size, t->base);
}

void ports(const char *bdf)
{
	struct rawpci *ctx = lab_context();
	struct target t = { 0 };
	int rc = rawpci_session_create(ctx, NULL, &t.session);

	if (check(rc == VINF_SUCCESS, "a session: %d", rc) && open_ports(&t, bdf)) {
		use_ports(&t);
		refuse_ports(&t);
	}
	rc = rawpci_session_destroy(t.session);
	check(rc == VINF_SUCCESS, "session destroyed with the device open: %d", rc);
	check(rawpci_destroy(ctx) == 0, "context destroyed");
}
