/* SPDX-License-Identifier: MIT */
/* The library's own findings, with two backends that report nothing, or what a test tells them. */
#include <errno.h>

#include <signal.h>
#include <sys/wait.h>

#include "explain/explain.h"
#include "harness.h"
#include "handover/record.h"
#include "unit/device/blank-backend.h"
#include "unit/handover/host-tree.h"

#define NIC "0000:03:00.0"

static struct host_tree host;
static struct rawpci_explanation *e;
static int refusal;                       /* the better backend's probe returns it */
static const struct rawpci_finding *told; /* what it reports; NULL: nothing */
static uint64_t memory_seen;
static struct rawpci_backend mock, plain;

static int mock_probe(void *instance, const struct rawpci_address *address)
{
	(void)instance;
	(void)address;
	return refusal == 0 ? 0 : rawpci_backend_fail(host.ctx, refusal, NIC ": mock refuses it");
}

static int mock_explain(void *instance, const struct rawpci_address *address, uint64_t memory,
			struct rawpci_findings *to)
{
	(void)instance;
	(void)address;
	memory_seen = memory;
	return told ? rawpci_backend_finding(to, told) : 0;
}

static void setup(void)
{
	plain = blank_backend("plain", 999);
	mock = blank_backend("mock", 1000);
	mock.driver = "mock-pci";
	mock.probe = mock_probe;
	mock.explain = mock_explain;
	blank_add_dma(&mock);
	refusal = 0;
	told = NULL;
	memory_seen = 0;
	e = NULL;
	host_create(&host, NULL, "irq.engine=epoll");
	ck_assert_int_eq(rawpci_backend_register(host.ctx, &mock), 0);
	host_add(&host, NIC, 14, NULL);
	tree_directory(&host.tree, "sys/bus/pci/drivers/mock-pci");
}

static void teardown(void)
{
	rawpci_explanation_destroy(e);
	host_destroy(&host);
}

static const struct rawpci_finding *explain_with(unsigned flags, uint64_t memory)
{
	const struct rawpci_explain_options options = { sizeof(options), flags, memory };

	rawpci_explanation_destroy(e);
	e = NULL;
	ck_assert_int_eq(rawpci_explain(host.ctx, NIC, &options, &e), 0);
	ck_assert_str_eq(e->ways->backend, "mock");
	ck_assert(e->ways->dma && !e->ways->interrupts);
	return e->findings;
}

static const struct rawpci_finding *explain(void)
{
	return explain_with(0, 0);
}

/* The first line begins with the device and has these words. */
static void check_first(const char *words)
{
	const char *found = strstr(e->text, words);

	ck_assert_msg(strncmp(e->text, NIC ": ", 14) == 0 && found && found < strchr(e->text, '\n'),
		      "no \"%s\" in the first line of\n%s", words, e->text);
}

/* Opening fails with the error and the cause that were found before. */
static void check_open(unsigned flags, int error)
{
	struct rawpci_device *dev = NULL;

	ck_assert_int_eq(e->findings->error, error);
	ck_assert_int_eq(rawpci_device_open(host.ctx, NULL, NIC, flags, &dev), error);
	ck_assert_msg(strstr(rawpci_last_error(), e->findings->cause) != NULL, "%s: not \"%s\"",
		      rawpci_last_error(), e->findings->cause);
}

START_TEST(nothing_found)
{
	(void)explain_with(0, 4096);
	check_first("nothing stands in the way, mock can open it now");
	ck_assert(e->openable);
	ck_assert(e->ways->works);
	ck_assert_str_eq(e->ways->reason, "");
	ck_assert_uint_eq(memory_seen, 4096);
	ck_assert_ptr_null(rawpci_findings_blocker(e->findings, "mock"));
	ck_assert_str_eq(e->device->driver, "");
}
END_TEST

