/* SPDX-License-Identifier: MIT */
/* Topics on a device that is off: whatever its user writes to config space, it does no DMA. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/recover.h>

#include "edu.h"
#include "lab.h"

enum {
	COMMAND = 0x04,
	MEMORY = 0x02,
	MASTER = 0x04,
	CAP_PM = 0x01,
	PM_CONTROL = 4,
	D3HOT = 3,
	PATTERN = 0x5a,
};

#define PAGE 4096u
#define RAM (64 * PAGE)
#define OTHER "0000:00:05.0" /* another edu of the scenario */
#define NOIOMMU "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

/* What the device itself has, past the library. */
static uint32_t really(const char *bdf, uint32_t offset)
{
	char path[128];
	uint16_t value = 0xffff;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &value, 2, offset) != 2)
		check(false, "reading %s at 0x%x", path, offset);
	close(fd);
	return value;
}

static uint64_t physical(const void *at)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &entry, 8, (off_t)((uintptr_t)at / PAGE * 8)) != 8)
		entry = 0;
	close(fd);
	return (entry & ((UINT64_C(1) << 55) - 1)) * PAGE;
}

/* A page that edu's 28 address lines reach. */
static uint8_t *low_page(uint64_t *address)
{
	for (unsigned i = 0; i < 120000; i++) {
		uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1,
				     0);

		if (page == MAP_FAILED)
			break;
		*address = physical(page);
		if (*address != 0 && *address < (1u << 28))
			return page; /* the others go with the program */
	}
	check(false, "no page below 256 MiB");
	return NULL;
}

/* What the bus is asked for, and where it would be seen. */
struct target {
	uint8_t *at;
	uint64_t bus;
};

/* The buffer is zeros. Its engine says that it is done, whether that went anywhere or not. */
static bool reached(struct lab *lab, const struct target *to)
{
	memset(to->at, PATTERN, EDU_DMA_BYTES);
	lab_write(lab, EDU_DMA_FROM, EDU_BUFFER);
	lab_write(lab, EDU_DMA_TO, (uint32_t)to->bus);
	lab_write(lab, EDU_DMA_COUNT, EDU_DMA_BYTES);
	lab_write(lab, EDU_DMA_COMMAND, EDU_DMA_START | EDU_DMA_TO_RAM);
	for (int i = 0; i < 1000 && (lab_read(lab, EDU_DMA_COMMAND) & EDU_DMA_START); i++)
		sleep_ms(5);
	return to->at[0] != PATTERN || to->at[EDU_DMA_BYTES - 1] != PATTERN;
}

static void forwarded(struct lab *lab, const char *bdf, const struct target *to, const char *when)
{
	for (unsigned width = 4; width > 0; width /= 2) {
		uint32_t command = 0;
		int ret = rawpci_config_write(lab->dev, COMMAND, width, MEMORY | MASTER);

		rawpci_config_read(lab->dev, COMMAND, width, &command);
		check(ret == 0 && (command & MASTER),
		      "%s: bus mastering written by %u bytes: %d, "
		      "reads 0x%x",
		      when, width, ret, command);
		check(!(really(bdf, COMMAND) & MASTER), "it is not on: COMMAND 0x%04x",
		      really(bdf, COMMAND));
		check(!reached(lab, to), "and memory is not reached");
	}
}

static void on_and_off(struct lab *lab, const char *bdf, const struct target *to)
{
	int ret;

	forwarded(lab, bdf, to, "opened");
	ret = rawpci_device_power(lab->dev, RAWPCI_POWER_ON);
	check(ret == 0 && reached(lab, to), "on, it is: %d", ret);
	ret = rawpci_device_power(lab->dev, RAWPCI_POWER_OFF);
	check(ret == 0, "off: %d", ret);
	forwarded(lab, bdf, to, "off again");
}

/* Through an address space in which another device of the VM is on. */
static void behind_iommu(const char *bdf)
{
	uint8_t *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct target to = { ram + PAGE, PAGE };
	struct rawpci_device *other = NULL;
	struct lab lab = { 0 };
	int ret;

	if (lab_open(&lab, bdf, false)) {
		ret = rawpci_memory_map(lab.vm, 0, ram, RAM);
		check(ret == 0, "memory: %d", ret);
		ret = rawpci_device_open(lab.ctx, lab.vm, OTHER, RAWPCI_OPEN_DETACH_HOST_DRIVER,
					 &other);
		check(ret == 0 && rawpci_device_power(other, RAWPCI_POWER_ON) == 0,
		      "another device of the VM is on: %d", ret);
		on_and_off(&lab, bdf, &to);
		rawpci_device_close(other);
	}
	lab_close(&lab);
	munmap(ram, RAM);
}

