/* SPDX-License-Identifier: MIT */
/* Fake devices: configurations, opening, unplugging. */
#include "fixture.h"

#include <pthread.h>

static int try_config(const struct rawpci_fake_config *config)
{
	return rawpci_fake_add(ctx, config, NULL);
}

START_TEST(good_configurations)
{
	struct rawpci_fake_config config = full_config();
	struct rawpci_fake *fake, *found;

	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
	ck_assert_int_eq(rawpci_fake_find(ctx, "05.0", &found), -ENODEV);
	ck_assert_int_eq(rawpci_fake_find(ctx, "0:0:5.0", &found), 0);
	ck_assert_ptr_eq(found, fake);
	ck_assert_int_eq(try_config(&config), -EEXIST);
	/* A program that was compiled with a shorter structure. */
	config.address = "10000:e0:6.0";
	config.size = offsetof(struct rawpci_fake_config, msix);
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
	ck_assert_uint_eq(rawpci_fake_irq_count(fake, RAWPCI_IRQ_MSIX), 0);
	ck_assert_int_eq(rawpci_fake_find(ctx, "10000:e0:06.0", &found), 0);
	ck_assert_ptr_eq(found, fake);
	ck_assert_int_eq(rawpci_fake_find(ctx, "0000:00:07.0", &found), -ENODEV);
}
END_TEST

START_TEST(null_pointers)
{
	struct rawpci_fake_config config = full_config();
	struct rawpci_fake *fake;

	ck_assert_int_eq(rawpci_fake_add(NULL, &config, &fake), -EFAULT);
	ck_assert_int_eq(rawpci_fake_add(ctx, NULL, &fake), -EFAULT);
	ck_assert_int_eq(rawpci_fake_add_edu(ctx, NULL, &fake), -EFAULT);
	ck_assert_int_eq(rawpci_fake_find(ctx, NULL, &fake), -EFAULT);
	ck_assert_int_eq(rawpci_fake_find(ctx, ADDRESS, NULL), -EFAULT);
	ck_assert_int_eq(rawpci_fake_unplug(NULL), -EFAULT);
	ck_assert_int_eq(rawpci_fake_raise(NULL, 0), -EFAULT);
	ck_assert_int_eq(rawpci_fake_lower(NULL), -EFAULT);
	ck_assert_int_eq(rawpci_fake_event(NULL, RAWPCI_EVENT_ERROR), -EFAULT);
	ck_assert_int_eq(rawpci_fake_dma_read(NULL, 0, &config, 1), -EFAULT);
	ck_assert_ptr_null(rawpci_fake_bytes(NULL, 0));
	ck_assert_uint_eq(rawpci_fake_dma_mappings(NULL), 0);
	ck_assert_uint_eq(rawpci_fake_dma_faults(NULL), 0);
}
END_TEST

/* Each configuration differs from a good one in what its line says. */
#define REFUSED(...)                                                                               \
	do {                                                                                       \
		struct rawpci_fake_config config = full_config();                                  \
		__VA_ARGS__;                                                                       \
		ck_assert_int_eq(try_config(&config), -EINVAL);                                    \
	} while (0)

START_TEST(bad_configurations)
{
	struct rawpci_fake_config good = full_config();

	REFUSED(config.size = 4);
	REFUSED(config.size = sizeof(config) + 8);
	REFUSED(config.address = NULL);
	REFUSED(config.address = "0000:00:20.0");
	REFUSED(config.class_code = 0x1000000);
	REFUSED(config.bars[4].size = 8);
	REFUSED(config.bars[4].size = 0x180);
	REFUSED(config.bars[1].size = 2);
	REFUSED(config.bars[1].flags = RAWPCI_REGION_IO | RAWPCI_REGION_PREFETCH);
	REFUSED(config.bars[4].flags = 2);
	REFUSED(config.bars[3].size = 0x1000);
	REFUSED(config.bars[5].size = 0x1000, config.bars[5].flags = RAWPCI_REGION_64BIT,
		config.rom_size = 0);
	REFUSED(config.rom_size = 0x400);
	REFUSED(config.rom_size = 0x1800);
	REFUSED(config.msi = 3);
	REFUSED(config.msi = 64);
	REFUSED(config.msix = 2049);
	REFUSED(config.msix_bar = 1);
	REFUSED(config.msix_bar = 3);
	REFUSED(config.msix_bar = 6);
	REFUSED(config.msix_bar = 4);
	REFUSED(config.bars[0].size = 64 * RAWPCI_MSIX_ENTRY); /* no room for pending bits */
	REFUSED(config.dma_page = 5000);
	REFUSED(config.dma_last = 0xfeefffff);
	ck_assert_int_eq(try_config(&good), 0);
}
END_TEST

START_TEST(opening)
{
	struct rawpci_fake_config config = full_config();
	struct rawpci_address at = { .device = 5 };
	void *device, *again;

	ck_assert_int_eq(ops->probe(instance, &at), -ENODEV);
	ck_assert_int_eq(ops->open(instance, &at, NULL, &device), -ENODEV);
	ck_assert_int_eq(try_config(&config), 0);
	ck_assert_int_eq(ops->probe(instance, &at), 0);
	device = open_at(ADDRESS, NULL);
	cfg_write(device, RAWPCI_CFG_INTERRUPT_LINE, 1, 11);
	ck_assert_int_eq(ops->open(instance, &at, NULL, &again), -EBUSY);
	ops->close(device);
	device = open_at(ADDRESS, NULL);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_INTERRUPT_LINE, 1), 0);
}
END_TEST

static uint64_t forbidden_read(void *opaque, struct rawpci_fake *fake, unsigned region,
			       uint64_t offset, unsigned width)
{
	(void)opaque;
	(void)fake;
	(void)region;
	(void)offset;
	(void)width;
	ck_abort_msg("a device that is gone was asked");
	return 0;
}