START_TEST(absent)
{
	refusal = -ENODEV;
	ck_assert_int_eq(rawpci_explain(host.ctx, "04:00.0", NULL, &e), 0);
	ck_assert(!e->openable);
	ck_assert_ptr_null(e->device);
	ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_NO_DEVICE);
	ck_assert_int_eq(e->findings->error, -ENODEV);
	ck_assert_ptr_eq(strstr(e->text, "0000:04:00.0: there is no such device in /"), e->text);
}
END_TEST

/* It is a matter of permission, to explain and to open, with each backend of the library. */
START_TEST(not_to_be_seen)
{
	static const char *const backends[] = { "vfio", "uio", "sysfs", NULL };

	for (unsigned i = 0; i < 4; i++) {
		host_destroy(&host);
		host_create(&host, backends[i], "irq.engine=epoll");
		host_add(&host, NIC, 14, NULL);
		tree_bar(&host.tree, "sys/bus", 0);
		ck_assert_int_eq(rawpci_explain(host.ctx, NIC, NULL, &e), 0);
		ck_assert(!e->openable);
		ck_assert_ptr_null(e->device);
		ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_PERMISSION);
		check_first("has no permission to search /");
		check_first("/sys/bus, so no device can be seen: run as root");
		check_open(0, -EACCES);
		rawpci_explanation_destroy(e);
		e = NULL;
		tree_unbar(&host.tree, "sys/bus");
	}
}
END_TEST

/* The mock has a device that sysfs does not know. */
START_TEST(not_in_sysfs)
{
	ck_assert_int_eq(rawpci_explain(host.ctx, "04:00.0", NULL, &e), 0);
	ck_assert(e->openable);
	ck_assert_ptr_null(e->device);
	ck_assert_ptr_null(e->findings);
	ck_assert_ptr_nonnull(strstr(e->text, "0000:04:00.0: nothing stands in the way"));
}
END_TEST

START_TEST(gone)
{
	unsigned char config[256];

	memset(config, 0xff, sizeof(config));
	host_config(&host, NIC, config, sizeof(config));
	ck_assert_int_eq(explain()->obstacle, RAWPCI_OBSTACLE_GONE);
	ck_assert(!e->openable && !e->ways->works);
	check_first("it does not answer");
	check_first("rescan");
}
END_TEST

START_TEST(host_driver)
{
	const struct rawpci_finding *f;

	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	f = explain();
	ck_assert_int_eq(f->obstacle, RAWPCI_OBSTACLE_HOST_DRIVER);
	ck_assert(f->blocks && !e->openable);
	ck_assert_str_eq(f->backend, "mock");
	ck_assert_str_eq(f->driver, "e1000e");
	ck_assert_uint_eq(f->blocker.bus, 3);
	ck_assert_int_eq(f->error, -EBUSY);
	check_first("the host driver e1000e holds it: ");
	ck_assert_ptr_nonnull(strstr(f->commands, "echo mock-pci > "));
	ck_assert_ptr_nonnull(strstr(f->commands, "drivers/e1000e/unbind\n"));
	ck_assert_ptr_nonnull(strstr(e->text, "      # echo 0000:03:00.0 > "));
	ck_assert_ptr_nonnull(strstr(e->ways->reason, "the host driver e1000e holds it"));
	(void)explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER, 0);
	ck_assert(e->openable);
	host_link(&host, NIC, "driver", "../../drivers/mock-pci");
	(void)explain();
	ck_assert(e->openable);
}
END_TEST

START_TEST(module)
{
	char path[512];
	const struct rawpci_finding *f;

	ck_assert_int_eq(rmdir(tree_path(&host.tree, path, "sys/bus/pci/drivers/mock-pci")), 0);
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	f = explain();
	ck_assert_int_eq(f->obstacle, RAWPCI_OBSTACLE_HOST_DRIVER);
	ck_assert_int_eq(strncmp(f->commands, "modprobe mock-pci\necho mock-pci > ", 34), 0);
	check_open(0, -EBUSY);
	f = explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER, 0);
	check_open(RAWPCI_OPEN_DETACH_HOST_DRIVER, -ENODEV);
	ck_assert_int_eq(f->obstacle, RAWPCI_OBSTACLE_MODULE);
	ck_assert_str_eq(f->driver, "mock-pci");
	check_first("the kernel module mock-pci is not loaded: modprobe mock-pci");
	ck_assert_str_eq(f->commands, "modprobe mock-pci\n");
}
END_TEST

