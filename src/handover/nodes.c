/* SPDX-License-Identifier: MIT */
/*
 * The nodes of a device that is taken for another program, and who may open them meanwhile. The
 * nodes that all devices share (/dev/vfio/vfio, /dev/iommu) are left alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

/* Where the kernel says which node it is, and the node. */
struct place {
	char node[RAWPCI_SYSFS_PATH];
	unsigned major, minor;
};

/* "<directory of the device>/<class>/<class's name for it>". */
static int find_below(const struct rawpci *ctx, const struct rawpci_address *address,
		      const char *below, const char *prefix, unsigned number, char *path)
{
	char file[RAWPCI_SYSFS_NAME];

	(void)snprintf(file, sizeof(file), "%s/%s%u/dev", below, prefix, number);
	return rawpci_sysfs_path(ctx->sysfs_dir, address, file, path, RAWPCI_SYSFS_PATH);
}

static int find_group(const struct rawpci *ctx, const char *name, char *path)
{
	return rawpci_sysfs_class(ctx->sysfs_dir, "vfio", name, "/dev", path);
}

static int find_place(const struct rawpci *ctx, const struct rawpci_address *address,
		      const struct rawpci_node *node, struct place *place)
{
	const unsigned number = node->number;
	char name[32], path[RAWPCI_SYSFS_PATH], text[32];
	const char *directory = ctx->vfio_dir;
	int r;

	if (node->kind == RAWPCI_NODE_UIO) {
		directory = ctx->uio_dir;
		(void)snprintf(name, sizeof(name), "uio%u", number);
		r = find_below(ctx, address, "uio", "uio", number, path);
	} else if (node->kind == RAWPCI_NODE_CDEV) {
		(void)snprintf(name, sizeof(name), "devices/vfio%u", number);
		r = find_below(ctx, address, "vfio-dev", "vfio", number, path);
	} else {
		(void)snprintf(name, sizeof(name), "%s%u",
			       node->kind == RAWPCI_NODE_NOIOMMU ? "noiommu-" : "", number);
		r = find_group(ctx, name, path);
	}
	if (r == 0)
		r = rawpci_sys_read_file(path, text, sizeof(text));
	if (r < 0)
		return r;
	if (sscanf(text, "%u:%u", &place->major, &place->minor) != 2)
		return -ENODEV;
	r = snprintf(place->node, sizeof(place->node), "%s/%s", directory, name);
	return r < 0 || (size_t)r >= sizeof(place->node) ? -ENAMETOOLONG : 0;
}

struct search {
	const struct rawpci *ctx;
	const struct rawpci_address *address;
	struct rawpci_nodes *out;
};

/* A node that is not there is none; it may not have been passed to this container. */
static int add(struct search *search, enum rawpci_node_kind kind, unsigned number)
{
	struct rawpci_nodes *out = search->out;
	struct rawpci_node node = { .kind = kind, .number = number };
	struct place place;
	int r = find_place(search->ctx, search->address, &node, &place);

	if (r == 0)
		r = rawpci_sys_node_owner(place.node, place.major, place.minor, &node.before);
	if (r == 0 && out->n < RAWPCI_NODES)
		out->each[out->n++] = node;
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

static int add_cdev(void *opaque, const char *name)
{
	return strncmp(name, "vfio", 4) == 0
		       ? add(opaque, RAWPCI_NODE_CDEV, (unsigned)strtoul(name + 4, NULL, 10))
		       : 0;
}

static int add_uio(void *opaque, const char *name)
{
	return strncmp(name, "uio", 3) == 0
		       ? add(opaque, RAWPCI_NODE_UIO, (unsigned)strtoul(name + 3, NULL, 10))
		       : 0;
}

static int add_all(struct search *search, const char *directory,
		   int (*each)(void *opaque, const char *name))
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(search->ctx->sysfs_dir, search->address, directory, path,
				  sizeof(path));

	if (r == 0)
		r = rawpci_sys_list(path, each, search);
	return r == -ENOENT ? 0 : r;
}

/* The device's nodes that are there now, and who may open them. */
static int find(const struct rawpci *ctx, const struct rawpci_address *address,
		struct rawpci_nodes *out)
{
	struct search search = { ctx, address, out };
	unsigned group;
	int r = 0;

	if (rawpci_sysfs_group(ctx->sysfs_dir, address, &group) == 0) {
		r = add(&search, RAWPCI_NODE_GROUP, group);
		if (r == 0)
			r = add(&search, RAWPCI_NODE_NOIOMMU, group);
	}
	if (r == 0)
		r = add_all(&search, "vfio-dev", add_cdev);
	return r == 0 ? add_all(&search, "uio", add_uio) : r;
}

static bool is(const struct rawpci_node_owner *a, const struct rawpci_node_owner *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode;
}

/* A process that is killed while it gives a node, or gives it back, leaves it with the new owner and
 * the former mode. */
static bool is_given(const struct rawpci_node *node, const struct rawpci_node_owner *now)
{
	struct rawpci_node_owner between = node->meanwhile;

	between.mode = node->before.mode;
	return is(now, &node->meanwhile) || is(now, &between);
}

/* node->before is the owner of now. If nodes say that it was given to that one, they have the former
 * owner. */
static bool owe(struct rawpci_node *node, const struct rawpci_nodes *nodes)
{
	for (unsigned i = 0; i < nodes->n; i++) {
		const struct rawpci_node *of = &nodes->each[i];

		if (of->kind != node->kind || of->number != node->number ||
		    !is_given(of, &node->before))
			continue;
		node->before = of->before;
		return true;
	}
	return false;
}

struct sharing {
	const struct rawpci_custody *custody;
	struct rawpci_node *node;
};

