/* SPDX-License-Identifier: MIT */
/* What stands in the way: a node under vfio.dir or vfio.iommu is missing, forbidden or held. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/opener.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "vfio/obstacles.h"

#define UNSAFE "module/vfio/parameters/enable_unsafe_noiommu_mode"

static bool is_forbidden(int error)
{
	return error == -EACCES || error == -EPERM;
}

static int access_to(const char *path)
{
	return rawpci_sys_access(path, R_OK | W_OK);
}

/* What is said of a missing node, and how udev knows it; NULL: all users may open it. made: sysfs
 * has one of these if the kernel has the device of the node; NULL: that is not asked. */
static const struct node_words {
	const char *missing, *rule, *made[2];
} node_words[] = {
	[RAWPCI_VFIO_NODE_IOMMUFD] = {
		"is not there: this kernel has no iommufd (it came with 6.2), or its module is not "
		"loaded\nmodprobe iommufd", "KERNEL==\"iommu\"",
		{ "class/misc/iommu", "module/iommufd" },
	},
	[RAWPCI_VFIO_NODE_CONTAINER] = {
		"is not there: the kernel's vfio module is not loaded\nmodprobe vfio-pci", NULL,
		{ "class/misc/vfio", "module/vfio" },
	},
	[RAWPCI_VFIO_NODE_CDEV] = {
		"did not appear\nin a container, it has to be passed in",
		"SUBSYSTEM==\"vfio-dev\"", { NULL, NULL },
	},
	[RAWPCI_VFIO_NODE_GROUP] = {
		"is gone, because no device of the IOMMU group is bound to vfio-pci\n"
		"bind it to vfio-pci", "SUBSYSTEM==\"vfio\"", { NULL, NULL },
	},
};

static void describe_forbidden(const char *path, const char *rule, int error,
			       struct rawpci_finding *finding)
{
	unsigned user = rawpci_sys_user();

	*finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_PERMISSION, error);
	(void)snprintf(finding->path, sizeof(finding->path), "%s", path);
	if (error == -EPERM) {
		rawpci_vfio_say(finding,
				"a device cgroup, a security module or a sandbox forbids "
				"opening %s\nallow it there",
				path);
	} else if (rule) {
		rawpci_vfio_say(finding,
				"user %u has no permission to open %s\nchown %u %s, or "
				"add a udev rule for %s",
				user, path, user, path, rule);
		(void)snprintf(finding->commands, sizeof(finding->commands), "chown %u %s\n", user,
			       path);
	} else {
		rawpci_vfio_say(finding,
				"user %u has no permission to open %s\nchmod 0666 %s, as "
				"udev does: that gives access to no device",
				user, path, path);
		(void)snprintf(finding->commands, sizeof(finding->commands), "chmod 0666 %s\n",
			       path);
	}
}

/* Has the kernel the device of a node? Then only this process does not see the node. */
static bool is_made(struct rawpci *ctx, enum rawpci_vfio_node_kind kind)
{
	char path[RAWPCI_VFIO_PATH];
	bool made = false;

	for (int i = 0; i < 2 && !made && node_words[kind].made[i]; i++) {
		int n = snprintf(path, sizeof(path), "%s/%s", rawpci_vfio_sysfs(ctx),
				 node_words[kind].made[i]);

		made = n >= 0 && (size_t)n < sizeof(path) && rawpci_sys_access(path, F_OK) == 0;
	}
	return made;
}

void rawpci_vfio_describe_node(struct rawpci *ctx, enum rawpci_vfio_node_kind kind,
			       const char *path, int error, struct rawpci_finding *finding)
{
	const char *words = error == -ENOENT && is_made(ctx, kind)
				    ? "is not there, although the kernel has that device\n"
				      "add the node to the /dev of the container or of this process"
				    : node_words[kind].missing;
	char text[128];

	if (is_forbidden(error)) {
		describe_forbidden(path, node_words[kind].rule, error, finding);
		return;
	}
	*finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_OTHER, rawpci_sys_result(error, -EIO));
	if (error == -ENOENT || error == -ENODEV ||
	    (error == -ENXIO && kind != RAWPCI_VFIO_NODE_GROUP)) {
		finding->error = kind == RAWPCI_VFIO_NODE_GROUP ? -ENODEV : -EOPNOTSUPP;
		rawpci_vfio_say(finding, "%s %s", path, words);
	} else {
		rawpci_vfio_say(finding, "%s: %s", path,
				rawpci_sys_error_text(error, text, sizeof(text)));
	}
}

/* Can the kernel's module give out devices that have no IOMMU? */
static bool is_noiommu_off(const struct rawpci_vfio_question *q, struct rawpci_finding *finding)
{
	char enabled[8];

	rawpci_vfio_parameter(q->ctx, "vfio", "enable_unsafe_noiommu_mode", enabled,
			      sizeof(enabled));
	if (enabled[0] == 'Y')
		return false;
	*finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_OTHER, -EOPNOTSUPP);
	if (enabled[0] != '\0') {
		rawpci_vfio_say(finding,
				"VFIO without an IOMMU is switched off in the kernel\n"
				"write Y to %s/" UNSAFE,
				q->sysfs);
	} else {
		rawpci_vfio_say(finding,
				"the kernel's VFIO does not say whether it allows devices "
				"without an IOMMU (%s/" UNSAFE " cannot be read)\nload the module "
				"vfio on a kernel with CONFIG_VFIO_NOIOMMU",
				q->sysfs);
	}
	return true;
}

