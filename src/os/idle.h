/* SPDX-License-Identifier: MIT */
/*
 * The kernel's runtime power management of a device without a driver. While its file power/control
 * says "auto", the kernel suspends the device: it leaves it at work, but keeps its config space and
 * writes that back when it resumes it, bus mastering with the rest. "on" resumes it and keeps it so;
 * then nothing is kept (Linux drivers/pci/pci-driver.c, pci_pm_runtime_suspend(),
 * pci_pm_runtime_resume(); drivers/base/power/runtime.c, pm_runtime_forbid()).
 */
#ifndef RAWPCI_OS_IDLE_H
#define RAWPCI_OS_IDLE_H

#include <stdbool.h>

#include "os/slow.h"

#define RAWPCI_IDLE_FILE "power/control"
#define RAWPCI_IDLE_NEVER "on"

/* May the kernel suspend it? False, too, where a kernel without that has no such file. */
bool rawpci_idle_may(const char *root, const struct rawpci_address *address);

/* Lets the kernel suspend it, or resumes it. Returns as rawpci_slow_write(). */
int rawpci_idle_let(const struct rawpci_binding *at, bool may);

#endif
