/* SPDX-License-Identifier: MIT */
/* Waiting for the kernel and udev (wait.c). Keeps no state. */
#ifndef RAWPCI_VFIO_WAIT_H
#define RAWPCI_VFIO_WAIT_H

#define RAWPCI_VFIO_NODE_WAIT_MS 2000

/* The kernel makes a node after the driver was bound, and udev sets its permissions after that.
 * Waits until one of the two nodes can be used, at most limit_ms. second may be NULL. */
void rawpci_vfio_wait_for_node(const char *path, const char *second, unsigned limit_ms);

/* The kernel resets a device when it is opened. For that it tries to lock the device and all
 * devices that the reset would disturb. EAGAIN: one of them is locked at the moment. */
int rawpci_vfio_ioctl_patiently(int fd, unsigned long request, void *argument);

#endif
