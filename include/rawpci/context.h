/* SPDX-License-Identifier: MIT */
/**
 * @file context.h
 * The context: what a program creates first and destroys last.
 *
 * Contexts share nothing. A process may have several.
 *
 * @section threads Thread rules, for the whole library
 *
 * - Any thread may call any function, unless the function's paragraph "Threads" says otherwise.
 * - Different threads may use different contexts and different devices at the same time. They need
 *   no lock of the program's own.
 * - On one device, config, MMIO and PIO accesses may run at the same time as each other and as
 *   anything else. The library itself serialises open, close, map, unmap, interrupt and power
 *   calls.
 * - Handles of the ABI: threads may use a handle while another thread closes it. Each of their
 *   calls either completes before the close or fails with #VERR_INVALID_HANDLE. If several threads
 *   close one handle, one of them succeeds.
 * - Pointers (struct rawpci_device, struct rawpci_vm, a session, a port): only one thread destroys
 *   the object, and no thread starts a call with the pointer after that. rawpci_device_close()
 *   waits for calls that have started before. For the other objects, all other calls must have
 *   returned.
 * - The library holds no lock while an interrupt handler or the log callback runs. Both may call
 *   back into the library.
 * - Each context has at most one lasting thread (enum #rawpci_irq_mode). A change of a host driver,
 *   and a reset or an enabling by a file in /sys, has a thread of its own while it runs. All
 *   signals are blocked in these threads.
 * - If such a step takes longer than driver.timeout_ms, the call returns, and the thread stays
 *   until the kernel has ended the step. For that reason the library stays in memory when it is
 *   unloaded.
 * - The library installs no signal handler, never exits, aborts or prints, and reads no environment
 *   variable.
 * - After fork() the child must not use the library's objects, not even to destroy them.
 *   Descriptors are close-on-exec, and BAR mappings are not inherited. Until the child ends or
 *   calls exec, it keeps the parent's devices and their locks in use, even after the parent closes
 *   them.
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

/** Which thread runs interrupt handlers. */
enum rawpci_irq_mode {
	RAWPCI_IRQ_MODE_THREAD = 0,   /**< A thread of the library. */
	RAWPCI_IRQ_MODE_EMBEDDER = 1, /**< The thread that calls rawpci_irq_dispatch(). */
};

/**
 * Options of a context.
 *
 * Set size to sizeof(struct rawpci_options) and the rest to zero for the defaults.
 */
struct rawpci_options {
	/** sizeof(struct rawpci_options) as the program was compiled with. The structure can grow:
	 * the library takes fields beyond size as zero, and ignores fields that it does not
	 * know. */
	size_t size;

	/** "vfio", "uio", "sysfs" or "fake". NULL: the best real one for each device
	 * (@ref backends). */
	const char *backend;

	/** Which thread runs interrupt handlers. */
	enum rawpci_irq_mode irq_mode;

	/** The most detailed level to report. The default, 0, reports errors only. */
	enum rawpci_log_level log_level;

	/** Receives one line without line break, valid during the call. May be NULL. The library
	 * calls it at the end of the call that the message is about, in that call's thread.
	 * Messages about interrupts come in the thread that runs handlers. */
	void (*log)(void *opaque, enum rawpci_log_level level, const char *message);

	/** Handed to log. */
	void *log_opaque;

	/** Turns HostStart of RAWPCIVM::pfnContigMemInfo into an address of this process. The size
	 * bytes there must be readable and writable. NULL: HostStart is that address itself. A
	 * translation returns NULL to refuse the bytes. The library first checks the guest's
	 * address and the size. It holds no lock during the call. */
	void *(*translate)(void *opaque, uint64_t host_start, uint64_t size);

	/** Handed to translate. */
	void *translate_opaque;

	/**
	 * Settings as "name=value", the last one NULL.
	 *
	 * NULL: none. The library copies them. The names are:
	 *
	 * - irq.engine=auto|uring|epoll: how the library waits for interrupts. auto, the default,
	 *   is io_uring, or epoll if io_uring is forbidden to this process. Debian 12's Valgrind
	 *   hangs with io_uring; use epoll there.
	 * - vfio.dir=PATH: the directory of the VFIO nodes. The default is /dev/vfio.
	 * - vfio.iommu=PATH: the node of iommufd. The default is /dev/iommu.
	 * - vfio.via=auto|cdev|group: cdev is device cdev and iommufd, group is IOMMU group and
	 *   container. auto, the default, is cdev if the kernel has it, else group.
	 * - vfio.noiommu=no|yes: yes allows VFIO without an IOMMU, too. Nothing then keeps the
	 *   device from reaching all of the host's memory. Such a device gets no guest memory. The
	 *   default is no.
	 * - sysfs.dir=PATH: where sysfs is mounted. The default is /sys.
	 * - uio.dir=PATH: the directory of the UIO nodes. The default is /dev.
	 * - run.dir=PATH: the directory of the devices' locks and records. The default is
	 *   /run/rawpci. The library creates the last part of the path if it is missing. Other
	 *   processes and rawpci_recover() look there.
	 * - driver.timeout_ms=N: the time limit for each step of changing a host driver, and for
	 *   each reset and each enabling by a file in /sys. 1 to 3600000 milliseconds; the default
	 *   is 10000.
	 * - ids.file=PATH: without effect. An older version read names of devices there.
	 */
	const char *const *settings;
};

/**
 * Creates a context.
 *
 * It touches no device. With #RAWPCI_IRQ_MODE_THREAD the thread starts with the first interrupt
 * handler.
 *
 * @param options NULL for the defaults; not kept after the call
 * @param out     receives the context, on success only; rawpci_destroy() frees it
 * @retval 0       done
 * @retval -EFAULT out is NULL
 * @retval -EINVAL size is too small for its own field, the mode or the level is unknown, or a
 *                 setting is malformed or unknown
 * @retval -ENOENT there is no backend of that name
 * @retval -ENOMEM no memory
 */
int rawpci_create(const struct rawpci_options *options, struct rawpci **out);

/**
 * Destroys a context.
 *
 * @param ctx may be NULL
 * @retval 0      done
 * @retval -EBUSY a session, port, device, VM or factory reference of the context is left; nothing
 *                changed
 * @par Threads
 * Do not call it from a handler of this context. All other calls with the context must have
 * returned.
 */
int rawpci_destroy(struct rawpci *ctx);

#ifdef __cplusplus
}
#endif

#endif
