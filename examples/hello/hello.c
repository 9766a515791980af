/* SPDX-License-Identifier: MIT */
/* hello [ADDRESS]: greets a PCI device of this host. Without ADDRESS it greets a pretend device. */
#include <rawpci/native.h>
#include <stdio.h>

static void on_interrupt(void *opaque, int32_t irq)
{
	printf("%s, attachment %d\n", (const char *)opaque, (int)irq);
}

int main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : "0000:00:04.0";
	struct rawpci_options options = { .size = sizeof(options) };
	struct rawpci *ctx = NULL;
	struct rawpci_device *dev = NULL;
	struct rawpci_mapping bar;
	uint64_t value;
	uint32_t id;

	options.backend = argc > 1 ? NULL : "fake";  /* NULL: the best one for the device */
	options.irq_mode = RAWPCI_IRQ_MODE_EMBEDDER; /* rawpci_irq_dispatch() runs handlers */
	if (rawpci_create(&options, &ctx) < 0 ||
	    rawpci_device_open(ctx, NULL, address, 0, &dev) < 0 ||
	    rawpci_device_power(dev, RAWPCI_POWER_ON) < 0 ||
	    rawpci_config_read(dev, 0, 4, &id) < 0 ||
	    rawpci_region_map(dev, 0, 0, 4096, &bar) < 0 ||
	    rawpci_mmio_read(dev, bar.base, 4, &value) < 0 ||
	    printf("%s: device %08x, first register %08x\n", address, id, (unsigned)value) < 0 ||
	    rawpci_irq_attach(dev, on_interrupt, "interrupt", 0) < 0 ||
	    (argc == 1 && rawpci_region_write(dev, 0, 0x60, 4, 1) < 0) || /* interrupt, please */
	    rawpci_irq_dispatch(ctx, 1000) < 0)
		fprintf(stderr, "hello: %s\n", rawpci_last_error());
	rawpci_device_close(dev);
	rawpci_destroy(ctx);
	return *rawpci_last_error() ? 1 : 0;
}