/* The host's memory is all there to be reached. */
static void bare(const char *bdf)
{
	struct target to = { 0 };
	struct lab lab = { 0 };
	int ret;

	to.at = low_page(&to.bus);
	if (to.at && lab_open(&lab, bdf, false)) {
		ret = rawpci_memory_map(lab.vm, 0, to.at, PAGE);
		check(ret == 0, "memory announced: %d", ret);
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		check(ret == -EOPNOTSUPP, "power on is refused: %d", ret);
		forwarded(&lab, bdf, &to, "refused");
		rawpci_memory_unmap(lab.vm, 0, PAGE);
		on_and_off(&lab, bdf, &to);
	}
	lab_close(&lab);
}

void off_master(const char *bdf)
{
	static const char *const noiommu[] = { "vfio.noiommu=yes", NULL };
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	if (strcmp(lab_backend(), "vfio") != 0) {
		bare(bdf);
	} else if (access(path, F_OK) == 0) {
		behind_iommu(bdf);
	} else {
		int fd = open(NOIOMMU, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "Y", 1) != 1) {
			printf("this kernel has no VFIO without an IOMMU\n");
			exit(77);
		}
		close(fd);
		lab_settings = noiommu;
		bare(bdf);
	}
}

static void set(struct lab *lab, uint32_t offset, uint32_t value, const char *what)
{
	int ret = rawpci_config_write(lab->dev, offset, 2, value);

	check(ret == 0, "%s: %d", what, ret);
}

static void refused_while_asleep(struct lab *lab, const char *bdf, uint32_t pm)
{
	void *ram = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t value = 0;
	int ret;

	set(lab, pm, D3HOT, "put to sleep while off");
	ret = rawpci_memory_map(lab->vm, 0xfee00000, ram, PAGE); /* where x86 has MSI */
	check(ret == 0, "memory that no device can be given: %d", ret);
	ret = rawpci_device_power(lab->dev, RAWPCI_POWER_ON);
	check(ret < 0, "power on is refused: %d", ret);
	check((really(bdf, pm) & 3) == D3HOT, "it sleeps as before");
	ret = rawpci_mmio_read(lab->dev, lab->bar.base, 4, &value);
	check(ret == -ESHUTDOWN, "a read then: %d, no signal", ret);
	rawpci_memory_unmap(lab->vm, 0xfee00000, PAGE);
	set(lab, pm, 0, "woken");
	check(!(really(bdf, COMMAND) & MASTER), "no bus mastering: 0x%04x", really(bdf, COMMAND));
	ret = rawpci_mmio_read(lab->dev, lab->bar.base, 4, &value);
	check(ret == 0 && value != UINT32_MAX, "a read awake: %d", ret);
	munmap(ram, PAGE);
}

/* e1000e: what wakes from D3hot gets its config space back as it was before. */
void off_sleep(const char *bdf)
{
	struct lab lab = { 0 };
	uint32_t pm, command = 0;
	int ret;

	if (!lab_open(&lab, bdf, true))
		goto out;
	pm = lab_capability(&lab, CAP_PM) + PM_CONTROL;
	if (!check(pm > PM_CONTROL, "power management at 0x%02x", pm))
		goto out;
	check(really(bdf, COMMAND) & MASTER, "on: COMMAND 0x%04x", really(bdf, COMMAND));
	set(&lab, pm, D3HOT, "put to sleep");
	ret = rawpci_device_power(lab.dev, RAWPCI_POWER_OFF);
	check(ret == 0, "off: %d", ret);
	set(&lab, pm, 0, "woken");
	check(!(really(bdf, COMMAND) & MASTER), "no bus mastering: 0x%04x", really(bdf, COMMAND));
	set(&lab, COMMAND, MEMORY | MASTER, "bus mastering written");
	set(&lab, pm, D3HOT, "put to sleep");
	set(&lab, pm, 0, "woken");
	rawpci_config_read(lab.dev, COMMAND, 2, &command);
	check(!(really(bdf, COMMAND) & MASTER) && (command & MASTER), "none: 0x%04x, reads 0x%04x",
	      really(bdf, COMMAND), command);
	refused_while_asleep(&lab, bdf, pm);
	ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
	check(ret == 0 && (really(bdf, COMMAND) & MASTER), "on: %d, 0x%04x", ret,
	      really(bdf, COMMAND));
	set(&lab, pm, D3HOT, "put to sleep");
	set(&lab, COMMAND, 0, "COMMAND written while it sleeps");
	set(&lab, pm, 0, "woken");
	check((really(bdf, COMMAND) & (MEMORY | MASTER)) == 0, "it is as written: 0x%04x",
	      really(bdf, COMMAND));
	set(&lab, COMMAND, MEMORY | MASTER, "and on again");
	set(&lab, pm, D3HOT, "put to sleep");
	ret = rawpci_device_power(lab.dev, RAWPCI_POWER_SUSPEND);
	check(ret == 0 && !(really(bdf, COMMAND) & MASTER), "suspended: %d, 0x%04x", ret,
	      really(bdf, COMMAND));
	ret = rawpci_device_power(lab.dev, RAWPCI_POWER_RESUME);
	check(ret == 0 && (really(bdf, COMMAND) & MASTER), "resumed: %d, 0x%04x", ret,
	      really(bdf, COMMAND));
out:
	lab_close(&lab);
}

