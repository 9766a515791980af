/* SPDX-License-Identifier: MIT */
/* The phases of a program that has a device, as rawpci-vmm(7) names them. */
#ifndef RAWPCI_TESTS_MAN_PHASES_H
#define RAWPCI_TESTS_MAN_PHASES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/native.h>

#include "watch.h"

/* What a run of the test is about, and what its child has open. */
struct run {
	const char *backend, *address;
	const char *const *settings;
	const char *engine; /* "uring" or "epoll" */
	enum rawpci_irq_mode mode;
	char tags[128]; /* words that hold: backend, engine, and what else the page has */

	struct watched *watched;
	enum watch_kind kind;
	const bool *allowed;

	struct rawpci *ctx;
	struct rawpci_vm *vm;
	struct rawpci_device *dev;
	struct rawpci_device_info info;
	struct rawpci_device_fds fds;
	struct rawpci_mapping bar;
	uint8_t *ram;
	atomic_uint handled;
};

enum { PHASE_NOT_HERE = 1 }; /* of before(): this device does not have the phase */

struct phase {
	const char *name;                /* as the page has it */
	bool threads;                    /* it may start threads */
	bool modes;                      /* it differs between the modes of interrupts */
	bool (*wanted)(struct run *run); /* NULL: always */
	/* Goes to where the phase begins. 0, or the error. */
	int (*before)(struct run *run);
	/* The phase, under the filter. 0, or the error. */
	int (*body)(struct run *run);
	bool enters; /* body() puts a thread under the filter itself */
};

/* The device is bound to vfio-pci, and the backend is vfio. */
bool bound_to_vfio(struct run *run);

extern const struct phase phases[];
extern const unsigned phase_count;

#endif
