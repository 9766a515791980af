/* SPDX-License-Identifier: MIT */
/*
 * What the contract cases share: one context, session and device under test, and the way a refusal
 * is checked. A case runs in a process of its own, so the bench is one global.
 */
#ifndef RAWPCI_TESTS_BENCH_H
#define RAWPCI_TESTS_BENCH_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rawpci/abi.h>
#include <rawpci/backend.h>
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#include "harness.h"

#define PAGE 0x1000u

/* The fake device under test; a real one has some of these, wherever they are. */
#define DIRECT 0  /* memory that can be mapped, 64 KiB */
#define TRAPPED 1 /* memory that cannot, 8 KiB; goes to the model below */
#define WIDE 2    /* 64 bits, prefetchable, 1 MiB; its first page has the MSI-X table */
#define UPPER 3
#define PORTS 4 /* 32 ports; go to the model */
#define ABSENT 5
#define ROM 6
#define VECTORS 8 /* MSI-X */

struct part {
	uint64_t start, size;
	int32_t region;
	void *r3, *r0;
};

struct bench {
	const char *backend;
	const char *address;
	uint32_t pci; /* the address as the ABI has it */
	bool fake;

	struct rawpci_options options; /* a case may change them before bench_start() */
	struct rawpci *ctx;
	PRAWPCIFACTORY factory;
	RAWPCIVM vm;
	PSUPDRVSESSION session;
	PCIRAWDEVHANDLE handle;
	PRAWPCIDEVPORT port;
	struct rawpci_device *dev;
	struct rawpci_fake *rig;
	PCIRAWREQGETREGIONINFO regions[RAWPCI_REGIONS];
	int direct, ports; /* regions; -1: it has none */
	struct part map;   /* the first page of the direct region */

	unsigned fds;         /* when the case began */
	atomic_uint lines[4]; /* of the log, by level */
	char last[512];
};

extern struct bench bench;

/* What the model saw. */
struct seen {
	atomic_uint reads, writes, resets;
	unsigned region, width;
	uint64_t offset, value;
	uint64_t answer; /* what a read gets */
};

extern struct seen seen;

/* Fixtures. The first has everything but an open device; the second opens it, with decoding on and
 * the direct region's first page mapped. Teardown ends all of it and looks for leaks. */
void bench_start(void);
void bench_open(void);
void bench_end(void);

PCIRAWSENDREQ bench_request(PCIRAWR0OPERATION operation);
int bench_ask(PPCIRAWSENDREQ request);
int bench_power(PCIRAWPOWERSTATE state);
int bench_close(void);
/* Opens the device under test without anything else. */
int bench_reopen(void);
int bench_map(int region, uint64_t offset, uint64_t size, struct part *part);
int bench_unmap(const struct part *part);
int bench_register(FNRAWPCIISR *handler, void *context, int32_t *irq);
int bench_unregister(int32_t irq);
int bench_mmio_read(const void *address, unsigned width, uint64_t *value);
int bench_mmio_write(void *address, unsigned width, uint64_t value);
int bench_config_read(uint32_t offset, unsigned width, uint64_t *value);
int bench_config_write(uint32_t offset, unsigned width, uint64_t value);
int bench_memory(void *host, uint64_t guest, uint64_t size, PCIRAWMEMINFOACTION action);
unsigned bench_errors(void);
/* Lines at ERROR and at WARNING, where failures that a guest can cause are. */
unsigned bench_failures(void);
uint32_t bench_pci(unsigned bus, unsigned device, unsigned function);

/* The log callback of bench.ctx. It fails the case on a message that is not one line. */
void bench_log(void *opaque, enum rawpci_log_level level, const char *message);
/* Has the log had this sentence, whatever its numbers? */
bool bench_said(const char *sentence);
/* Copies a sentence without its numbers. */
void bench_shape(const char *sentence, char *shape);

/* Waits until *counter is at least n; fails the case after a generous while. */
void bench_wait(atomic_uint *counter, unsigned n);
/* Lets other threads run for a moment. */
void bench_pause(void);

/* What must be as it was after a refusal. */
struct snapshot {
	unsigned errors, fds; /* errors: bench_failures() */
	bool readable;
	uint8_t config[256];
	int status; /* of a read through the live mapping */
	uint64_t value;
};

void bench_look(struct snapshot *snapshot);
void bench_refused(const struct snapshot *before, int want, int got, const char *what);

/* The call returns want, says one sentence, and changes nothing. */
#define REFUSED(want, call)                                                                        \
	do {                                                                                       \
		struct snapshot before_;                                                           \
		bench_look(&before_);                                                              \
		bench_refused(&before_, (want), (call), #call);                                    \
	} while (0)

#define DONE(call) ck_assert_int_eq((call), VINF_SUCCESS)

/* One case a row: a good request, what is wrong with it, and the status it gets. The last part may
 * set at (the request's address) and session. */
#define REFUSAL(name, want, operation, ...)                                                        \
	START_TEST(name)                                                                           \
	{                                                                                          \
		PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_##operation), same;                    \
		PSUPDRVSESSION session = bench.session;                                            \
		PPCIRAWSENDREQ at = &r;                                                            \
                                                                                                   \
		{                                                                                  \
			__VA_ARGS__;                                                               \
		}                                                                                  \
		same = r;                                                                          \
		REFUSED(want, rawpci_request(session, at));                                        \
		ck_assert_mem_eq(&r, &same, sizeof(r));                                            \
	}                                                                                          \
	END_TEST

#define ADD_ROW(name, ...) tcase_add_test(tcase, name);

/* The groups of cases. */
void add_door(Suite *suite);
void add_handles(Suite *suite);
void add_regions(Suite *suite);
void add_access(Suite *suite);
void add_exact(Suite *suite);
void add_direct(Suite *suite);
void add_power(Suite *suite);
void add_gone(Suite *suite);
void add_ports(Suite *suite);
void add_port_life(Suite *suite);
void add_memory(Suite *suite);
void add_dma(Suite *suite);
void add_irqs(Suite *suite);
void add_irq_ends(Suite *suite);
void add_callbacks(Suite *suite);
void add_codes(Suite *suite);
void add_contexts(Suite *suite);
void add_backends(Suite *suite);
void add_power_failures(Suite *suite);
void add_concurrency(Suite *suite);
void add_handlers(Suite *suite);
void add_flood(Suite *suite);

#endif
