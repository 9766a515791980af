/* SPDX-License-Identifier: MIT */
/* What the library says about wrong arguments: which function and which argument, and what helps. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/abi.h>
#include <rawpci/backend.h>
#include <rawpci/fake.h>
#include <rawpci/native.h>

#define EDU "0000:00:04.0"

static struct rawpci *ctx;
static struct rawpci_device *dev;

static void setup(void)
{
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };

	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, EDU, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}

#define fails(call, error, sentence)                                                               \
	do {                                                                                       \
		ck_assert_int_eq(call, error);                                                     \
		ck_assert_str_eq(rawpci_last_error(), sentence);                                   \
	} while (0)

START_TEST(nulls)
{
	struct rawpci_mapping mapping;
	uint64_t value;

	fails(rawpci_device_info(dev, 1, NULL), -EFAULT, "rawpci_device_info: out is NULL");
	fails(rawpci_device_open(ctx, NULL, EDU, 0, NULL), -EFAULT,
	      "rawpci_device_open: out is NULL");
	fails(rawpci_device_open_fds(ctx, NULL, EDU, 0, NULL, &dev), -EFAULT,
	      "rawpci_device_open_fds: fds is NULL");
	fails(rawpci_create(NULL, NULL), -EFAULT, "rawpci_create: out is NULL");
	fails(rawpci_region_info(dev, 0, 1, NULL), -EFAULT,
	      EDU ": rawpci_region_info: out is NULL");
	fails(rawpci_region_map(dev, 0, 0, 1, NULL), -EFAULT,
	      EDU ": rawpci_region_map: out is NULL");
	fails(rawpci_region_map_wc(dev, 0, 0, 1, NULL), -EFAULT,
	      EDU ": rawpci_region_map_wc: out is NULL");
	fails(rawpci_region_map_wc(NULL, 0, 0, 1, &mapping), -EFAULT,
	      "rawpci_region_map_wc: the device is NULL");
	fails(rawpci_region_read(dev, 0, 0, 4, NULL), -EFAULT,
	      EDU ": rawpci_region_read: value is NULL");
	fails(rawpci_mmio_read(NULL, &value, 4, &value), -EFAULT,
	      "rawpci_mmio_read: the device is NULL");
	fails(rawpci_mmio_read(dev, &value, 4, NULL), -EFAULT, "rawpci_mmio_read: value is NULL");
	fails(rawpci_mmio_write(NULL, &value, 4, 0), -EFAULT,
	      "rawpci_mmio_write: the device is NULL");
	fails(rawpci_config_read(dev, 0, 4, NULL), -EFAULT,
	      EDU ": rawpci_config_read: value is NULL");
	fails(rawpci_irq_unmask(NULL), -EFAULT, "rawpci_irq_unmask: the device is NULL");
	fails(rawpci_irq_dispatch(NULL, 0), -EFAULT, "rawpci_irq_dispatch: the context is NULL");
	fails(rawpci_irq_fd(NULL), -EFAULT, "rawpci_irq_fd: the context is NULL");
	fails(rawpci_vm_create(ctx, NULL), -EFAULT, "rawpci_vm_create: out is NULL");
	fails(rawpci_memory_map(NULL, 0, &value, 1), -EFAULT, "rawpci_memory_map: the VM is NULL");
	fails(rawpci_memory_unmap(NULL, 0, 1), -EFAULT, "rawpci_memory_unmap: the VM is NULL");
	fails(rawpci_recover(NULL), -EFAULT, "rawpci_recover: the context is NULL");
	fails(rawpci_enumerate(ctx, 1, NULL, NULL), -EFAULT, "rawpci_enumerate: each is NULL");
	fails(rawpci_host_device(ctx, EDU, 1, NULL), -EFAULT, "rawpci_host_device: out is NULL");
	fails(rawpci_explain(ctx, NULL, NULL, NULL), -EFAULT, "rawpci_explain: address is NULL");
}
END_TEST

/* The sentence for a structure of a size that the library does not know. */
#define size_fails(call, function, structure)                                                      \
	do {                                                                                       \
		char sentence[256];                                                                \
		(void)snprintf(sentence, sizeof(sentence),                                         \
			       function ": size is 9999, but struct " #structure                   \
					" has %zu bytes here: the library is older than the "      \
					"program's headers, so install a newer one",               \
			       sizeof(struct structure));                                          \
		fails(call, -EINVAL, sentence);                                                    \
	} while (0)

START_TEST(sizes)
{
	struct rawpci_device_info device;
	struct rawpci_region_info region;
	struct rawpci_irq_stats irqs;
	struct rawpci_memory_stats memory;
	struct rawpci_host_device host;
	struct rawpci_vm *vm;

	ck_assert_int_eq(rawpci_vm_create(ctx, &vm), 0);
	size_fails(rawpci_device_info(dev, 9999, &device), "rawpci_device_info",
		   rawpci_device_info);
	fails(rawpci_device_info(dev, 0, &device), -EINVAL,
	      "rawpci_device_info: size is 0: give sizeof(struct rawpci_device_info)");
	size_fails(rawpci_region_info(dev, 0, 9999, &region), "rawpci_region_info",
		   rawpci_region_info);
	size_fails(rawpci_irq_stats(ctx, 9999, &irqs), "rawpci_irq_stats", rawpci_irq_stats);
	size_fails(rawpci_memory_stats(vm, 9999, &memory), "rawpci_memory_stats",
		   rawpci_memory_stats);
	size_fails(rawpci_host_device(ctx, EDU, 9999, &host), "rawpci_host_device",
		   rawpci_host_device);
	ck_assert_int_eq(rawpci_vm_destroy(vm), 0);
}
END_TEST

