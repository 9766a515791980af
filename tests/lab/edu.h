/* SPDX-License-Identifier: MIT */
/* QEMU's educational device (QEMU docs/specs/edu): BAR 0. */
#ifndef RAWPCI_LAB_EDU_H
#define RAWPCI_LAB_EDU_H

enum edu_register {
	EDU_ID = 0x00,       /* 0x010000ed */
	EDU_LIVENESS = 0x04, /* reads as the complement of what was written */
	EDU_IRQ_STATUS = 0x24,
	EDU_IRQ_RAISE = 0x60, /* sets these bits of the status */
	EDU_IRQ_ACK = 0x64,   /* clears these bits of the status */
	EDU_DMA_FROM = 0x80,
	EDU_DMA_TO = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_COMMAND = 0x98,
	EDU_BUFFER = 0x40000, /* 4 KiB inside the device, an address for its DMA engine only */
};

enum edu_dma_command {
	EDU_DMA_START = 1, /* reads as set until it is done: 100 ms */
	EDU_DMA_TO_RAM = 2,
};

#define EDU_ID_VALUE 0x010000edu

/* A transfer of the buffer's whole 4096 bytes stops QEMU 7.2: its range check is off by one. */
#define EDU_DMA_BYTES 1024u

#endif
