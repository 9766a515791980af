/* SPDX-License-Identifier: MIT */
/*
 * QEMU's teaching device "edu" (QEMU docs/specs/edu), as much of it as both the guest (assembly)
 * and the host (C) use. Registers are offsets into BAR 0 and are accessed with 32 bits.
 */
#ifndef EDU_H
#define EDU_H

#define EDU_VENDOR_DEVICE 0x11e81234 /* the first dword of config space */

#define EDU_IDENTITY 0x00
#define EDU_LIVENESS 0x04  /* reads as the complement of what was written */
#define EDU_FACTORIAL 0x08 /* write n, read n! */
#define EDU_STATUS 0x20
#define EDU_INTERRUPT_STATUS 0x24
#define EDU_INTERRUPT_ACK 0x64
#define EDU_DMA_SOURCE 0x80
#define EDU_DMA_TARGET 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98

#define EDU_IDENTITY_VALUE 0x010000ed
#define EDU_STATUS_INTERRUPT 0x80 /* interrupt when the factorial is there */

#define EDU_DMA_START 0x01
#define EDU_DMA_TO_MEMORY 0x02 /* without it: from memory to the device */
#define EDU_DMA_INTERRUPT 0x04

/* Bits of the interrupt status. */
#define EDU_CAUSE_FACTORIAL 0x001
#define EDU_CAUSE_DMA 0x100

/* The device's own memory, 4096 bytes, as its DMA engine addresses it. */
#define EDU_BUFFER 0x40000

/* What both versions of the test put into the device and expect from it. */
#define TEST_LIVENESS 0x12345678
#define TEST_FACTORIAL 10
#define TEST_FACTORIAL_VALUE 0x375f00
#define TEST_DMA_BYTES 256

#endif
