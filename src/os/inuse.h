/* SPDX-License-Identifier: MIT */
/* What the host would lose with a device. */
#ifndef RAWPCI_OS_INUSE_H
#define RAWPCI_OS_INUSE_H

#include <stdbool.h>
#include <stddef.h>

#include <rawpci/device.h>

#define RAWPCI_INUSE_TEXT 256

/* Where to look. */
struct rawpci_inuse_host {
	const char *sys;  /* "/sys" */
	const char *proc; /* "/proc" */

	/* "/dev": disks are also tried, by opening them exclusively for a moment, in which nobody
	 * else can (a mount would fail). For who is about to take the device. NULL: only look. */
	const char *dev;

	const char *vfio; /* "/dev/vfio"; NULL: not looked at */
	const char *uio;  /* "/dev", of UIO's nodes; NULL: not looked at */
};

/**
 * Looks for something on the host that depends on a device: a mounted file system or swap on a disk
 * of its, also by partitions and whatever is built of them (device-mapper, md, NVMe multipath); with
 * dev, also whoever else has one of these exclusively; a network interface that is up, or in another
 * network namespace, of which no more can be seen; the display that the machine was started with;
 * virtual functions; that it is a bridge; a program that has it open through VFIO or UIO.
 * @text: receives what it is ("nvme0n1p1 is mounted on /srv"); RAWPCI_INUSE_TEXT bytes
 *
 * Returns 1: there is something, 0: nothing was found, or a negative errno when it cannot be known:
 * then text says that, and why.
 */
int rawpci_inuse_find(const struct rawpci_inuse_host *host, const struct rawpci_address *address,
		      char *text);

/* Is it a bridge? That is the host's, also while no driver holds it: the way to other devices, or a
 * part of the chipset. 1, or 0. text as above; written where it is one. */
int rawpci_inuse_bridge(const char *sys, const struct rawpci_address *address, char *text);

/* inuse-disk.c: the part of it about disks whose path in sysfs goes through a directory called
 * below. */
/* A program that has the device open through VFIO or UIO, as far as it can be seen. */
int rawpci_inuse_user(const struct rawpci_inuse_host *host, const struct rawpci_address *address,
		      char *text);
int rawpci_inuse_disks(const struct rawpci_inuse_host *host, const char *below, char *text);

#endif