/* "auto": as programs that save power write it. The kernel then suspends a device without a driver,
 * and resumes it with what it kept: "on". */
static void power(const char *bdf, const char *control)
{
	const char *wanted = strcmp(control, "auto") == 0 ? "suspended" : "active";
	char path[128], now[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", bdf);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, control, strlen(control)) < 0)
		check(false, "writing %s to %s", control, path);
	close(fd);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status", bdf);
	for (int i = 0; i < 200 && strncmp(now, wanted, strlen(wanted)) != 0; i++) {
		sleep_ms(10);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, now, sizeof(now) - 1) < 0)
			now[0] = '\0';
		close(fd);
	}
	check(strncmp(now, wanted, strlen(wanted)) == 0, "%s: the kernel has it %s", control, now);
}

static bool may_suspend(const char *bdf)
{
	char path[128], now[8] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, now, sizeof(now) - 1) < 0)
		now[0] = '\0';
	close(fd);
	return strncmp(now, "auto", 4) == 0;
}

/* Suspended and resumed once more. */
static void masters(const char *bdf, bool wanted, const char *when)
{
	power(bdf, "on");
	check(((really(bdf, COMMAND) & MASTER) != 0) == wanted, "%s, then resumed: COMMAND 0x%04x",
	      when, really(bdf, COMMAND));
	power(bdf, "auto");
}

static void change(struct lab *lab, enum rawpci_power state, const char *what)
{
	int ret = rawpci_device_power(lab->dev, state);

	check(ret == 0, "%s: %d", what, ret);
}

/* to: of an edu. */
static void suspended_and_resumed(const char *bdf, const char *before, const struct target *to)
{
	struct lab lab = { 0 };

	power(bdf, before);
	if (lab_open(&lab, bdf, false)) {
		check(!may_suspend(bdf), "opened: the kernel does not suspend it");
		change(&lab, RAWPCI_POWER_ON, "on");
		power(bdf, "auto");
		masters(bdf, true, "on");
		change(&lab, RAWPCI_POWER_SUSPEND, "suspended");
		power(bdf, "auto");
		masters(bdf, false, "suspended");
		change(&lab, RAWPCI_POWER_RESUME, "resumed");
		power(bdf, "auto");
		change(&lab, RAWPCI_POWER_OFF, "off");
		check(!to->at || !reached(&lab, to), "off: memory is not reached");
		power(bdf, "auto");
		masters(bdf, false, "off");
		check(!to->at || !reached(&lab, to), "off, resumed: memory is not reached");
		change(&lab, RAWPCI_POWER_ON, "on again");
		check(!to->at || reached(&lab, to), "on: memory is");
		power(bdf, "auto");
	}
	lab_close(&lab);
	check(may_suspend(bdf) == (strcmp(before, "auto") == 0), "closed: as before, %s", before);
	masters(bdf, false, "closed");
}

static void killed_meanwhile(const char *bdf)
{
	pid_t child = fork();
	struct lab lab = { 0 };
	int ret, status = 0;

	if (child == 0) {
		lab_open(&lab, bdf, true);
		_exit(really(bdf, COMMAND) & MASTER && !may_suspend(bdf) ? 0 : 1);
	}
	check(waitpid(child, &status, 0) == child && status == 0, "its user ended while it was on");
	lab.ctx = lab_context();
	ret = lab.ctx ? rawpci_recover(lab.ctx) : -ENOMEM;
	check(ret == 1 && may_suspend(bdf), "given back: %d", ret);
	masters(bdf, false, "given back");
	rawpci_destroy(lab.ctx);
}

static void write_bus(const char *file, const char *bdf)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0 && write(fd, bdf, strlen(bdf)) > 0, "%s written to %s", bdf, path);
	close(fd);
}

/* Without a driver, by sysfs. edu's DMA is looked at, too. */
void off_idle(const char *bdf)
{
	const bool bound = host_driver(bdf)[0] != '\0';
	struct target to = { 0 };
	struct lab lab = { 0 };
	char file[128];
	char control[128];

	snprintf(control, sizeof(control), "/sys/bus/pci/devices/%s/power/control", bdf);
	if (access(control, F_OK) < 0) {
		printf("this kernel has no runtime power management\n");
		exit(77);
	}
	snprintf(file, sizeof(file), "drivers/%.64s/unbind", host_driver(bdf));
	if (bound)
		write_bus(file, bdf);
	if (lab_open(&lab, bdf, false) && lab_read(&lab, EDU_ID) == EDU_ID_VALUE)
		to.at = low_page(&to.bus);
	lab_close(&lab);
	suspended_and_resumed(bdf, "on", &to);
	suspended_and_resumed(bdf, "auto", &to);
	killed_meanwhile(bdf);
	power(bdf, "on");
	if (bound)
		write_bus("drivers_probe", bdf);
}
