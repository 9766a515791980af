/* SPDX-License-Identifier: MIT */
/* A program that opens a device by VFIO itself, as QEMU does: with no help of this library. */
#ifndef RAWPCI_LAB_OPEN_VFIO_H
#define RAWPCI_LAB_OPEN_VFIO_H

/* Opens the device by its IOMMU group, has it master the bus, and keeps it open for so many
 * milliseconds. Returns an exit status; says what failed. */
int open_vfio(const char *bdf, long ms);

#endif
