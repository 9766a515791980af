/* SPDX-License-Identifier: MIT */
/* The situations that root brings about for lab-explain. */
#ifndef RAWPCI_LAB_EXPLAIN_SITUATIONS_H
#define RAWPCI_LAB_EXPLAIN_SITUATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SKIP 77

/* What it is about, and how it is to be opened. Situations change the last three. */
extern const char *address, *sibling;
extern const char *backend; /* NULL: whichever */
extern bool detach;
extern pid_t holder; /* the process to kill in the end; -1: none */

/* Each returns 0, or SKIP where this kernel cannot be brought to it. */
int before_nothing(void);
int before_on_vfio(void);
int before_on_vfio_of_nobody(void);
int before_owned(void);
int before_node_held(void);
int before_left(void);
int before_swapped(void);
int before_swapped_detach(void);
int before_to_be_detached(void);
int before_unbound(void);
int before_without_module(void);
int before_uring_off(void);

/* The last part of where a link points to; empty where it cannot be read. */
void read_link_name(const char *path, char *name, size_t size);
/* A file of a device's in sysfs. */
void device_file(const char *device, const char *file, char path[128]);
/* The node of its IOMMU group. */
void node_of(const char *device, char path[128]);

#endif
