/* SPDX-License-Identifier: MIT */
/*
 * Whether accesses get through. The library does not see direct loads and stores, and one that
 * reaches a device that does not answer crashes some hosts. For VFIO's mappings the kernel prevents
 * that (Linux drivers/vfio/pci/vfio_pci_core.c, vfio_pci_zap_bars()). For backends whose mappings
 * stay, the library covers the pages here until the device answers again.
 */
#include "core/device.h"
#include "core/log.h"
#include "core/handle.h"
#include "device/maps.h"
#include "device/mmio.h"
#include "os/sys.h"

static bool answers(unsigned access)
{
	return (access & RAWPCI_ACCESS_FOR_MEMORY) == RAWPCI_ACCESS_FOR_MEMORY;
}

/* Without the file a direct access raises SIGSEGV. It does not reach the device either. */
void rawpci_cover_prepare(struct rawpci_device *dev)
{
	char text[128];
	int fd;

	if (!dev->caps.mappings_stay || dev->maps->blank >= 0)
		return;
	fd = rawpci_sys_memfd("rawpci-blank", 0);
	if (fd >= 0)
		dev->maps->blank = fd;
	else
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: no memory file (%s): if the device "
			   "stops answering, direct accesses raise SIGSEGV instead of SIGBUS",
			   dev->name, rawpci_sys_error_text(fd, text, sizeof(text)));
}

static void cover_entry(struct rawpci_device *dev, const struct rawpci_map_entry *entry)
{
	char text[128];

	for (unsigned i = 0; i < entry->area_count; i++) {
		const struct rawpci_region_area *area = &entry->areas[i];
		int r = rawpci_sys_cover(entry->base + area->offset, area->size, dev->maps->blank);

		if (r < 0)
			rawpci_say(dev->ctx, RAWPCI_LOG_ERROR,
				   "%s: region %u cannot be unmapped "
				   "(%s): do not access it until the device answers",
				   dev->name, entry->region,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	}
}

/* Drops the areas that the kernel refuses to map again: they stay covered. */
static bool uncover_entry(struct rawpci_device *dev, struct rawpci_map_entry *entry)
{
	unsigned kept = 0, count = entry->area_count;

	for (unsigned i = 0; i < count; i++) {
		const struct rawpci_region_area area = entry->areas[i];

		if (entry->map(dev->handle, entry->region, entry->offset + area.offset, area.size,
			       entry->base + area.offset) == 0) {
			entry->areas[kept++] = area;
			continue;
		}
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: %#llx bytes at %#llx of region %u "
			   "cannot be mapped again, and are reached by trapping from now on: %s",
			   dev->name, (unsigned long long)area.size,
			   (unsigned long long)(entry->offset + area.offset), entry->region,
			   rawpci_reason());
	}
	entry->area_count = kept;
	return kept < count;
}

/* Requires maps->lock. For a device that was found gone no caller has waited for the gate yet. */
static void cover(struct rawpci_device *dev)
{
	const struct rawpci_map_table *table = atomic_load(&dev->mappings);

	rawpci_gate_wait(&dev->slot->memory);
	for (unsigned i = 0; table && i < table->count; i++)
		cover_entry(dev, table->entries[i]);
	dev->maps->covered = true;
}

/* Requires maps->lock. */
static void uncover(struct rawpci_device *dev)
{
	struct rawpci_map_table *table = atomic_load(&dev->mappings);
	bool dropped = false;

	for (unsigned i = 0; table && i < table->count; i++)
		dropped = uncover_entry(dev, table->entries[i]) || dropped;
	if (dropped)
		rawpci_map_table_refill(table);
	dev->maps->covered = false;
}

/* Requires maps->lock. */
static void follow(struct rawpci_device *dev)
{
	if (dev->caps.mappings_stay && !dev->maps->covered &&
	    !answers(atomic_load(&dev->reach.access)))
		cover(dev);
}

void rawpci_mappings_follow(struct rawpci_device *dev)
{
	(void)pthread_mutex_lock(&dev->maps->lock);
	follow(dev);
	(void)pthread_mutex_unlock(&dev->maps->lock);
}

void rawpci_mappings_follow_new(struct rawpci_device *dev, struct rawpci_map_entry *entry)
{
	follow(dev);
	if (dev->maps->covered)
		cover_entry(dev, entry);
}

void rawpci_access_stop(struct rawpci_device *dev, unsigned bits)
{
	if (!(atomic_fetch_and(&dev->reach.access, ~bits) & bits))
		return;
	rawpci_gate_wait(&dev->slot->memory);
	rawpci_mappings_follow(dev);
}

void rawpci_access_start(struct rawpci_device *dev, unsigned bits)
{
	(void)pthread_mutex_lock(&dev->maps->lock);
	if (dev->maps->covered && answers(atomic_load(&dev->reach.access) | bits))
		uncover(dev);
	atomic_fetch_or(&dev->reach.access, bits);
	(void)pthread_mutex_unlock(&dev->maps->lock);
}
