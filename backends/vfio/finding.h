/* SPDX-License-Identifier: MIT */
/*
 * A question about a device, and the findings that answer it (finding.c). An obstacle is a function
 * that is given a question, looks at the host, touches nothing, and reports what it finds. The
 * asker owns the question; there is no lock.
 */
#ifndef RAWPCI_VFIO_FINDING_H
#define RAWPCI_VFIO_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include <rawpci/backend.h>

struct rawpci_vfio_question {
	struct rawpci *ctx;
	const char *sysfs;
	const struct rawpci_address *address;
	int grouped;     /* 0: .group is its IOMMU group; else a negative errno: -ENOENT: none */
	unsigned group;
	bool loaded;     /* the driver vfio-pci is there */
	bool group_ours; /* this context has the group open, and its devices share the node */
	uint64_t memory; /* bytes that would be mapped for DMA; 0: not known */

	/* Receives each finding. Other than 0 ends the search with that. */
	int (*take)(void *opaque, const struct rawpci_finding *finding);
	void *opaque;
	unsigned found; /* findings so far */
};

/* Asks about a device. address stays the caller's. */
void rawpci_vfio_question_init(struct rawpci_vfio_question *q, struct rawpci *ctx,
			       const struct rawpci_address *address);

/* Reports a finding. Returns what take() does. */
int rawpci_vfio_found(struct rawpci_vfio_question *q, const struct rawpci_finding *finding);

/* One that blocks, without words yet. */
struct rawpci_finding rawpci_vfio_finding(enum rawpci_obstacle obstacle, int error);

/* Write a part of a finding, cut where it is too long. */
void rawpci_vfio_cause(struct rawpci_finding *finding, const char *format, ...)
	RAWPCI_PRINTF(2, 3);
void rawpci_vfio_remedy(struct rawpci_finding *finding, const char *format, ...)
	RAWPCI_PRINTF(2, 3);
void rawpci_vfio_commands(struct rawpci_finding *finding, const char *format, ...)
	RAWPCI_PRINTF(2, 3);
void rawpci_vfio_set_path(struct rawpci_finding *finding, const char *path);

/* Fails with a finding: "name: cause: remedy". Returns finding->error. */
int rawpci_vfio_fail(struct rawpci *ctx, const char *name, const struct rawpci_finding *finding);

/* Fails with a finding that has only a cause and, where it is not "", a remedy. Returns error. */
int rawpci_vfio_refuse(struct rawpci *ctx, const char *name, int error, const char *remedy,
		       const char *cause, ...) RAWPCI_PRINTF(5, 6);

/* Asks one obstacle's function. Returns 0 if nothing is found, else fails with it. */
int rawpci_vfio_fail_if(struct rawpci *ctx, const struct rawpci_address *address,
			int (*look)(struct rawpci_vfio_question *q));

#endif
