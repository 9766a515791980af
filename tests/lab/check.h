/* SPDX-License-Identifier: MIT */
/* Shared by the lab's programs: checks as TAP lines, and the host's view of a device. */
#ifndef RAWPCI_LAB_CHECK_H
#define RAWPCI_LAB_CHECK_H

#include <stdbool.h>

/* Prints one TAP line; what is printed says what was seen. Returns ok. */
bool check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the plan. Returns the exit status: 0 when no check failed. */
int check_end(void);

/* The driver that a device is bound to, "" for none. A static buffer. */
const char *host_driver(const char *bdf);

/* How many descriptors this process has open. */
int open_descriptors(void);

/* Waits until path is there, or not there; false: 10 seconds were not enough. */
bool wait_for_path(const char *path, bool there);

/* Is the text in the kernel's log? Asks for up to 5 seconds: the IOMMU reports late. */
bool kernel_said(const char *text);

void sleep_ms(long ms);

#endif
