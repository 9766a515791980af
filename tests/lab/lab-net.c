/* SPDX-License-Identifier: MIT */
/* Topics on Intel's network adapters e1000 (INTx only) and e1000e (MSI-X, ROM, PCIe). */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "lab.h"

enum {
	ICR = 0xc0,  /* causes; e1000: reading clears. e1000e: writing a bit clears it */
	ICS = 0xc8,  /* raises causes */
	IMS = 0xd0,  /* lets causes through */
	IVAR = 0xe4, /* e1000e: which MSI-X vector each cause has */
	CAUSE_RX = 0x80,
	CAUSE_RXQ0 = 20, /* e1000e: bit of the first of the four queues' causes */
	VECTORS = 5,
	QUEUES = 4, /* the fifth vector is the link's */
	INTERRUPTS = 50,
};

static void e1000_handler(void *opaque, int32_t irq)
{
	struct lab *lab = opaque;

	(void)irq;
	if (lab_read(lab, ICR) & CAUSE_RX)
		sem_post(&lab->arrived);
}

void net_intx(const char *bdf)
{
	struct rawpci_irq_stats stats = { 0 };
	struct lab lab = { 0 };
	int irq, n = 0;

	if (lab_open(&lab, bdf, true)) {
		irq = rawpci_irq_attach(lab.dev, e1000_handler, &lab, 1);
		check(irq >= 1, "handler attached to INTx: %d", irq);
		check(rawpci_irq_attach(lab.dev, e1000_handler, &lab, 2) == -ENOSPC,
		      "no second vector: %s", rawpci_last_error());
		lab_write(&lab, IMS, CAUSE_RX);
		for (; n < INTERRUPTS; n++) {
			lab_write(&lab, ICS, CAUSE_RX);
			if (!lab_wait(&lab))
				break;
		}
		check(n == INTERRUPTS, "%d of %d level-triggered interrupts", n, INTERRUPTS);
		rawpci_irq_stats(lab.ctx, sizeof(stats), &stats);
		check(stats.handled < 2 * INTERRUPTS + 10, "%llu handler calls on %s: no storm",
		      (unsigned long long)stats.handled, stats.engine);
		check(rawpci_irq_detach(lab.dev, irq) == 0, "handler detached");
		lab_write(&lab, ICS, CAUSE_RX);
		sleep_ms(100);
		check(sem_trywait(&lab.arrived) < 0, "and silent");
		/* It has no reset: without this its line stays asserted after it is closed. */
		lab_read(&lab, ICR);
	}
	lab_close(&lab);
}

struct vector {
	struct lab *lab;
	unsigned number;
	atomic_uint calls;
};

static void e1000e_handler(void *opaque, int32_t irq)
{
	struct vector *v = opaque;
	uint32_t cause = 1u << (CAUSE_RXQ0 + v->number);

	(void)irq;
	if (!(lab_read(v->lab, ICR) & cause))
		return; /* a call without cause */
	lab_write(v->lab, ICR, cause);
	/* The link comes up when it likes, and its vector may be called without an interrupt. */
	if (v->number >= QUEUES)
		return;
	atomic_fetch_add(&v->calls, 1);
	sem_post(&v->lab->arrived);
}

/* Raises each queue's cause some times; did each call its own handler, and no other? */
static bool four_vectors(struct lab *lab, struct vector *vectors, unsigned times)
{
	bool good = true;

	/* Each cause to the vector of its number: a valid bit (8) and the number, 4 bits a cause. */
	lab_write(lab, IVAR, 0xcba98);
	lab_write(lab, IMS, 0xfu << CAUSE_RXQ0);
	for (unsigned i = 0; i < QUEUES; i++)
		atomic_store(&vectors[i].calls, 0);
	for (unsigned i = 0; good && i < times * QUEUES; i++) {
		lab_write(lab, ICS, 1u << (CAUSE_RXQ0 + i % QUEUES));
		good = lab_wait(lab);
	}
	for (unsigned i = 0; i < QUEUES; i++) {
		unsigned calls = atomic_load(&vectors[i].calls);

		good &= calls == times || check(false, "vector %u: %u of %u", i, calls, times);
	}
	/* QEMU 7.2 stops where MSI-X is turned off while it holds interrupts back: 128 us. */
	sleep_ms(20);
	return good;
}

