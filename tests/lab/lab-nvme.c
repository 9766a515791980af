/* SPDX-License-Identifier: MIT */
/* Topics on an NVMe controller (NVM Express Base Specification, section 3.1.3: its registers). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lab.h"

#define PAGE 4096u
#define NODE "/dev/nvme0n1"

enum {
	CAP = 0x00,
	VS = 0x08,
	CC = 0x14,
	CSTS = 0x1c,
	AQA = 0x24,
	ASQ = 0x28,
	ACQ = 0x30,
	DOORBELLS = 0x1000,
	QUEUE_ENTRIES = 16,
	IDENTIFY = 0x06,
	MSIX = 0x11,
};

static void msix_table(struct lab *lab, unsigned bar, uint64_t offset)
{
	struct rawpci_region_info info;
	bool mapped = false, overlap = false;
	uint64_t value = 0;
	int ret = rawpci_region_info(lab->dev, bar, sizeof(info), &info);

	for (unsigned i = 0; ret == 0 && i < info.area_count; i++) {
		uint64_t start = info.areas[i].offset, end = start + info.areas[i].size;

		printf("# mapped: 0x%llx to 0x%llx\n", (unsigned long long)start,
		       (unsigned long long)end);
		mapped |= start == 0;
		overlap |= start < offset + PAGE && offset < end;
	}
	check(mapped && !overlap, "registers are mapped, the MSI-X table at 0x%llx is not",
	      (unsigned long long)offset);
	ret = rawpci_mmio_read(lab->dev, (uint8_t *)lab->bar.base + offset, 4, &value);
	check(ret == 0, "a request for the table: %d, 0x%08llx", ret, (unsigned long long)value);
	ret = rawpci_mmio_read(lab->dev, (uint8_t *)lab->bar.base + offset, 8, &value);
	check(ret == 0 || ret == -EOPNOTSUPP, "one of 8 bytes: %d", ret);
}

void nvme_regions(const char *bdf)
{
	struct rawpci_region_info info;
	uint32_t cap, table = 0;
	uint64_t whole = 0;
	struct lab lab = { 0 };
	int ret;

	if (lab_open(&lab, bdf, true)) {
		ret = rawpci_region_info(lab.dev, 0, sizeof(info), &info);
		check(ret == 0 && info.flags & RAWPCI_REGION_64BIT, "BAR 0: flags 0x%x",
		      info.flags);
		ret = rawpci_region_info(lab.dev, 1, sizeof(info), &info);
		check(ret == 0 && !info.present && info.size == 0, "BAR 1 is its upper half");
		check(lab_read(&lab, VS) >> 16 == 1, "NVMe version 0x%08x", lab_read(&lab, VS));
		ret = rawpci_mmio_read(lab.dev, lab.bar.base, 8, &whole);
		check(ret == 0 && (uint32_t)whole == lab_read(&lab, CAP) &&
			      whole >> 32 == lab_read(&lab, CAP + 4),
		      "CAP in 8 bytes: %d, 0x%016llx", ret, (unsigned long long)whole);
		check(*(volatile uint64_t *)lab.bar.cpu == whole, "and by a load");
		cap = lab_capability(&lab, MSIX);
		ret = rawpci_config_read(lab.dev, cap + 4, 4, &table);
		if (check(cap && ret == 0 && (table & 7) == 0, "MSI-X: 0x%08x", table))
			msix_table(&lab, table & 7, table & ~7u);
	}
	lab_close(&lab);
}

/* Two queues and a data page, at guest addresses 0, 1 and 2 pages. */
struct queues {
	uint8_t *ram;
	unsigned tail, head;
	unsigned phase;
};

static bool wait_ready(struct lab *lab, uint32_t ready)
{
	for (int i = 0; i < 1000; i++) {
		if ((lab_read(lab, CSTS) & 1) == ready)
			return true;
		sleep_ms(10);
	}
	return false;
}

static bool start_controller(struct lab *lab, struct queues *q)
{
	memset(q->ram, 0, 3 * PAGE);
	q->tail = 0;
	q->head = 0;
	q->phase = 1;
	lab_write(lab, CC, 0);
	if (!wait_ready(lab, 0))
		return false;
	lab_write(lab, AQA, (QUEUE_ENTRIES - 1) << 16 | (QUEUE_ENTRIES - 1));
	lab_write(lab, ASQ, 0);
	lab_write(lab, ASQ + 4, 0);
	lab_write(lab, ACQ, PAGE);
	lab_write(lab, ACQ + 4, 0);
	lab_write(lab, CC, 6 << 16 | 4 << 20 | 1); /* entries of 64 and 16 bytes; enable */
	return wait_ready(lab, 1);
}

