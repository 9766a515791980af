/* SPDX-License-Identifier: MIT */
/* The layout is proven by compiling this file, layout.cc and the generated ones next to them; what
 * is left to run is what only strings can tell. */
#include "layout.h"
#include "values.h"

#include <string.h>

#include "harness.h"

START_TEST(uuid_is_the_interfaces)
{
	ck_assert_str_eq(RAWPCIFACTORY_UUID_STR, "ea089839-4171-476f-adfb-9e7ab1cbd0fb");
}
END_TEST

#define NAMED(code)                                                                                \
	{                                                                                          \
		code, #code                                                                        \
	}

START_TEST(every_status_has_its_name)
{
	static const struct {
		int status;
		const char *name;
	} all[] = {
		NAMED(VINF_SUCCESS),           NAMED(VERR_GENERAL_FAILURE),
		NAMED(VERR_INVALID_PARAMETER), NAMED(VERR_INVALID_MAGIC),
		NAMED(VERR_INVALID_HANDLE),    NAMED(VERR_INVALID_POINTER),
		NAMED(VERR_NO_MEMORY),         NAMED(VERR_VERSION_MISMATCH),
		NAMED(VERR_INVALID_FLAGS),     NAMED(VERR_WRONG_ORDER),
		NAMED(VERR_ADDRESS_CONFLICT),  NAMED(VERR_NOT_SUPPORTED),
		NAMED(VERR_ACCESS_DENIED),     NAMED(VERR_TIMEOUT),
		NAMED(VERR_OUT_OF_RANGE),      NAMED(VERR_MAP_FAILED),
		NAMED(VERR_NOT_FOUND),         NAMED(VERR_INVALID_STATE),
		NAMED(VERR_OUT_OF_RESOURCES),  NAMED(VERR_NO_MORE_HANDLES),
		NAMED(VERR_DANGLING_OBJECTS),  NAMED(VERR_UNSUPPORTED_ALIGNMENT),
		NAMED(VERR_ALREADY_EXISTS),    NAMED(VERR_RESOURCE_BUSY),
		NAMED(VERR_DEV_IO_ERROR),
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ck_assert_str_eq(rawpci_status_name(all[i].status), all[i].name);
}
END_TEST

START_TEST(other_values_have_no_name)
{
	static const int others[] = { 1, -5, -7, -12, -251, 2147483647, -2147483647 - 1 };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_str_eq(rawpci_status_name(others[i]), "unknown status");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("abi");
	TCase *tcase = tcase_create("values");

	tcase_add_test(tcase, uuid_is_the_interfaces);
	tcase_add_test(tcase, every_status_has_its_name);
	tcase_add_test(tcase, other_values_have_no_name);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