/* Another device of the group may have been taken for a user, too. */
static int look_at_peer(void *opaque, const struct rawpci_address *address)
{
	const struct sharing *sharing = opaque;
	struct rawpci_record record;
	int r;

	if (rawpci_address_compare(address, &sharing->custody->address) == 0)
		return 0;
	r = rawpci_record_peek(sharing->custody->ctx->run_dir, address, &record);
	if (r < 0)
		return rawpci_is_passing(r) ? r : 0;
	return owe(sharing->node, &record.nodes);
}

/* An earlier try of this call may have given the node already. */
static int find_before(const struct rawpci_custody *custody, struct rawpci_node *node)
{
	struct sharing sharing = { custody, node };
	int r = 0;

	if (owe(node, &custody->nodes))
		return 0;
	if (node->kind == RAWPCI_NODE_GROUP || node->kind == RAWPCI_NODE_NOIOMMU)
		r = rawpci_group_each(custody->ctx, &custody->address, look_at_peer, &sharing);
	return r < 0 && rawpci_is_passing(r) ? r : 0;
}

static int fail_look(const struct rawpci_custody *custody, int r)
{
	char text[128];

	return rawpci_fail(custody->ctx, rawpci_sys_result(r, r),
			   "%s: its nodes cannot be read: %s", custody->name,
			   rawpci_sys_error_text(r, text, sizeof(text)));
}

int rawpci_nodes_look(struct rawpci_custody *custody, uint32_t uid, uint32_t gid)
{
	struct rawpci *ctx = custody->ctx;
	struct rawpci_nodes found = { .n = 0 };
	int r = find(ctx, &custody->address, &found);

	for (unsigned i = 0; r == 0 && i < found.n; i++) {
		custody->found[i] = found.each[i].before;
		r = find_before(custody, &found.each[i]);
	}
	if (r < 0)
		return fail_look(custody, r);
	if (found.n == 0)
		return rawpci_fail(ctx, -ENODEV,
				   "%s: %s made no node for it in %s or %s that a user could be "
				   "allowed to open: in a container, it has to be passed in",
				   custody->name, custody->purpose.driver, ctx->vfio_dir,
				   ctx->uio_dir);
	for (unsigned i = 0; i < found.n; i++) {
		struct rawpci_node *node = &found.each[i];

		node->meanwhile = custody->found[i];
		if (uid != UINT32_MAX)
			node->meanwhile.uid = uid;
		if (gid != UINT32_MAX)
			node->meanwhile.gid = gid;
		node->meanwhile.mode |= gid != UINT32_MAX ? 0660 : 0600;
	}
	custody->nodes = found;
	return 0;
}

int rawpci_nodes_give(struct rawpci_custody *custody)
{
	struct rawpci *ctx = custody->ctx;
	char text[128];

	for (unsigned i = 0; i < custody->nodes.n; i++) {
		const struct rawpci_node *node = &custody->nodes.each[i];
		struct place place = { .node = "its node" };
		int r = find_place(ctx, &custody->address, node, &place);

		if (r == 0)
			r = rawpci_sys_node_change(place.node, place.major, place.minor,
						   &custody->found[i], &node->meanwhile);
		if (r == -ESTALE)
			return rawpci_fail(ctx, r,
					   "%s: %s cannot be given to user %u, group %u: another "
					   "program changes its owner: try again",
					   custody->name, place.node, node->meanwhile.uid,
					   node->meanwhile.gid);
		if (r < 0)
			return rawpci_fail(
				ctx, rawpci_sys_result(r, -EACCES),
				"%s: %s cannot be given to user %u, group %u (%s): run as "
				"root",
				custody->name, place.node, node->meanwhile.uid, node->meanwhile.gid,
				rawpci_sys_error_text(r, text, sizeof(text)));
	}
	return 0;
}

/* With such an error it can be tried again. Any other one stays. */
static int lack(int r)
{
	return rawpci_sys_result(r, 0) < 0 ? r : 0;
}

static int restore(const struct rawpci *ctx, const struct rawpci_address *address,
		   const struct rawpci_node *node, const struct rawpci_nodes *now)
{
	struct place place;
	unsigned k = 0;
	int r;

	while (k < now->n &&
	       (now->each[k].kind != node->kind || now->each[k].number != node->number))
		k++;
	if (k == now->n || !is_given(node, &now->each[k].before))
		return 0;
	r = find_place(ctx, address, node, &place);
	if (r == 0)
		r = rawpci_sys_node_change(place.node, place.major, place.minor,
					   &now->each[k].before, &node->before);
	return r == -ENOENT || r == -ENODEV || r == -ESTALE ? 0 : r;
}

/* Most nodes go with the driver. A node that is another device's by now is not touched, nor one
 * that another program has given to another user since. */
int rawpci_nodes_restore(struct rawpci *ctx, const struct rawpci_address *address, const char *name,
			 const struct rawpci_nodes *nodes)
{
	struct rawpci_nodes now = { .n = 0 };
	char text[128];
	int first = nodes->n > 0 ? lack(find(ctx, address, &now)) : 0;

	for (unsigned i = 0; i < nodes->n; i++) {
		int r = restore(ctx, address, &nodes->each[i], &now);

		if (first == 0)
			first = lack(r);
		if (r < 0 && lack(r) == 0)
			rawpci_say(ctx, RAWPCI_LOG_WARNING,
				   "%s: its node cannot be given to its former owner again: %s",
				   name, rawpci_sys_error_text(r, text, sizeof(text)));
	}
	return first < 0 ? rawpci_fail(ctx, first,
				       "%s: its node cannot be given to its former owner now: %s",
				       name, rawpci_sys_error_text(first, text, sizeof(text)))
			 : 0;
}