START_TEST(permission_to_bind)
{
	const struct rawpci_finding *f;
	uid_t user = geteuid();
	char path[512];

	(void)tree_path(&host.tree, path, DEVICES NIC "/driver_override");
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(chmod(host.tree.root, 0755), 0);
	if (user == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	f = explain();
	check_open(0, -EACCES);
	if (user == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(f->obstacle, RAWPCI_OBSTACLE_PERMISSION);
	ck_assert_int_eq(f->error, -EACCES);
	ck_assert_ptr_nonnull(strstr(f->path, "/driver_override"));
	check_first("may not write to ");
	check_first("let root bind it to mock-pci");
}
END_TEST

START_TEST(refused)
{
	refusal = -EOPNOTSUPP;
	ck_assert_int_eq(explain()->obstacle, RAWPCI_OBSTACLE_OTHER);
	ck_assert_int_eq(e->findings->error, -EOPNOTSUPP);
	ck_assert_str_eq(e->findings->cause, "mock refuses it");
	check_first(NIC ": mock refuses it");
	refusal = -EACCES;
	ck_assert_int_eq(explain()->obstacle, RAWPCI_OBSTACLE_PERMISSION);
	ck_assert(!e->openable);
}
END_TEST

/* A finding of the backend replaces its refusal. Findings are in the order of obstacles. */
START_TEST(found_by_backend)
{
	const struct rawpci_finding group = {
		.obstacle = RAWPCI_OBSTACLE_GROUP,
		.blocks = true,
		.error = -EBUSY,
		.blocker = { 0, 3, 0, 1 },
		.driver = "snd_hda_intel",
		.cause = "a cause",
		.remedy = "a remedy",
		.backend = "wrong",
	};

	refusal = -EBUSY;
	told = &group;
	(void)explain();
	ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_GROUP);
	ck_assert_str_eq(e->findings->backend, "mock");
	ck_assert_uint_eq(e->findings->blocker.function, 1);
	check_first("a cause: a remedy");
	/* Opening looks at the host driver first. */
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	(void)explain();
	ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_HOST_DRIVER);
	ck_assert_int_eq(e->findings->next->obstacle, RAWPCI_OBSTACLE_GROUP);
	check_first("the host driver e1000e holds it");
	check_first("(and 1 more in the way, see below)");
	/* The refusal is reported if the finding has another error. */
	refusal = -EOPNOTSUPP;
	(void)explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER, 0);
	check_first("mock refuses it (and 1 more in the way, see below)");
}
END_TEST

START_TEST(bridge_needs_no_driver)
{
	const struct rawpci_finding bridge = {
		.obstacle = RAWPCI_OBSTACLE_BRIDGE,
		.blocks = true,
		.cause = "a bridge",
	};

	told = &bridge;
	host_link(&host, NIC, "driver", "../../drivers/pcieport");
	(void)explain();
	check_first(NIC ": a bridge");
	ck_assert_ptr_null(strstr(e->ways->reason, "pcieport holds it"));
	for (const struct rawpci_finding *f = e->findings; f; f = f->next)
		ck_assert(strcmp(f->backend, "mock") != 0 ||
			  f->obstacle != RAWPCI_OBSTACLE_HOST_DRIVER);
}
END_TEST

START_TEST(lesser_way)
{
	refusal = -EOPNOTSUPP;
	ck_assert_int_eq(rawpci_backend_register(host.ctx, &plain), 0);
	(void)explain();
	ck_assert(e->openable);
	ck_assert(!e->ways->works && e->ways->next->works);
	ck_assert_str_eq(e->ways->next->backend, "plain");
	check_first("mock refuses it; as it is, only plain can open it, without interrupts and "
		    "DMA");
}
END_TEST

