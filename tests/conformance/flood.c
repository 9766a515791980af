/* SPDX-License-Identifier: MIT */
/*
 * A guest can cause some messages as often as it likes. The library logs such a message once, then
 * counts it. FLOOD refusals of a kind leave at most LINES lines, none of them an error of the host's.
 * The last line of each kind has the exact number.
 */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLOOD 10003u
#define LINES 6u
#else
#define FLOOD 100003u
#define LINES 7u /* the first, five powers of ten, and the sum at the end */
#endif
#define KINDS 8u
#define EDGE 0xf0u /* where the mapping of 4 KiB has nothing to do with it */

static struct {
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	struct rawpci_vm *vm;
	struct rawpci_device *dev;
	char *map;
	atomic_uint lines[4], failed;
	struct kind {
		char shape[512];
		unsigned long long count;
		unsigned lines;
	} kinds[KINDS];
	unsigned kind_count;
	pthread_mutex_t lock;
} flood = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A line is "NAME: SENTENCE", "NAME: N times so far: SENTENCE" or "NAME: N times in all: SENTENCE".
 * Some have no name. */
static void tell(const char *line)
{
	static const char name[] = "0000:00:06.0: ";
	unsigned long long count = 1;
	const char *sentence = line;
	char shape[512], when[8];
	unsigned i = 0;
	int end = 0;

	if (strncmp(sentence, name, strlen(name)) == 0)
		sentence += strlen(name);
	if (sscanf(sentence, "%llu times %7[a-z ]: %n", &count, when, &end) == 2 && end > 0)
		sentence += end;
	else
		count = 1;
	bench_shape(sentence, shape);
	while (i < flood.kind_count && strcmp(flood.kinds[i].shape, shape) != 0)
		i++;
	ck_assert_uint_lt(i, KINDS);
	if (i == flood.kind_count)
		(void)strcpy(flood.kinds[flood.kind_count++].shape, shape);
	if (count > flood.kinds[i].count)
		flood.kinds[i].count = count;
	flood.kinds[i].lines++;
}

static void on_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	atomic_fetch_add(&flood.lines[level], 1);
	if (level != RAWPCI_LOG_WARNING || strstr(message, "does not answer any more"))
		return;
	(void)pthread_mutex_lock(&flood.lock);
	tell(message);
	(void)pthread_mutex_unlock(&flood.lock);
}

static void setup(void)
{
	static const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 0x1af4,
		.bars = { [DIRECT] = { .size = 0x10000 },
			  [TRAPPED] = { .size = 2 * PAGE, .trapped = true },
			  [PORTS] = { .size = 32, .flags = RAWPCI_REGION_IO, .trapped = true } },
		.intx = true,
		.pm = true,
	};
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.log = on_log,
		.log_level = RAWPCI_LOG_INFO,
	};
	struct rawpci_mapping mapping;

	ck_assert_int_eq(rawpci_create(&options, &flood.ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(flood.ctx, &config, &flood.fake), 0);
	ck_assert_int_eq(rawpci_vm_create(flood.ctx, &flood.vm), 0);
	ck_assert_int_eq(rawpci_device_open(flood.ctx, flood.vm, "00:06.0", 0, &flood.dev), 0);
	ck_assert_int_eq(rawpci_config_write(flood.dev, 4, 2, 3), 0);
	ck_assert_int_eq(rawpci_region_map(flood.dev, DIRECT, 0, PAGE, &mapping), 0);
	flood.map = mapping.base;
}

/* Closes, and compares what was told with what happened. */
static void settle(unsigned kinds)
{
	unsigned long long sum = 0;

	ck_assert_int_eq(rawpci_device_close(flood.dev), 0);
	ck_assert_int_eq(rawpci_vm_destroy(flood.vm), 0);
	ck_assert_int_eq(rawpci_destroy(flood.ctx), 0);
	ck_assert_uint_eq(atomic_load(&flood.lines[RAWPCI_LOG_ERROR]), 0);
	ck_assert_uint_eq(flood.kind_count, kinds);
	for (unsigned i = 0; i < flood.kind_count; i++) {
		ck_assert_msg(flood.kinds[i].lines <= LINES, "%u lines of \"%s\"",
			      flood.kinds[i].lines, flood.kinds[i].shape);
		sum += flood.kinds[i].count;
	}
	ck_assert_uint_eq(sum, atomic_load(&flood.failed));
}