/* Asks the controller who it is. */
static void ask(struct lab *lab, struct queues *q)
{
	uint32_t command[16] = { [0] = IDENTIFY, [6] = 2 * PAGE, [10] = 1 /* the controller */ };

	memset(q->ram + 2 * PAGE, 0, PAGE);
	memcpy(q->ram + 64 * q->tail, command, sizeof(command));
	q->tail = (q->tail + 1) % QUEUE_ENTRIES;
	lab_write(lab, DOORBELLS, q->tail);
}

static bool is_answered(const struct queues *q)
{
	const volatile uint32_t *answer = (const volatile uint32_t *)(const void *)(q->ram + PAGE +
										    16 * q->head);

	return (answer[3] >> 16) == q->phase; /* phase bit set as expected, status 0 */
}

static bool take_answer(struct lab *lab, struct queues *q)
{
	if (!is_answered(q))
		return false;
	q->head = (q->head + 1) % QUEUE_ENTRIES;
	q->phase ^= q->head == 0;
	lab_write(lab, DOORBELLS + 4, q->head);
	return memcmp(q->ram + 2 * PAGE + 4, "x ", 2) == 0; /* the serial number */
}

/* Waits for vector 0, and looks for the answer in memory. */
static bool identify(struct lab *lab, struct queues *q)
{
	ask(lab, q);
	return lab_wait(lab) && take_answer(lab, q);
}

static bool identify_often(struct lab *lab, struct queues *q, int n)
{
	while (n > 0 && identify(lab, q))
		n--;
	return n == 0;
}

static void vector_zero(void *opaque, int32_t irq)
{
	struct lab *lab = opaque;

	(void)irq;
	sem_post(&lab->arrived);
}

