/* SPDX-License-Identifier: MIT */
/* VFIO on a host without an IOMMU: only for who asks for it by name, and without DMA mapping. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "lab.h"

#define SWITCH "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
#define PAGE 4096u

static const char *const wanted[] = { "vfio.noiommu=yes", NULL };

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static void refused(const char *bdf, const char *words)
{
	struct rawpci *ctx = lab_context();
	struct rawpci_device *dev = NULL;
	int ret = rawpci_device_open(ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);

	check(ret == -EOPNOTSUPP && !dev, "open: %d", ret);
	check(strstr(rawpci_last_error(), words) != NULL, "for want of \"%s\"", words);
	rawpci_device_close(dev);
	check(rawpci_destroy(ctx) == 0, "context destroyed");
}

static void on_interrupt(void *opaque, int32_t irq)
{
	struct lab *lab = opaque;
	uint32_t status = lab_read(lab, EDU_IRQ_STATUS);

	(void)irq;
	lab_write(lab, EDU_IRQ_ACK, status);
	if (status != 0)
		sem_post(&lab->arrived);
}

static void use(const char *bdf)
{
	struct rawpci_device_info info = { 0 };
	struct lab lab = { 0 };
	void *ram = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (ram != MAP_FAILED && lab_open(&lab, bdf, false)) {
		ret = rawpci_device_info(lab.dev, sizeof(info), &info);
		check(ret == 0 && !info.can_dma, "info: %d, DMA: %s", ret,
		      info.can_dma ? "yes" : "no");
		ret = rawpci_memory_map(lab.vm, 0, ram, PAGE);
		check(ret == 0, "memory announced while it is off: %d", ret);
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		check(ret == -EOPNOTSUPP, "power on then: %d, %s", ret, rawpci_last_error());
		ret = rawpci_memory_unmap(lab.vm, 0, PAGE);
		check(ret == 0, "memory withdrawn: %d", ret);
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		check(ret == 0, "power on: %d", ret);
		ret = rawpci_memory_map(lab.vm, 0, ram, PAGE);
		check(ret == -EOPNOTSUPP, "memory announced while it is on: %d", ret);
		check(lab_read(&lab, EDU_ID) == EDU_ID_VALUE, "identity");
		ret = rawpci_irq_attach(lab.dev, on_interrupt, &lab, 1);
		lab_write(&lab, EDU_IRQ_RAISE, 1);
		check(ret >= 1 && lab_wait(&lab), "an interrupt");
	}
	lab_close(&lab);
	munmap(ram, PAGE);
}

/* Another program has bound the device to vfio-pci: it has a node without an IOMMU. */
static void bound_already(const char *bdf)
{
	char path[128], driver[64];

	snprintf(driver, sizeof(driver), "%s", host_driver(bdf));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", bdf);
	check(write_file(path, "vfio-pci"), "driver_override");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", bdf);
	check(write_file(path, bdf) && write_file("/sys/bus/pci/drivers_probe", bdf) &&
		      strcmp(host_driver(bdf), "vfio-pci") == 0,
	      "bound to vfio-pci by hand");
	refused(bdf, "vfio.noiommu=yes");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", bdf);
	check(write_file(path, bdf), "unbound");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", bdf);
	check(write_file(path, driver) && write_file("/sys/bus/pci/drivers_probe", bdf),
	      "bound to %s again", driver);
}

void noiommu(const char *bdf)
{
	if (access(SWITCH, F_OK) < 0) {
		printf("this kernel has no VFIO without an IOMMU\n");
		exit(77);
	}
	refused(bdf, "it has no IOMMU group");
	lab_settings = wanted;
	refused(bdf, "enable_unsafe_noiommu_mode");
	check(write_file(SWITCH, "Y"), "switched on in the kernel");
	use(bdf);
	lab_settings = NULL;
	refused(bdf, "it has no IOMMU group");
	bound_already(bdf);
}
