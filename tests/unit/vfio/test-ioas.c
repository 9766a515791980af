/* SPDX-License-Identifier: MIT */
/* An IOAS, with a kernel that answers what the test wants. */
#include <errno.h>
#include <string.h>

#include "core/call.h"
#include "core/context.h"
#include "harness.h"
#include "os/sys.h"

static int answer(int fd, unsigned long request, void *argument);

#define rawpci_sys_ioctl answer
#include "vfio/ioas.c"
#include "vfio/operations.h"
#undef rawpci_sys_ioctl

/* Numbers and sizes are the kernel's (Linux include/uapi/linux/iommufd.h and vfio.h, 6.6). */
_Static_assert(VFIO_DEVICE_BIND_IOMMUFD == 0x3b76, "BIND_IOMMUFD");
_Static_assert(VFIO_DEVICE_ATTACH_IOMMUFD_PT == 0x3b77, "ATTACH_IOMMUFD_PT");
_Static_assert(VFIO_DEVICE_DETACH_IOMMUFD_PT == 0x3b78, "DETACH_IOMMUFD_PT");
_Static_assert(IOMMU_DESTROY == 0x3b80 && IOMMU_IOAS_ALLOC == 0x3b81, "DESTROY, IOAS_ALLOC");
_Static_assert(IOMMU_IOAS_IOVA_RANGES == 0x3b84, "IOAS_IOVA_RANGES");
_Static_assert(IOMMU_IOAS_MAP == 0x3b85 && IOMMU_IOAS_UNMAP == 0x3b86, "IOAS_MAP, IOAS_UNMAP");
_Static_assert(sizeof(struct iommu_ioas_map) == 40, "struct iommu_ioas_map");
_Static_assert(sizeof(struct iommu_ioas_unmap) == 24, "struct iommu_ioas_unmap");
_Static_assert(sizeof(struct iommu_ioas_iova_ranges) == 32, "struct iommu_ioas_iova_ranges");

static struct rawpci *ctx;
static struct rawpci_vfio_space space;

/* What the kernel answers, and what it was asked last. */
static struct {
	int result;
	uint32_t count;
	struct iommu_iova_range ranges[2];
	uint64_t alignment;
	uint64_t unmapped;
	struct iommu_ioas_map map;
	struct iommu_ioas_unmap unmap;
} kernel;

static int answer(int fd, unsigned long request, void *argument)
{
	struct iommu_ioas_iova_ranges *query = argument;
	struct iommu_ioas_unmap *unmap = argument;

	ck_assert_int_eq(fd, 77);
	switch (request) {
	case IOMMU_IOAS_IOVA_RANGES:
		ck_assert_uint_eq(query->size, sizeof(*query));
		ck_assert_uint_eq(query->ioas_id, 5);
		if (kernel.result >= 0)
			memcpy((void *)(uintptr_t)query->allowed_iovas, kernel.ranges,
			       sizeof(kernel.ranges));
		query->num_iovas = kernel.count;
		query->out_iova_alignment = kernel.alignment;
		break;
	case IOMMU_IOAS_MAP:
		kernel.map = *(struct iommu_ioas_map *)argument;
		break;
	case IOMMU_IOAS_UNMAP:
		kernel.unmap = *unmap;
		if (kernel.result >= 0)
			unmap->length = kernel.unmapped;
		break;
	default:
		ck_abort_msg("request 0x%lx", request);
	}
	return kernel.result;
}

static void setup(void)
{
	void *instance;

	ck_assert_int_eq(rawpci_create(NULL, &ctx), 0);
	ck_assert_int_eq(rawpci_backend_instance(ctx, "vfio", &instance), 0);
	space = (struct rawpci_vfio_space){
		.vfio = instance,
		.transport = &rawpci_vfio_transport_cdev,
		.fd = 77,
		.ioas = 5,
	};
	memset(&kernel, 0, sizeof(kernel));
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}