static void ignore(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

/* Each names what the caller can do. */
START_TEST(remedies)
{
	struct rawpci_vm *vm;
	int fd = -1;
	int irq = rawpci_irq_attach(dev, ignore, NULL, -1);

	fails(rawpci_irq_route(dev, RAWPCI_IRQ_MSIX, 0, 1, &fd), -EOPNOTSUPP,
	      EDU ": fake offers no interrupts of that type: use INTx (1), MSI (1)");
	ck_assert_int_gt(irq, 0);
	fails(rawpci_irq_attach(dev, ignore, NULL, -1), -ENOSPC,
	      EDU ": every vector of its 1 has a handler or is routed: detach a handler, or "
		  "route a vector to -1");
	ck_assert_int_eq(rawpci_irq_detach(dev, irq), 0);
	ck_assert_int_eq(rawpci_vm_create(ctx, &vm), 0);
	fails(rawpci_memory_unmap(vm, 0x1001, 0x1000), -EDOM,
	      "guest memory at 0x1001: address and size 0x1000 must be multiples of 0x1000");
	ck_assert_int_eq(rawpci_vm_destroy(vm), 0);
}
END_TEST

/* These functions are beside the contexts' calls: the sentence is the backend's. */
#define control_fails(call, error, sentence)                                                       \
	do {                                                                                       \
		ck_assert_int_eq(call, error);                                                     \
		ck_assert_str_eq(rawpci_backend_reason(), sentence);                               \
	} while (0)

START_TEST(pretend_devices)
{
	const struct rawpci_fake_config config = { .size = 9999 };
	struct rawpci_fake *fake;
	char sentence[256];

	(void)snprintf(sentence, sizeof(sentence),
		       "rawpci_fake_add: config.size is 9999: set it to sizeof(struct "
		       "rawpci_fake_config), at most %zu here",
		       sizeof(config));
	control_fails(rawpci_fake_add(ctx, &config, &fake), -EINVAL, sentence);
	control_fails(rawpci_fake_find(ctx, "0000:00:09.0", &fake), -ENODEV,
		      "rawpci_fake_find: there is no pretend device at 0000:00:09.0");
	control_fails(rawpci_fake_raise(NULL, 0), -EFAULT, "rawpci_fake_raise: the device is NULL");
}
END_TEST

START_TEST(abi_pointers)
{
	PRAWPCIFACTORY factory = rawpci_factory(ctx);

	fails(rawpci_session_create(NULL, NULL, NULL), VERR_INVALID_POINTER,
	      "rawpci_session_create: the context is NULL");
	fails(factory->pfnInitVm(factory, NULL, NULL), VERR_INVALID_POINTER,
	      "pfnInitVm: pPciData is NULL");
	factory->pfnRelease(factory);
}
END_TEST

START_TEST(regions)
{
	struct rawpci_mapping mapping;
	uint64_t value;

	fails(rawpci_region_read(dev, RAWPCI_REGION_ROM, 0, 4, &value), -ERANGE,
	      EDU ": the device has no expansion ROM (region 6)");
	fails(rawpci_region_map(dev, RAWPCI_REGION_ROM, 0, 4, &mapping), -ERANGE,
	      EDU ": the device has no expansion ROM (region 6)");
	fails(rawpci_region_write(dev, 3, 0, 4, 0), -ERANGE,
	      EDU ": the device has no BAR 3: rawpci_region_info() tells which it has");
	fails(rawpci_region_read(dev, 0, 0x100000, 4, &value), -ERANGE,
	      EDU ": 4 bytes at offset 0x100000 are not inside region 0, which has 0x100000 bytes");
	ck_assert_int_eq(rawpci_region_map(dev, 0, 0x100000, 4096, &mapping), -ERANGE);
	ck_assert_ptr_eq(strstr(rawpci_last_error(), EDU
				": 0x1000 bytes at offset 0x100000 are not inside region 0, which "
				"has 0x100000 bytes (on the host's bus: "),
			 rawpci_last_error());
}
END_TEST

START_TEST(mappings)
{
	struct rawpci_mapping mapping;
	char sentence[512];

	ck_assert_int_eq(rawpci_region_map(dev, 0, 0, 4096, &mapping), 0);
	ck_assert_int_eq(rawpci_region_unmap(dev, mapping.base), 0);
	(void)snprintf(sentence, sizeof(sentence),
		       EDU
		       ": no mapping of it begins at %p, or that one has been unmapped: use the "
		       "address, region and size of a mapping that was made and not unmapped",
		       mapping.base);
	fails(rawpci_region_unmap(dev, mapping.base), -ENOENT, sentence);
}
END_TEST

static void nothing(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

/* The edu's best type is MSI. */
START_TEST(unmasking)
{
	const char *sentence = EDU
		": INTx is not in use: attach a handler to it or route it first; "
		"MSI and MSI-X need no unmasking";

	fails(rawpci_irq_unmask(dev), -EPROTO, sentence);
	ck_assert_int_gt(rawpci_irq_attach(dev, nothing, NULL, 0), 0);
	fails(rawpci_irq_unmask(dev), -EPROTO, sentence);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("words");
	TCase *tests = tcase_create("words");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nulls);
	tcase_add_test(tests, sizes);
	tcase_add_test(tests, remedies);
	tcase_add_test(tests, pretend_devices);
	tcase_add_test(tests, abi_pointers);
	tcase_add_test(tests, regions);
	tcase_add_test(tests, mappings);
	tcase_add_test(tests, unmasking);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