/* Is there no way to an address space? Then the finding is about the last that was tried. */
static bool has_no_space(const struct rawpci_vfio_question *q, struct rawpci_finding *finding)
{
	unsigned ways = q->grouped == 0 ? rawpci_vfio_ways(q->ctx) : RAWPCI_VFIO_BY_NOIOMMU;
	char container[RAWPCI_VFIO_PATH];
	int iommufd = -ENOENT, r;

	if (ways & RAWPCI_VFIO_BY_CDEV)
		iommufd = access_to(rawpci_vfio_iommu(q->ctx));
	if (iommufd == 0)
		return false;
	if (ways == RAWPCI_VFIO_BY_CDEV) {
		rawpci_vfio_describe_node(q->ctx, RAWPCI_VFIO_NODE_IOMMUFD,
					  rawpci_vfio_iommu(q->ctx), iommufd, finding);
		return true;
	}
	rawpci_vfio_node(q->ctx, "vfio", container);
	r = access_to(container);
	if (r == 0 && (ways & RAWPCI_VFIO_BY_GROUP))
		return false;
	if ((ways & RAWPCI_VFIO_BY_NOIOMMU) && is_noiommu_off(q, finding))
		return true;
	if (r == 0)
		return false;
	rawpci_vfio_describe_node(q->ctx, RAWPCI_VFIO_NODE_CONTAINER, container, r, finding);
	return true;
}

/* If the module is not loaded, a missing node needs no further reason. A forbidden one does. */
int rawpci_vfio_find_no_space(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding;

	if ((q->grouped != 0 && !rawpci_vfio_noiommu_wanted(q->ctx)) ||
	    !has_no_space(q, &finding) ||
	    (!q->loaded && finding.obstacle != RAWPCI_OBSTACLE_PERMISSION))
		return 0;
	return rawpci_vfio_found(q, &finding);
}

static void describe_owner(const char *node, const struct rawpci_opener *opener,
			   struct rawpci_finding *finding)
{
	*finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_OWNED, -EBUSY);
	finding->number = opener->process;
	(void)snprintf(finding->path, sizeof(finding->path), "%s", node);
	rawpci_vfio_say(finding,
			"%s has %s open\n"
			"close it in that process, or end the process",
			opener->self ? "this process" : opener->text, node);
}

/* Only one process can have the node open. Opening it for a trial would keep others out. */
bool rawpci_vfio_describe_holder(const char *node, struct rawpci_finding *finding)
{
	struct rawpci_opener opener;

	rawpci_opener_find("/proc", node, false, &opener);
	if (opener.process != 0)
		describe_owner(node, &opener, finding);
	return opener.process != 0;
}

static int find_held(struct rawpci_vfio_question *q, const char *node)
{
	struct rawpci_finding finding;

	if (!rawpci_vfio_describe_holder(node, &finding))
		return 0;
	finding.group = q->group;
	return rawpci_vfio_found(q, &finding);
}

static int find_forbidden(struct rawpci_vfio_question *q, enum rawpci_vfio_node_kind kind,
			  const char *path, int error)
{
	struct rawpci_finding finding;

	if (!is_forbidden(error))
		return 0;
	rawpci_vfio_describe_node(q->ctx, kind, path, error, &finding);
	return rawpci_vfio_found(q, &finding);
}

/* The devices of a group that this context has open share its node. */
static int find_group_held(struct rawpci_vfio_question *q)
{
	char node[RAWPCI_VFIO_PATH];

	rawpci_vfio_group_node(q->ctx, q->group, false, node);
	if (q->group_ours || rawpci_sys_access(node, F_OK) < 0)
		return 0;
	return find_held(q, node);
}

/* The container is left out if find_no_space() has reported it. */
static int find_on_way_by_group(struct rawpci_vfio_question *q)
{
	char container[RAWPCI_VFIO_PATH], node[RAWPCI_VFIO_PATH];
	struct rawpci_finding reported;
	int r = 0;

	rawpci_vfio_node(q->ctx, "vfio", container);
	if (!has_no_space(q, &reported) || reported.obstacle != RAWPCI_OBSTACLE_PERMISSION)
		r = find_forbidden(q, RAWPCI_VFIO_NODE_CONTAINER, container, access_to(container));
	if (r != 0)
		return r;
	rawpci_vfio_group_node(q->ctx, q->group, false, node);
	r = access_to(node);
	return is_forbidden(r) ? find_forbidden(q, RAWPCI_VFIO_NODE_GROUP, node, r)
			       : find_group_held(q);
}

/* Can the device be opened by its cdev and an iommufd? 0, or a negative errno: with the cdev's node
 * if that is what it is about. The node is not there before the device is bound to vfio-pci. */
