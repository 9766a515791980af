/* SPDX-License-Identifier: MIT */
/* Chains as a kernel writes them, and as it should not. */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include <linux/vfio.h>

#include "vfio/reply.h"

#define FIXED 32u
#define SIZE 128u

static unsigned char reply[SIZE];

static void put(uint32_t at, uint16_t id, uint32_t next)
{
	struct vfio_info_cap_header header = { .id = id, .version = 1, .next = next };

	memcpy(reply + at, &header, sizeof(header));
}

static void setup(void)
{
	memset(reply, 0, sizeof(reply));
	put(FIXED, 1, 64);
	put(64, 2, 93); /* unaligned, as old kernels may have it */
	put(93, 3, 0);
}

static int find(uint16_t id, uint32_t minimum, uint32_t *offset)
{
	*offset = 4711;
	return rawpci_vfio_cap_find(reply, SIZE, FIXED, FIXED, id, minimum, offset);
}

START_TEST(finds)
{
	uint32_t offset;

	ck_assert_int_eq(find(1, 8, &offset), 0);
	ck_assert_uint_eq(offset, FIXED);
	ck_assert_int_eq(find(2, 8, &offset), 0);
	ck_assert_uint_eq(offset, 64);
	ck_assert_int_eq(find(3, 8, &offset), 0);
	ck_assert_uint_eq(offset, 93);
	ck_assert_int_eq(find(4, 8, &offset), -ENOENT);
	ck_assert_uint_eq(offset, 4711);
}
END_TEST

START_TEST(no_chain)
{
	uint32_t offset = 4711;

	ck_assert_int_eq(rawpci_vfio_cap_find(reply, SIZE, FIXED, 0, 1, 8, &offset), -ENOENT);
	ck_assert_uint_eq(offset, 4711);
}
END_TEST

START_TEST(too_short)
{
	uint32_t offset;

	ck_assert_int_eq(find(3, SIZE - 93, &offset), 0);
	ck_assert_int_eq(find(3, SIZE - 93 + 1, &offset), -EIO);
	ck_assert_uint_eq(offset, 4711);
}
END_TEST

/* Where the second capability is said to be. */
static const uint32_t hostile[] = {
	1,          FIXED - 1,                     /* inside the fixed part */
	SIZE - 7,   SIZE,       SIZE + 1,          /* its header, or all of it, beyond the reply */
	0x7fffffff, 0xfffffff8, 0xffffffff, FIXED, /* itself */
};

START_TEST(leaves_reply)
{
	uint32_t offset;

	put(FIXED, 1, hostile[_i]);
	ck_assert_int_eq(find(2, 8, &offset), -EIO);
	ck_assert_uint_eq(offset, 4711);
	ck_assert_int_eq(rawpci_vfio_cap_find(reply, SIZE, FIXED,
					      hostile[_i] == FIXED ? SIZE : hostile[_i], 2, 8,
					      &offset),
			 -EIO);
}
END_TEST

START_TEST(longer_cycle)
{
	uint32_t offset;

	put(93, 3, 64);
	ck_assert_int_eq(find(4, 8, &offset), -EIO);
	ck_assert_int_eq(find(3, 8, &offset), 0);
}
END_TEST

START_TEST(last_header_fits)
{
	uint32_t offset;

	put(93, 3, SIZE - 8);
	put(SIZE - 8, 5, 0);
	ck_assert_int_eq(find(5, 8, &offset), 0);
	ck_assert_uint_eq(offset, SIZE - 8);
	ck_assert_int_eq(find(5, 9, &offset), -EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio-reply");
	TCase *tests = tcase_create("caps");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, finds);
	tcase_add_test(tests, no_chain);
	tcase_add_test(tests, too_short);
	tcase_add_loop_test(tests, leaves_reply, 0, sizeof(hostile) / sizeof(hostile[0]));
	tcase_add_test(tests, longer_cycle);
	tcase_add_test(tests, last_header_fits);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
