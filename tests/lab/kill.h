/* SPDX-License-Identifier: MIT */
/* The parts of lab-kill: the process that is killed, and two ways to kill it. */
#ifndef RAWPCI_LAB_KILL_H
#define RAWPCI_LAB_KILL_H

#include <stdbool.h>
#include <sys/types.h>

/* The device, and the backend by which it is taken. */
struct kill_target {
	const char *bdf, *backend;
};

/* What the process that is killed does: opens the device with its host driver detached, has it raise
 * interrupts and read and write memory as far as the backend allows, closes it; cycles times, 0:
 * until it is killed. Works on edu, nvme and e1000e. Returns an exit status. */
int kill_work(const struct kill_target *target, unsigned cycles);

/* Starts kill_work() with one cycle in a child and lets it take count of the kernel calls that change
 * something, each being two steps: before and after. Then kills it. Returns the steps that it took,
 * which is less than count when it had come to its end. -1: it failed. */
int kill_at_step(const struct kill_target *target, unsigned count);

/* Starts kill_work() in a child and kills it after so many milliseconds. */
bool kill_after(const struct kill_target *target, long ms);

#endif
