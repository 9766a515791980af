/* SPDX-License-Identifier: MIT */
/* Refused accesses to memory, ports and config space. */
#include "bench.h"

#define READ r.u.aMmioRead
#define WRITE r.u.aMmioWrite
#define IN r.u.aPioRead
#define OUT r.u.aPioWrite
#define CFGR r.u.aPciCfgRead
#define CFGW r.u.aPciCfgWrite

#define AT(offset) ((char *)bench.map.r0 + (offset))
#define READ_AT(address, width)                                                                    \
	if (bench.direct < 0)                                                                      \
		return;                                                                            \
	READ.Address = (address);                                                                  \
	READ.Value.cb = (width);                                                                   \
	READ.Value.u.u64 = 0x1122334455667788
#define WRITE_AT(address, width)                                                                   \
	if (bench.direct < 0)                                                                      \
		return;                                                                            \
	WRITE.Address = (address);                                                                 \
	WRITE.Value.cb = (width);                                                                  \
	WRITE.Value.u.u64 = 0x1122334455667788
#define FIRST_PORT ((uint16_t)bench.regions[bench.ports].RegionStart)
#define LAST_PORT ((uint16_t)(FIRST_PORT + bench.regions[bench.ports].u64RegionSize - 1))
#define IN_AT(port, width)                                                                         \
	if (bench.ports < 0)                                                                       \
		return;                                                                            \
	IN.iPort = (uint16_t)(port);                                                               \
	IN.cb = (width);                                                                           \
	IN.iValue = 0x55667788
#define OUT_AT(port, width)                                                                        \
	if (bench.ports < 0)                                                                       \
		return;                                                                            \
	OUT.iPort = (uint16_t)(port);                                                              \
	OUT.cb = (width)
#define CFGR_AT(offset, width)                                                                     \
	CFGR.iOffset = (offset);                                                                   \
	CFGR.Value.cb = (width);                                                                   \
	CFGR.Value.u.u64 = 0x1122334455667788
#define CFGW_AT(offset, width)                                                                     \
	CFGW.iOffset = (offset);                                                                   \
	CFGW.Value.cb = (width);                                                                   \
	CFGW.Value.u.u64 = 0

#define MMIO_ROWS(X)                                                                               \
	X(read_null, VERR_INVALID_POINTER, MMIO_READ, READ_AT(NULL, 4))                            \
	X(read_null_before_width, VERR_INVALID_POINTER, MMIO_READ, READ_AT(NULL, 3))               \
	X(read_width_0, VERR_INVALID_PARAMETER, MMIO_READ, READ_AT(AT(0), 0))                      \
	X(read_width_3, VERR_INVALID_PARAMETER, MMIO_READ, READ_AT(AT(0), 3))                      \
	X(read_width_5, VERR_INVALID_PARAMETER, MMIO_READ, READ_AT(AT(0), 5))                      \
	X(read_width_16, VERR_INVALID_PARAMETER, MMIO_READ, READ_AT(AT(0), 16))                    \
	X(read_width_255, VERR_INVALID_PARAMETER, MMIO_READ, READ_AT(AT(0), 255))                  \
	X(read_width_before_alignment, VERR_INVALID_PARAMETER, MMIO_READ, READ_AT(AT(1), 6))       \
	X(read_misaligned_2, VERR_UNSUPPORTED_ALIGNMENT, MMIO_READ, READ_AT(AT(1), 2))             \
	X(read_misaligned_4, VERR_UNSUPPORTED_ALIGNMENT, MMIO_READ, READ_AT(AT(2), 4))             \
	X(read_misaligned_8, VERR_UNSUPPORTED_ALIGNMENT, MMIO_READ, READ_AT(AT(4), 8))             \
	X(read_before, VERR_INVALID_POINTER, MMIO_READ, READ_AT(AT(-8), 4))                        \
	X(read_after, VERR_INVALID_POINTER, MMIO_READ, READ_AT(AT(PAGE), 4))                       \
	X(read_own_stack, VERR_INVALID_POINTER, MMIO_READ,                                         \
	  READ_AT((void *)((uintptr_t)&r & ~(uintptr_t)7), 8))                                     \
	X(read_top, VERR_INVALID_POINTER, MMIO_READ, READ_AT((void *)(UINTPTR_MAX - 7), 8))        \
	X(read_low, VERR_INVALID_POINTER, MMIO_READ, READ_AT((void *)8, 8))                        \
	X(write_null, VERR_INVALID_POINTER, MMIO_WRITE, WRITE_AT(NULL, 4))                         \
	X(write_width_0, VERR_INVALID_PARAMETER, MMIO_WRITE, WRITE_AT(AT(0), 0))                   \
	X(write_width_3, VERR_INVALID_PARAMETER, MMIO_WRITE, WRITE_AT(AT(0), 3))                   \
	X(write_width_16, VERR_INVALID_PARAMETER, MMIO_WRITE, WRITE_AT(AT(0), 16))                 \
	X(write_misaligned_2, VERR_UNSUPPORTED_ALIGNMENT, MMIO_WRITE, WRITE_AT(AT(1), 2))          \
	X(write_misaligned_4, VERR_UNSUPPORTED_ALIGNMENT, MMIO_WRITE, WRITE_AT(AT(1), 4))          \
	X(write_misaligned_8, VERR_UNSUPPORTED_ALIGNMENT, MMIO_WRITE, WRITE_AT(AT(4), 8))          \
	X(write_before, VERR_INVALID_POINTER, MMIO_WRITE, WRITE_AT(AT(-8), 4))                     \
	X(write_after, VERR_INVALID_POINTER, MMIO_WRITE, WRITE_AT(AT(PAGE), 4))                    \
	X(write_top, VERR_INVALID_POINTER, MMIO_WRITE, WRITE_AT((void *)(UINTPTR_MAX - 3), 4))

