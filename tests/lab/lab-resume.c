/* SPDX-License-Identifier: MIT */
/*
 * usage: lab-resume BDF [SETTING]
 *
 * edu ends a transfer, and wants to interrupt, while it is suspended. <rawpci/irq.h>: nothing is lost
 * for good. The handler asks its device, as it is to do, and is to get an answer.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/region.h>

#include "check.h"
#include "edu.h"

#define ROUNDS 10u
#define INTERRUPT 4u /* of EDU_DMA_COMMAND: at the end */

static struct rawpci_device *dev;
static struct rawpci_mapping bar;
static atomic_uint runs, refused, served;

static int edu_read(uint32_t offset, uint64_t *value)
{
	return rawpci_mmio_read(dev, (char *)bar.base + offset, 4, value);
}

static void edu_write(uint32_t offset, uint64_t value)
{
	(void)rawpci_mmio_write(dev, (char *)bar.base + offset, 4, value);
}

static void handler(void *opaque, int32_t irq)
{
	uint64_t status = 0;

	(void)opaque;
	(void)irq;
	atomic_fetch_add(&runs, 1);
	if (edu_read(EDU_IRQ_STATUS, &status) < 0)
		atomic_fetch_add(&refused, 1);
	if (status == 0)
		return;
	edu_write(EDU_IRQ_ACK, status);
	atomic_fetch_add(&served, 1);
}

static int start(struct rawpci *ctx, const char *bdf)
{
	int r = rawpci_device_open(ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);

	if (r == 0)
		r = rawpci_region_map(dev, 0, 0, 0x1000, &bar);
	if (r == 0)
		r = rawpci_irq_attach(dev, handler, NULL, 0);
	return r < 0 ? r : rawpci_device_power(dev, RAWPCI_POWER_ON);
}

static void round_trip(void)
{
	unsigned before = atomic_load(&served);
	uint64_t status = 0;
	int r;

	edu_write(EDU_DMA_FROM, EDU_BUFFER);
	edu_write(EDU_DMA_TO, 0x1000);
	edu_write(EDU_DMA_COUNT, 16);
	edu_write(EDU_DMA_COMMAND, EDU_DMA_START | EDU_DMA_TO_RAM | INTERRUPT);
	r = rawpci_device_power(dev, RAWPCI_POWER_SUSPEND);
	sleep_ms(300);
	if (r == 0)
		r = rawpci_device_power(dev, RAWPCI_POWER_RESUME);
	sleep_ms(300);
	if (r == 0)
		r = edu_read(EDU_IRQ_STATUS, &status);
	check(r == 0 && status == 0 && atomic_load(&served) == before + 1,
	      "served %u, status 0x%x, %d", atomic_load(&served) - before, (unsigned)status, r);
	edu_write(EDU_IRQ_ACK, status);
}

int main(int argc, char **argv)
{
	const char *const settings[] = { argc > 2 ? argv[2] : NULL, NULL };
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "vfio",
		.settings = settings,
	};
	struct rawpci *ctx = NULL;
	int r = argc > 1 ? rawpci_create(&options, &ctx) : -1;

	if (r == 0)
		r = start(ctx, argv[1]);
	/* This kernel has no such way in. */
	if (r == -EOPNOTSUPP)
		return 77;
	if (!check(r >= 0, "opened and on: %d %s", r, rawpci_last_error()))
		return check_end();
	for (unsigned i = 0; i < ROUNDS; i++)
		round_trip();
	check(atomic_load(&refused) == 0, "%u of %u runs of the handler were refused",
	      atomic_load(&refused), atomic_load(&runs));
	check(rawpci_device_close(dev) == 0 && rawpci_destroy(ctx) == 0, "closed");
	return check_end();
}
