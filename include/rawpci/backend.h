/* SPDX-License-Identifier: MIT */
/*
 * The contract between the library and a backend: one table of operations for one way into a PCI
 * device. Programs that only use devices do not need this file.
 *
 * The library's core does everything that is the same for all of them (validation, handles, the
 * table of mappings, interrupt vectors, power states, the guest memory map) and calls an operation
 * with arguments that are already valid. What an operation may rely on is said at each one under
 * Requires.
 *
 * Common to all: operations return 0 or a negative errno value of <rawpci/status.h>; outputs are
 * written on success only; a failed operation has changed nothing; where it fails it has said why
 * with rawpci_backend_fail(). Operations on different devices run at the same time. On one device
 * cfg_read, cfg_write, region_read and region_write run at the same time as each other and as
 * irq_unmask; with info.mappings_stay, region_map and region_map_wc run at the same time as all
 * others. All others are serialised with each other. Operations on one space are serialised.
 */
#ifndef RAWPCI_BACKEND_H
#define RAWPCI_BACKEND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/device.h>
#include <rawpci/explain.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RAWPCI_BACKEND_VERSION 2

struct rawpci_findings;

/* What info() tells about an open device. */
struct rawpci_backend_info {
	uint32_t config_size;      /* bytes: 256 or 4096 */
	bool can_reset;            /* reset() may be called */
	bool fresh;                /* open() has reset it already */
	bool close_resets;         /* close() resets it: core need not */
	bool memory_always_on;     /* COMMAND's memory enable has no effect (SR-IOV VFs) */
	bool no_dma;               /* this device cannot reach memory through its space */
	bool wide_access;          /* an 8-byte region_read/_write is one bus access */
	unsigned irq_count[3];     /* vectors, by enum rawpci_irq_type */
	bool irq_dynamic[3];       /* irq_swap() may go beyond what irq_enable() enabled */
	unsigned events;           /* bit (1 << enum rawpci_event) for each that event_set() knows */
	bool mappings_stay;        /* what region_map() mapped still reaches the device while it
				      does not answer: core takes it away then. false: the kernel
				      makes such accesses raise SIGBUS */
};

#define RAWPCI_DMA_RANGES 32

/* What a space can translate. */
struct rawpci_dma_limits {
	uint64_t page_size;        /* bytes: the smallest page, a power of two */
	unsigned range_count;      /* 0: not known, everything is tried */
	struct {
		rawpci_iova_t first, last; /* inclusive */
	} ranges[RAWPCI_DMA_RANGES]; /* ascending, apart */
};

struct rawpci_backend {
	uint32_t version; /* RAWPCI_BACKEND_VERSION; 1 is known, too: such a table has no ready() */
	const char *name; /* lower-case word */
	const char *help; /* one line */
	int rank;         /* automatic choice tries higher ranks first; below 0: only by name. Of the
			     built-in ones vfio has 100 */

	/* Host driver a device must be bound to before open(); NULL: any or none. Core binds it. */
	const char *driver;

	/* With driver NULL: no host driver may hold the device at open(). Core unbinds it. */
	bool unbound;
	/* No kernel driver puts back a device's registers when its user is killed: core writes down
	 * before open() what COMMAND and the kernel's count of enablings are, puts them back, and
	 * stops and resets the device of a killed user. */
	bool bare;
	/* Its devices exist in the library only: there is nothing to own on the host. */
	bool pretend;

	/**
	 * create - state of this backend in one context. Optional; without it instance is NULL.
	 * Requires: called once a context, before anything else.
	 * Guarantees: touches no device.
	 */
	int (*create)(struct rawpci *ctx, void **instance);

	/** destroy - ends it. Requires: no device and no space is left. NULL if create is. */
	void (*destroy)(void *instance);

	/**
	 * probe - could open() work for this device, once it is bound to .driver?
	 * Guarantees: changes nothing.
	 * Returns 0, or an error whose message (rawpci_backend_fail) is one reason for a person.
	 * Of these, -EOPNOTSUPP and -ENODEV say that there is no such way into this device, and the
	 * automatic choice goes on to the next backend; others say that something stands in the
	 * way, and end it. The same goes for open().
	 */
	int (*probe)(void *instance, const struct rawpci_address *address);