/* The automatic choice ends with an obstacle; a lesser backend works only by name. */
START_TEST(lesser_way_by_name)
{
	refusal = -EBUSY;
	ck_assert_int_eq(rawpci_backend_register(host.ctx, &plain), 0);
	(void)explain();
	ck_assert(!e->openable);
	ck_assert(!e->ways->works && e->ways->next->works);
	check_first("mock refuses it; plain can open it as it is, if it is chosen by name, without "
		    "interrupts and DMA");
	/* But opening looks at the host driver first. */
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	(void)explain();
	ck_assert(e->openable);
	check_first("as it is, only plain can open it");
}
END_TEST

START_TEST(unbound_backend)
{
	const struct rawpci_finding *f;

	plain.unbound = true;
	refusal = -EOPNOTSUPP;
	ck_assert_int_eq(rawpci_backend_register(host.ctx, &plain), 0);
	(void)explain();
	ck_assert(e->openable);
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	(void)explain();
	ck_assert(!e->openable);
	f = rawpci_findings_blocker(e->findings, "plain");
	ck_assert_int_eq(f->obstacle, RAWPCI_OBSTACLE_HOST_DRIVER);
	ck_assert_ptr_nonnull(strstr(f->remedy, "or unbind it yourself"));
	ck_assert_ptr_null(strstr(f->commands, "drivers_probe"));
	(void)explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER, 0);
	ck_assert(e->openable);
}
END_TEST

/* Its network interface is up. */
START_TEST(in_use)
{
	const struct rawpci_finding *f;

	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	tree_directory(&host.tree, "sys/class/block");
	tree_link(&host.tree, "sys/class/net/eth7", "../../devices/pci0000:00/" NIC "/net/eth7");
	tree_write(&host.tree, "sys/devices/pci0000:00/" NIC "/net/eth7/flags", "0x1003\n");
	f = explain();
	ck_assert_int_eq(f->obstacle, RAWPCI_OBSTACLE_HOST_DRIVER);
	check_first(
		"the host driver e1000e holds it, and the network interface eth7 is up: stop "
		"that (ip link set eth7 down); then open it with RAWPCI_OPEN_DETACH_HOST_DRIVER");
	ck_assert_str_eq(f->commands, "");
	ck_assert_ptr_null(strstr(e->text, "unbind\n"));
	check_open(0, -EBUSY);
	f = explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER, 0);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(f->obstacle, RAWPCI_OBSTACLE_IN_USE);
	ck_assert(f->blocks && f->error == -EBUSY && !e->openable);
	check_first("eth7");
	check_first("stop that first (ip link set eth7 down), or insist");
	f = explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER | RAWPCI_OPEN_INSIST, 0);
	while (f && f->obstacle != RAWPCI_OBSTACLE_IN_USE)
		f = f->next;
	ck_assert_ptr_nonnull(f);
	ck_assert(e->openable && !f->blocks && f->error == 0);
}
END_TEST

static unsigned count_in_text(const char *words)
{
	unsigned n = 0;

	for (const char *at = e->text; (at = strstr(at, words)) != NULL; at++)
		n++;
	return n;
}

