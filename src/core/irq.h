/* SPDX-License-Identifier: MIT */
/* Shared by irq.c, route.c and watch.c. */
#ifndef RAWPCI_CORE_IRQ_H
#define RAWPCI_CORE_IRQ_H

#include <rawpci/irq.h>

struct rawpci_device;

/* Notes that this thread enters a handler of the device (NULL: leaves). Returns what was noted. */
const struct rawpci_device *rawpci_irq_handling(const struct rawpci_device *dev);

/* Both need irq_lock. Begin requires that no type is in use. */
int rawpci_irqs_begin_type(struct rawpci_device *dev, enum rawpci_irq_type type);
void rawpci_irqs_end_type_if_unused(struct rawpci_device *dev);

#endif
