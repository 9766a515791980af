/* SPDX-License-Identifier: MIT */
/*
 * The run with a guest: puts machine, device and bus together, and takes them apart in reverse.
 */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus.h"
#include "device.h"
#include "layout.h"
#include "machine.h"
#include "passthrough.h"
#include "stop.h"

/* guest.S */
extern const uint8_t guest_image[], guest_image_end[];

static void *create_memory(void)
{
	uint8_t *memory = mmap(NULL, GUEST_RAM_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("passthrough: guest memory");
		return NULL;
	}
	/* A device reaches the pages that are pinned for it. After a fork, copy-on-write could give
	 * this process others. */
	madvise(memory, GUEST_RAM_SIZE, MADV_DONTFORK);
	memcpy(memory + GUEST_CODE, guest_image, (size_t)(guest_image_end - guest_image));
	return memory;
}

static void signal_eventfd(void *context, int32_t irq)
{
	const int *eventfd = context;

	(void)irq;
	eventfd_write(*eventfd, 1);
}

/* From the device's vector to the guest's interrupt controller without a detour: the kernel signals
 * the eventfd, KVM waits for it. Where a vector cannot be routed so, a handler passes it on. */
static bool connect_interrupt(struct machine *machine, struct device *device, int *eventfd)
{
	int32_t irq;

	if (!machine_irqfd(machine, GUEST_IRQ, *eventfd))
		return false;
	if (device_irq_route(device, *eventfd))
		return true;
	fprintf(stderr, "passthrough: interrupts cannot be routed and pass through this process\n");
	return device_irq_register(device, signal_eventfd, eventfd, &irq);
}

static enum ending run_device(struct machine *machine, struct device *device, struct stop *stop)
{
	enum ending ending = ENDING_WRONG;
	struct bus bus;
	uint8_t verdict;
	int interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (interrupt < 0) {
		perror("passthrough: eventfd");
		return ENDING_WRONG;
	}
	bus_init(&bus, machine, device);
	if (connect_interrupt(machine, device, &interrupt) &&
	    machine_run(machine, &bus, stop, &verdict) && verdict == 0)
		ending = ENDING_RIGHT;

	/* The windows go before the BARs are unmapped, and the device is closed before its eventfd
	 * is, so that nobody is left with a view of something that is gone. */
	bus_finish(&bus);
	device_close(device);
	close(interrupt);
	return ending;
}

static enum ending run_machine(struct machine *machine, const struct options *options, void *memory,
			       struct stop *stop)
{
	struct device device;

	if (!machine_create(machine))
		return no_guest(options, machine->why);
	if (!machine_map(machine, 0, 0, memory, GUEST_RAM_SIZE))
		return ENDING_WRONG;
	if (!device_open(&device, options, memory, GUEST_RAM_SIZE)) {
		device_close(&device);
		return ENDING_WRONG;
	}
	return run_device(machine, &device, stop);
}

enum ending run_guest(const struct options *options)
{
	enum ending ending = ENDING_WRONG;
	struct machine machine;
	struct stop stop;
	void *memory;

	if (!stop_init(&stop, options->seconds))
		return ENDING_WRONG;
	memory = create_memory();
	if (memory != NULL) {
		ending = run_machine(&machine, options, memory, &stop);
		machine_destroy(&machine);
		munmap(memory, GUEST_RAM_SIZE);
	}
	stop_finish(&stop);
	return ending;
}