	/**
	 * open - takes the device.
	 * @space: the address space its DMA goes through; NULL if the backend has no space_create
	 * Requires: bound to .driver; not open through this context.
	 * Guarantees: no interrupt enabled, no DMA possible but through space.
	 * Returns -EXDEV when the device cannot share this space with the devices in it but could
	 * be opened with another; -EBUSY when somebody else has it.
	 */
	int (*open)(void *instance, const struct rawpci_address *address, void *space,
		    void **device);

	/**
	 * close - gives it back, ready for another driver.
	 * Requires: interrupts and events disabled, all its region mappings gone, bus mastering
	 * off, unless ready() has just said no. Cannot fail; what went wrong is logged.
	 */
	void (*close)(void *device);

	/** info - what the device is. Called once, after open. Requires: *info is all zero. */
	int (*info)(void *device, struct rawpci_backend_info *info);

	/**
	 * cfg_read, cfg_write - one access to config space.
	 * Requires: width 1, 2 or 4, aligned, inside config_size. Values are host-endian.
	 * COMMAND is core's: what is written has Bus Master set only while the device is on. A
	 * backend that turns bus mastering on again, because another program turned it off, does
	 * so only where the last write to COMMAND turned it on. What it restores when a device
	 * wakes up is COMMAND as last written, not as it was when the device went to sleep.
	 */
	int (*cfg_read)(void *device, uint32_t offset, unsigned width, uint32_t *value);
	int (*cfg_write)(void *device, uint32_t offset, unsigned width, uint32_t value);

	/**
	 * region_info - a region as rawpci_region_info() reports it.
	 * Requires: called once a region, after open; *info is all zero. Guarantees: areas
	 * leave out what must not be mapped, such as the pages of the MSI-X table.
	 */
	int (*region_info)(void *device, unsigned region, struct rawpci_region_info *info);

	/**
	 * region_map - puts a piece of a region at a place in the address space. Optional.
	 * Requires: [offset, offset + size) inside one area, page-aligned; [where, where + size)
	 * reserved by core, which also unmaps it (munmap). With info.mappings_stay core maps other
	 * pages over it while the device does not answer, and then calls this again for the same
	 * place.
	 */
	int (*region_map)(void *device, unsigned region, uint64_t offset, uint64_t size,
			  void *where);

	/** region_map_wc - the same, write-combining. Optional. Requires: region is prefetchable. */
	int (*region_map_wc)(void *device, unsigned region, uint64_t offset, uint64_t size,
			     void *where);

	/**
	 * region_read, region_write - one trapped access of exactly width bytes.
	 * Requires: present region; inside it; memory: width 1, 2, 4, or 8 if wide_access,
	 * aligned; I/O: width 1, 2 or 4. Decoding is on.
	 */
	int (*region_read)(void *device, unsigned region, uint64_t offset, unsigned width,
			   uint64_t *value);
	int (*region_write)(void *device, unsigned region, uint64_t offset, unsigned width,
			    uint64_t value);

	/**
	 * irq_enable - enables the first n vectors of a type, each signalling an eventfd.
	 * @eventfds: n of them, which core keeps open until disabled; -1: a vector that signals
	 *            nobody for the time being
	 * Requires: no type is enabled; 1 <= n <= irq_count[type].
	 * Returns -ENOSPC when the host has fewer vectors; nothing is enabled then.
	 * Optional as a group with irq_disable, irq_unmask and one of irq_swap and irq_source.
	 */
	int (*irq_enable)(void *device, enum rawpci_irq_type type, unsigned n,
			  const int *eventfds);

