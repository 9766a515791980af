/* SPDX-License-Identifier: MIT */
/* A stranger's program in C++: the native API, with interrupts in the program's own loop. */
#include <cstdio>

#include <poll.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/region.h>

namespace
{

const unsigned liveness = 0x04;
const int patience_ms = 10000;

bool failed(const char *what, int result)
{
	if (result < 0)
		std::fprintf(stderr, "%s: %d: %s\n", what, result, rawpci_last_error());
	return result < 0;
}

void handler(void *opaque, int32_t irq)
{
	*static_cast<int32_t *>(opaque) = irq;
}

int registers(rawpci_device *device)
{
	rawpci_mapping mapping;
	uint64_t value;

	if (failed("map", rawpci_region_map(device, 0, 0, 4096, &mapping)))
		return 1;
	char *address = static_cast<char *>(mapping.base) + liveness;
	if (failed("write", rawpci_mmio_write(device, address, 4, 0xa5a5a5a5)) ||
	    failed("read", rawpci_mmio_read(device, address, 4, &value)) ||
	    failed("unmap", rawpci_region_unmap(device, mapping.base)))
		return 1;
	if (value == 0x5a5a5a5a)
		return 0;
	std::fprintf(stderr, "the register reads %#llx\n", static_cast<unsigned long long>(value));
	return 1;
}

int interrupt(rawpci *ctx, rawpci_device *device)
{
	int32_t seen = 0;
	rawpci_fake *fake;
	int fd = rawpci_irq_fd(ctx);
	int irq = rawpci_irq_attach(device, handler, &seen, 9);

	if (failed("descriptor", fd) || failed("attach", irq) ||
	    failed("find", rawpci_fake_find(ctx, "0000:00:04.0", &fake)) ||
	    failed("raise", rawpci_fake_raise(fake, 0)))
		return 1;
	while (seen != irq) {
		pollfd wait = { fd, POLLIN, 0 };

		if (poll(&wait, 1, patience_ms) != 1 ||
		    failed("dispatch", rawpci_irq_dispatch(ctx, 0))) {
			std::fprintf(stderr, "no interrupt\n");
			return 1;
		}
	}
	return failed("detach", rawpci_irq_detach(device, irq));
}

} // namespace

int main()
{
	rawpci_options options = {};
	rawpci *ctx;
	rawpci_device *device;

	options.size = sizeof(options);
	options.backend = "fake";
	options.irq_mode = RAWPCI_IRQ_MODE_EMBEDDER;
	if (failed("create", rawpci_create(&options, &ctx)) ||
	    failed("open", rawpci_device_open(ctx, nullptr, "00:04.0", 0, &device)) ||
	    failed("power", rawpci_device_power(device, RAWPCI_POWER_ON)))
		return 1;
	int result = registers(device) | interrupt(ctx, device);
	if (failed("close", rawpci_device_close(device)) || failed("destroy", rawpci_destroy(ctx)))
		return 1;
	return result;
}