static uint64_t word;
static uint32_t dword;

/* The native door: each row is refused, with other numbers each time. */
#define NATIVE_ROWS(X)                                                                             \
	X(rawpci_mmio_read(flood.dev, flood.map, 9 + i, &word))                                    \
	X(rawpci_mmio_read(flood.dev, flood.map + 1 + 4 * (i % EDGE), 4, &word))                   \
	X(rawpci_mmio_write(flood.dev, flood.map + 2 * PAGE + 4 * i, 4, i))                        \
	X(rawpci_mmio_read(flood.dev, NULL, 4, &word))                                             \
	X(rawpci_mmio_write(flood.dev, NULL, 4, i))                                                \
	X(rawpci_mmio_read(flood.dev, flood.map, 4, NULL))                                         \
	X(rawpci_region_read(flood.dev, DIRECT, 0, 9 + i, &word))                                  \
	X(rawpci_region_read(flood.dev, DIRECT, 4 * i + 2, 4, &word))                              \
	X(rawpci_region_write(flood.dev, TRAPPED, 0x4000 + 4 * i, 4, i))                           \
	X(rawpci_region_write(flood.dev, PORTS, 32 + i, 1, i))                                     \
	X(rawpci_region_read(flood.dev, PORTS, i, 9 + i, &word))                                   \
	X(rawpci_region_read(flood.dev, 7 + i, 0, 4, &word))                                       \
	X(rawpci_config_read(flood.dev, 0, 9 + i, &dword))                                         \
	X(rawpci_config_read(flood.dev, 4 * i + 1, 2, &dword))                                     \
	X(rawpci_config_read(flood.dev, 0x1000 + 4 * i, 4, &dword))                                \
	X(rawpci_config_write(flood.dev, 4, 1, 0x100 + i))                                         \
	X(rawpci_config_write(flood.dev, 0x1000 + 4 * i, 4, i))                                    \
	X(rawpci_region_map(flood.dev, DIRECT, 1 + i % EDGE, PAGE, &(struct rawpci_mapping){ 0 })) \
	X(rawpci_region_map(flood.dev, DIRECT, (uint64_t)PAGE *(32 + i), PAGE,                     \
			    &(struct rawpci_mapping){ 0 }))                                        \
	X(rawpci_region_unmap(flood.dev, flood.map + PAGE * (1 + i)))                              \
	X(rawpci_irq_detach(flood.dev, (int32_t)i + 1))                                            \
	X(rawpci_irq_route(flood.dev, RAWPCI_IRQ_INTX, 1 + i, 1, &(int){ -1 }))                    \
	X(rawpci_device_power(flood.dev, (enum rawpci_power)(100 + i)))                            \
	X(rawpci_device_power(flood.dev, RAWPCI_POWER_RESUME))                                     \
	X(rawpci_memory_map(flood.vm, 1 + 2 * i, flood.map, PAGE))                                 \
	X(rawpci_memory_unmap(flood.vm, (uint64_t)PAGE *i, PAGE))

#define NATIVE_CASE(call)                                                                          \
	case __COUNTER__ - FIRST:                                                                  \
		return call;

enum { FIRST = __COUNTER__ + 1 };

static int native(unsigned row, unsigned i)
{
	switch (row) {
		NATIVE_ROWS(NATIVE_CASE)
	default:
		return 1;
	}
}

enum { NATIVES = __COUNTER__ - FIRST };

static void refuse(int (*what)(unsigned row, unsigned i), unsigned row, unsigned n)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < n; i++)
		wrong += what(row, i) >= 0 || rawpci_last_error()[0] == '\0';
	ck_assert_uint_eq(wrong, 0);
	atomic_fetch_add(&flood.failed, n);
}

