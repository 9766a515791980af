/* SPDX-License-Identifier: MIT */
/*
 * A question about a device, and the findings that answer it (finding.c). An obstacle is a function
 * that is given a question, looks at the host, touches nothing, and reports what it finds. The
 * asker owns the question; there is no lock.
 */
#ifndef RAWPCI_VFIO_FINDING_H
#define RAWPCI_VFIO_FINDING_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/backend.h>

struct rawpci_vfio_question {
	struct rawpci *ctx;
	const char *sysfs;
	const struct rawpci_address *address;
	int grouped; /* 0: .group is its IOMMU group; else a negative errno: -ENOENT: none */
	unsigned group;
	bool loaded;      /* the driver vfio-pci is there, as far as can be seen */
	bool group_ours;  /* this context has the group open, and its devices share the node */
	uint64_t memory;  /* bytes that would be mapped for DMA; 0: not known */
	const char *node; /* that the kernel has refused; NULL: none */

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

/* Writes its words: the cause and, after a line break, the remedy. */
void rawpci_vfio_say(struct rawpci_finding *finding, const char *format, ...) RAWPCI_PRINTF(2, 3);

/* Fails with a finding: "name: cause: remedy". Returns finding->error. */
int rawpci_vfio_fail(struct rawpci *ctx, const char *name, const struct rawpci_finding *finding);

/* Fails with words as of rawpci_vfio_say(). reason: a negative errno value whose meaning ends the
 * cause; 0: none. Returns error. */
int rawpci_vfio_fail_words(struct rawpci *ctx, const char *name, int error, int reason,
			   const char *format, va_list list) RAWPCI_PRINTF(5, 0);

/* Asks one obstacle's function. Returns 0 if nothing is found, else fails with it. */
int rawpci_vfio_fail_if(struct rawpci *ctx, const struct rawpci_address *address, const char *node,
			int (*look)(struct rawpci_vfio_question *q));

#endif
