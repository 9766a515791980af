/* SPDX-License-Identifier: MIT */
/* A stranger's program: the doors of the ABI, on the fake backend's edu. */
#define _POSIX_C_SOURCE 200809L /* nanosleep() in strict C11 */

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rawpci/abi.h>
#include <rawpci/context.h>
#include <rawpci/log.h>

#define EDU_ADDRESS (4u << 3)
#define EDU_LIVENESS 0x04
#define EDU_IRQ_RAISE 0x60

struct program {
	PSUPDRVSESSION session;
	PCIRAWDEVHANDLE device;
	PCIRAWSENDREQ request;
};

/* A fresh request, for its arguments to be filled in. */
static PCIRAWSENDREQ *begin(struct program *p)
{
	memset(&p->request, 0, sizeof(p->request));
	p->request.Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	p->request.Hdr.cbReq = sizeof(p->request);
	p->request.pSession = p->session;
	p->request.TargetDevice = p->device;
	return &p->request;
}

static int carry_out(struct program *p, PCIRAWR0OPERATION operation)
{
	int status;

	p->request.iRequest = operation;
	status = rawpci_request(p->session, &p->request);
	if (status != VINF_SUCCESS)
		fprintf(stderr, "operation %d: %s: %s\n", (int)operation,
			rawpci_status_name(status), rawpci_last_error());
	return status;
}

static int write_register(struct program *p, char *address, uint32_t value)
{
	PCIRAWSENDREQ *q = begin(p);

	q->u.aMmioWrite.Address = address;
	q->u.aMmioWrite.Value.cb = 4;
	q->u.aMmioWrite.Value.u.u32 = value;
	return carry_out(p, PCIRAWR0_DO_MMIO_WRITE);
}

static void handler(void *opaque, int32_t irq)
{
	atomic_store((atomic_int *)opaque, irq);
}

/* The handler runs in the library's thread. */
static int interrupt(struct program *p, char *registers)
{
	const struct timespec moment = { 0, 10 * 1000 * 1000 };
	FNRAWPCIISR *isr = handler;
	atomic_int seen = 0;
	PCIRAWSENDREQ *q = begin(p);
	int32_t irq;

	memcpy(&q->u.aRegisterR0IrqHandler.pfnHandler, &isr, sizeof(isr));
	q->u.aRegisterR0IrqHandler.pfnHandlerContext = &seen;
	if (carry_out(p, PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER) != VINF_SUCCESS)
		return 1;
	irq = q->u.aRegisterR0IrqHandler.iHostIrq;
	if (write_register(p, registers + EDU_IRQ_RAISE, 1) != VINF_SUCCESS)
		return 1;
	for (int i = 0; i < 1000 && atomic_load(&seen) == 0; i++)
		nanosleep(&moment, NULL);
	q = begin(p);
	q->u.aUnregisterR0IrqHandler.iHostIrq = irq;
	if (carry_out(p, PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER) != VINF_SUCCESS)
		return 1;
	if (atomic_load(&seen) == irq)
		return 0;
	fprintf(stderr, "no interrupt\n");
	return 1;
}

static int use(struct program *p)
{
	PCIRAWSENDREQ *q = begin(p);
	uint64_t start, size;
	char *registers;

	if (carry_out(p, PCIRAWR0_DO_GET_REGION_INFO) != VINF_SUCCESS)
		return 1;
	start = q->u.aGetRegionInfo.RegionStart;
	size = q->u.aGetRegionInfo.u64RegionSize;
	q = begin(p);
	q->u.aPowerStateChange.iState = PCIRAW_POWER_ON;
	if (carry_out(p, PCIRAWR0_DO_POWER_STATE_CHANGE) != VINF_SUCCESS)
		return 1;
	q = begin(p);
	q->u.aMapRegion.StartAddress = start;
	q->u.aMapRegion.iRegionSize = size;
	if (carry_out(p, PCIRAWR0_DO_MAP_REGION) != VINF_SUCCESS)
		return 1;
	registers = q->u.aMapRegion.pvAddressR0;
	if (write_register(p, registers + EDU_LIVENESS, 0x12345678) != VINF_SUCCESS)
		return 1;
	q = begin(p);
	q->u.aMmioRead.Address = registers + EDU_LIVENESS;
	q->u.aMmioRead.Value.cb = 4;
	if (carry_out(p, PCIRAWR0_DO_MMIO_READ) != VINF_SUCCESS)
		return 1;
	if (q->u.aMmioRead.Value.u.u32 != ~UINT32_C(0x12345678)) {
		fprintf(stderr, "the register reads %#x\n", (unsigned)q->u.aMmioRead.Value.u.u32);
		return 1;
	}
	return interrupt(p, registers);
}

int main(void)
{
	struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };
	struct program p = { 0 };
	struct rawpci *ctx;
	PCIRAWSENDREQ *q;
	int result;

	if (rawpci_create(&options, &ctx) < 0)
		return 1;
	if (rawpci_session_create(ctx, NULL, &p.session) != VINF_SUCCESS)
		return 1;
	q = begin(&p);
	q->u.aOpenDevice.PciAddress = EDU_ADDRESS;
	if (carry_out(&p, PCIRAWR0_DO_OPEN_DEVICE) != VINF_SUCCESS)
		return 1;
	p.device = q->u.aOpenDevice.Device;
	result = use(&p);
	if (rawpci_session_destroy(p.session) != VINF_SUCCESS || rawpci_destroy(ctx) != 0)
		result = 1;
	return result;
}