#define PIO_ROWS(X)                                                                                \
	X(in_width_0, VERR_INVALID_PARAMETER, PIO_READ, IN_AT(FIRST_PORT, 0))                      \
	X(in_width_3, VERR_INVALID_PARAMETER, PIO_READ, IN_AT(FIRST_PORT, 3))                      \
	X(in_width_8, VERR_INVALID_PARAMETER, PIO_READ, IN_AT(FIRST_PORT, 8))                      \
	X(in_width_largest, VERR_INVALID_PARAMETER, PIO_READ, IN_AT(FIRST_PORT, 0xffff))           \
	X(in_width_before_port, VERR_INVALID_PARAMETER, PIO_READ, IN_AT(0, 3))                     \
	X(in_before, VERR_OUT_OF_RANGE, PIO_READ, IN_AT(FIRST_PORT - 1, 1))                        \
	X(in_across_start, VERR_OUT_OF_RANGE, PIO_READ, IN_AT(FIRST_PORT - 1, 2))                  \
	X(in_after, VERR_OUT_OF_RANGE, PIO_READ, IN_AT(LAST_PORT + 1, 1))                          \
	X(in_across_end_2, VERR_OUT_OF_RANGE, PIO_READ, IN_AT(LAST_PORT, 2))                       \
	X(in_across_end_4, VERR_OUT_OF_RANGE, PIO_READ, IN_AT(LAST_PORT - 2, 4))                   \
	X(in_port_zero, VERR_OUT_OF_RANGE, PIO_READ, IN_AT(0, 1))                                  \
	X(in_keyboard, VERR_OUT_OF_RANGE, PIO_READ, IN_AT(0x64, 1))                                \
	X(in_top_wraps, VERR_OUT_OF_RANGE, PIO_READ, IN_AT(0xffff, 4))                             \
	X(out_width_0, VERR_INVALID_PARAMETER, PIO_WRITE, OUT_AT(FIRST_PORT, 0))                   \
	X(out_width_3, VERR_INVALID_PARAMETER, PIO_WRITE, OUT_AT(FIRST_PORT, 3))                   \
	X(out_width_8, VERR_INVALID_PARAMETER, PIO_WRITE, OUT_AT(FIRST_PORT, 8))                   \
	X(out_before, VERR_OUT_OF_RANGE, PIO_WRITE, OUT_AT(FIRST_PORT - 1, 1))                     \
	X(out_after, VERR_OUT_OF_RANGE, PIO_WRITE, OUT_AT(LAST_PORT + 1, 1))                       \
	X(out_across_end_2, VERR_OUT_OF_RANGE, PIO_WRITE, OUT_AT(LAST_PORT, 2))                    \
	X(out_across_end_4, VERR_OUT_OF_RANGE, PIO_WRITE, OUT_AT(LAST_PORT - 2, 4))                \
	X(out_config_ports, VERR_OUT_OF_RANGE, PIO_WRITE, OUT_AT(0xcf8, 4))                        \
	X(out_top_wraps, VERR_OUT_OF_RANGE, PIO_WRITE, OUT_AT(0xffff, 4))

