/* SPDX-License-Identifier: MIT */
/* The phases: what a program does in each. */
#include "phases.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	RAM_SIZE = 1 << 20,
	EDU = 0x11e81234, /* device and vendor; the registers are in QEMU's docs/specs/edu */
	EDU_RAISE = 0x60,
	EDU_ACKNOWLEDGE = 0x64,
	E1000 = 0x100e8086,  /* INTx only */
	E1000_CAUSES = 0xc0, /* reading clears them */
	E1000_RAISE = 0xc8,
	E1000_ALLOW = 0xd0,
	E1000_FORBID = 0xd8,
	E1000_CAUSE = 0x80,
	INTERRUPTS = 20,
	PATIENCE_MS = 20000,
};

static uint32_t ids(const struct run *run)
{
	return (uint32_t)run->info.device_id << 16 | run->info.vendor_id;
}

static int make_context(struct run *run)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = run->backend,
		.irq_mode = run->mode,
		.settings = run->settings,
	};
	int r = rawpci_create(&options, &run->ctx);

	return r < 0 ? r : rawpci_vm_create(run->ctx, &run->vm);
}

static int open_device(struct run *run)
{
	return rawpci_device_open(run->ctx, run->vm, run->address, RAWPCI_OPEN_DETACH_HOST_DRIVER,
				  &run->dev);
}

/*
 * Descriptors
 */

static const char *via(const struct run *run)
{
	for (const char *const *setting = run->settings; *setting; setting++)
		if (strncmp(*setting, "vfio.via=", 9) == 0)
			return *setting + 9;
	return "auto";
}

bool bound_to_vfio(struct run *run)
{
	char path[PATH_MAX], target[PATH_MAX] = "";

	(void)snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", run->address);
	return strcmp(run->backend, "vfio") == 0 &&
	       readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "/vfio-pci");
}

/* The first line that a command prints. */
static bool ask_shell(const char *command, char *line, size_t size)
{
	FILE *from = popen(command, "r");
	bool good = from && fgets(line, (int)size, from);

	if (from)
		(void)pclose(from);
	line[strcspn(line, "\n")] = '\0';
	return good;
}

static int open_nodes(struct run *run)
{
	char command[PATH_MAX], name[256] = "", path[PATH_MAX];
	int r = make_context(run);

	run->fds = (struct rawpci_device_fds)RAWPCI_DEVICE_FDS_NONE;
	(void)snprintf(command, sizeof(command), "ls /sys/bus/pci/devices/%s/vfio-dev 2>/dev/null",
		       run->address);
	if (r == 0 && strcmp(via(run), "group") != 0 && ask_shell(command, name, sizeof(name))) {
		(void)snprintf(path, sizeof(path), "/dev/vfio/devices/%s", name);
		run->fds.cdev = open(path, O_RDWR | O_CLOEXEC);
		run->fds.iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
		if (run->fds.cdev >= 0 && run->fds.iommufd >= 0)
			return 0;
	}
	(void)snprintf(command, sizeof(command),
		       "basename $(readlink /sys/bus/pci/devices/%s/iommu_group)", run->address);
	if (r < 0 || !ask_shell(command, name, sizeof(name)))
		return r < 0 ? r : -ENODEV;
	(void)snprintf(path, sizeof(path), "/dev/vfio/%s", name);
	run->fds.group = open(path, O_RDWR | O_CLOEXEC);
	run->fds.container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	return run->fds.group < 0 || run->fds.container < 0 ? -errno : 0;
}

static int open_descriptors(struct run *run)
{
	return rawpci_device_open_fds(run->ctx, run->vm, run->address, 0, &run->fds, &run->dev);
}

/*
 * Setting up
 */