/* Three backends have the same in their way: the text says it once, with what each can do. */
START_TEST(said_once)
{
	static const char held[] = "the host driver e1000e holds it";

	plain.driver = "plain-pci";
	plain.explain = mock_explain;
	ck_assert_int_eq(rawpci_backend_register(host.ctx, &plain), 0);
	tree_directory(&host.tree, "sys/bus/pci/drivers/plain-pci");
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	told = &(const struct rawpci_finding){ .obstacle = RAWPCI_OBSTACLE_OTHER,
					       .blocks = true,
					       .cause = "a long cause",
					       .remedy = "a long remedy" };
	(void)explain();
	check_first(held);
	ck_assert_uint_eq(count_in_text(held), 1);
	ck_assert_uint_eq(count_in_text("a long cause: a long remedy\n"), 1);
	ck_assert_ptr_nonnull(strstr(e->text, "  - mock, plain: a long cause: a long remedy\n"));
	ck_assert_ptr_nonnull(strstr(e->text,
				     "  - mock, plain, vfio, uio, sysfs: the first line says "
				     "it\n      with mock:\n      # echo mock-pci > "));
	ck_assert_uint_eq(count_in_text("or bind it to mock-pci yourself"), 1);
	ck_assert_uint_eq(count_in_text("or bind it to plain-pci yourself"), 1);
	ck_assert_uint_eq(count_in_text("# echo mock-pci > "), 1);
	ck_assert_uint_eq(count_in_text("# echo plain-pci > "), 1);
	ck_assert_uint_eq(count_in_text(" cannot open it now (host-driver)\n"), 5);
	ck_assert_ptr_nonnull(strstr(e->ways->reason, held)); /* but data is whole */
	ck_assert_ptr_nonnull(strstr(e->ways->next->reason, held));
}
END_TEST

/* What stops every backend is said in the first line alone. */
START_TEST(absent_said_once)
{
	refusal = -ENODEV;
	ck_assert_int_eq(rawpci_explain(host.ctx, "04:00.0", NULL, &e), 0);
	ck_assert_uint_eq(count_in_text("no such device"), 1);
	ck_assert_uint_eq(count_in_text(" cannot open it now (no-device)\n"), 4);
	ck_assert_ptr_null(strstr(e->text, "found:"));
}
END_TEST

/* Advice in the first line is not repeated either. */
START_TEST(advice_said_once)
{
	host_write(&host, NIC, "boot_vga", "1\n");
	(void)explain();
	check_first("mock can open it now, but it shows the host's console");
	ck_assert_uint_eq(count_in_text("it shows the host's console"), 1);
	ck_assert_uint_eq(count_in_text("have another way to log in"), 1);
}
END_TEST

/* The host uses its chipset also without a driver. */
START_TEST(chipset)
{
	plain.unbound = true;
	ck_assert_int_eq(rawpci_backend_register(host.ctx, &plain), 0);
	host_write(&host, NIC, "class", "0x060100\n");
	ck_assert_int_eq(explain()->obstacle, RAWPCI_OBSTACLE_IN_USE);
	check_first("it is a bridge of class 0601, a part of the host's chipset: leave it to the "
		    "host, or insist (the native API's RAWPCI_OPEN_INSIST)");
	ck_assert(!e->ways->next->works);
	check_open(0, -EBUSY);
	(void)explain_with(RAWPCI_OPEN_INSIST, 0);
	ck_assert(e->openable && e->ways->next->works);
	/* The administrator has bound it to the backend's driver. */
	host_link(&host, NIC, "driver", "../../drivers/mock-pci");
	(void)explain();
	ck_assert(e->openable);
}
END_TEST

/* A pretended device is not the host's device of the same address. */
START_TEST(pretended)
{
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	mock.driver = NULL;
	mock.pretend = true;
	ck_assert_int_eq(rawpci_backend_choose(host.ctx, "mock"), 0);
	(void)explain();
	ck_assert(e->openable);
	ck_assert_ptr_null(e->device);
	ck_assert_ptr_null(strstr(e->text, "e1000e"));
	refusal = -ENODEV;
	ck_assert_int_eq(explain()->obstacle, RAWPCI_OBSTACLE_NO_DEVICE);
	check_first("mock refuses it");
	ck_assert_ptr_null(e->findings->next);
	check_open(0, -ENODEV);
	ck_assert_int_eq(rawpci_backend_choose(host.ctx, "fake"), 0);
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(rawpci_explain(host.ctx, NIC, NULL, &e), 0);
	ck_assert_ptr_null(e->device);
	ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_NO_DEVICE);
	ck_assert_int_eq(e->findings->error, -ENODEV);
}
END_TEST

