/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's side: one KVM virtual machine with one CPU in real mode, memory, and the
 * interrupt controllers that KVM has inside. Functions that return bool have said why on standard
 * error when it is false; machine_create() leaves that to its caller.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stop.h"

struct bus;
struct kvm_run;

struct machine {
	int kvm, vm, cpu;
	struct kvm_run *run; /* shared with the kernel: why the CPU stopped */
	size_t run_size;
	unsigned long long unmapped; /* times that machine_map() failed */
	char why[128];               /* what machine_create() failed at */
};

/* Creates it, without memory; the CPU starts with the guest's image. Zeroed memory is not needed
 * and machine_destroy() has to be called in either case. False means that this machine's KVM cannot
 * do it; the reason is in machine->why, and has not been printed. */
bool machine_create(struct machine *machine);
void machine_destroy(struct machine *machine);

/* Puts memory of this process into the guest's address space; size 0 takes it out again.
 * @slot: names the piece
 * The guest moves such memory too, so only the first failure is said; machine_destroy() says how many
 * there were. */
bool machine_map(struct machine *machine, uint32_t slot, uint64_t guest, void *host, uint64_t size);

/* Each signal of the eventfd pulses an input of the guest's interrupt controller. */
bool machine_irqfd(struct machine *machine, uint32_t input, int eventfd);

/**
 * Runs the guest.
 * @bus: serves the accesses that leave the machine
 * @verdict: the byte the guest ended with
 *
 * Returns false when it ended otherwise.
 */
bool machine_run(struct machine *machine, struct bus *bus, struct stop *stop, uint8_t *verdict);

#endif
