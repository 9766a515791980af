/* SPDX-License-Identifier: MIT */
/*
 * The context: what a program creates first and destroys last. Contexts share nothing; a process
 * may have several.
 *
 * Thread rules, for the whole library
 *
 *   - Different contexts and different devices may be used by different threads at the same time
 *     without any arrangement.
 *   - On one device, config, MMIO and PIO accesses may run at the same time as each other and as
 *     anything else. Open, close, map, unmap, interrupt and power calls are serialised inside.
 *   - A device may be closed while other threads use its handle: each of their calls either
 *     completes before the close or fails with VERR_INVALID_HANDLE. A pointer of the native API
 *     (struct rawpci_device *), a session or a port is the caller's to keep alive: its destroying
 *     call must be the last one made with it.
 *   - No lock is held while an interrupt handler or the log callback runs: both may call back into
 *     the library.
 *   - The library creates at most one thread a context (enum rawpci_irq_mode), and one for the time
 *     of each change of a host driver, of each reset and enabling through sysfs, with all signals
 *     blocked in them. One that the kernel does not let go of in the time of driver.timeout_ms goes
 *     on by itself, for which reason the library stays in memory when it is unloaded. It installs no
 *     signal handler, never exits, aborts or prints, and reads no environment variable.
 *   - After fork() the child must not use the library's objects, not even to destroy them.
 *     Descriptors are close-on-exec and BAR mappings are not inherited. A child that neither ends
 *     nor calls exec keeps what was open at the fork: the kernel's hold on a device, and its lock,
 *     last until it does, whatever the parent closes.
 */
#ifndef RAWPCI_CONTEXT_H
#define RAWPCI_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include <rawpci/log.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;

/* Who runs interrupt handlers. */
enum rawpci_irq_mode {
	RAWPCI_IRQ_MODE_THREAD = 0,   /* a thread of the library */
	RAWPCI_IRQ_MODE_EMBEDDER = 1, /* whoever calls rawpci_irq_dispatch() */
};

/* Set size to sizeof(struct rawpci_options) and the rest to zero for the defaults. */
struct rawpci_options {
	/* sizeof(struct rawpci_options) as the program was compiled with, so that the structure can
	 * grow: fields beyond it are taken as zero, fields this library does not know are left
	 * unread. */
	size_t size;

	/* "vfio", "uio", "sysfs" or "fake"; NULL: the best real one for each device. */
	const char *backend;

	enum rawpci_irq_mode irq_mode;

	/* The most detailed level to report. */
	enum rawpci_log_level log_level;

	/* Receives one line without line break; may be NULL. Called in the thread that made the
	 * call the message is about (or in the interrupt thread), before that call returns. */
	void (*log)(void *opaque, enum rawpci_log_level level, const char *message);
	void *log_opaque;

	/* Turns the HostStart of a guest memory callback, as the embedder means it, into the
	 * address of these size bytes in this process; NULL as result refuses them. Without it
	 * HostStart is that address itself. Called without a lock, after the guest's side of the
	 * range was found to be in order. */
	void *(*translate)(void *opaque, uint64_t host_start, uint64_t size);
	void *translate_opaque;

	/* Settings as "name=value", the last one NULL; NULL: none. Copied. Known names:
	 *   irq.engine=auto|uring|epoll   how the interrupt engine waits. Debian 12's Valgrind hangs
	 *                                 with io_uring: use epoll there
	 *   vfio.dir=PATH                 where the VFIO nodes are (default /dev/vfio)
	 *   vfio.iommu=PATH               where iommufd's node is (default /dev/iommu)
	 *   vfio.via=auto|cdev|group      device cdev and iommufd, or IOMMU group and container;
	 *                                 auto (the default): the first where the kernel has it
	 *   vfio.noiommu=no|yes           yes: VFIO also without an IOMMU, where nothing keeps the
	 *                                 device from reaching all of the host's memory. Such a
	 *                                 device is given no guest memory (default no)
	 *   sysfs.dir=PATH                where sysfs is mounted (default /sys)
	 *   uio.dir=PATH                  where the UIO nodes are (default /dev)
	 *   run.dir=PATH                  locks of devices, and records of their host drivers
	 *                                 (default /run/rawpci; its last part is made if need be).
	 *                                 What other processes and rawpci_recover() look at
	 *   driver.timeout_ms=N           how long each step of changing a host driver, and each
	 *                                 reset and enabling through sysfs, may take, 1 to 3600000
	 *                                 (default 10000)
	 *   ids.file=PATH                 pci.ids, for names (default: where distributions have it) */
	const char *const *settings;
};

/**
 * Creates a context.
 * @options: NULL for the defaults; not kept after the call
 * @out: receives the context; written on success only
 *
 * Touches no device. In RAWPCI_IRQ_MODE_THREAD the thread is started with the first interrupt
 * handler.
 *
 * Any thread.
 * Returns 0, or
 *   -EFAULT  out is NULL
 *   -EINVAL  size too small for its own field, unknown mode or level, malformed or unknown setting
 *   -ENOENT  no backend of that name
 *   -ENOMEM  no memory
 */
int rawpci_create(const struct rawpci_options *options, struct rawpci **out);

/**
 * Destroys a context.
 * @ctx: may be NULL
 *
 * Must not be called from a handler of this context, nor while another call with it is running.
 * Returns 0, or
 *   -EBUSY  a session, port, device, VM or factory reference of it is still there; nothing changed
 */
int rawpci_destroy(struct rawpci *ctx);

#ifdef __cplusplus
}
#endif

#endif