START_TEST(known_limits)
{
	struct rawpci_dma_limits limits;

	kernel.count = 2;
	kernel.ranges[0] = (struct iommu_iova_range){ 0, 0xfedfffff };
	kernel.ranges[1] = (struct iommu_iova_range){ 0xfef00000, 0x7fffffffff };
	kernel.alignment = 65536;
	ck_assert_int_eq(rawpci_vfio_space_limits(&space, &limits), 0);
	ck_assert_uint_eq(limits.page_size, 65536);
	ck_assert_uint_eq(limits.range_count, 2);
	ck_assert_uint_eq(limits.ranges[0].last, 0xfedfffff);
	ck_assert_uint_eq(limits.ranges[1].first, 0xfef00000);
}
END_TEST

START_TEST(unknown_limits)
{
	struct rawpci_dma_limits limits;

	/* Overlapping ranges are not what the kernel promises. */
	kernel.count = 2;
	kernel.ranges[0] = (struct iommu_iova_range){ 0, 0xffff };
	kernel.ranges[1] = (struct iommu_iova_range){ 0xffff, 0x1ffff };
	kernel.alignment = 3;
	ck_assert_int_eq(rawpci_vfio_space_limits(&space, &limits), 0);
	ck_assert_uint_eq(limits.range_count, 0);
	ck_assert_uint_eq(limits.page_size, rawpci_sys_page_size());
	kernel.result = -EMSGSIZE;
	kernel.count = 100;
	kernel.alignment = 8192;
	ck_assert_int_eq(rawpci_vfio_space_limits(&space, &limits), 0);
	ck_assert_uint_eq(limits.range_count, 0);
	ck_assert_uint_eq(limits.page_size, 8192);
	kernel.result = -ENOENT;
	ck_assert_int_eq(rawpci_vfio_space_limits(&space, &limits), -EIO);
}
END_TEST

START_TEST(map)
{
	char here[4096];

	ck_assert_int_eq(rawpci_vfio_dma_map(&space, 0x10000, here, 0x1000), 0);
	ck_assert_uint_eq(kernel.map.size, sizeof(kernel.map));
	ck_assert_uint_eq(kernel.map.flags, 7);
	ck_assert_uint_eq(kernel.map.ioas_id, 5);
	ck_assert_uint_eq(kernel.map.iova, 0x10000);
	ck_assert_uint_eq(kernel.map.length, 0x1000);
	ck_assert_uint_eq(kernel.map.user_va, (uintptr_t)here);
}
END_TEST

START_TEST(map_refused)
{
	static const struct {
		int error, result;
		const char *words;
	} cases[] = {
		{ -EEXIST, -EADDRINUSE, "mapped already" },
		{ -EFAULT, -EADDRNOTAVAIL, "not there" },
		{ -EPERM, -EADDRNOTAVAIL, "refuses" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kernel.result = cases[i].error;
		ck_assert_int_eq(rawpci_vfio_dma_map(&space, 0, NULL, 0x1000), cases[i].result);
		ck_assert_ptr_nonnull(strstr(rawpci_reason(), cases[i].words));
	}
}
END_TEST

/* A refusal and a success with other bytes are both failures: the mapping is not as one thinks. */
START_TEST(unmap)
{
	kernel.unmapped = 0x2000;
	ck_assert_int_eq(rawpci_vfio_dma_unmap(&space, 0x3000, 0x2000), 0);
	ck_assert_uint_eq(kernel.unmap.ioas_id, 5);
	ck_assert_uint_eq(kernel.unmap.iova, 0x3000);
	ck_assert_uint_eq(kernel.unmap.length, 0x2000);
	kernel.unmapped = 0x1000;
	ck_assert_int_eq(rawpci_vfio_dma_unmap(&space, 0x3000, 0x2000), -EIO);
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "took 0x1000 bytes of 0x2000"));
	kernel.result = -ENOENT;
	ck_assert_int_eq(rawpci_vfio_dma_unmap(&space, 0x3000, 0x2000), -EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ioas");
	TCase *tests = tcase_create("ioas");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, known_limits);
	tcase_add_test(tests, unknown_limits);
	tcase_add_test(tests, map);
	tcase_add_test(tests, map_refused);
	tcase_add_test(tests, unmap);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