#define CONFIG_ROWS(X)                                                                             \
	X(config_read_width_0, VERR_INVALID_PARAMETER, PCICFG_READ, CFGR_AT(0, 0))                 \
	X(config_read_width_3, VERR_INVALID_PARAMETER, PCICFG_READ, CFGR_AT(0, 3))                 \
	X(config_read_width_8, VERR_INVALID_PARAMETER, PCICFG_READ, CFGR_AT(0, 8))                 \
	X(config_read_width_255, VERR_INVALID_PARAMETER, PCICFG_READ, CFGR_AT(0, 255))             \
	X(config_read_misaligned_2, VERR_UNSUPPORTED_ALIGNMENT, PCICFG_READ, CFGR_AT(1, 2))        \
	X(config_read_misaligned_4, VERR_UNSUPPORTED_ALIGNMENT, PCICFG_READ, CFGR_AT(2, 4))        \
	X(config_read_alignment_first, VERR_UNSUPPORTED_ALIGNMENT, PCICFG_READ,                    \
	  CFGR_AT(0xfffffffe, 4))                                                                  \
	X(config_read_beyond_1, VERR_OUT_OF_RANGE, PCICFG_READ, CFGR_AT(0x1000, 1))                \
	X(config_read_beyond_4, VERR_OUT_OF_RANGE, PCICFG_READ, CFGR_AT(0x1000, 4))                \
	X(config_read_wraps_1, VERR_OUT_OF_RANGE, PCICFG_READ, CFGR_AT(0xffffffff, 1))             \
	X(config_read_wraps_2, VERR_OUT_OF_RANGE, PCICFG_READ, CFGR_AT(0xfffffffe, 2))             \
	X(config_read_wraps_4, VERR_OUT_OF_RANGE, PCICFG_READ, CFGR_AT(0xfffffffc, 4))             \
	X(config_write_width_0, VERR_INVALID_PARAMETER, PCICFG_WRITE, CFGW_AT(4, 0))               \
	X(config_write_width_3, VERR_INVALID_PARAMETER, PCICFG_WRITE, CFGW_AT(4, 3))               \
	X(config_write_width_8, VERR_INVALID_PARAMETER, PCICFG_WRITE, CFGW_AT(0, 8))               \
	X(config_write_width_8_value, VERR_INVALID_PARAMETER, PCICFG_WRITE, CFGW_AT(0, 8);         \
	  CFGW.Value.u.u64 = UINT64_MAX)                                                           \
	X(config_write_misaligned_2, VERR_UNSUPPORTED_ALIGNMENT, PCICFG_WRITE, CFGW_AT(5, 2))      \
	X(config_write_misaligned_4, VERR_UNSUPPORTED_ALIGNMENT, PCICFG_WRITE, CFGW_AT(6, 4))      \
	X(config_write_beyond_1, VERR_OUT_OF_RANGE, PCICFG_WRITE, CFGW_AT(0x1000, 1))              \
	X(config_write_beyond_2, VERR_OUT_OF_RANGE, PCICFG_WRITE, CFGW_AT(0x1000, 2))              \
	X(config_write_wraps_1, VERR_OUT_OF_RANGE, PCICFG_WRITE, CFGW_AT(0xffffffff, 1))           \
	X(config_write_wraps_4, VERR_OUT_OF_RANGE, PCICFG_WRITE, CFGW_AT(0xfffffffc, 4))

