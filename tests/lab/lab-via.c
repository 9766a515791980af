/* SPDX-License-Identifier: MIT */
/* Topics of the two ways through VFIO: which one is taken, why, and that they exclude each other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lab.h"

#define PAGE 4096u
#define OTHER "0000:00:07.0" /* of the scenario, in a group of its own */

/* What the library said, line after line. */
struct said {
	char text[8192];
	size_t length;
};

static void keep_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	struct said *said = opaque;
	size_t room = sizeof(said->text) - said->length;
	int n = snprintf(said->text + said->length, room, "%s\n", message);

	(void)level;
	printf("# %s\n", message);
	if (n > 0 && (size_t)n < room)
		said->length += (size_t)n;
}

static struct rawpci *context(struct said *said, const char *const *settings)
{
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "vfio",
		.log_level = RAWPCI_LOG_INFO,
		.log = keep_log,
		.log_opaque = said,
		.settings = settings,
	};
	struct rawpci *ctx = NULL;
	int ret = rawpci_create(&options, &ctx);

	memset(said, 0, sizeof(*said));
	check(ret == 0, "a context with %s: %d", settings[0], ret);
	return ctx;
}

static int open_device(struct rawpci *ctx, struct rawpci_vm *vm, const char *bdf,
		       struct rawpci_device **dev)
{
	*dev = NULL;
	return rawpci_device_open(ctx, vm, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, dev);
}

/* Opens the device with a setting; says whether the log then had words. */
static void opens(const char *bdf, const char *const *settings, const char *words)
{
	struct said said;
	struct rawpci *ctx = context(&said, settings);
	struct rawpci_device *dev;
	int ret = open_device(ctx, NULL, bdf, &dev);

	check(ret == 0, "open: %d", ret);
	check(strstr(said.text, words) != NULL, "the log has \"%s\"", words);
	check(rawpci_device_close(dev) == 0 && rawpci_destroy(ctx) == 0, "closed");
}

static void refused(const char *bdf, const char *const *settings, int error, const char *words)
{
	struct said said;
	struct rawpci *ctx = context(&said, settings);
	struct rawpci_device *dev;
	int ret = open_device(ctx, NULL, bdf, &dev);

	check(ret == error && !dev, "open: %d", ret);
	check(strstr(rawpci_last_error(), words) != NULL, "for want of \"%s\"", words);
	rawpci_device_close(dev);
	check(rawpci_destroy(ctx) == 0, "context destroyed");
}

/* Who has it open by one way keeps it from being opened by the other. */
static void exclude(const char *bdf, const char *const *first, const char *const *second)
{
	struct said said, other;
	struct rawpci *ctx = context(&said, first), *next;
	struct rawpci_device *dev, *again;
	int ret = open_device(ctx, NULL, bdf, &dev);

	check(ret == 0, "open: %d", ret);
	next = context(&other, second);
	ret = open_device(next, NULL, bdf, &again);
	check(ret == -EBUSY && !again, "again with %s: %d", second[0], ret);
	check(rawpci_destroy(next) == 0, "context destroyed");
	check(rawpci_device_close(dev) == 0 && rawpci_destroy(ctx) == 0, "closed");
}

void via(const char *bdf)
{
	static const char *const automatic[] = { "vfio.via=auto", NULL };
	static const char *const cdev[] = { "vfio.via=cdev", NULL };
	static const char *const group[] = { "vfio.via=group", NULL };
	static const char *const missing[] = { "vfio.iommu=/dev/missing", NULL };
	static const char *const missing_cdev[] = {
		"vfio.iommu=/dev/missing",
		"vfio.via=cdev",
		NULL,
	};
	static const char *const wrong[] = { "vfio.iommu=/dev/null", NULL };
	bool modern = access("/dev/iommu", F_OK) == 0;

	opens(bdf, group, "opened by VFIO's group");
	opens(bdf, missing,
	      "trying group, because cdev does not work: "
	      "0000:00:04.0: /dev/missing is not there");
	opens(bdf, wrong,
	      "trying group, because cdev does not work: "
	      "0000:00:04.0: /dev/null: ");
	refused(bdf, missing_cdev, -EOPNOTSUPP, "/dev/missing is not there");
	if (!modern) {
		opens(bdf, automatic,
		      "trying group, because cdev does not work: "
		      "0000:00:04.0: /dev/iommu is not there");
		refused(bdf, cdev, -EOPNOTSUPP, "/dev/iommu is not there");
		return;
	}
	opens(bdf, automatic, "opened by VFIO's cdev");
	opens(bdf, cdev, "opened by VFIO's cdev");
	exclude(bdf, cdev, group);
	exclude(bdf, group, cdev);
	exclude(bdf, cdev, cdev);
}

/* Two devices of one VM share an address space: guest memory is mapped once for both. */
void via_shared(const char *bdf)
{
	struct rawpci_memory_stats stats = { 0 };
	struct rawpci_device *other = NULL;
	struct lab lab = { 0 };
	uint8_t *ram = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	int ret;

	if (ram != MAP_FAILED && lab_open(&lab, bdf, false)) {
		ret = rawpci_memory_map(lab.vm, 0, ram, 64 * PAGE);
		check(ret == 0, "memory announced: %d", ret);
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		check(ret == 0, "power on: %d", ret);
		ret = open_device(lab.ctx, lab.vm, OTHER, &other);
		check(ret == 0, "another device of the VM: %d", ret);
		ret = rawpci_device_power(other, RAWPCI_POWER_ON);
		check(ret == 0, "its power on: %d", ret);
		ret = rawpci_memory_stats(lab.vm, sizeof(stats), &stats);
		check(ret == 0 && stats.kernel_mappings == 1, "%llu kernel mappings",
		      (unsigned long long)stats.kernel_mappings);
		ret = rawpci_memory_unmap(lab.vm, PAGE, PAGE);
		check(ret == 0, "a page out: %d", ret);
		check(rawpci_device_close(other) == 0, "the other one closed");
		ret = rawpci_memory_map(lab.vm, PAGE, ram + PAGE, PAGE);
		check(ret == 0, "the page in again: %d", ret);
		check(lab_read(&lab, 0) == 0x010000ed, "the first one answers");
	}
	lab_close(&lab);
	munmap(ram, 64 * PAGE);
}
