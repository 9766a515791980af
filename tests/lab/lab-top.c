/* SPDX-License-Identifier: MIT */
/* Topic of the last page of 64 bits: an edu whose DMA has no mask, behind an IOMMU that translates
 * all of them (QEMU's amd-iommu). */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "lab.h"

#define PAGE 4096u
#define LAST (UINT64_MAX - PAGE + 1)

static bool dma(struct lab *lab, uint64_t from, uint64_t to, uint32_t direction)
{
	uint8_t *bar = lab->bar.base;

	if (rawpci_mmio_write(lab->dev, bar + EDU_DMA_FROM, 8, from) < 0 ||
	    rawpci_mmio_write(lab->dev, bar + EDU_DMA_TO, 8, to) < 0)
		return false;
	lab_write(lab, EDU_DMA_COUNT, EDU_DMA_BYTES);
	lab_write(lab, EDU_DMA_COMMAND, EDU_DMA_START | direction);
	for (int i = 0; i < 2000; i++) {
		if (!(lab_read(lab, EDU_DMA_COMMAND) & EDU_DMA_START))
			return true;
		sleep_ms(5);
	}
	return false;
}

/* Copies the first page through the device to the end of the page at to. */
static bool copies(struct lab *lab, uint8_t *ram, uint64_t to, uint8_t value)
{
	memset(ram, value, PAGE);
	memset(ram + PAGE, 0, PAGE);
	return dma(lab, 0, EDU_BUFFER, 0) &&
	       dma(lab, EDU_BUFFER, to + PAGE - EDU_DMA_BYTES, EDU_DMA_TO_RAM) &&
	       memcmp(ram, ram + 2 * PAGE - EDU_DMA_BYTES, EDU_DMA_BYTES) == 0;
}

static void use_page(struct lab *lab, uint8_t *ram, uint64_t page)
{
	int ret = rawpci_memory_unmap(lab->vm, page, PAGE);

	check(ret == 0 && !copies(lab, ram, page, 2), "taken away: not reached (%d)", ret);
	ret = rawpci_memory_unmap(lab->vm, page, PAGE);
	check(ret == -ENOENT, "taken away again: %d", ret);
	ret = rawpci_memory_map(lab->vm, page, ram + PAGE, PAGE);
	check(ret == 0 && copies(lab, ram, page, 3), "given again: reached (%d)", ret);
	ret = rawpci_device_power(lab->dev, RAWPCI_POWER_OFF);
	check(ret == 0, "power off: %d", ret);
	ret = rawpci_device_power(lab->dev, RAWPCI_POWER_ON);
	check(ret == 0 && copies(lab, ram, page, 4), "power on: reached (%d)", ret);
}

/* A container of an older kernel cannot take back the last page: then it is not given away. */
void last_page(const char *bdf)
{
	bool by_group = (lab_settings && strcmp(lab_settings[0], "vfio.via=group") == 0) ||
			access("/dev/iommu", F_OK) < 0;
	uint8_t *ram = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	uint64_t page = LAST;
	struct lab lab;
	int ret;

	if (lab_open(&lab, bdf, false)) {
		ret = rawpci_memory_map(lab.vm, 0, ram, PAGE);
		check(ret == 0, "a page at 0: %d", ret);
		ret = rawpci_memory_map(lab.vm, LAST, ram + PAGE, PAGE);
		check(ret == 0, "the last page: %d: %s", ret, rawpci_last_error());
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		if (ret == -ERANGE && by_group) {
			check(strstr(rawpci_last_error(), "0xffffffffffffefff") != NULL,
			      "this kernel ends a page before: %s", rawpci_last_error());
			page = LAST - PAGE;
			check(rawpci_memory_unmap(lab.vm, LAST, PAGE) == 0 &&
				      rawpci_memory_map(lab.vm, page, ram + PAGE, PAGE) == 0,
			      "the last but one instead");
			ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		}
		check(ret == 0, "power on: %d: %s", ret, rawpci_last_error());
		check(copies(&lab, ram, page, 1), "reached by DMA: page 0x%llx",
		      (unsigned long long)page);
		use_page(&lab, ram, page);
	}
	lab_close(&lab);
	munmap(ram, 2 * PAGE);
}