	/**
	 * irq_swap - one vector signals another eventfd from now on, or nobody (-1).
	 * Requires: type is enabled; vector is below the n it was enabled with, or below
	 * irq_count[type] if irq_dynamic[type].
	 * Guarantees: other vectors are not disturbed, also on failure. An interrupt that arrives
	 * during the change may be lost; on failure the vector may be silent.
	 */
	int (*irq_swap)(void *device, enum rawpci_irq_type type, unsigned vector, int eventfd);

	/**
	 * irq_source - for a backend whose interrupts come by descriptors of its own, not by the
	 * eventfds of irq_enable(), which it ignores. A type has one vector then.
	 * @fd: stays open until close(), is non-blocking and readable after an interrupt
	 * @read_size: bytes that are read before each call of a handler, 1 to 64
	 * Requires: irq_count[type] is 1.
	 */
	int (*irq_source)(void *device, enum rawpci_irq_type type, int *fd, unsigned *read_size);

	/** irq_disable - disables the type. Requires: it is enabled. Cannot fail. */
	void (*irq_disable)(void *device, enum rawpci_irq_type type);

	/** irq_unmask - INTx may be delivered again. Requires: INTx is enabled. */
	int (*irq_unmask)(void *device);

	/**
	 * event_set - an eventfd for an event of info.events; -1: none any more. Optional.
	 */
	int (*event_set)(void *device, enum rawpci_event event, int eventfd);

	/**
	 * reset - function reset that leaves other devices alone. Optional.
	 * Requires: interrupts disabled, no MMIO access under way. Guarantees: config space is as
	 * before where the kernel restores it; core restores COMMAND, also after a failure.
	 * Returns -ETIMEDOUT when the reset is still under way: core then lets nothing through to
	 * the device until ready() says so. The same goes for a cfg_write that starts a reset.
	 */
	int (*reset)(void *device);

	/**
	 * space_create, space_destroy - an address space for DMA. Optional as a group with the
	 * following three; without them devices have no DMA.
	 * space_destroy requires: no device and no mapping in it.
	 */
	int (*space_create)(void *instance, void **space);
	void (*space_destroy)(void *space);

	/** space_limits - Requires: a device is open in the space. */
	int (*space_limits)(void *space, struct rawpci_dma_limits *limits);

	/**
	 * dma_map - devices in the space reach [host, host + size) at iova, for reading and writing.
	 * Requires: a device is open in the space; aligned to page_size; overlaps no mapping of it;
	 * its last byte, iova + size - 1, does not wrap (iova + size may), nor does host + size.
	 * Returns -ENOSPC for entries or locked memory, with the limit in the message; -ERANGE for
	 * what the IOMMU cannot translate; -EADDRNOTAVAIL for other refusals.
	 */
	int (*dma_map)(void *space, rawpci_iova_t iova, void *host, uint64_t size);

	/**
	 * dma_unmap - takes back exactly one earlier dma_map.
	 * Guarantees on success: no device of the space reaches it any more.
	 */
	int (*dma_unmap)(void *space, rawpci_iova_t iova, uint64_t size);

	/**
	 * open_fds - as open, with descriptors that somebody else has opened. Optional.
	 * @fds: the caller's, to be duplicated; of this version's size; one at least is not -1, and
	 * not some of each kind
	 * Requires: not open through this context. The host driver is not looked at.
	 * Returns also -EINVAL when they do not belong to the device or to each other.
	 */
	int (*open_fds)(void *instance, const struct rawpci_address *address,
			const struct rawpci_device_fds *fds, void *space, void **device);

	/**
	 * explain - everything that stands in the way of opening and using a device that is there,
	 * where probe() gives one reason. Optional; core looks at .driver itself.
	 * @memory: bytes that would be mapped for DMA; 0: not known
	 * @to: receives a rawpci_backend_finding() for each
	 * Guarantees: changes nothing. Returns 0 or -ENOMEM.
	 */
	int (*explain)(void *instance, const struct rawpci_address *address, uint64_t memory,
		       struct rawpci_findings *to);