static int opened(struct run *run)
{
	int r = make_context(run);

	if (r == 0)
		r = open_device(run);
	if (r == 0)
		r = rawpci_device_info(run->dev, sizeof(run->info), &run->info);
	run->ram = mmap(NULL, 2 * RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	return run->ram == MAP_FAILED ? -ENOMEM : r;
}

static int power_up(struct run *run)
{
	struct rawpci_region_info region;
	int r = 0;

	if (run->info.can_dma)
		r = rawpci_memory_map(run->vm, 0, run->ram, RAM_SIZE);
	if (r == 0)
		r = rawpci_device_power(run->dev, RAWPCI_POWER_ON);
	if (r == 0)
		r = rawpci_region_info(run->dev, 0, sizeof(region), &region);
	return r < 0 ? r : rawpci_region_map(run->dev, 0, 0, region.size, &run->bar);
}

static void count(void *opaque, int32_t irq)
{
	(void)irq;
	atomic_fetch_add(&((struct run *)opaque)->handled, 1);
}

static void on_event(void *opaque, enum rawpci_event event)
{
	(void)opaque;
	(void)event;
}

static bool has_interrupts(struct run *run)
{
	return strcmp(run->backend, "sysfs") != 0;
}

/* Routes vector 0 of the best type, and INTx is unmasked. */
static int route(struct run *run)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), type = RAWPCI_IRQ_MSIX, r;

	while (type > RAWPCI_IRQ_INTX &&
	       rawpci_irq_count(run->dev, (enum rawpci_irq_type)type) == 0)
		type--;
	r = rawpci_irq_route(run->dev, (enum rawpci_irq_type)type, 0, 1, &fd);
	if (r == 0 && type == RAWPCI_IRQ_INTX)
		r = rawpci_irq_unmask(run->dev);
	if (r == 0)
		r = rawpci_irq_route(run->dev, (enum rawpci_irq_type)type, 0, 1, NULL);
	return r == -EOPNOTSUPP ? 0 : r; /* uio */
}

static int use_interrupts(struct run *run)
{
	int irq, r;

	if (run->mode == RAWPCI_IRQ_MODE_EMBEDDER && strcmp(run->engine, "epoll") == 0) {
		r = rawpci_irq_fd(run->ctx);
		if (r < 0)
			return r;
	}
	irq = rawpci_irq_attach(run->dev, count, run, 0);
	if (irq < 0)
		return irq;
	r = rawpci_irq_detach(run->dev, irq);
	return r < 0 ? r : route(run);
}

static int change_power(struct run *run)
{
	int r = rawpci_device_reset(run->dev);

	if (r == -EOPNOTSUPP) /* the e1000 has none */
		r = 0;
	if (r == 0)
		r = rawpci_device_power(run->dev, RAWPCI_POWER_SUSPEND);
	return r < 0 ? r : rawpci_device_power(run->dev, RAWPCI_POWER_RESUME);
}

static int set_up(struct run *run)
{
	int r = rawpci_device_on_event(run->dev, on_event, run);

	if (r == -EOPNOTSUPP)
		r = 0;
	if (r == 0)
		r = power_up(run);
	if (r == 0 && has_interrupts(run))
		r = use_interrupts(run);
	if (r == 0)
		r = change_power(run);
	if (r == 0)
		r = rawpci_region_unmap(run->dev, run->bar.base);
	return r < 0 ? r : rawpci_device_power(run->dev, RAWPCI_POWER_OFF);
}

/*
 * Running
 */

static int running(struct run *run)
{
	int r = opened(run);

	return r < 0 ? r : power_up(run);
}

static int access_device(struct run *run)
{
	uint64_t value;
	uint32_t word;
	int r = rawpci_config_read(run->dev, 4, 2, &word);

	if (r == 0)
		r = rawpci_config_write(run->dev, 4, 2, word);
	if (r == 0)
		r = rawpci_mmio_read(run->dev, run->bar.base, 4, &value);
	if (r == 0)
		r = rawpci_mmio_write(run->dev, (uint8_t *)run->bar.base + 0x20, 4, 0);
	if (r == 0)
		r = rawpci_region_read(run->dev, 0, 0, 4, &value);
	return r < 0 ? r : rawpci_region_write(run->dev, 0, 0x20, 4, 0);
}

static bool can_dma(struct run *run)
{
	return strcmp(run->backend, "fake") == 0 || strcmp(run->backend, "vfio") == 0;
}

static int change_memory(struct run *run)
{
	int r = rawpci_memory_map(run->vm, 2 * RAM_SIZE, run->ram + RAM_SIZE, RAM_SIZE);

	if (r == 0)
		r = rawpci_memory_unmap(run->vm, RAM_SIZE / 2, 4096);
	if (r == -ENOENT)
		r = rawpci_memory_unmap(run->vm, RAM_SIZE / 4, 4096);
	return r < 0 ? r : rawpci_memory_unmap(run->vm, 2 * RAM_SIZE, RAM_SIZE);
}

/*
 * Interrupts
 */

static void store(struct run *run, uint32_t offset, uint32_t value)
{
	(void)rawpci_mmio_write(run->dev, (uint8_t *)run->bar.base + offset, 4, value);
}

