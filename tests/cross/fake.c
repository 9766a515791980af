/* SPDX-License-Identifier: MIT */
/*
 * A device of the fake backend on another machine: accesses, interrupts, DMA, threads at the gate,
 * and sizes and addresses of 64 bits, which a 32-bit process has to refuse and not to cut off.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rawpci/abi.h>
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)printf("line %d: %s: %s\n", __LINE__, #condition,                    \
				     rawpci_last_error());                                         \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#define PAGE 4096u
#define GIB (UINT64_C(1) << 30)
#define NARROW (sizeof(void *) < 8)

static struct rawpci *ctx;
static struct rawpci_fake *fake;
static struct rawpci_vm *vm;
static struct rawpci_device *dev;
static atomic_uint interrupts;
static atomic_bool done;

static void on_irq(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	atomic_fetch_add(&interrupts, 1);
}

static void start(void)
{
	static const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:05.0",
		.vendor_id = 0x1af4,
		.bars = { [0] = { .size = 0x10000 },
			  [2] = { .size = 8 * GIB,
				  .flags = RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH } },
		.msi = 1,
	};
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };

	MUST(rawpci_create(&options, &ctx) == 0);
	MUST(rawpci_fake_add(ctx, &config, &fake) == 0);
	MUST(rawpci_vm_create(ctx, &vm) == 0);
	MUST(rawpci_device_open(ctx, vm, "00:05.0", 0, &dev) == 0);
	MUST(rawpci_device_power(dev, RAWPCI_POWER_ON) == 0);
}

static void access_it(void)
{
	struct rawpci_mapping map;
	uint64_t value = 0;

	MUST(rawpci_region_map(dev, 0, 0, 0x10000, &map) == 0);
	for (unsigned width = 1; width <= 4; width *= 2) {
		MUST(rawpci_mmio_write(dev, (char *)map.base + 16, width, 0x78563412) == 0);
		MUST(rawpci_mmio_read(dev, (char *)map.base + 16, width, &value) == 0);
		MUST(value == (0x78563412 & (UINT64_MAX >> (64 - 8 * width))));
	}
	/* Never two accesses instead of one. */
	MUST(rawpci_mmio_write(dev, map.base, 8, 1) == (NARROW ? -EOPNOTSUPP : 0));
	MUST(rawpci_mmio_read(dev, map.base, 8, &value) == (NARROW ? -EOPNOTSUPP : 0));
	MUST(rawpci_region_unmap(dev, map.base) == 0);
}

static void wide_sizes(void)
{
	struct rawpci_mapping map;
	struct rawpci_region_info info;
	int r;

	MUST(rawpci_region_info(dev, 2, sizeof(info), &info) == 0 && info.size == 8 * GIB);
	r = rawpci_region_map(dev, 2, 0, 4 * GIB + PAGE, &map);
	MUST(NARROW ? r == -EADDRNOTAVAIL : r == 0);
	if (r == 0)
		MUST(rawpci_region_unmap(dev, map.base) == 0);
	MUST(rawpci_region_map(dev, 2, 8 * GIB, PAGE, &map) == -ERANGE);
}

static void reach_memory(void)
{
	char *memory = NULL, bytes[4] = "";
	const uint64_t at = 5 * GIB, beyond = UINT64_C(1) << 40;
	PRAWPCIFACTORY factory = rawpci_factory(ctx);
	RAWPCIVM other = { 0 };

	MUST(posix_memalign((void **)&memory, PAGE, PAGE) == 0);
	(void)strcpy(memory, "abc");
	MUST(rawpci_memory_map(vm, at, memory, PAGE) == 0);
	MUST(rawpci_fake_dma_read(fake, at, bytes, 4) == 0 && strcmp(bytes, "abc") == 0);
	MUST(rawpci_fake_dma_read(fake, at - 4 * GIB, bytes, 4) < 0);
	MUST(rawpci_memory_unmap(vm, at, PAGE) == 0);
	MUST(!NARROW || rawpci_memory_map(vm, at, memory, 4 * GIB) == -ERANGE);

	MUST(factory->pfnInitVm(factory, NULL, &other) == VINF_SUCCESS);
	if (NARROW) /* whose lower half is an address of this process */
		MUST(other.pfnContigMemInfo(&other, beyond + (uintptr_t)memory, 0, PAGE,
					    PCIRAW_MEMINFO_MAP) == VERR_INVALID_POINTER);
	factory->pfnDeinitVm(factory, NULL, &other);
	factory->pfnRelease(factory);
	free(memory);
}

static void interrupt(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int irq = rawpci_irq_attach(dev, on_irq, NULL, 0);

	MUST(irq > 0);
	MUST(rawpci_fake_raise(fake, 0) == 0);
	for (unsigned i = 0; i < 10000 && atomic_load(&interrupts) == 0; i++)
		(void)nanosleep(&moment, NULL);
	MUST(atomic_load(&interrupts) == 1);
	MUST(rawpci_irq_detach(dev, irq) == 0);
}

static void *read_on(void *base)
{
	uint64_t value;

	while (!atomic_load(&done))
		MUST(rawpci_mmio_read(dev, base, 4, &value) == 0);
	return NULL;
}

/* Each unmapping waits until the readers before it are out: with a gate that counts them wrongly it
 * never returns, or a reader's load faults. */
static void crowd_the_gate(void)
{
	struct rawpci_mapping map, other;
	pthread_t readers[8];

	MUST(rawpci_region_map(dev, 0, 0, PAGE, &map) == 0);
	for (unsigned i = 0; i < 8; i++)
		MUST(pthread_create(&readers[i], NULL, read_on, map.base) == 0);
	for (unsigned i = 0; i < 50; i++) {
		MUST(rawpci_region_map(dev, 0, PAGE, PAGE, &other) == 0);
		MUST(rawpci_region_unmap(dev, other.base) == 0);
	}
	atomic_store(&done, true);
	for (unsigned i = 0; i < 8; i++)
		MUST(pthread_join(readers[i], NULL) == 0);
	MUST(rawpci_region_unmap(dev, map.base) == 0);
}

int main(void)
{
	start();
	access_it();
	wide_sizes();
	reach_memory();
	interrupt();
	crowd_the_gate();
	MUST(rawpci_device_close(dev) == 0);
	MUST(rawpci_vm_destroy(vm) == 0);
	MUST(rawpci_destroy(ctx) == 0);
	return 0;
}