START_TEST(by_the_native_door)
{
	refuse(native, (unsigned)_i, FLOOD);
	settle(1);
}
END_TEST

/* Requests: what is wrong with each is in its row. */
static PSUPDRVSESSION session;
static PCIRAWDEVHANDLE handle;

#define REQUEST_ROWS(X)                                                                            \
	X(MMIO_READ, r.u.aMmioRead.Address = flood.map; r.u.aMmioRead.Value.cb = 3)                \
	X(MMIO_READ, r.u.aMmioRead.Address = flood.map + 1 + 4 * (i % EDGE);                       \
	  r.u.aMmioRead.Value.cb = 4)                                                              \
	X(MMIO_WRITE, r.u.aMmioWrite.Address = (void *)(uintptr_t)(8 + 8 * (uintptr_t)i);          \
	  r.u.aMmioWrite.Value.cb = 8)                                                             \
	X(PIO_READ, r.u.aPioRead.iPort = (uint16_t)(i % 0x100); r.u.aPioRead.cb = 1)               \
	X(PIO_WRITE, r.u.aPioWrite.cb = (uint16_t)(5 + i % 0x1000))                                \
	X(PCICFG_READ, r.u.aPciCfgRead.iOffset = 0x1000 + 4 * i; r.u.aPciCfgRead.Value.cb = 4)     \
	X(PCICFG_WRITE, r.u.aPciCfgWrite.iOffset = 4 * i + 1; r.u.aPciCfgWrite.Value.cb = 2)       \
	X(GET_REGION_INFO, r.u.aGetRegionInfo.iRegion = (int32_t)(7 + i))                          \
	X(MAP_REGION, r.u.aMapRegion.iRegion = (int32_t)(7 + i))                                   \
	X(UNMAP_REGION, r.u.aUnmapRegion.pvAddressR0 = flood.map + 8 + i)                          \
	X(REGISTER_R0_IRQ_HANDLER, r.u.aRegisterR0IrqHandler.iGuestIrq = (int32_t)i)               \
	X(UNREGISTER_R0_IRQ_HANDLER, r.u.aUnregisterR0IrqHandler.iHostIrq = (int32_t)(1 + i))      \
	X(POWER_STATE_CHANGE, r.u.aPowerStateChange.iState = 100 + i)                              \
	X(CLOSE_DEVICE, r.u.aCloseDevice.fFlags = 1 + i)                                           \
	X(PCICFG_READ, r.TargetDevice += 0x100 * (1 + i))                                          \
	X(MMIO_READ, r.TargetDevice += 0x100 * (1 + i))                                            \
	X(MMIO_READ, r.TargetDevice = 200)                                                         \
	X(MMIO_READ, r.Hdr.cbReq = 1 + i % 16)                                                     \
	X(MMIO_READ, r.Hdr.u32Magic = i)                                                           \
	X(MMIO_READ, r.iRequest = (int32_t)(1000 + i))

#define REQUEST_CASE(operation, ...)                                                               \
	case __COUNTER__ - FIRST - NATIVES - 1:                                                    \
		r.iRequest = PCIRAWR0_DO_##operation;                                              \
		__VA_ARGS__;                                                                       \
		break;

static int request(unsigned row, unsigned i)
{
	PCIRAWSENDREQ r = { .Hdr = { SUPVMMR0REQHDR_MAGIC, sizeof(r) }, .TargetDevice = handle };

	switch (row) {
		REQUEST_ROWS(REQUEST_CASE)
	default:
		return 1;
	}
	return rawpci_request(session, &r);
}

enum { REQUESTS = __COUNTER__ - FIRST - NATIVES - 1 };

START_TEST(by_requests)
{
	PCIRAWSENDREQ r = { .Hdr = { SUPVMMR0REQHDR_MAGIC, sizeof(r) } };
	PRAWPCIDEVPORT port;

	ck_assert_int_eq(rawpci_device_close(flood.dev), 0);
	DONE(rawpci_session_create(flood.ctx, NULL, &session));
	r.iRequest = PCIRAWR0_DO_OPEN_DEVICE;
	r.u.aOpenDevice.PciAddress = 6 << 3;
	DONE(rawpci_request(session, &r));
	handle = r.u.aOpenDevice.Device;
	DONE(rawpci_session_port(session, handle, &port));
	ck_assert_int_eq(rawpci_config_write(rawpci_port_device(port), 4, 2, 3), 0);
	flood.dev = NULL;
	refuse(request, (unsigned)_i, FLOOD);
	DONE(rawpci_session_destroy(session));
	settle(1);
}
END_TEST

