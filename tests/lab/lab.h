/* SPDX-License-Identifier: MIT */
/* What the topics of lab-vfio share. */
#ifndef RAWPCI_LAB_LAB_H
#define RAWPCI_LAB_LAB_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#include "check.h"

/* A device, opened by the VFIO or another backend with its host driver detached. */
struct lab {
	struct rawpci *ctx;
	struct rawpci_vm *vm;
	struct rawpci_device *dev;
	struct rawpci_mapping bar; /* BAR 0, whole */
	sem_t arrived;             /* for handlers */
	unsigned handled;
};

/* Settings for all contexts, the last one NULL; NULL: none. */
extern const char *const *lab_settings;

/* The backend that contexts are for; "auto": whichever. */
const char *lab_backend(void);

/* A context that prints what it logs. NULL after a failed check. */
struct rawpci *lab_context(void);

/* Opens the device, maps BAR 0, and powers it on where on is set. False after a failed check. */
bool lab_open(struct lab *lab, const char *bdf, bool on);

/* Closes what lab_open() made, also where that failed. */
void lab_close(struct lab *lab);

/* Registers of BAR 0, 4 bytes. All ones where the read failed. */
uint32_t lab_read(struct lab *lab, uint32_t offset);
void lab_write(struct lab *lab, uint32_t offset, uint32_t value);

/* Waits for a handler's sem_post(); false: 10 seconds were not enough. */
bool lab_wait(struct lab *lab);

/* Finds a capability in the first 256 bytes of config space; 0: there is none. */
uint32_t lab_capability(struct lab *lab, uint8_t id);

/* The topics. Each takes the address of the device that it is about. */
void edu_intx(const char *bdf);
void edu_decode(const char *bdf);
void edu_power(const char *bdf);
void edu_busy(const char *bdf);
void edu_group(const char *bdf);
int edu_busy_child(const char *bdf);
void memory_coalesce(const char *bdf);
void memory_limits(const char *bdf);
void memory_locked(const char *bdf);
void last_page(const char *bdf);
void net_intx(const char *bdf);
void net_msix(const char *bdf);
void net_config(const char *bdf);
void nvme_regions(const char *bdf);
void nvme_commands(const char *bdf);
void nvme_routes(const char *bdf);
void nvme_handover(const char *bdf);
void ports(const char *bdf);
void via(const char *bdf);
void via_shared(const char *bdf);
void noiommu(const char *bdf);
void off_master(const char *bdf);
void off_sleep(const char *bdf);
void off_idle(const char *bdf);
void plain_config(const char *bdf);
void plain_refusals(const char *bdf);
void plain_sleep(const char *bdf);
void plain_combining(const char *bdf);
void plain_gone(const char *bdf);
void uio_intx(const char *bdf);
void uio_master(const char *bdf);
void direct(const char *bdf);
void ones(const char *bdf);
void protection(const char *bdf);
void choice(const char *bdf);
void fallback(const char *bdf);

#endif
