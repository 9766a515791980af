/* SPDX-License-Identifier: MIT */
/* Finds a program that has one of the device's VFIO or UIO nodes open. Unbinding the driver would
 * wait for that program. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "os/inuse.h"
#include "os/opener.h"
#include "os/sys.h"
#include "os/sysfs.h"

struct search {
	const struct rawpci_inuse_host *host;
	const char *nodes; /* directory of the nodes */
	char *text;
};

static int check_node(const struct search *search, const char *name, bool others)
{
	struct rawpci_opener opener;
	char node[RAWPCI_SYSFS_PATH];
	int n = snprintf(node, sizeof(node), "%s/%s", search->nodes, name);

	if (n < 0 || (size_t)n >= sizeof(node) || rawpci_sys_access(node, F_OK) < 0)
		return 0;
	rawpci_opener_find(search->host->proc, node, false, &opener);
	if (opener.error < 0)
		return opener.error;
	if (opener.process == 0 || (others && opener.self))
		return 0;
	(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "%s has %.128s open", opener.text, node);
	return 1;
}

static int visit(void *opaque, const char *name)
{
	return check_node(opaque, name, false);
}

/* Checks the nodes that one of the device's directories names. */
static int check_nodes(const struct search *search, const struct rawpci_address *address,
		       const char *directory)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(search->host->sys, address, directory, path, sizeof(path));

	if (r == 0)
		r = rawpci_sys_list(path, visit, (void *)(uintptr_t)search);
	return r == -ENOENT ? 0 : r;
}

/* If this process has the group open, it uses another device of the group. */
int rawpci_inuse_user(const struct rawpci_inuse_host *host, const struct rawpci_address *address,
		      char *text)
{
	struct search search = { .host = host, .nodes = host->vfio, .text = text };
	char nodes[RAWPCI_SYSFS_PATH], name[32];
	unsigned group;
	int r = 0;

	if (host->vfio && rawpci_sysfs_group(host->sys, address, &group) == 0) {
		(void)snprintf(name, sizeof(name), "%u", group);
		r = check_node(&search, name, true);
		(void)snprintf(name, sizeof(name), "noiommu-%u", group);
		if (r == 0)
			r = check_node(&search, name, true);
	}
	if (host->vfio && r == 0) {
		(void)snprintf(nodes, sizeof(nodes), "%s/devices", host->vfio);
		search.nodes = nodes;
		r = check_nodes(&search, address, "vfio-dev");
	}
	search.nodes = host->uio;
	if (host->uio && r == 0)
		r = check_nodes(&search, address, "uio");
	return r;
}