/* No lock keeps a pretend device, and opening it again fails. */
START_TEST(pretended_and_open)
{
	const char *edu = "0000:00:04.0";
	struct rawpci_device *dev = NULL, *again = NULL;

	ck_assert_int_eq(rawpci_backend_choose(host.ctx, "fake"), 0);
	ck_assert_int_eq(rawpci_explain(host.ctx, edu, NULL, &e), 0);
	ck_assert(e->openable && e->ways->works);
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(rawpci_device_open(host.ctx, NULL, edu, 0, &dev), 0);
	ck_assert_int_eq(rawpci_explain(host.ctx, edu, NULL, &e), 0);
	ck_assert(!e->openable && !e->ways->works);
	ck_assert_ptr_eq(strstr(e->text, "0000:00:04.0: this process has it open, in this context: "
					 "close it first\n"),
			 e->text);
	ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_OWNED);
	ck_assert_int_eq(e->findings->number, getpid());
	ck_assert_int_eq(e->findings->error, rawpci_device_open(host.ctx, NULL, edu, 0, &again));
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_explain(host.ctx, edu, NULL, &e), 0);
	ck_assert(e->openable);
	ck_assert_ptr_null(strstr(e->text, "fake: fake"));
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(rawpci_explain(host.ctx, "0000:00:05.0", NULL, &e), 0);
	ck_assert_str_eq(e->ways->reason,
			 "there is no such pretend device: rawpci_fake_add() makes one");
}
END_TEST

START_TEST(owned)
{
	const struct rawpci_finding again = { .obstacle = RAWPCI_OBSTACLE_OWNED, .blocks = true };
	const struct rawpci_address address = { 0, 3, 0, 0 };
	struct rawpci_locks locks = RAWPCI_LOCKS_NONE;
	char run[128], path[512], words[128];
	int ready[2], status;
	char byte;
	pid_t child;

	(void)snprintf(run, sizeof(run), "%s/run", host.tree.root);
	(void)explain();
	ck_assert(e->openable);
	ck_assert_int_ne(access(run, F_OK), 0); /* explaining makes nothing */
	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		(void)!write(ready[1], rawpci_locks_take(&locks, run, &address) == 0 ? "y" : "n",
			     1);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	told = &again; /* a backend that sees the same */
	ck_assert_int_eq(explain()->obstacle, RAWPCI_OBSTACLE_OWNED);
	for (const struct rawpci_finding *f = e->findings->next; f; f = f->next)
		ck_assert_int_ne(f->obstacle, RAWPCI_OBSTACLE_OWNED);
	ck_assert(e->findings->blocks && !e->openable && !e->ways->works);
	ck_assert_str_eq(e->findings->backend, "");
	ck_assert_uint_eq(e->findings->number, (unsigned)child);
	ck_assert_str_eq(e->findings->path, tree_path(&host.tree, path, "run/" NIC ".lock"));
	/* Nothing says how to move it away from its owner. */
	told = NULL;
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	ck_assert_int_eq(explain()->obstacle, RAWPCI_OBSTACLE_OWNED);
	ck_assert_ptr_nonnull(strstr(e->text, "e1000e holds it"));
	ck_assert_ptr_null(strstr(e->text, "yourself"));
	ck_assert_ptr_null(strstr(e->text, "driver_override"));
	tree_unlink(&host.tree, DEVICES NIC "/driver");
	told = &again;
	(void)explain();
	(void)snprintf(words, sizeof(words),
		       "process %d (test-explain) has opened or taken it: close or "
		       "return it in that process",
		       (int)child);
	check_first(words);
	ck_assert_ptr_nonnull(strstr(e->ways->reason, "has opened or taken it"));
	check_open(0, -EBUSY);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	told = NULL;
	(void)explain();
	ck_assert(e->openable);
	(void)close(ready[0]);
	(void)close(ready[1]);
}
END_TEST