void net_msix(const char *bdf)
{
	struct vector vectors[VECTORS];
	struct lab lab = { 0 };
	int irq[VECTORS], n;

	if (lab_open(&lab, bdf, true)) {
		n = rawpci_irq_count(lab.dev, RAWPCI_IRQ_MSIX);
		check(n == VECTORS, "%d MSI-X vectors", n);
		for (unsigned i = 0; i < VECTORS; i++) {
			vectors[i].lab = &lab;
			vectors[i].number = i;
			irq[i] = rawpci_irq_attach(lab.dev, e1000e_handler, &vectors[i],
						   (int32_t)i);
			check(irq[i] >= 1, "handler attached to vector %u: %d", i, irq[i]);
		}
		check(four_vectors(&lab, vectors, 25), "100 interrupts, each to its own handler");
		check(rawpci_irq_detach(lab.dev, irq[2]) == 0, "one detached");
		irq[2] = rawpci_irq_attach(lab.dev, e1000e_handler, &vectors[2], 2);
		check(irq[2] >= 1 && four_vectors(&lab, vectors, 4), "and attached again: %d",
		      irq[2]);
		check(rawpci_device_power(lab.dev, RAWPCI_POWER_SUSPEND) == 0 &&
			      rawpci_device_power(lab.dev, RAWPCI_POWER_RESUME) == 0 &&
			      four_vectors(&lab, vectors, 4),
		      "and after suspend and resume");
	}
	lab_close(&lab);
}

static void read_rom(struct lab *lab)
{
	struct rawpci_region_info info;
	struct rawpci_mapping rom;
	uint64_t value = 0;
	int ret = rawpci_region_info(lab->dev, RAWPCI_REGION_ROM, sizeof(info), &info);

	check(ret == 0 && info.present && info.area_count == 0, "ROM: %d, %llu bytes, not mappable",
	      ret, (unsigned long long)info.size);
	ret = rawpci_region_read(lab->dev, RAWPCI_REGION_ROM, 0, 2, &value);
	check(ret == 0 && value == 0xaa55, "ROM signature: %d, 0x%04llx", ret,
	      (unsigned long long)value);
	ret = rawpci_region_map(lab->dev, RAWPCI_REGION_ROM, 0, info.size, &rom);
	if (!check(ret == 0 && !rom.cpu, "ROM mapped for requests only: %d", ret))
		return;
	value = 0;
	ret = rawpci_mmio_read(lab->dev, rom.base, 2, &value);
	check(ret == 0 && value == 0xaa55, "signature by request: %d, 0x%04llx", ret,
	      (unsigned long long)value);
	check(rawpci_region_unmap(lab->dev, rom.base) == 0, "ROM unmapped");
}

void net_config(const char *bdf)
{
	struct rawpci_device_info info;
	uint32_t value = 0;
	struct lab lab = { 0 };
	int ret;

	if (lab_open(&lab, bdf, true)) {
		ret = rawpci_device_info(lab.dev, sizeof(info), &info);
		check(ret == 0 && info.vendor_id == 0x8086 && info.device_id == 0x10d3 &&
			      info.class_code == 0x020000,
		      "%04x:%04x class %06x", info.vendor_id, info.device_id, info.class_code);
		check(info.config_size == 4096, "%u bytes of config space", info.config_size);
		ret = rawpci_config_read(lab.dev, 0, 4, &value);
		check(ret == 0 && value == 0x10d38086, "ids: %d, 0x%08x", ret, value);
		ret = rawpci_config_read(lab.dev, 0x100, 2, &value);
		check(ret == 0 && value == 0x0001, "first extended capability, AER: %d, 0x%04x",
		      ret, value);
		ret = rawpci_config_read(lab.dev, 0xffc, 4, &value);
		check(ret == 0, "the last dword: %d", ret);
		check(rawpci_config_read(lab.dev, 0x1000, 4, &value) == -ERANGE, "beyond: -ERANGE");
		check(rawpci_config_read(lab.dev, 0x102, 4, &value) == -EDOM, "misaligned: -EDOM");
		check(lab_capability(&lab, 0x11) != 0, "MSI-X at 0x%02x",
		      lab_capability(&lab, 0x11));
		read_rom(&lab);
	}
	lab_close(&lab);
}
