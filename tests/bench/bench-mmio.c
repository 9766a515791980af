/* SPDX-License-Identifier: MIT */
/*
 * What an MMIO read costs on a mapped BAR: the whole request path, and the native call, beside a
 * plain volatile load. Instructions are counted by single-stepping a child, so the figure is exact
 * and the same on every run; times are of this machine, with one thread and with two on one device.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rawpci/abi.h>
#include <rawpci/context.h>
#include <rawpci/fake.h>

#define BAR_SIZE 0x10000
#define ROUNDS 5000000u

struct bench {
	struct rawpci *ctx;
	PSUPDRVSESSION session;
	PCIRAWSENDREQ request; /* an MMIO read, ready to go */
	struct rawpci_device *dev;
	volatile uint32_t *reg;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench-mmio: %s: %s\n", what, rawpci_last_error());
	exit(1);
}

static int send(struct bench *b, PCIRAWSENDREQ *request, PCIRAWR0OPERATION operation)
{
	request->Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	request->Hdr.cbReq = sizeof(*request);
	request->iRequest = (int32_t)operation;
	return rawpci_request(b->session, request);
}

static void prepare(struct bench *b)
{
	struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "00:05.0",
		.vendor_id = 0x1234,
		.device_id = 1,
		.bars = { { .size = BAR_SIZE } },
	};
	PCIRAWSENDREQ request;
	PRAWPCIDEVPORT port = NULL;
	uint64_t start;

	memset(&request, 0, sizeof(request));
	if (rawpci_create(&options, &b->ctx) < 0 || rawpci_fake_add(b->ctx, &config, NULL) < 0 ||
	    rawpci_session_create(b->ctx, NULL, &b->session) < 0)
		fail("setup");
	request.u.aOpenDevice.PciAddress = 5 << 3;
	if (send(b, &request, PCIRAWR0_DO_OPEN_DEVICE) < 0)
		fail("open");
	request.TargetDevice = request.u.aOpenDevice.Device;
	memset(&request.u, 0, sizeof(request.u));
	if (send(b, &request, PCIRAWR0_DO_GET_REGION_INFO) < 0)
		fail("region info");
	start = request.u.aGetRegionInfo.RegionStart;
	memset(&request.u, 0, sizeof(request.u));
	request.u.aPowerStateChange.iState = PCIRAW_POWER_ON;
	if (send(b, &request, PCIRAWR0_DO_POWER_STATE_CHANGE) < 0)
		fail("power on");
	memset(&request.u, 0, sizeof(request.u));
	request.u.aMapRegion.StartAddress = start;
	request.u.aMapRegion.iRegionSize = BAR_SIZE;
	if (send(b, &request, PCIRAWR0_DO_MAP_REGION) < 0 || !request.u.aMapRegion.pvAddressR3)
		fail("map");
	b->reg = request.u.aMapRegion.pvAddressR3;
	memset(&request.u, 0, sizeof(request.u));
	request.u.aMmioRead.Address = (void *)(uintptr_t)b->reg;
	request.u.aMmioRead.Value.cb = 4;
	b->request = request;
	if (send(b, &b->request, PCIRAWR0_DO_MMIO_READ) < 0 ||
	    rawpci_session_port(b->session, request.TargetDevice, &port) < 0)
		fail("read");
	b->dev = rawpci_port_device(port);
}

static void nothing(struct bench *b)
{
	(void)b;
}

static void plain(struct bench *b)
{
	(void)*b->reg;
}

static void native(struct bench *b)
{
	uint64_t value;

	(void)rawpci_mmio_read(b->dev, (const void *)(uintptr_t)b->reg, 4, &value);
}

static void request(struct bench *b)
{
	(void)rawpci_request(b->session, &b->request);
}

/* Steps of a child between its two stops, the call through a pointer among them. The child makes
 * its own device, because BAR mappings are not inherited. */
static long instructions(void (*volatile work)(struct bench *b))
{
	pid_t child = fork();
	long steps = 0;
	int status;

	if (child == 0) {
		struct bench b;

		memset(&b, 0, sizeof(b));
		prepare(&b);
		work(&b);
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		work(&b);
		(void)raise(SIGUSR1);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return -1;
	while (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0 &&
	       waitpid(child, &status, 0) == child && WIFSTOPPED(status) &&
	       WSTOPSIG(status) == SIGTRAP)
		steps++;
	(void)kill(child, SIGKILL);
	(void)waitpid(child, &status, 0);
	return steps;
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static atomic_uint ready;

static void *rounds(void *opaque)
{
	struct bench b = *(struct bench *)opaque;

	atomic_fetch_sub(&ready, 1);
	while (atomic_load(&ready) > 0)
		;
	for (unsigned i = 0; i < ROUNDS; i++)
		request(&b);
	return NULL;
}

/* Reads per microsecond of n threads together. */
static double rate(struct bench *b, unsigned n)
{
	pthread_t threads[2];
	double start;

	atomic_store(&ready, n);
	start = now();
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, rounds, b) != 0)
			fail("thread");
	for (unsigned i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	return 1e3 * n * ROUNDS / (now() - start);
}

int main(void)
{
	struct bench b;
	long base, load, call, whole;
	double one, two;

	memset(&b, 0, sizeof(b));
	base = instructions(nothing);
	load = instructions(plain) - base;
	call = instructions(native) - base;
	whole = instructions(request) - base;
	printf("MMIO read of 4 bytes on a mapped BAR\n");
	printf("  %-34s %4ld instructions\n", "plain volatile load", load);
	printf("  %-34s %4ld instructions, %ld more\n", "rawpci_mmio_read()", call, call - load);
	printf("  %-34s %4ld instructions, %ld more\n", "rawpci_request()", whole, whole - load);
	prepare(&b);
	one = rate(&b, 1);
	two = rate(&b, 2);
	printf("  %-34s %.1f a microsecond\n", "rawpci_request(), one thread", one);
	printf("  %-34s %.1f a microsecond, %.2f times one\n", "two threads on one device", two,
	       two / one);
	(void)rawpci_session_destroy(b.session);
	return rawpci_destroy(b.ctx) == 0 ? 0 : 1;
}
