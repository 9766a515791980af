/* SPDX-License-Identifier: MIT */
/* What the host uses a device for, and would lose with it. The backends ask this, too. */
#ifndef RAWPCI_OS_INUSE_H
#define RAWPCI_OS_INUSE_H

#include <stdbool.h>
#include <stddef.h>

#include <rawpci/device.h>

#define RAWPCI_INUSE_TEXT 256
#define RAWPCI_INUSE_STOP 128

/* Where to look. */
struct rawpci_inuse_host {
	const char *sys;  /* "/sys" */
	const char *proc; /* "/proc" */

	/* "/dev": also opens each disk exclusively for a moment. Until it is closed, no other
	 * program can open the disk so (a mount would fail). Only a caller that is about to take
	 * the device should ask for this. NULL: only look. */
	const char *dev;

	unsigned limit_ms; /* with dev: how long to wait at most for a disk to open */

	const char *vfio; /* "/dev/vfio"; NULL: do not look for VFIO's users */
	const char *uio;  /* "/dev", with UIO's nodes; NULL: do not look for UIO's users */

	/* Receives the command that ends the use, "" if there is none; RAWPCI_INUSE_STOP bytes.
	 * NULL: not wanted. */
	char *stop;
};

/**
 * Looks for a use of the device by the host:
 *
 * - a file system or swap on one of its disks, on a partition of the disk, or on a volume that is
 *   built of these (device-mapper, md, NVMe multipath);
 * - with dev: a disk, partition or volume that another program has open exclusively;
 * - a program that has the device open through VFIO or UIO;
 * - a network interface that is up, or that is in another network namespace;
 * - the display that the machine was started with;
 * - enabled virtual functions;
 * - that the device is a bridge.
 *
 * @text: receives the use ("nvme0n1p1 is mounted on /srv"); RAWPCI_INUSE_TEXT bytes
 *
 * Returns 1: text says how the host uses the device; 0: it found no use; or a negative errno value:
 * text says what it could not find out, and why. -ETIMEDOUT: a disk, which text names, did not open
 * in limit_ms.
 */
int rawpci_inuse_find(const struct rawpci_inuse_host *host, const struct rawpci_address *address,
		      char *text);

/* Is the device a bridge? The host needs a bridge even if no driver is bound: it is the way to
 * other devices, or a part of the chipset. Returns 1 with text as above, or 0. */
int rawpci_inuse_bridge(const char *sys, const struct rawpci_address *address, char *text);

/*
 * The parts of rawpci_inuse_find() in files of their own. They return the same, but write text only
 * if they return 1 or have more to say than the errno value.
 */

/* Writes the command to stop, with a name in it. A name that a shell might not take as it is gives no
 * command. */
void rawpci_inuse_stop(char *stop, const char *before, const char *name, const char *behind);

/* Looks for a program that has the device open through VFIO or UIO (inuse-user.c). It finds the
 * programs that rawpci_opener_find() sees. */
int rawpci_inuse_user(const struct rawpci_inuse_host *host, const struct rawpci_address *address,
		      char *text);

/* Looks for a use of the disks that are below a directory of this name in sysfs (inuse-disk.c). */
int rawpci_inuse_disks(const struct rawpci_inuse_host *host, const char *below, char *text);

#endif