START_TEST(nowhere_for_records)
{
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	tree_write(&host.tree, "run", "no directory");
	tree_directory(&host.tree, "sys/class/block");
	(void)explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER, 0);
	ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_PERMISSION);
	ck_assert(e->findings->blocks && !e->openable);
	check_first("it has to be bound to mock-pci, and no record of its driver can be written "
		    "to ");
	check_first("/run (Not a directory): make that directory, or name another (setting "
		    "run.dir); or bind it to mock-pci first");
	check_open(RAWPCI_OPEN_DETACH_HOST_DRIVER, -EACCES);
	/* Without a change of driver no record is needed. */
	host_link(&host, NIC, "driver", "../../drivers/mock-pci");
	(void)explain();
	ck_assert(e->openable);
	check_first("nothing stands in the way");
}
END_TEST

START_TEST(record_of_others)
{
	host_link(&host, NIC, "driver", "../../drivers/e1000e");
	tree_directory(&host.tree, "sys/class/block");
	tree_directory(&host.tree, "run");
	tree_write(&host.tree, "run/" NIC, "rawpci 999\n");
	(void)explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER, 0);
	check_first("remove its record there, which is not valid");
	check_open(RAWPCI_OPEN_DETACH_HOST_DRIVER, -EACCES);
}
END_TEST

/* A killed process has left it bound to the backend's driver; opening returns it first. */
START_TEST(left)
{
	const struct rawpci_finding *f;

	host_link(&host, NIC, "driver", "../../drivers/mock-pci");
	tree_directory(&host.tree, "run");
	tree_write(&host.tree, "run/" NIC,
		   "rawpci 1\ndevice " NIC " 0000:0000\ndriver e1000e\n"
		   "override \ntaken-by mock-pci\nend\n");
	f = explain();
	ck_assert_int_eq(f->obstacle, RAWPCI_OBSTACLE_HOST_DRIVER);
	ck_assert_str_eq(f->driver, "e1000e");
	ck_assert(!e->openable);
	check_first("the host driver e1000e has to get it back first, because a killed process "
		    "took it");
	while (f && f->obstacle != RAWPCI_OBSTACLE_LEFT)
		f = f->next;
	ck_assert_ptr_nonnull(f);
	ck_assert(!f->blocks && f->error == 0);
	ck_assert_str_eq(f->driver, "e1000e");
	(void)explain_with(RAWPCI_OPEN_DETACH_HOST_DRIVER, 0);
	ck_assert(e->openable);
	check_first("mock can open it now, but it was taken from e1000e and has not been returned: "
		    "run rawpci recover, call rawpci_recover(), or open it");
	/* The record is another device's. */
	host_write(&host, NIC, "vendor", "0x8086\n");
	(void)explain();
	ck_assert(e->openable);
	check_first("nothing stands in the way");
}
END_TEST

START_TEST(boot_vga)
{
	host_write(&host, NIC, "boot_vga", "1\n");
	(void)explain();
	ck_assert(e->openable);
	check_first("mock can open it now, but it shows the host's console");
}
END_TEST

START_TEST(uring)
{
	struct rawpci_finding f;

	rawpci_finding_uring(&f, -EPERM, "2", false, false);
	ck_assert_int_eq(f.obstacle, RAWPCI_OBSTACLE_IO_URING);
	ck_assert(!f.blocks);
	ck_assert_ptr_nonnull(strstr(f.cause, "kernel.io_uring_disabled is 2"));
	ck_assert_str_eq(f.remedy, "sysctl kernel.io_uring_disabled=0");
	rawpci_finding_uring(&f, -EPERM, "1", true, false);
	ck_assert_ptr_nonnull(strstr(f.remedy, "kernel.io_uring_group"));
	rawpci_finding_uring(&f, -EPERM, "0", true, false);
	ck_assert_ptr_nonnull(strstr(f.cause, "seccomp"));
	ck_assert_ptr_nonnull(strstr(f.remedy, "io_uring_setup"));
	rawpci_finding_uring(&f, -ENOSYS, "", true, true);
	ck_assert_ptr_nonnull(strstr(f.cause, "seccomp"));
	ck_assert(f.blocks);
	ck_assert_int_eq(f.error, -ENOSYS);
	rawpci_finding_uring(&f, -ENOSYS, "", false, false);
	ck_assert_ptr_nonnull(strstr(f.cause, "the kernel has no io_uring"));
	rawpci_finding_uring(&f, -EMFILE, "0", false, false);
	ck_assert_ptr_nonnull(strstr(f.remedy, "RLIMIT_NOFILE"));
}
END_TEST