/* States of the device, failures of the backend: by a read of each kind. */
static int access_of(unsigned row, unsigned i)
{
	switch (row % 4) {
	case 0:
		return rawpci_mmio_read(flood.dev, flood.map + 4 * (i % EDGE), 4, &word);
	case 1:
		return rawpci_region_read(flood.dev, TRAPPED, 4 * (i % EDGE), 4, &word);
	case 2:
		return rawpci_region_write(flood.dev, PORTS, i % 32, 1, 0);
	default:
		return rawpci_config_read(flood.dev, 4 * (i % 16), 4, &dword);
	}
}

START_TEST(while_it_decodes_nothing)
{
	ck_assert_int_eq(rawpci_config_write(flood.dev, 4, 2, 0), 0);
	refuse(access_of, (unsigned)_i, FLOOD);
	settle(1);
}
END_TEST

START_TEST(while_it_sleeps)
{
	ck_assert_int_eq(rawpci_device_power(flood.dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_device_power(flood.dev, RAWPCI_POWER_SUSPEND), 0);
	refuse(access_of, (unsigned)_i, FLOOD);
	settle(1);
}
END_TEST

START_TEST(when_it_is_gone)
{
	ck_assert_int_eq(rawpci_fake_unplug(flood.fake), 0);
	refuse(access_of, (unsigned)_i, FLOOD);
	settle(1);
}
END_TEST

START_TEST(where_the_backend_fails)
{
	static const enum rawpci_fake_point points[] = {
		RAWPCI_FAKE_REGION_READ,
		RAWPCI_FAKE_REGION_WRITE,
		RAWPCI_FAKE_CFG_READ,
	};

	ck_assert_int_eq(rawpci_fake_fail(flood.ctx, points[_i], 0, UINT32_MAX, -EIO), 0);
	refuse(access_of, 1 + (unsigned)_i, FLOOD);
	ck_assert_int_eq(rawpci_fake_fail(flood.ctx, points[_i], 0, 0, 0), 0);
	settle(1);
}
END_TEST

/* Two of a guest's processors, with two kinds each. */
static void *flood_with(void *opaque)
{
	unsigned *row = opaque;

	refuse(native, 0, FLOOD / 2);
	refuse(native, *row, FLOOD / 2);
	return NULL;
}

START_TEST(from_two_threads)
{
	unsigned rows[2] = { 8, 14 };
	pthread_t threads[2];

	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, flood_with, &rows[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	settle(3);
}
END_TEST

/* One line of each kind is there in full, whatever the other kinds did. */
START_TEST(kinds_do_not_hide_each_other)
{
	refuse(native, 0, 1000);
	refuse(native, 8, 1);
	ck_assert_uint_eq(flood.kinds[1].count, 1);
	ck_assert_ptr_nonnull(strstr(flood.kinds[1].shape, "are not inside region"));
	settle(2);
}
END_TEST

void add_flood(Suite *suite)
{
	TCase *tcase = tcase_create("flood");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, by_the_native_door, 0, NATIVES);
	tcase_add_loop_test(tcase, by_requests, 0, REQUESTS);
	tcase_add_loop_test(tcase, while_it_decodes_nothing, 0, 3);
	tcase_add_loop_test(tcase, while_it_sleeps, 0, 4);
	tcase_add_loop_test(tcase, when_it_is_gone, 0, 2);
	tcase_add_loop_test(tcase, where_the_backend_fails, 0, 3);
	tcase_add_test(tcase, from_two_threads);
	tcase_add_test(tcase, kinds_do_not_hide_each_other);
	suite_add_tcase(suite, tcase);
}
