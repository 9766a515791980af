/* SPDX-License-Identifier: MIT */
/*
 * The control surface of the "fake" backend: pretend devices that live in one context, for tests of
 * programs that use the library. Everything else about them goes through the ordinary doors.
 *
 * A context starts with one device at 0000:00:04.0, which behaves as QEMU's "edu" does
 * (QEMU docs/specs/edu): 1234:11e8, a 1 MiB register BAR, one MSI vector and INTx, a DMA engine.
 *
 * The functions below may be called from any thread. Unless said otherwise they return 0 or a
 * negative errno value, and that is all they say: their failures are neither logged nor told by
 * rawpci_last_error(). They work in any context. The pretend devices can be opened where the backend
 * is "fake".
 */
#ifndef RAWPCI_FAKE_H
#define RAWPCI_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/device.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci_fake;

/* How a device behaves; any member may be NULL. Called without any lock of the library's that the
 * functions below need, in the thread that makes the access. */
struct rawpci_fake_model {
	/* A trapped read of a region; what it returns is the value. NULL: plain memory. */
	uint64_t (*read)(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
			 unsigned width);
	/* A trapped write. NULL: plain memory. */
	void (*write)(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
		      unsigned width, uint64_t value);
	/* The device was reset, as it is when it is opened: registers to their initial values. */
	void (*reset)(void *opaque, struct rawpci_fake *fake);
	/* The device is going away with its context. */
	void (*destroy)(void *opaque);
};

struct rawpci_fake_bar {
	uint64_t size;  /* bytes, a power of two, at least 16 (I/O: 4); 0: absent */
	uint32_t flags; /* enum rawpci_region_flags. 64BIT takes the next BAR, which is absent */
	bool trapped;   /* true: every access goes to the model; false: it can be mapped */
};

/* Set size, leave what is not wanted zero. */
struct rawpci_fake_config {
	size_t size; /* sizeof(struct rawpci_fake_config) as the program was compiled with */
	const char *address;
	uint16_t vendor_id, device_id;
	uint32_t class_code;
	struct rawpci_fake_bar bars[6];
	uint64_t rom_size;    /* bytes, a power of two from 2048; 0: none */
	bool intx;
	unsigned msi;         /* vectors: 0, 1, 2, 4, 8, 16 or 32 */
	unsigned msix;        /* vectors: 0 to 2048 */
	unsigned msix_bar;    /* BAR with the MSI-X table at its start and the pending bits, 8 bytes
				 for each 64 vectors, after it; a memory BAR large enough */
	bool msix_dynamic;    /* vectors can be added one by one */
	bool extended;        /* 4096 bytes of config space */
	bool pm;              /* a power management capability with D3hot */
	bool no_reset;        /* reset is refused */
	bool no_dma;          /* the device cannot be given guest memory */
	uint64_t dma_page;    /* smallest IOMMU page, a power of two; 0: 4096 */
	const struct rawpci_fake_model *model; /* must stay valid */
	void *opaque;
	uint64_t dma_last;    /* the last address that the IOMMU translates, above 0xfeefffff;
				 0: the last one of 48 bits */
};

/**
 * Adds a device. @fake: may be NULL. -EFAULT, -EINVAL (config), -EEXIST (address), -ENOSPC (no bus
 * addresses left for its BARs), -ENOMEM. The model's destroy is not called where it fails.
 */
int rawpci_fake_add(struct rawpci *ctx, const struct rawpci_fake_config *config,
		    struct rawpci_fake **fake);

/** Adds another edu. As rawpci_fake_add(). */
int rawpci_fake_add_edu(struct rawpci *ctx, const char *address, struct rawpci_fake **fake);

/** Finds a device. -ENODEV. Valid for as long as the context lives, also after unplugging. */
int rawpci_fake_find(struct rawpci *ctx, const char *address, struct rawpci_fake **fake);

/**
 * Pulls the device out, as if by force: reads give all ones, writes vanish, interrupts stop. Its
 * address is free for another rawpci_fake_add() once it is closed.
 */
int rawpci_fake_unplug(struct rawpci_fake *fake);

/** Signals an event (RAWPCI_EVENT_...) to whoever has the device open. */
int rawpci_fake_event(struct rawpci_fake *fake, enum rawpci_event event);

/**
 * Interrupts, from the device's side: raise signals a vector of whichever type is enabled. For INTx
 * it asserts the line, which stays asserted until lowered. An interrupt of a disabled type, or an
 * MSI without bus mastering, is lost, as on hardware. -EINVAL: no type has so many vectors.
 */
int rawpci_fake_raise(struct rawpci_fake *fake, unsigned vector);
int rawpci_fake_lower(struct rawpci_fake *fake);

/**
 * DMA, from the device's side.
 *
 * Returns 0, or -EFAULT: bus mastering is off, the device is not in D0, or some of it is not mapped
 * for this device; then nothing was transferred and the fault is counted.
 */
int rawpci_fake_dma_read(struct rawpci_fake *fake, rawpci_iova_t from, void *to, uint64_t size);
int rawpci_fake_dma_write(struct rawpci_fake *fake, rawpci_iova_t to, const void *from,
			  uint64_t size);

/** The bytes behind a BAR that is not trapped, or behind the ROM; NULL: it has none. */
void *rawpci_fake_bytes(struct rawpci_fake *fake, unsigned region);

/* The backend's operations, as points where a fault can be ordered, and counted. */
enum rawpci_fake_point {
	RAWPCI_FAKE_OPEN,
	RAWPCI_FAKE_INFO,
	RAWPCI_FAKE_CFG_READ,
	RAWPCI_FAKE_CFG_WRITE,
	RAWPCI_FAKE_REGION_INFO,
	RAWPCI_FAKE_REGION_MAP,
	RAWPCI_FAKE_REGION_READ,
	RAWPCI_FAKE_REGION_WRITE,
	RAWPCI_FAKE_IRQ_ENABLE,
	RAWPCI_FAKE_IRQ_SWAP,
	RAWPCI_FAKE_IRQ_UNMASK,
	RAWPCI_FAKE_EVENT_SET,
	RAWPCI_FAKE_RESET,
	RAWPCI_FAKE_SPACE_CREATE,
	RAWPCI_FAKE_SPACE_LIMITS,
	RAWPCI_FAKE_DMA_MAP,
	RAWPCI_FAKE_DMA_UNMAP,
	RAWPCI_FAKE_POINTS,
};

/**
 * Orders faults for the whole context.
 * @skip: how many calls of that operation still succeed
 * @count: how many then fail; 0 takes the order back
 * @error: what they return, a negative errno value
 */
int rawpci_fake_fail(struct rawpci *ctx, enum rawpci_fake_point point, unsigned skip,
		     unsigned count, int error);

/** How often an operation was called in this context, failed calls included. */
uint64_t rawpci_fake_calls(struct rawpci *ctx, enum rawpci_fake_point point);

/** How many DMA mappings a device can reach at present (one a dma_map call). */
uint64_t rawpci_fake_dma_mappings(struct rawpci_fake *fake);

/** How many DMA accesses were refused. */
uint64_t rawpci_fake_dma_faults(struct rawpci_fake *fake);

#ifdef __cplusplus
}
#endif

#endif