START_TEST(wrong_arguments)
{
	struct rawpci_explain_options options = { .size = sizeof(options) };
	struct rawpci_explanation *none = NULL;

	ck_assert_int_eq(rawpci_explain(NULL, NIC, &options, &none), -EFAULT);
	ck_assert_int_eq(rawpci_explain(host.ctx, NULL, &options, &none), -EFAULT);
	ck_assert_int_eq(rawpci_explain(host.ctx, NIC, &options, NULL), -EFAULT);
	ck_assert_int_eq(rawpci_explain(host.ctx, "3:0", &options, &none), -EINVAL);
	options.flags = 4;
	ck_assert_int_eq(rawpci_explain(host.ctx, NIC, &options, &none), -EBADRQC);
	options.size = 1;
	ck_assert_int_eq(rawpci_explain(host.ctx, NIC, &options, &none), -EINVAL);
	ck_assert_ptr_null(none);
	/* An older program's options end before the flags. */
	options.size = sizeof(options.size);
	ck_assert_int_eq(rawpci_explain(host.ctx, NIC, &options, &e), 0);
	rawpci_explanation_destroy(NULL);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(rawpci_obstacle_name(RAWPCI_OBSTACLE_NO_DEVICE), "no-device");
	ck_assert_str_eq(rawpci_obstacle_name(RAWPCI_OBSTACLE_BOOT_VGA), "boot-vga");
	ck_assert_str_eq(rawpci_obstacle_name(RAWPCI_OBSTACLE_IN_USE), "in-use");
	ck_assert_str_eq(rawpci_obstacle_name(RAWPCI_OBSTACLE_OWNED), "owned");
	ck_assert_str_eq(rawpci_obstacle_name(RAWPCI_OBSTACLE_LEFT), "left");
	ck_assert_str_eq(rawpci_obstacle_name(RAWPCI_OBSTACLE_KEPT), "kept");
	ck_assert_str_eq(rawpci_obstacle_name((enum rawpci_obstacle)0), "unknown");
	ck_assert_str_eq(rawpci_obstacle_name((enum rawpci_obstacle)20), "unknown");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("explain");
	TCase *tests = tcase_create("explain");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_found);
	tcase_add_test(tests, absent);
	tcase_add_test(tests, not_to_be_seen);
	tcase_add_test(tests, not_in_sysfs);
	tcase_add_test(tests, gone);
	tcase_add_test(tests, host_driver);
	tcase_add_test(tests, module);
	tcase_add_test(tests, permission_to_bind);
	tcase_add_test(tests, refused);
	tcase_add_test(tests, found_by_backend);
	tcase_add_test(tests, bridge_needs_no_driver);
	tcase_add_test(tests, lesser_way);
	tcase_add_test(tests, lesser_way_by_name);
	tcase_add_test(tests, unbound_backend);
	tcase_add_test(tests, in_use);
	tcase_add_test(tests, said_once);
	tcase_add_test(tests, absent_said_once);
	tcase_add_test(tests, advice_said_once);
	tcase_add_test(tests, chipset);
	tcase_add_test(tests, pretended);
	tcase_add_test(tests, pretended_and_open);
	tcase_add_test(tests, owned);
	tcase_add_test(tests, nowhere_for_records);
	tcase_add_test(tests, record_of_others);
	tcase_add_test(tests, left);
	tcase_add_test(tests, boot_vga);
	tcase_add_test(tests, uring);
	tcase_add_test(tests, wrong_arguments);
	tcase_add_test(tests, names);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
