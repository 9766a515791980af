/* SPDX-License-Identifier: MIT */
/* What is read of the host. */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "vfio/host.h"

/* What processors and firmware say of themselves. */
START_TEST(iommu_remedies)
{
	static const struct {
		const char *cpuinfo;
		bool dmar, ivrs, intel_on;
		const char *words;
	} hosts[] = {
		{ "vendor_id\t: GenuineIntel\nflags\t: fpu vmx\n", false, false, true,
		  "enable it in the firmware (VT-d), and boot the kernel with intel_iommu=on" },
		{ "vendor_id\t: GenuineIntel\nflags\t: fpu vmx\n", true, false, true,
		  "boot the kernel with intel_iommu=on" },
		{ "vendor_id\t: AuthenticAMD\nflags\t: fpu svm\n", false, false, false,
		  "enable it in the firmware (AMD-Vi" },
		{ "vendor_id\t: HygonGenuine\nflags\t: fpu svm\n", false, false, false,
		  "enable it in the firmware (AMD-Vi" },
		{ "vendor_id\t: AuthenticAMD\nflags\t: fpu svm\n", false, true, false,
		  "remove amd_iommu=off" },
		{ "vendor_id\t: AuthenticAMD\nflags\t: fpu hypervisor svm\n", false, false, false,
		  "whose hypervisor has to give it an IOMMU" },
		{ "vendor_id\t: GenuineIntel\nflags\t: fpu hypervisor\n", false, false, false,
		  "whose hypervisor has to give it an IOMMU" },
		/* As QEMU makes them up. */
		{ "vendor_id\t: AuthenticAMD\nflags\t: fpu hypervisor svm\n", true, false, true,
		  "boot the kernel with intel_iommu=on" },
		{ "", false, false, false, "enable it in the firmware" },
	};
	bool intel_on;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		const char *said = rawpci_vfio_iommu_remedy(hosts[i].cpuinfo, hosts[i].dmar,
							    hosts[i].ivrs, &intel_on);

		ck_assert_msg(strstr(said, hosts[i].words) != NULL, "%zu: %s", i, said);
		ck_assert(intel_on == hosts[i].intel_on);
		ck_assert(intel_on == (strstr(said, "intel_iommu=on") != NULL));
	}
}
END_TEST

START_TEST(status_fields)
{
	static const char status[] = "Name:\tVmLck: 9\nVmLckX:\t7 kB\nVmLck:\t    128 kB\n"
				     "CapEff:\t000001ffffffffff\nEmpty:";
	uint64_t value = 1;

	ck_assert_int_eq(rawpci_vfio_status_field(status, "VmLck", 10, &value), 0);
	ck_assert_uint_eq(value, 128);
	ck_assert_int_eq(rawpci_vfio_status_field(status, "CapEff", 16, &value), 0);
	ck_assert_uint_eq(value, 0x1ffffffffff);
	ck_assert_int_eq(rawpci_vfio_status_field(status, "VmPin", 10, &value), -ENOENT);
	ck_assert_int_eq(rawpci_vfio_status_field(status, "Empty", 10, &value), -EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio-host");
	TCase *tests = tcase_create("host");

	tcase_add_test(tests, iommu_remedies);
	tcase_add_test(tests, status_fields);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
