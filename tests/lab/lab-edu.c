/* SPDX-License-Identifier: MIT */
/* Topics on edu: INTx, memory decoding, power, and who may have the device. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edu.h"
#include "lab.h"

enum { COMMAND = 0x04, COMMAND_MEMORY = 0x02 };

/* Was fd signalled within ms? */
static bool signalled(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	eventfd_t count;

	return poll(&p, 1, ms) == 1 && eventfd_read(fd, &count) == 0;
}

static void route_intx(struct lab *lab, int fd)
{
	int ret = rawpci_irq_route(lab->dev, RAWPCI_IRQ_INTX, 0, 1, &fd);

	if (!check(ret == 0, "INTx routed: %d", ret))
		return;
	lab_write(lab, EDU_IRQ_RAISE, 1);
	check(signalled(fd, 10000), "signalled");
	check(!signalled(fd, 200), "once, while it is masked");
	ret = rawpci_irq_unmask(lab->dev);
	check(ret == 0 && signalled(fd, 10000), "unmasked while asserted: again at once (%d)", ret);
	lab_write(lab, EDU_IRQ_ACK, 1);
	ret = rawpci_irq_unmask(lab->dev);
	check(ret == 0 && !signalled(fd, 200), "unmasked when quiet: silence (%d)", ret);
	for (int i = 0; i < 20; i++) {
		lab_write(lab, EDU_IRQ_RAISE, 2);
		if (!signalled(fd, 10000) && !check(false, "interrupt %d was lost", i))
			break;
		lab_write(lab, EDU_IRQ_ACK, 2);
		rawpci_irq_unmask(lab->dev);
	}
	ret = rawpci_irq_route(lab->dev, RAWPCI_IRQ_MSI, 0, 1, &fd);
	check(ret == -EBUSY, "MSI while INTx is in use: %d", ret);
	ret = rawpci_irq_route(lab->dev, RAWPCI_IRQ_INTX, 0, 1, NULL);
	lab_write(lab, EDU_IRQ_RAISE, 4);
	check(ret == 0 && !signalled(fd, 200), "taken back: silence (%d)", ret);
	lab_write(lab, EDU_IRQ_ACK, 4);
	ret = rawpci_irq_route(lab->dev, RAWPCI_IRQ_MSI, 0, 1, &fd);
	lab_write(lab, EDU_IRQ_RAISE, 8);
	check(ret == 0 && signalled(fd, 10000), "MSI afterwards (%d)", ret);
	lab_write(lab, EDU_IRQ_ACK, 8);
}

void edu_intx(const char *bdf)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct lab lab = { 0 };

	if (lab_open(&lab, bdf, true)) {
		check(rawpci_irq_count(lab.dev, RAWPCI_IRQ_INTX) == 1 &&
			      rawpci_irq_count(lab.dev, RAWPCI_IRQ_MSI) == 1 &&
			      rawpci_irq_count(lab.dev, RAWPCI_IRQ_MSIX) == 0,
		      "INTx, one MSI, no MSI-X");
		route_intx(&lab, fd);
	}
	lab_close(&lab);
	close(fd);
}

void edu_decode(const char *bdf)
{
	struct lab lab = { 0 };
	uint32_t command = 0;
	uint64_t value = 0x55;
	int ret;

	if (lab_open(&lab, bdf, true)) {
		rawpci_config_read(lab.dev, COMMAND, 2, &command);
		check(command & COMMAND_MEMORY, "command register 0x%04x", command);
		ret = rawpci_config_write(lab.dev, COMMAND, 2, command & ~(uint32_t)COMMAND_MEMORY);
		check(ret == 0, "memory decoding off: %d", ret);
		ret = rawpci_mmio_read(lab.dev, lab.bar.base, 4, &value);
		check(ret == -ESHUTDOWN && value == 0x55, "a read then: %d, no signal", ret);
		ret = rawpci_mmio_write(lab.dev, lab.bar.base, 4, 0);
		check(ret == -ESHUTDOWN, "a write then: %d, no signal", ret);
		ret = rawpci_region_read(lab.dev, 0, 0, 4, &value);
		check(ret == -ESHUTDOWN, "a read without the mapping then: %d", ret);
		ret = rawpci_config_write(lab.dev, COMMAND, 2, command);
		check(ret == 0 && lab_read(&lab, EDU_ID) == EDU_ID_VALUE, "and on again: %d", ret);
		ret = rawpci_region_read(lab.dev, 0, EDU_ID, 4, &value);
		check(ret == 0 && value == EDU_ID_VALUE, "without the mapping: %d", ret);
	}
	lab_close(&lab);
}

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