MMIO_ROWS(REFUSAL)
PIO_ROWS(REFUSAL)
CONFIG_ROWS(REFUSAL)

/* A mapping need not be a multiple of the width: the access that leaves it is out of range. */
START_TEST(access_leaves_the_mapping)
{
	struct part part;
	uint64_t value;

	if (bench.direct < 0)
		return;
	DONE(bench_map(bench.direct, 0, 5, &part));
	DONE(bench_mmio_read(part.r0, 4, &value));
	REFUSED(VERR_OUT_OF_RANGE, bench_mmio_read((char *)part.r0 + 4, 4, &value));
	REFUSED(VERR_OUT_OF_RANGE, bench_mmio_read(part.r0, 8, &value));
	REFUSED(VERR_OUT_OF_RANGE, bench_mmio_write((char *)part.r0 + 4, 2, 0));
	REFUSED(VERR_INVALID_POINTER, bench_mmio_read((char *)part.r0 + 8, 4, &value));
}
END_TEST

/* A mapping of one device is nothing to another. */
START_TEST(address_of_another_device)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	uint64_t value;

	r.u.aOpenDevice.PciAddress = bench_pci(0, 4, 0);
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
	DONE(bench_config_write(4, 2, 3));
	REFUSED(VERR_INVALID_POINTER, bench_mmio_read(bench.map.r0, 4, &value));
	REFUSED(VERR_INVALID_POINTER, bench_mmio_write(bench.map.r0, 4, 0));
}
END_TEST

/* With decoding off there is a status, and no signal, however the memory is reached. */
START_TEST(memory_decoding_off)
{
	struct part trapped, wide;
	uint64_t value;

	if (bench.direct < 0)
		return;
	if (bench.fake) {
		DONE(bench_map(TRAPPED, 0, PAGE, &trapped));
		DONE(bench_map(WIDE, 0, 2 * PAGE, &wide));
	}
	DONE(bench_config_write(4, 2, 1));
	REFUSED(VERR_INVALID_STATE, bench_mmio_read(bench.map.r0, 4, &value));
	REFUSED(VERR_INVALID_STATE, bench_mmio_write(bench.map.r0, 4, 0));
	if (bench.fake) {
		REFUSED(VERR_INVALID_STATE, bench_mmio_read(trapped.r0, 4, &value));
		REFUSED(VERR_INVALID_STATE, bench_mmio_write(trapped.r0, 4, 0));
		REFUSED(VERR_INVALID_STATE, bench_mmio_read(wide.r0, 4, &value));
		REFUSED(VERR_INVALID_STATE, bench_mmio_read((char *)wide.r0 + PAGE, 4, &value));
		ck_assert_uint_eq(atomic_load(&seen.reads) + atomic_load(&seen.writes), 0);
	}
	/* What is wrong with the request itself comes first. */
	REFUSED(VERR_UNSUPPORTED_ALIGNMENT, bench_mmio_read(AT(1), 4, &value));
	DONE(bench_config_write(4, 1, 3));
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
}
END_TEST

START_TEST(port_decoding_off)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_PIO_READ);

	if (bench.ports < 0)
		return;
	DONE(bench_config_write(4, 2, 2));
	IN_AT(FIRST_PORT, 4);
	REFUSED(VERR_INVALID_STATE, bench_ask(&r));
	ck_assert_uint_eq(IN.iValue, 0x55667788);
	ck_assert_uint_eq(atomic_load(&seen.reads), 0);
}
END_TEST

void add_access(Suite *suite)
{
	TCase *tcase = tcase_create("access");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	MMIO_ROWS(ADD_ROW)
	PIO_ROWS(ADD_ROW)
	CONFIG_ROWS(ADD_ROW)
	tcase_add_test(tcase, access_leaves_the_mapping);
	tcase_add_test(tcase, memory_decoding_off);
	tcase_add_test(tcase, port_decoding_off);
	if (bench.fake)
		tcase_add_test(tcase, address_of_another_device);
	suite_add_tcase(suite, tcase);
}
