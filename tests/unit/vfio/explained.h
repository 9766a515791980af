/* SPDX-License-Identifier: MIT */
/* A host with one device, and what rawpci_explain() finds about it with VFIO alone. */
#ifndef RAWPCI_TEST_EXPLAINED_H
#define RAWPCI_TEST_EXPLAINED_H

#include <errno.h>
#include <sys/resource.h>

#include <rawpci/explain.h>

#include "harness.h"
#include "unit/handover/host-tree.h"
#include "vfio/device.h"

#define NIC "0000:03:00.0"
#define SOUND "0000:03:00.1"

static struct host_tree host;
static struct rawpci_explanation *e;

static void setup(void)
{
	e = NULL;
	host_create(&host, "vfio", "irq.engine=epoll");
	host_add(&host, NIC, 14, NULL);
	tree_directory(&host.tree, "sys/bus/pci/drivers/vfio-pci");
	tree_directory(&host.tree, "sys/class/iommu/dmar0");
	tree_write(&host.tree, "vfio/vfio", "");
}

static void teardown(void)
{
	rawpci_explanation_destroy(e);
	host_destroy(&host);
}

static const struct rawpci_finding *explain(uint64_t memory)
{
	const struct rawpci_explain_options options = { .size = sizeof(options), .memory = memory };

	ck_assert_int_eq(rawpci_explain(host.ctx, NIC, &options, &e), 0);
	ck_assert_str_eq(e->ways->backend, "vfio");
	ck_assert_ptr_null(e->ways->next);
	return e->findings;
}

/* The one finding, in the first line. */
static void check(const struct rawpci_finding *f, enum rawpci_obstacle obstacle, int error,
		  const char *words)
{
	const char *found = strstr(e->text, words);

	ck_assert_ptr_nonnull(f);
	ck_assert_msg(f->obstacle == obstacle, "%s and not %s", rawpci_obstacle_name(f->obstacle),
		      rawpci_obstacle_name(obstacle));
	ck_assert_int_eq(f->error, error);
	ck_assert(f->blocks && !e->openable);
	ck_assert_msg(found && found < strchr(e->text, '\n'), "no \"%s\" in the first line of\n%s",
		      words, e->text);
}

/* Runs as a user without privileges. */
static void as_nobody(uid_t user)
{
	ck_assert_int_eq(chmod(host.tree.root, 0755), 0);
	if (user == 0)
		ck_assert_int_eq(seteuid(65534), 0);
}

static void as_before(uid_t user)
{
	if (user == 0)
		ck_assert_int_eq(seteuid(0), 0);
}

#endif