static int try_cdev(const struct rawpci_vfio_question *q, char node[RAWPCI_VFIO_PATH])
{
	char name[RAWPCI_VFIO_CDEV];
	int r = access_to(rawpci_vfio_iommu(q->ctx));

	node[0] = '\0';
	if (r == 0)
		r = rawpci_vfio_cdev_name(q->ctx, q->address, name);
	if (r < 0)
		return r;
	rawpci_vfio_cdev_node(q->ctx, name, node);
	return access_to(node);
}

/* One of the two ways into the device is enough, where the settings leave the choice. */
int rawpci_vfio_find_node(struct rawpci_vfio_question *q)
{
	unsigned ways = rawpci_vfio_ways(q->ctx);
	char node[RAWPCI_VFIO_PATH] = "";
	int r = -ENOENT;

	if (q->grouped != 0)
		return 0;
	if (ways & RAWPCI_VFIO_BY_CDEV)
		r = try_cdev(q, node);
	if (r == 0) {
		r = find_held(q, node);
		return r != 0 ? r : find_group_held(q);
	}
	if (ways & RAWPCI_VFIO_BY_GROUP)
		return find_on_way_by_group(q);
	return node[0] != '\0' ? find_forbidden(q, RAWPCI_VFIO_NODE_CDEV, node, r) : 0;
}

int rawpci_vfio_find_missing_node(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_OTHER, -ENODEV);
	char unsafe[RAWPCI_VFIO_PATH], driver[RAWPCI_SYSFS_NAME];

	rawpci_vfio_group_node(q->ctx, q->group, true, unsafe);
	if (rawpci_sys_access(unsafe, F_OK) == 0) {
		finding.error = -EOPNOTSUPP;
		rawpci_vfio_say(&finding,
				"there is only %s, VFIO without an IOMMU, which would "
				"let the device reach all of the host's memory\n"
				"if that is wanted, set vfio.noiommu=yes",
				unsafe);
	} else if (rawpci_sysfs_driver(q->sysfs, q->address, driver) < 0) {
		return rawpci_vfio_find_absent(q);
	} else if (strcmp(driver, "vfio-pci") != 0) {
		rawpci_vfio_say(&finding,
				"%s is not there: the device is bound to %s, not to "
				"vfio-pci\nbind it to vfio-pci",
				q->node, driver[0] ? driver : "no driver");
	} else {
		rawpci_vfio_say(&finding,
				"it is bound to vfio-pci but %s did not appear\n"
				"in a container, %s has to be passed in",
				q->node, q->node);
	}
	return rawpci_vfio_found(q, &finding);
}

struct holder {
	const struct rawpci_vfio_question *q;
	char path[RAWPCI_VFIO_PATH]; /* of the node that it has open */
	struct rawpci_opener opener;
};

static int look_at_cdev(void *opaque, const struct rawpci_address *address)
{
	struct holder *holder = opaque;
	char name[RAWPCI_VFIO_CDEV];

	if (rawpci_address_compare(address, holder->q->address) == 0 ||
	    rawpci_vfio_cdev_name(holder->q->ctx, address, name) < 0)
		return 0;
	rawpci_vfio_cdev_node(holder->q->ctx, name, holder->path);
	if (rawpci_sys_access(holder->path, F_OK) < 0)
		return 0;
	rawpci_opener_find("/proc", holder->path, false, &holder->opener);
	return holder->opener.process != 0;
}

static int report_holder(struct rawpci_vfio_question *q, const struct holder *holder)
{
	bool self = holder->opener.self;
	struct rawpci_finding finding;

	describe_owner(holder->path, &holder->opener, &finding);
	finding.group = q->group;
	rawpci_vfio_say(&finding,
			"IOMMU group %u is in use: %s has %s open\n"
			"close it in that process, or %s",
			q->group, self ? "this process" : holder->opener.text, holder->path,
			self ? "open both for one VM" : "end that process");
	return rawpci_vfio_found(q, &finding);
}

/* The kernel gives the devices of a group to one owner only. This process may be that owner: its
 * device may be of the VM that this one is for. */
int rawpci_vfio_find_sibling(struct rawpci_vfio_question *q)
{
	struct holder holder = { .q = q };

	if (q->grouped != 0 ||
	    rawpci_sysfs_group_each(q->sysfs, q->group, look_at_cdev, &holder) != 1 ||
	    holder.opener.self)
		return 0;
	return report_holder(q, &holder);
}

int rawpci_vfio_find_group_holder(struct rawpci_vfio_question *q)
{
	struct holder holder = { .q = q };

	if (rawpci_sysfs_group_each(q->sysfs, q->group, look_at_cdev, &holder) != 1) {
		rawpci_vfio_group_node(q->ctx, q->group, false, holder.path);
		if (rawpci_sys_access(holder.path, F_OK) < 0)
			return 0;
		rawpci_opener_find("/proc", holder.path, false, &holder.opener);
	}
	return holder.opener.process != 0 ? report_holder(q, &holder) : 0;
}