static void no_vector(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

static void take_vectors(struct lab *lab)
{
	int n = rawpci_irq_count(lab->dev, RAWPCI_IRQ_MSIX), got = 1;

	check(n > 32, "%d MSI-X vectors", n);
	while (got <= n && rawpci_irq_attach(lab->dev, no_vector, lab, got) >= 1)
		got++;
	check(got == n, "%d of them have a handler; then: %s", got, rawpci_last_error());
	while (sem_trywait(&lab->arrived) == 0)
		; /* calls without cause, while vectors were added */
}

void nvme_commands(const char *bdf)
{
	struct rawpci_device_info info;
	struct queues q = { .ram = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
	struct lab lab = { 0 };
	int ret;

	if (q.ram != MAP_FAILED && lab_open(&lab, bdf, true)) {
		ret = rawpci_memory_map(lab.vm, 0, q.ram, 3 * PAGE);
		check(ret == 0, "queues announced: %d", ret);
		ret = rawpci_irq_attach(lab.dev, vector_zero, &lab, 0);
		check(ret >= 1, "handler attached: %d", ret);
		check(start_controller(&lab, &q), "controller ready: 0x%08x", lab_read(&lab, CSTS));
		check(identify_often(&lab, &q, 40), "40 commands, each with its interrupt");
		take_vectors(&lab);
		check(identify_often(&lab, &q, 40), "40 more, with all vectors in use");
		ret = rawpci_device_info(lab.dev, sizeof(info), &info);
		check(ret == 0 && info.can_reset, "it can be reset");
		ret = rawpci_device_reset(lab.dev);
		check(ret == 0 && !(lab_read(&lab, CSTS) & 1), "reset: %d, status 0x%08x", ret,
		      lab_read(&lab, CSTS));
		while (sem_trywait(&lab.arrived) == 0)
			;
		check(start_controller(&lab, &q) && identify_often(&lab, &q, 20),
		      "20 commands after it");
	}
	lab_close(&lab);
	munmap(q.ram, 3 * PAGE);
}

#define ROUTED 64u /* vectors */
#define ROUTE_ROUNDS 12u

struct router {
	struct lab *lab;
	int fds[ROUTED];
	atomic_bool done;
	int ret;
};

/* One after the other, as a guest's driver takes its vectors into use. */
static void *route_the_others(void *opaque)
{
	struct router *router = opaque;

	for (unsigned i = 1; i < ROUTED && router->ret == 0; i++) {
		router->ret = rawpci_irq_route(router->lab->dev, RAWPCI_IRQ_MSIX, i, 1,
					       &router->fds[i]);
		sleep_ms(1);
	}
	atomic_store(&router->done, true);
	return NULL;
}

/* A command, and then its interrupt; a lost one never comes. False: no answer. */
static bool identify_routed(struct lab *lab, struct queues *q, int fd, unsigned *lost)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
	ask(lab, q);
	for (int i = 0; i < 10000 && !is_answered(q); i++)
		sleep_ms(1);
	*lost += is_answered(q) && poll(&wait, 1, 1000) == 0;
	return take_answer(lab, q);
}

static void route_round(struct router *router, struct queues *q, unsigned *sent, unsigned *lost)
{
	pthread_t thread;

	atomic_store(&router->done, false);
	router->ret = rawpci_irq_route(router->lab->dev, RAWPCI_IRQ_MSIX, 0, 1, router->fds);
	if (router->ret < 0 || pthread_create(&thread, NULL, route_the_others, router) != 0)
		return;
	while (!atomic_load(&router->done) && identify_routed(router->lab, q, router->fds[0], lost))
		++*sent;
	pthread_join(thread, NULL);
	if (router->ret == 0)
		router->ret = rawpci_irq_route(router->lab->dev, RAWPCI_IRQ_MSIX, 0, ROUTED, NULL);
}

/* No interrupt of a routed vector is lost while others are routed. */
void nvme_routes(const char *bdf)
{
	struct queues q = { .ram = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
	struct lab lab = { 0 };
	struct router router = { .lab = &lab };
	unsigned sent = 0, lost = 0;
	int ret;

	for (unsigned i = 0; i < ROUTED; i++)
		router.fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q.ram != MAP_FAILED && lab_open(&lab, bdf, true)) {
		ret = rawpci_memory_map(lab.vm, 0, q.ram, 3 * PAGE);
		check(ret == 0, "queues announced: %d", ret);
		check(start_controller(&lab, &q), "controller ready: 0x%08x", lab_read(&lab, CSTS));
		for (unsigned i = 0; i < ROUTE_ROUNDS && router.ret == 0; i++)
			route_round(&router, &q, &sent, &lost);
		check(router.ret == 0, "%u vectors routed, %u times: %d", ROUTED, ROUTE_ROUNDS,
		      router.ret);
		check(sent > 10 * ROUTE_ROUNDS && lost == 0, "%u of %u interrupts lost meanwhile",
		      lost, sent);
	}
	lab_close(&lab);
	for (unsigned i = 0; i < ROUTED; i++)
		close(router.fds[i]);
	munmap(q.ram, 3 * PAGE);
}

static bool node_reads(void)
{
	char block[512];
	int fd = open(NODE, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && read(fd, block, sizeof(block)) == (ssize_t)sizeof(block);

	if (fd >= 0)
		close(fd);
	return good;
}

/* The node is there before the disk is. */
static bool node_comes_to_read(void)
{
	bool good = wait_for_path(NODE, true) && node_reads();

	for (int i = 0; !good && i < 1000; i++) {
		sleep_ms(10);
		good = node_reads();
	}
	return good;
}

static bool override_is_clear(const char *bdf)
{
	char path[128], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		snprintf(text, sizeof(text), "unreadable");
	if (fd >= 0)
		close(fd);
	return strcmp(text, "(null)\n") == 0;
}

void nvme_handover(const char *bdf)
{
	struct rawpci *ctx = lab_context();
	struct rawpci_device_info info;
	struct rawpci_device *dev = NULL;
	struct lab lab = { 0 };
	int ret;

	/* The driver finds its namespaces after it has bound, and may have got it back just now. */
	check(strcmp(host_driver(bdf), "nvme") == 0 && node_comes_to_read(), "%s reads", NODE);
	ret = rawpci_device_open(ctx, NULL, bdf, 0, &dev);
	check(ret == -EBUSY && !dev, "open, not to detach: %d, %s", ret, rawpci_last_error());
	check(strcmp(host_driver(bdf), "nvme") == 0 && node_reads(), "%s still reads", NODE);
	check(rawpci_destroy(ctx) == 0, "context destroyed");
	if (lab_open(&lab, bdf, true)) {
		check(strcmp(host_driver(bdf), "vfio-pci") == 0, "driver while open: %s",
		      host_driver(bdf));
		check(wait_for_path(NODE, false), "%s is gone", NODE);
		ret = rawpci_device_info(lab.dev, sizeof(info), &info);
		check(ret == 0 && strcmp(info.host_driver, "nvme") == 0, "taken from %s",
		      info.host_driver);
	}
	lab_close(&lab);
	check(strcmp(host_driver(bdf), "nvme") == 0, "driver after: %s", host_driver(bdf));
	check(override_is_clear(bdf), "no driver override is left");
	check(node_comes_to_read(), "%s reads again", NODE);
}