START_TEST(unplugged)
{
	const struct rawpci_fake_model model = { .read = forbidden_read };
	struct rawpci_fake_config config = full_config();
	uint64_t page = rawpci_sys_page_size();
	int fd = new_eventfd();
	void *device, *where;

	config.bars[4].trapped = true;
	config.model = &model;
	device = open_config(&config, NULL);
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_MASTER);
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_INTX, 1, &fd), 0);
	ck_assert_int_eq(rawpci_sys_reserve(page, page, &where), 0);
	ck_assert_int_eq(ops->region_map(device, 2, 0, page, where), 0);
	ck_assert_int_eq(rawpci_fake_unplug(device), 0);
	ck_assert_uint_eq(cfg_read(device, 0, 4), 0xffffffff);
	ck_assert_uint_eq(cfg_read(device, 0x100, 2), 0xffff);
	ck_assert_uint_eq(cfg_read(device, 4, 1), 0xff);
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, 0);
	ck_assert_uint_eq(reg_read(device, 4, 0, 4), 0xffffffff);
	ck_assert_uint_eq(reg_read(device, 0, 0, 8), UINT64_MAX);
	reg_write(device, 0, 0, 8, 0);
	ck_assert_uint_eq(reg_read(device, 0, 0, 8), UINT64_MAX);
	reg_write(device, 2, 0, 4, 0);
	ck_assert_uint_eq(*(volatile uint64_t *)where, UINT64_MAX);
	ck_assert_int_eq(rawpci_fake_raise(device, 0), 0);
	ck_assert(!signalled(fd));
	ck_assert_int_eq(ops->irq_unmask(device), 0);
	ops->irq_disable(device, RAWPCI_IRQ_INTX);
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_MSI, 1, &fd), -EIO);
	ck_assert_int_eq(ops->reset(device), -EIO);
	ck_assert_int_eq(ops->region_map(device, 2, 0, page, where), -EIO);
	rawpci_sys_unmap(where, page);
}
END_TEST

START_TEST(address_of_an_unplugged_device)
{
	struct rawpci_fake_config config = full_config();
	struct rawpci_address at = { .device = 5 };
	struct rawpci_fake *old, *new, *found;
	void *device = open_config(&config, NULL);

	old = device;
	ck_assert_int_eq(rawpci_fake_unplug(old), 0);
	ck_assert_int_eq(try_config(&config), -EEXIST);
	ops->close(device);
	ck_assert_int_eq(ops->probe(instance, &at), -ENODEV);
	ck_assert_int_eq(ops->open(instance, &at, NULL, &device), -ENODEV);
	ck_assert_int_eq(rawpci_fake_find(ctx, ADDRESS, &found), 0);
	ck_assert_ptr_eq(found, old);
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &new), 0);
	ck_assert_ptr_ne(new, old);
	ck_assert_int_eq(rawpci_fake_find(ctx, ADDRESS, &found), 0);
	ck_assert_ptr_eq(found, new);
	device = open_at(ADDRESS, NULL);
	ck_assert_uint_eq(cfg_read(device, 0, 2), 0x1af4);
	ck_assert_uint_eq(rawpci_fake_dma_faults(old), 0);
}
END_TEST

static void count_destroy(void *opaque)
{
	++*(unsigned *)opaque;
}

START_TEST(models_are_destroyed)
{
	const struct rawpci_fake_model model = { .destroy = count_destroy };
	struct rawpci_fake_config config = full_config();
	unsigned destroyed = 0;

	config.model = &model;
	config.opaque = &destroyed;
	ck_assert_int_eq(try_config(&config), 0);
	ck_assert_int_eq(try_config(&config), -EEXIST);
	ck_assert_uint_eq(destroyed, 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	ck_assert_uint_eq(destroyed, 1);
	set_up();
}
END_TEST

static atomic_bool stop;

static void *use(void *device)
{
	while (!atomic_load(&stop)) {
		(void)cfg_read(device, 0, 4);
		(void)cfg_read(device, RAWPCI_CFG_STATUS, 2);
		cfg_write(device, RAWPCI_CFG_COMMAND, 2, 7);
		reg_write(device, 0, 0x100, 4, 5);
		(void)reg_read(device, 0, 0x100, 4);
		(void)ops->irq_unmask(device);
	}
	return NULL;
}

static void *play(void *device)
{
	while (!atomic_load(&stop)) {
		(void)rawpci_fake_raise(device, 0);
		(void)rawpci_fake_lower(device);
		(void)rawpci_fake_event(device, RAWPCI_EVENT_ERROR);
	}
	return NULL;
}

/* For a thread checker. Without one the test shows only that nothing hangs. */
START_TEST(many_threads)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, i < 2 ? use : play, device), 0);
	for (unsigned i = 0; i < 300; i++) {
		int fd = new_eventfd();

		ck_assert_int_eq(ops->event_set(device, RAWPCI_EVENT_ERROR, fd), 0);
		ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_INTX, 1, &fd), 0);
		ops->irq_disable(device, RAWPCI_IRQ_INTX);
		ck_assert_int_eq(ops->event_set(device, RAWPCI_EVENT_ERROR, -1), 0);
		rawpci_sys_close(&fd);
		ck_assert_int_eq(ops->reset(device), 0);
	}
	ck_assert_int_eq(rawpci_fake_unplug(device), 0);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		good_configurations,
		null_pointers,
		bad_configurations,
		opening,
		unplugged,
		address_of_an_unplugged_device,
		models_are_destroyed,
		many_threads,
	};

	return harness_run(SUITE_OF("fake-device", tests));
}
