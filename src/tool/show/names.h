/* SPDX-License-Identifier: MIT */
/*
 * Names of devices for a person. Those of vendors and devices come from libpciaccess, which reads
 * the host's pci.ids. Without libpciaccess, no-names.c is compiled and there are ids only.
 *
 * libpciaccess keeps its state in variables of the process, without a lock. The command has one
 * thread that calls it.
 */
#ifndef RAWPCI_TOOL_NAMES_H
#define RAWPCI_TOOL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <rawpci/device.h>

/* names.c or no-names.c */

/* NULL: pci.ids does not have it, or is not installed. */
const char *names_vendor(uint16_t vendor_id);
const char *names_device(uint16_t vendor_id, uint16_t device_id);

/* Is it the display that this host booted with? False also if that is not known. */
bool names_is_boot_display(const struct rawpci_address *address);

/* class.c */

/* class_code: base class, subclass, programming interface. NULL: the code has no name. */
const char *names_class(uint32_t class_code);

#endif
