/* SPDX-License-Identifier: MIT */
/* What the host would lose with a device. */
#ifndef RAWPCI_OS_INUSE_H
#define RAWPCI_OS_INUSE_H

#include <stdbool.h>
#include <stddef.h>

#include <rawpci/device.h>

#define RAWPCI_INUSE_TEXT 256

/**
 * Looks for something on the host that depends on a device: a mounted file system or swap on a disk
 * of its, also by partitions and whatever is built of them (device-mapper, md, NVMe multipath); a
 * network interface that is up; the display that the machine was started with.
 * @root: sysfs
 * @proc: "/proc"
 * @text: receives what it is ("nvme0n1p1 is mounted on /srv"); RAWPCI_INUSE_TEXT bytes
 *
 * Sees the mounts and interfaces of this process's namespaces. Returns 1: there is something, 0:
 * nothing was found, or a negative errno when it cannot be known.
 */
int rawpci_inuse_find(const char *root, const char *proc, const struct rawpci_address *address,
		      char *text);

#endif
