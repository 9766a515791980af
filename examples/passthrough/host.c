/* SPDX-License-Identifier: MIT */
/*
 * The run without a guest: the host does the steps of guest.S itself, as a user-space driver would.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "edu.h"
#include "passthrough.h"
#include "stop.h"

/* Where the device finds the two buffers, as bus addresses: it sees this memory from 0 on. The size
 * is a multiple of 64 KiB, as the IOMMU maps whole pages and those can be as large. */
#define DMA_OUT 0x00000
#define DMA_IN 0x10000
#define MEMORY_SIZE 0x20000

struct host {
	struct device device;
	struct stop stop;
	uint8_t *memory;
	int wake;                /* an eventfd: the handler has something new */
	_Atomic uint32_t causes; /* seen by the handler, not yet by wait_for() */
	_Atomic unsigned served;
	_Atomic unsigned spurious;
};

/* A register that cannot be read reads as all ones, which is never what is expected. */
static uint32_t reg_read(struct host *host, unsigned reg)
{
	uint64_t value;

	return device_mmio_read(&host->device, 0, reg, 4, &value) ? (uint32_t)value : UINT32_MAX;
}

static void reg_write(struct host *host, unsigned reg, uint32_t value)
{
	device_mmio_write(&host->device, 0, reg, 4, value);
}

static bool wrong(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "passthrough: WRONG: %s\n", what);
	return false;
}

/* Runs on the library's thread. The call is a hint; the device knows the cause. */
static void on_interrupt(void *context, int32_t irq)
{
	struct host *host = context;
	uint32_t causes = reg_read(host, EDU_INTERRUPT_STATUS);

	(void)irq;
	if (causes == 0) {
		atomic_fetch_add(&host->spurious, 1);
		return;
	}
	reg_write(host, EDU_INTERRUPT_ACK, causes);
	atomic_fetch_add(&host->served, 1);
	atomic_fetch_or(&host->causes, causes);
	eventfd_write(host->wake, 1);
}

static bool wait_for(struct host *host, uint32_t cause)
{
	struct pollfd fds[] = {
		{ .fd = host->wake, .events = POLLIN },
		{ .fd = host->stop.fd, .events = POLLIN },
	};
	eventfd_t count;

	while (!(atomic_fetch_and(&host->causes, ~cause) & cause)) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return wrong(strerror(errno));
		if (stop_asked(&host->stop))
			return false;
		eventfd_read(host->wake, &count);
	}
	return true;
}

static bool test_registers(struct host *host)
{
	uint32_t value, identity;

	if (!device_config_read(&host->device, 0, 4, &value))
		return false;
	printf("host: %04" PRIx32 ":%04" PRIx32 ", BAR 0 of %" PRIu64 " KiB\n", value & 0xffff,
	       value >> 16, host->device.bars[0].size / 1024);
	if (value != EDU_VENDOR_DEVICE || host->device.bars[0].size == 0)
		return wrong("this program knows only the edu device, 1234:11e8");

	identity = reg_read(host, EDU_IDENTITY);
	reg_write(host, EDU_LIVENESS, TEST_LIVENESS);
	value = reg_read(host, EDU_LIVENESS);
	printf("host: identity 0x%08" PRIx32 ", liveness 0x%08x -> 0x%08" PRIx32 "\n", identity,
	       TEST_LIVENESS, value);
	if (identity != EDU_IDENTITY_VALUE)
		return wrong("the identity register");
	if (value != (uint32_t)~TEST_LIVENESS)
		return wrong("the liveness register");
	return true;
}

/* The device may be in the middle of what its last user did with it: QEMU's has no reset. */
static void quiet_device(struct host *host)
{
	reg_write(host, EDU_STATUS, 0);
	reg_write(host, EDU_INTERRUPT_ACK, reg_read(host, EDU_INTERRUPT_STATUS));
}

static bool test_factorial(struct host *host)
{
	uint32_t value;

	reg_write(host, EDU_STATUS, EDU_STATUS_INTERRUPT);
	reg_write(host, EDU_FACTORIAL, TEST_FACTORIAL);
	if (!wait_for(host, EDU_CAUSE_FACTORIAL))
		return false;
	value = reg_read(host, EDU_FACTORIAL);
	printf("host: factorial of %d is 0x%08" PRIx32 ", and the interrupt came\n", TEST_FACTORIAL,
	       value);
	if (value != TEST_FACTORIAL_VALUE)
		return wrong("the factorial");
	return true;
}

static bool transfer(struct host *host, uint32_t source, uint32_t target, uint32_t command)
{
	reg_write(host, EDU_DMA_SOURCE, source);
	reg_write(host, EDU_DMA_TARGET, target);
	reg_write(host, EDU_DMA_COUNT, TEST_DMA_BYTES);
	reg_write(host, EDU_DMA_COMMAND, command | EDU_DMA_START | EDU_DMA_INTERRUPT);
	return wait_for(host, EDU_CAUSE_DMA);
}

static bool test_dma(struct host *host)
{
	for (unsigned i = 0; i < TEST_DMA_BYTES; i++)
		host->memory[DMA_OUT + i] = (uint8_t)(i * 167 + 13);
	if (!transfer(host, DMA_OUT, EDU_BUFFER, 0) ||
	    !transfer(host, EDU_BUFFER, DMA_IN, EDU_DMA_TO_MEMORY))
		return false;
	if (memcmp(host->memory + DMA_OUT, host->memory + DMA_IN, TEST_DMA_BYTES) != 0)
		return wrong("the data came back changed");
	printf("host: DMA from 0x%08x to the device, and back to 0x%08x: %d bytes, unchanged\n",
	       DMA_OUT, DMA_IN, TEST_DMA_BYTES);
	return true;
}

static bool count_interrupts(struct host *host)
{
	unsigned served = atomic_load(&host->served);

	printf("host: interrupts: %u, without a cause: %u\n", served, atomic_load(&host->spurious));
	if (served != 3)
		return wrong("there had to be 3 interrupts");
	return true;
}

static enum ending run_steps(struct host *host)
{
	enum ending ending = ENDING_WRONG;
	int32_t irq;

	/* What the device is comes before the handler, which touches its registers. */
	if (!test_registers(host))
		return ENDING_WRONG;
	quiet_device(host);
	if (!device_irq_register(&host->device, on_interrupt, host, &irq))
		return ENDING_WRONG;
	if (test_factorial(host) && test_dma(host) && count_interrupts(host)) {
		printf("host: all is right\n");
		ending = ENDING_RIGHT;
	}
	/* When this returns the handler does not run any more: host may go. */
	device_irq_unregister(&host->device, irq);
	return ending;
}

static enum ending run_device(struct host *host, const struct options *options)
{
	enum ending ending = ENDING_WRONG;

	host->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (host->wake < 0) {
		perror("passthrough: eventfd");
		return ENDING_WRONG;
	}
	if (device_open(&host->device, options, host->memory, MEMORY_SIZE))
		ending = run_steps(host);
	device_close(&host->device);
	close(host->wake);
	return ending;
}

enum ending run_host(const struct options *options)
{
	struct host host = { .wake = -1 };
	enum ending ending = ENDING_WRONG;

	if (!stop_init(&host.stop, options->seconds))
		return ENDING_WRONG;
	host.memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	if (host.memory != MAP_FAILED) {
		madvise(host.memory, MEMORY_SIZE, MADV_DONTFORK);
		ending = run_device(&host, options);
		munmap(host.memory, MEMORY_SIZE);
	} else {
		perror("passthrough: memory for the device");
	}
	stop_finish(&host.stop);
	return ending;
}