/* One state after the other: only the first that fails is reported. */
static void cycle(struct lab *lab, int n)
{
	static const enum rawpci_power states[] = {
		RAWPCI_POWER_ON,
		RAWPCI_POWER_SUSPEND,
		RAWPCI_POWER_RESUME,
		RAWPCI_POWER_OFF,
	};
	bool good = true;

	for (int i = 0; good && i < n; i++) {
		for (int j = 0; good && j < 4; j++) {
			int ret = rawpci_device_power(lab->dev, states[j]);

			good = ret == 0 || check(false, "cycle %d: state %d: %d", i, j, ret);
			if (!good || (j != 0 && j != 2))
				continue;
			lab_write(lab, EDU_IRQ_RAISE, 1);
			good = lab_wait(lab) || check(false, "cycle %d: no interrupt", i);
		}
	}
	check(good, "%d times on, suspended, resumed, off, with an interrupt each time", n);
}

void edu_power(const char *bdf)
{
	struct rawpci_device_info info;
	int before, ret;
	struct lab lab = { 0 };

	if (lab_open(&lab, bdf, false)) {
		check(rawpci_device_power(lab.dev, RAWPCI_POWER_RESUME) == -EPROTO,
		      "resume of a device that is off is out of order");
		check(rawpci_device_power(lab.dev, RAWPCI_POWER_SUSPEND) == -EPROTO,
		      "and so is suspend");
		ret = rawpci_irq_attach(lab.dev, acknowledge, &lab, 1);
		check(ret >= 1, "handler attached: %d", ret);
		before = open_descriptors();
		cycle(&lab, 20);
		check(open_descriptors() == before, "descriptors: %d before the cycles, %d after",
		      before, open_descriptors());
		ret = rawpci_device_info(lab.dev, sizeof(info), &info);
		check(ret == 0, "info: reset %s, taken from '%s'", info.can_reset ? "yes" : "no",
		      info.host_driver);
		ret = rawpci_device_reset(lab.dev);
		check(ret == (info.can_reset ? 0 : -EOPNOTSUPP), "reset: %d", ret);
	}
	lab_close(&lab);
}

/* Tries to open the device in another program: its answer as a positive errno, 0 for success. */
static int try_elsewhere(const char *bdf)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "lab-vfio", "busy-child", bdf, (char *)NULL);
		_exit(255);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int edu_busy_child(const char *bdf)
{
	struct rawpci *ctx = lab_context();
	struct rawpci_device *dev = NULL;
	int ret = rawpci_device_open(ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);

	rawpci_device_close(dev);
	rawpci_destroy(ctx);
	return -ret;
}

void edu_busy(const char *bdf)
{
	struct rawpci_device *dev = NULL;
	struct rawpci *other;
	struct lab lab = { 0 };
	int ret;

	if (lab_open(&lab, bdf, true)) {
		ret = rawpci_device_open(lab.ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);
		check(ret == -EBUSY && !dev, "open again: %d, %s", ret, rawpci_last_error());
		other = lab_context();
		ret = rawpci_device_open(other, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);
		check(ret == -EBUSY && !dev, "in another context: %d, %s", ret,
		      rawpci_last_error());
		check(rawpci_destroy(other) == 0, "which goes away");
		ret = try_elsewhere(bdf);
		check(ret == EBUSY, "in another process: %d", -ret);
		check(lab_read(&lab, EDU_ID) == EDU_ID_VALUE, "the device still answers here");
	}
	lab_close(&lab);
	ret = try_elsewhere(bdf);
	check(ret == 0, "in another process, once closed here: %d", -ret);
}

/* A host driver has another device of the group: not to be opened, and nothing is to change. */
void edu_group(const char *bdf)
{
	struct rawpci *ctx = lab_context();
	struct rawpci_device *dev = NULL;
	const char *why;
	int ret = rawpci_device_open(ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);

	why = rawpci_last_error();
	check(ret == -EBUSY && !dev, "open: %d", ret);
	check(strstr(why, "uio_pci_generic"), "it names the driver in the way: %s", why);
	check(rawpci_destroy(ctx) == 0, "context destroyed");
}
