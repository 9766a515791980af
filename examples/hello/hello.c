/* SPDX-License-Identifier: MIT */
/* hello [ADDRESS]: sends words through an edu, QEMU's teaching device; by default a pretend one. */
#include <rawpci/native.h>
#include <stdio.h>
#include <string.h>

/* The edu's registers, in BAR 0; the address of its own memory for its DMA; its DMA's commands. */
enum { IDENTITY = 0, CAUSE = 0x24, CLEAR = 0x64, FROM = 0x80, TO = 0x88, BYTES = 0x90, GO = 0x98 };
enum { INSIDE = 0x40000, MOVE_IN = 1 | 4, MOVE_OUT = 1 | 2 | 4 }; /* 4: interrupt at the end */

static _Alignas(0x10000) char memory[2][0x8000] = { "hello, edu" }; /* the device's address 0 */
static struct rawpci *ctx;
static struct rawpci_device *dev;
static uint64_t cause; /* of the last interrupt */

static void on_interrupt(void *opaque, int32_t irq)
{
	if (rawpci_region_read(dev, 0, CAUSE, 4, &cause) == 0 && cause != 0 &&
	    rawpci_region_write(dev, 0, CLEAR, 4, cause) == 0)
		printf("%s %d: interrupt 0x%x\n", (char *)opaque, (int)irq, (unsigned)cause);
}

static int dma(uint64_t from, uint64_t to, uint64_t command)
{
	cause = 0;
	if (rawpci_region_write(dev, 0, FROM, 4, from) < 0 ||
	    rawpci_region_write(dev, 0, TO, 4, to) < 0 ||
	    rawpci_region_write(dev, 0, BYTES, 4, 64) < 0 ||
	    rawpci_region_write(dev, 0, GO, 4, command) < 0)
		return -1;
	for (int i = 0; i < 10 && cause == 0; i++)
		rawpci_irq_dispatch(ctx, 1000); /* runs on_interrupt() */
	return cause != 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct rawpci_options options = { .size = sizeof(options) };
	struct rawpci_vm *vm = NULL;
	uint64_t identity;
	uint32_t ids = 0;

	options.backend = argc > 1 ? NULL : "fake"; /* NULL: the best one for the device */
	options.irq_mode = RAWPCI_IRQ_MODE_EMBEDDER;
	if (rawpci_create(&options, &ctx) < 0 || rawpci_vm_create(ctx, &vm) < 0 ||
	    rawpci_memory_map(vm, 0, memory, sizeof(memory)) < 0 ||
	    rawpci_device_open(ctx, vm, argc > 1 ? argv[1] : "0000:00:04.0", 0, &dev) < 0 ||
	    rawpci_config_read(dev, 0, 4, &ids) < 0 || ids != 0x11e81234 ||
	    rawpci_device_power(dev, RAWPCI_POWER_ON) < 0 ||
	    rawpci_region_read(dev, 0, IDENTITY, 4, &identity) < 0 ||
	    rawpci_irq_attach(dev, on_interrupt, "attachment", 0) < 0 ||
	    dma(0, INSIDE, MOVE_IN) < 0 || dma(INSIDE, sizeof(memory[0]), MOVE_OUT) < 0 ||
	    printf("identity %08x, sent back: %s\n", (unsigned)identity, memory[1]) < 0)
		fprintf(stderr, "hello: %s\n",
			*rawpci_last_error() ? rawpci_last_error() : "no edu, or a silent one");
	rawpci_device_close(dev);
	rawpci_vm_destroy(vm);
	rawpci_destroy(ctx);
	return strcmp(memory[0], memory[1]) == 0 ? 0 : 1;
}
