/* SPDX-License-Identifier: MIT */
/*
 * The guest's machine as the guest (assembly) and the hypervisor (C) agree on it.
 *
 * The guest stays in real mode, so that any KVM can run it, nested and emulated ones included. Real
 * mode reaches 1 MiB, and with segment 0xffff another 65,520 bytes above it: there BAR 0 goes. The
 * usual hole below 1 MiB would not do, as a BAR of 1 MiB has to lie at a multiple of its size.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#define GUEST_RAM_SIZE 0xa0000 /* from address 0 */
#define GUEST_CODE 0x10000     /* the image, then the stack, in one segment of 64 KiB */
#define GUEST_DMA_OUT 0x20000  /* what the device reads */
#define GUEST_DMA_IN 0x30000   /* what the device writes */
#define GUEST_BAR0 0x100000

#define GUEST_PORT_TEXT 0xe9    /* a byte written here goes to standard output */
#define GUEST_PORT_VERDICT 0xf4 /* a byte written here ends the run: 0 is right */

#define GUEST_SLOT 4 /* the device's number on the guest's bus 0 */
#define GUEST_IRQ 10 /* the input of the guest's interrupt controller that the device drives */

#endif
