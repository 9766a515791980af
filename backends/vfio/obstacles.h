/* SPDX-License-Identifier: MIT */
/*
 * What stands in the way of a device. An obstacle is a function: obstacles.c has those about the
 * device, its group and its memory, nodes.c those about the nodes under vfio.dir and vfio.iommu.
 * They look and touch nothing, keep no state and need no lock. obstacle-order.c lists them. Each returns 0,
 * or the value of take() that ends the search.
 */
#ifndef RAWPCI_VFIO_OBSTACLES_H
#define RAWPCI_VFIO_OBSTACLES_H

#include "vfio/finding.h"
#include "vfio/host.h"

/* When an attempt to use the device meets an obstacle. */
enum rawpci_vfio_step {
	RAWPCI_VFIO_PROBE, /* before vfio-pci is bound to the device */
	RAWPCI_VFIO_OPEN,  /* when the kernel refuses to open it */
	RAWPCI_VFIO_MAP,   /* when the kernel refuses to map memory for it */
};

/* Goes through the list (obstacle-order.c) up to a step. until_found: the search ends there. */
int rawpci_vfio_check(struct rawpci_vfio_question *q, enum rawpci_vfio_step last, bool until_found);

int rawpci_vfio_find_absent(struct rawpci_vfio_question *q);
int rawpci_vfio_find_bridge(struct rawpci_vfio_question *q);
int rawpci_vfio_find_no_group(struct rawpci_vfio_question *q); /* unless noiommu is wanted */
int rawpci_vfio_find_no_module(struct rawpci_vfio_question *q);
int rawpci_vfio_find_blockers(struct rawpci_vfio_question *q); /* a finding for each device */
int rawpci_vfio_find_functions(struct rawpci_vfio_question *q);
int rawpci_vfio_find_no_space(struct rawpci_vfio_question *q);
int rawpci_vfio_find_sibling(struct rawpci_vfio_question *q);
int rawpci_vfio_find_node(struct rawpci_vfio_question *q);
int rawpci_vfio_find_lock_limit(struct rawpci_vfio_question *q);

/* What is asked when the kernel has refused a call, with what that call tells. */

enum rawpci_vfio_node_kind {
	RAWPCI_VFIO_NODE_IOMMUFD,
	RAWPCI_VFIO_NODE_CONTAINER,
	RAWPCI_VFIO_NODE_CDEV,
	RAWPCI_VFIO_NODE_GROUP,
};

/* Why a node cannot be opened. */
void rawpci_vfio_describe_node(struct rawpci *ctx, enum rawpci_vfio_node_kind kind,
			       const char *path, int error, struct rawpci_finding *finding);

/* A missing group, also where the settings do not ask for one. */
int rawpci_vfio_find_why_no_group(struct rawpci_vfio_question *q);

/* A group's node that is not there, although the kernel was given time to make it. */
int rawpci_vfio_find_missing_node(struct rawpci_vfio_question *q);

/* The process that has a node open. False: none can be seen, and nothing is written. */
bool rawpci_vfio_describe_holder(const char *node, struct rawpci_finding *finding);

/* A process that has the group, or another device of it, open: this process, too. */
int rawpci_vfio_find_group_holder(struct rawpci_vfio_question *q);

/* The limit of locked memory does not allow size bytes more. by_user: the kernel counts for all
 * processes of the user together, which cannot be read, so the limit is the likely cause. */
bool rawpci_vfio_describe_lock_limit(uint64_t size, bool by_user, struct rawpci_finding *finding);

#endif
