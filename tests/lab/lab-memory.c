/* SPDX-License-Identifier: MIT */
/* Topics of guest memory: what it costs in the kernel, and what the kernel refuses. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab.h"

#define PAGE 4096u
#define ENTRY_LIMIT "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit"

static uint8_t *guest_ram(uint64_t size)
{
	uint8_t *ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED) {
		check(false, "no memory for a guest");
		return NULL;
	}
	madvise(ram, size, MADV_DONTFORK);
	return ram;
}

static uint64_t kernel_mappings(struct lab *lab)
{
	struct rawpci_memory_stats stats = { 0 };

	rawpci_memory_stats(lab->vm, sizeof(stats), &stats);
	return stats.kernel_mappings;
}

void memory_coalesce(const char *bdf)
{
	enum { SIZE = 256 << 20 };
	uint8_t *ram = guest_ram(SIZE);
	int ret = 0, refused = 0;
	struct lab lab = { 0 };

	if (ram && lab_open(&lab, bdf, false)) {
		for (uint64_t at = 0; at < SIZE; at += PAGE)
			refused += rawpci_memory_map(lab.vm, at, ram + at, PAGE) < 0;
		check(refused == 0, "256 MiB in 4 KiB steps, %d refused", refused);
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		check(ret == 0 && kernel_mappings(&lab) == 1, "power on: %d, %llu kernel mappings",
		      ret, (unsigned long long)kernel_mappings(&lab));
		ret = rawpci_memory_unmap(lab.vm, SIZE / 2, PAGE);
		check(ret == 0 && kernel_mappings(&lab) >= 2,
		      "a page out: %d, %llu kernel mappings", ret,
		      (unsigned long long)kernel_mappings(&lab));
		ret = rawpci_memory_unmap(lab.vm, 0, SIZE);
		check(ret == 0 && kernel_mappings(&lab) == 0, "all of it out: %d", ret);
		ret = rawpci_memory_unmap(lab.vm, 0, SIZE);
		check(ret == -ENOENT, "and again: %d", ret);
	}
	lab_close(&lab);
	munmap(ram, SIZE);
}

/* A failed power-on: what it answers, with what sentence, and that the device is off after it. */
static void power_refused(struct lab *lab, int expected, const char *word)
{
	int ret = rawpci_device_power(lab->dev, RAWPCI_POWER_ON);

	check(ret == expected, "power on: %d", ret);
	check(strstr(rawpci_last_error(), word) != NULL, "it names %s: %s", word,
	      rawpci_last_error());
	ret = rawpci_device_power(lab->dev, RAWPCI_POWER_OFF);
	check(ret == -EPROTO && kernel_mappings(lab) == 0, "the device is off, nothing mapped");
}

static bool set_entry_limit(const char *value)
{
	int fd = open(ENTRY_LIMIT, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

void memory_limits(const char *bdf)
{
	uint8_t *ram = guest_ram(64 * PAGE);
	bool limited = set_entry_limit("8");
	struct lab lab = { 0 };
	int ret;

	if (ram && lab_open(&lab, bdf, false)) {
		/* x86 keeps these addresses for MSI. */
		ret = rawpci_memory_map(lab.vm, 0xfee00000, ram, PAGE);
		check(ret == 0, "memory where MSI is: %d, while the device is off", ret);
		power_refused(&lab, -ERANGE, "0xfee00000");
		ret = rawpci_memory_unmap(lab.vm, 0xfee00000, PAGE);
		check(ret == 0, "taken out again: %d", ret);
		for (unsigned i = 0; i < 32; i++) /* every other page: they do not coalesce */
			rawpci_memory_map(lab.vm, 2 * i * PAGE, ram + 2 * i * PAGE, PAGE);
		if (check(limited, "8 mappings allowed by %s", ENTRY_LIMIT))
			power_refused(&lab, -ENOSPC, "dma_entry_limit");
	}
	lab_close(&lab);
	check(set_entry_limit("65535"), "the limit put back");
	munmap(ram, 64 * PAGE);
}

/* Without this capability the kernel counts locked memory. */
static bool drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	return syscall(SYS_capset, &header, data) == 0;
}

void memory_locked(const char *bdf)
{
	enum { SIZE = 16 << 20 };
	struct rlimit limit = { .rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY };
	uint8_t *ram = guest_ram(SIZE);
	struct lab lab = { 0 };
	int ret;

	if (ram && lab_open(&lab, bdf, false)) {
		ret = rawpci_memory_map(lab.vm, 0, ram, SIZE);
		check(ret == 0, "16 MiB announced: %d", ret);
		check(setrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
			      rawpci_device_power(lab.dev, RAWPCI_POWER_ON) == 0 &&
			      rawpci_device_power(lab.dev, RAWPCI_POWER_OFF) == 0,
		      "1 MiB may be locked, but with CAP_IPC_LOCK all of it");
		check(setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && drop_ipc_lock(),
		      "1 MiB may be locked, without CAP_IPC_LOCK");
		power_refused(&lab, -ENOSPC, "lock");
		limit.rlim_cur = 32 << 20;
		check(setrlimit(RLIMIT_MEMLOCK, &limit) == 0, "32 MiB may be locked");
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		check(ret == 0, "power on: %d", ret);
	}
	lab_close(&lab);
	munmap(ram, SIZE);
}