	/**
	 * ready - does the kernel let this device's config space be accessed without a long wait?
	 * Asked after a reset that returned -ETIMEDOUT, and before close. Optional; without it the
	 * answer is yes.
	 * Returns 0: yes, and a reset that ran out of time has ended; -ETIMEDOUT: not yet.
	 */
	int (*ready)(void *device);
};

/**
 * Adds a backend to a context. Where the choice is automatic it is tried before those of the same
 * rank; rawpci_backend_choose() takes it alone. An operation finds its context in what create()
 * kept of it.
 * @backend: must stay valid for as long as the context lives
 *
 * Returns 0, or
 *   -EFAULT           a NULL
 *   -EPROTONOSUPPORT  unknown version
 *   -EINVAL           something is missing: name and help are mandatory, and all operations but
 *                     those that are said to be optional; a group is given whole or not at all
 *   -EEXIST           a backend of that name is there
 *   -EBUSY            the context has devices open
 *   -ENOSPC           more than eight
 *   -ENOMEM           no memory, or what create() returned
 */
int rawpci_backend_register(struct rawpci *ctx, const struct rawpci_backend *backend);

/**
 * Chooses the backend for devices opened from now on, as options.backend does.
 * @name: NULL: automatic
 *
 * Returns 0, -EFAULT (ctx is NULL) or -ENOENT.
 */
int rawpci_backend_choose(struct rawpci *ctx, const char *name);

/*
 * What a backend may ask of the context.
 */

/** The instance of a backend in a context. Returns 0, -EFAULT (a NULL) or -ENOENT. */
int rawpci_backend_instance(struct rawpci *ctx, const char *name, void **instance);

/** A setting's value ("sysfs.dir"), its default if the program gave none; NULL: unknown name. */
const char *rawpci_backend_setting(struct rawpci *ctx, const char *name);

/**
 * The descriptor of a device's lock (setting run.dir), which says that it is in use. A backend that
 * asks the kernel for something that may not end in time keeps a duplicate open until it has ended,
 * also past close(), so that nobody else gets the device meanwhile. It does so with
 * rawpci_backend_shared_lock()'s, too.
 * @address: of a device that is being opened, is open, or is being closed
 *
 * Returns the descriptor, which stays core's, or -1: there is none.
 */
int rawpci_backend_lock(struct rawpci *ctx, const struct rawpci_address *address);

/**
 * The same of the lock of the device's file "config" in sysfs, which programs with other
 * directories look at. Either may be there without the other.
 */
int rawpci_backend_shared_lock(struct rawpci *ctx, const struct rawpci_address *address);

/**
 * Says, from open() that fails or from close(), that the kernel is still at something with the
 * device. Core then leaves the record of the device (setting run.dir) to the next open or
 * rawpci_recover(), instead of giving the device back.
 */
void rawpci_backend_unfinished(struct rawpci *ctx, const struct rawpci_address *address);

#if defined(__GNUC__)
#define RAWPCI_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))
#else
#define RAWPCI_PRINTF(format, first)
#endif

/** Says something. The callback gets it when the call of the embedder's that led here returns. */
void rawpci_backend_log(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
	RAWPCI_PRINTF(3, 4);

/**
 * Says why an operation fails: replaces the sentence of rawpci_last_error(), which core reports
 * when the embedder's call fails.
 *
 * Returns error, so that "return rawpci_backend_fail(ctx, -EIO, ...)" reads well.
 */
int rawpci_backend_fail(struct rawpci *ctx, int error, const char *format, ...)
	RAWPCI_PRINTF(3, 4);

/**
 * Reports something that explain() found.
 * @finding: copied; .backend and .next are filled in. RAWPCI_OBSTACLE_OWNED is passed over where
 *           the owner of the device has been reported already
 *
 * Returns 0 or -ENOMEM.
 */
int rawpci_backend_finding(struct rawpci_findings *to, const struct rawpci_finding *finding);

/**
 * The sentence of this thread's last rawpci_backend_fail(), for the log of a backend that has
 * another way to try. Valid until the next one.
 */
const char *rawpci_backend_reason(void);

#ifdef __cplusplus
}
#endif

#endif
