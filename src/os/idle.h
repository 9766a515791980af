/* SPDX-License-Identifier: MIT */
/*
 * The kernel's runtime power management of a device without a driver. While the device's file
 * power/control says "auto", the kernel suspends the device. The device goes on working, but the
 * kernel has a copy of its config space. When it resumes the device, it writes the copy back, bus
 * mastering included. "on" resumes the device for good, and then there is no copy (Linux
 * drivers/pci/pci-driver.c, pci_pm_runtime_suspend(), pci_pm_runtime_resume();
 * drivers/base/power/runtime.c, pm_runtime_forbid()).
 */
#ifndef RAWPCI_OS_IDLE_H
#define RAWPCI_OS_IDLE_H

#include <stdbool.h>

#include "os/slow.h"

#define RAWPCI_IDLE_FILE "power/control"
#define RAWPCI_IDLE_NEVER "on"

/* May the kernel suspend the device? False if the kernel has no such file. */
bool rawpci_idle_may(const char *root, const struct rawpci_address *address);

/* Lets the kernel suspend the device, or resumes it. Returns as rawpci_slow_write(). */
int rawpci_idle_let(const struct rawpci_binding *at, bool may);

#endif