static void raise_interrupt(struct run *run)
{
	if (ids(run) == EDU)
		store(run, EDU_RAISE, 1);
	else
		store(run, E1000_RAISE, E1000_CAUSE);
}

static void acknowledge(struct run *run)
{
	uint64_t causes;

	if (ids(run) == EDU)
		store(run, EDU_ACKNOWLEDGE, 1);
	else
		(void)rawpci_mmio_read(run->dev, (uint8_t *)run->bar.base + E1000_CAUSES, 4,
				       &causes);
}

/* The e1000 has no reset: its line would stay asserted. */
static void silence(struct run *run)
{
	if (ids(run) != E1000)
		return;
	store(run, E1000_FORBID, UINT32_MAX);
	acknowledge(run);
}

/* The first call puts its own thread under the filter. */
static void handle(void *opaque, int32_t irq)
{
	struct run *run = opaque;

	(void)irq;
	acknowledge(run);
	if (!run->watched->entered)
		(void)watch_enter(run->watched, run->kind, run->allowed);
	else
		atomic_fetch_add(&run->handled, 1);
}

/* A thread that is under no filter raises interrupts until the phase is done, and adds and removes a
 * source of events. */
static void *keep_raising(void *opaque)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	struct run *run = opaque;

	for (unsigned i = 0; !run->watched->done; i++) {
		raise_interrupt(run);
		if (run->watched->entered && i % 2 == 0)
			(void)rawpci_device_on_event(run->dev, i % 4 == 0 ? on_event : NULL, run);
		(void)nanosleep(&moment, NULL);
	}
	return NULL;
}

static int with_handler(struct run *run)
{
	pthread_t thread;
	int r = running(run);

	if (r == 0 && ids(run) != EDU && ids(run) != E1000)
		return PHASE_NOT_HERE; /* how to raise an interrupt is not known */
	if (r == 0 && run->mode == RAWPCI_IRQ_MODE_EMBEDDER && strcmp(run->engine, "epoll") == 0)
		r = rawpci_irq_fd(run->ctx);
	if (r >= 0)
		r = rawpci_irq_attach(run->dev, handle, run, 0);
	if (r < 0)
		return r;
	if (ids(run) == E1000)
		store(run, E1000_ALLOW, E1000_CAUSE);
	return -pthread_create(&thread, NULL, keep_raising, run);
}

static int handle_interrupts(struct run *run)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	int r = 0;

	for (int i = 0; r == 0 && i < PATIENCE_MS / 2; i++) {
		if (atomic_load(&run->handled) >= INTERRUPTS) {
			silence(run);
			return 0;
		}
		if (run->mode == RAWPCI_IRQ_MODE_EMBEDDER) {
			r = rawpci_irq_dispatch(run->ctx, 2);
			r = r > 0 ? 0 : r;
		} else {
			(void)nanosleep(&moment, NULL);
		}
	}
	run->watched->handled = (int)atomic_load(&run->handled);
	return r < 0 ? r : -ETIMEDOUT;
}

/*
 * The end
 */

static int before_close(struct run *run)
{
	int r = running(run);

	if (r == 0 && has_interrupts(run))
		r = rawpci_irq_attach(run->dev, count, run, 0);
	return r < 0 ? r : 0;
}

static int close_device(struct run *run)
{
	return rawpci_device_close(run->dev);
}

static int closed(struct run *run)
{
	int r = before_close(run);

	return r < 0 ? r : close_device(run);
}

static int destroy(struct run *run)
{
	int r = rawpci_vm_destroy(run->vm);

	return r < 0 ? r : rawpci_destroy(run->ctx);
}

static int nothing(struct run *run)
{
	(void)run;
	return 0;
}

const struct phase phases[] = {
	{ "create", false, false, NULL, nothing, make_context, false },
	{ "open", true, false, NULL, make_context, open_device, false },
	{ "descriptors", false, false, bound_to_vfio, open_nodes, open_descriptors, false },
	{ "set-up", true, true, NULL, opened, set_up, false },
	{ "access", false, false, NULL, running, access_device, false },
	{ "memory", false, false, can_dma, running, change_memory, false },
	{ "handlers", false, true, has_interrupts, with_handler, handle_interrupts, true },
	{ "close", true, true, NULL, before_close, close_device, false },
	{ "destroy", false, true, NULL, closed, destroy, false },
};
const unsigned phase_count = sizeof(phases) / sizeof(phases[0]);
