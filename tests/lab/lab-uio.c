/* SPDX-License-Identifier: MIT */
/* Topics on uio_pci_generic's interrupt and its traps, on edu; and on the choice of a backend. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edu.h"
#include "lab.h"

enum { COMMAND = 0x04, COMMAND_MASTER = 0x04, INTX_DISABLE = 0x0400, INTERRUPTS = 300 };

static void acknowledge(void *opaque, int32_t irq)
{
	struct lab *lab = opaque;
	uint32_t status = lab_read(lab, EDU_IRQ_STATUS);

	(void)irq;
	if (status == 0 || status == UINT32_MAX)
		return; /* a call without cause */
	lab_write(lab, EDU_IRQ_ACK, status);
	sem_post(&lab->arrived);
}

static void set_disable(struct lab *lab, bool disable)
{
	uint32_t command = 0;

	rawpci_config_read(lab->dev, COMMAND, 2, &command);
	command &= ~(uint32_t)INTX_DISABLE;
	rawpci_config_write(lab->dev, COMMAND, 2, command | (disable ? INTX_DISABLE : 0));
}

static int many(struct lab *lab)
{
	int n = 0;

	for (; n < INTERRUPTS; n++) {
		lab_write(lab, EDU_IRQ_RAISE, 1);
		if (!lab_wait(lab))
			break;
	}
	return n;
}

void uio_intx(const char *bdf)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), irq, n, ret;
	struct rawpci_irq_stats stats = { 0 };
	struct lab lab = { 0 };
	uint32_t command = 0;

	if (lab_open(&lab, bdf, true)) {
		check(rawpci_irq_count(lab.dev, RAWPCI_IRQ_INTX) == 1 &&
			      rawpci_irq_count(lab.dev, RAWPCI_IRQ_MSI) == 0,
		      "INTx, no MSI");
		ret = rawpci_irq_route(lab.dev, RAWPCI_IRQ_INTX, 0, 1, &fd);
		check(ret == -EOPNOTSUPP, "a route: %d: %s", ret, rawpci_last_error());
		irq = rawpci_irq_attach(lab.dev, acknowledge, &lab, 1);
		check(irq >= 1, "handler attached: %d", irq);
		n = many(&lab);
		rawpci_irq_stats(lab.ctx, sizeof(stats), &stats);
		check(n == INTERRUPTS && stats.handled < INTERRUPTS + 10,
		      "%d of %d interrupts in %llu calls on %s", n, INTERRUPTS,
		      (unsigned long long)stats.handled, stats.engine);
		set_disable(&lab, true);
		lab_write(&lab, EDU_IRQ_RAISE, 1);
		sleep_ms(100);
		rawpci_config_read(lab.dev, COMMAND, 2, &command);
		check(sem_trywait(&lab.arrived) < 0 && (command & INTX_DISABLE),
		      "disabled in COMMAND: silence");
		set_disable(&lab, false);
		check(lab_wait(&lab), "enabled again: it arrives");
		check(rawpci_device_power(lab.dev, RAWPCI_POWER_SUSPEND) == 0 &&
			      rawpci_device_power(lab.dev, RAWPCI_POWER_RESUME) == 0 &&
			      many(&lab) == INTERRUPTS,
		      "as many after suspend and resume");
		check(rawpci_irq_detach(lab.dev, irq) == 0, "handler detached");
		lab_write(&lab, EDU_IRQ_RAISE, 1);
		sleep_ms(100);
		check(sem_trywait(&lab.arrived) < 0, "and silent");
		lab_write(&lab, EDU_IRQ_ACK, 1);
		irq = rawpci_irq_attach(lab.dev, acknowledge, &lab, 1);
		check(irq >= 1 && many(&lab) == INTERRUPTS, "attached again: %d", irq);
	}
	lab_close(&lab);
	close(fd);
}

/* Opens and closes the device's node, as any other program may. */
static bool touch_node(const char *bdf)
{
	char path[512] = "";
	struct dirent *entry;
	DIR *dir;
	int fd = -1;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/uio", bdf);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return fd >= 0 && close(fd) == 0;
}

void uio_master(const char *bdf)
{
	struct lab lab = { 0 };
	uint32_t command = 0;

	if (lab_open(&lab, bdf, true)) {
		check(rawpci_irq_attach(lab.dev, acknowledge, &lab, 1) >= 1, "handler attached");
		rawpci_config_read(lab.dev, COMMAND, 2, &command);
		check(command & COMMAND_MASTER, "bus mastering: COMMAND 0x%04x", command);
		check(touch_node(bdf), "another program closes the node");
		rawpci_config_read(lab.dev, COMMAND, 2, &command);
		check(!(command & COMMAND_MASTER), "the kernel has turned it off: 0x%04x", command);
		lab_write(&lab, EDU_IRQ_RAISE, 1);
		check(lab_wait(&lab), "an interrupt");
		for (int i = 0; i < 100 && !(command & COMMAND_MASTER); i++) {
			sleep_ms(10);
			rawpci_config_read(lab.dev, COMMAND, 2, &command);
		}
		check(command & COMMAND_MASTER, "and it is back: 0x%04x", command);
		check(rawpci_device_power(lab.dev, RAWPCI_POWER_OFF) == 0, "power off");
		rawpci_config_read(lab.dev, COMMAND, 2, &command);
		check(!(command & COMMAND_MASTER), "off: 0x%04x", command);
	}
	lab_close(&lab);
}

static void expect(struct rawpci *ctx, const char *bdf, unsigned flags, int error, const char *by)
{
	struct rawpci_device_info info = { 0 };
	struct rawpci_device *dev = NULL;
	int ret = rawpci_device_open(ctx, NULL, bdf, flags, &dev);

	if (ret == 0)
		rawpci_device_info(dev, sizeof(info), &info);
	check(ret == error && strcmp(info.backend, by) == 0, "open with flags %u: %d, by '%s' %s",
	      flags, ret, info.backend, ret < 0 ? rawpci_last_error() : "");
	rawpci_device_close(dev);
}

/* Bound to uio_pci_generic, that decides unless it may be detached; so with every other driver. */
void choice(const char *bdf)
{
	struct rawpci *ctx = lab_context();
	bool uio = strcmp(host_driver(bdf), "uio_pci_generic") == 0;

	expect(ctx, bdf, 0, uio ? 0 : -EBUSY, uio ? "uio" : "");
	expect(ctx, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, 0, "vfio");
	check(rawpci_destroy(ctx) == 0, "context destroyed");
}

/* False: this kernel has no modules. */
static bool unload(const char *module)
{
	long ret = syscall(SYS_delete_module, module, O_NONBLOCK);

	if (ret != 0 && errno == ENOSYS)
		return false;
	return check(ret == 0, "%s unloaded: %s", module, ret == 0 ? "yes" : strerror(errno));
}

/* One way in after the other goes. Not to be followed by topics that need them. */
void fallback(const char *bdf)
{
	struct rawpci *ctx = lab_context();

	expect(ctx, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, 0, "vfio");
	if (unload("vfio_pci"))
		expect(ctx, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, 0, "uio");
	if (unload("uio_pci_generic"))
		expect(ctx, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, 0, "sysfs");
	check(rawpci_destroy(ctx) == 0, "context destroyed");
}
