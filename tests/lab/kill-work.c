/* SPDX-License-Identifier: MIT */
/* The process that lab-kill kills: it has a device raise interrupts and do DMA all the time. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#include "check.h"
#include "edu.h"
#include "kill.h"

#define PAGE 4096u
#define ROUNDS 20 /* of each cycle */

enum { EDU = 0x11e81234, NVME = 0x00101b36, E1000E = 0x10d38086 }; /* device and vendor */

struct work {
	struct rawpci *ctx;
	struct rawpci_vm *vm;
	struct rawpci_device *dev;
	uint8_t *bar;
	uint8_t *ram; /* 3 pages, at guest address 0 */
	uint32_t id;
	bool bare; /* nothing is mapped for the device */
	atomic_uint interrupts;
};

static uint32_t get(struct work *w, uint32_t offset)
{
	uint64_t value = UINT32_MAX;

	(void)rawpci_mmio_read(w->dev, w->bar + offset, 4, &value);
	return (uint32_t)value;
}

static void set(struct work *w, uint32_t offset, uint32_t value)
{
	(void)rawpci_mmio_write(w->dev, w->bar + offset, 4, value);
}

static void handler(void *opaque, int32_t irq)
{
	struct work *w = opaque;

	(void)irq;
	if (w->id == EDU)
		set(w, EDU_IRQ_ACK, get(w, EDU_IRQ_STATUS));
	if (w->id == E1000E)
		set(w, 0xc0, UINT32_MAX); /* ICR */
	atomic_fetch_add(&w->interrupts, 1);
}

/* One transfer is always under way: it takes the device 100 ms. Where nothing is mapped it only
 * reads, of what the IOMMU does not let it. */
static void edu_round(struct work *w, unsigned round)
{
	if (w->bare)
		round = 0;
	if (!(get(w, EDU_DMA_COMMAND) & EDU_DMA_START)) {
		set(w, EDU_DMA_FROM, round & 1 ? EDU_BUFFER : 0);
		set(w, EDU_DMA_TO, round & 1 ? PAGE : EDU_BUFFER);
		set(w, EDU_DMA_COUNT, EDU_DMA_BYTES);
		set(w, EDU_DMA_COMMAND, EDU_DMA_START | (round & 1 ? EDU_DMA_TO_RAM : 0));
	}
	if (rawpci_irq_count(w->dev, RAWPCI_IRQ_INTX) > 0)
		set(w, EDU_IRQ_RAISE, 1);
	sleep_ms(1);
}

static void e1000e_round(struct work *w)
{
	set(w, 0xe4, 0xcba98);    /* IVAR: queues to vectors */
	set(w, 0xd0, 0xfu << 20); /* IMS */
	set(w, 0xc8, 0xfu << 20); /* ICS */
	sleep_ms(1);
}

/* Identify commands on the admin queue (NVM Express Base Specification, section 5): a queue of 16,
 * started again when it is full. Where nothing is mapped it is only enabled. */
static void nvme_round(struct work *w, unsigned round)
{
	uint32_t command[16] = { [0] = 6, [6] = 2 * PAGE, [10] = 1 };

	if (round % 15 == 0) {
		set(w, 0x14, 0); /* CC */
		for (int i = 0; (get(w, 0x1c) & 1) && i < 1000; i++)
			sleep_ms(1);
		memset(w->ram, 0, 2 * (size_t)PAGE);
		set(w, 0x24, 15 << 16 | 15); /* AQA */
		set(w, 0x28, 0);             /* ASQ, ACQ */
		set(w, 0x2c, 0);
		set(w, 0x30, PAGE);
		set(w, 0x34, 0);
		set(w, 0x14, 6 << 16 | 4 << 20 | 1);
		for (int i = 0; !(get(w, 0x1c) & 1) && i < 1000; i++)
			sleep_ms(1);
	}
	memcpy(w->ram + 64 * (size_t)(round % 15), command, sizeof(command));
	if (!w->bare)
		set(w, 0x1000, round % 15 + 1);
	sleep_ms(1);
}

/* A handler, where there is something to handle. */
static int attach(struct work *w)
{
	int r;

	if (w->bare && rawpci_irq_count(w->dev, RAWPCI_IRQ_INTX) == 0)
		return 0;
	r = rawpci_irq_attach(w->dev, handler, w, 1);
	return r < 0 ? r : 1;
}

/* Returns whether there were interrupts to be had. */
static int work_on(struct work *w, const char *bdf)
{
	struct rawpci_device_info info;
	struct rawpci_mapping bar;
	struct rawpci_region_info region;
	int attached, r;

	r = rawpci_device_open(w->ctx, w->vm, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &w->dev);
	if (r < 0)
		return r;
	r = rawpci_device_info(w->dev, sizeof(info), &info);
	w->id = (uint32_t)info.device_id << 16 | info.vendor_id;
	if (r == 0)
		r = rawpci_region_info(w->dev, 0, sizeof(region), &region);
	if (r == 0)
		r = rawpci_region_map(w->dev, 0, 0, region.size, &bar);
	if (r < 0)
		return r;
	w->bar = bar.base;
	r = rawpci_device_power(w->dev, RAWPCI_POWER_ON);
	if (r == 0)
		r = attach(w);
	attached = r > 0;
	for (unsigned round = 0; r >= 0 && round < ROUNDS; round++) {
		if (w->id == EDU)
			edu_round(w, round);
		else if (w->id == NVME)
			nvme_round(w, round);
		else
			e1000e_round(w);
	}
	if (r >= 0)
		r = rawpci_device_close(w->dev);
	return r < 0 ? r : attached;
}

int kill_work(const struct kill_target *target, unsigned cycles)
{
	struct rawpci_options options = { .size = sizeof(options), .backend = target->backend };
	struct work w = { .bare = strcmp(target->backend, "vfio") != 0 };
	int r;

	w.ram = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r = w.ram == MAP_FAILED ? -1 : rawpci_create(&options, &w.ctx);
	if (r == 0 && !w.bare)
		r = rawpci_vm_create(w.ctx, &w.vm);
	if (r == 0 && !w.bare)
		r = rawpci_memory_map(w.vm, 0, w.ram, 3 * PAGE);
	for (unsigned cycle = 0; r >= 0 && (cycles == 0 || cycle < cycles); cycle++) {
		r = work_on(&w, target->bdf);
		if (r > 0 && atomic_exchange(&w.interrupts, 0) == 0 && w.id != E1000E) {
			printf("# no interrupt in a whole cycle\n");
			r = -1;
		}
	}
	if (r < 0) {
		printf("# the child failed: %d, %s\n", r, rawpci_last_error());
		fflush(stdout);
	}
	return r < 0 ? 1 : 0;
}
