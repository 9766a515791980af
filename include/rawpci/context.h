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
 *   no arrangement.
 * - On one device, config, MMIO and PIO accesses may run at the same time as each other and as
 *   anything else. The library itself serialises open, close, map, unmap, interrupt and power
 *   calls.
 * - A device may be closed while other threads use its handle. Each of their calls either completes
 *   before the close or fails with #VERR_INVALID_HANDLE.
 * - The caller keeps a pointer alive: a struct rawpci_device of the native API, a session, a port.
 *   The call that destroys it must be the last one made with it.
 * - The library holds no lock while an interrupt handler or the log callback runs. Both may call
 *   back into the library.
 * - The library creates at most one thread a context (enum #rawpci_irq_mode). It creates one more
 *   for each change of a host driver, and for each reset and each enabling through sysfs, while
 *   that runs. All signals are blocked in these threads.
 * - If the kernel does not let go of such a thread within driver.timeout_ms, the thread goes on by
 *   itself. For that reason the library stays in memory when it is unloaded.
 * - The library installs no signal handler, never exits, aborts or prints, and reads no environment
 *   variable.
 * - After fork() the child must not use the library's objects, not even to destroy them.
 *   Descriptors are close-on-exec, and BAR mappings are not inherited. A child that neither ends
 *   nor calls exec keeps open what was open at the fork. The kernel's hold on a device, and the
 *   device's lock, then last until the child ends or calls exec, whatever the parent closes.
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
	 * the library takes fields beyond size as zero, and leaves fields that it does not know
	 * unread. */
	size_t size;

	/** "vfio", "uio", "sysfs" or "fake". NULL: the best real one for each device. */
	const char *backend;

	/** Which thread runs interrupt handlers. */
	enum rawpci_irq_mode irq_mode;

	/** The most detailed level to report. */
	enum rawpci_log_level log_level;

	/** Receives one line without line break. May be NULL. The library calls it before the call
	 * that the message is about returns, in that call's thread or in the interrupt thread. */
	void (*log)(void *opaque, enum rawpci_log_level level, const char *message);

	/** Handed to log. */
	void *log_opaque;

	/** Turns the HostStart of a guest memory callback, as the embedder means it, into the
	 * address of these size bytes in this process. May be NULL: HostStart is that address
	 * itself. A translation returns NULL to refuse the bytes. The library calls it without a
	 * lock, after it has found the guest's side of the range to be in order. */
	void *(*translate)(void *opaque, uint64_t host_start, uint64_t size);

	/** Handed to translate. */
	void *translate_opaque;

	/**
	 * Settings as "name=value", the last one NULL.
	 *
	 * NULL: none. The library copies them. The names are:
	 *
	 * - irq.engine=auto|uring|epoll: how the interrupt engine waits. Debian 12's Valgrind hangs
	 *   with io_uring; use epoll there.
	 * - vfio.dir=PATH: the directory of the VFIO nodes. The default is /dev/vfio.
	 * - vfio.iommu=PATH: the node of iommufd. The default is /dev/iommu.
	 * - vfio.via=auto|cdev|group: cdev is device cdev and iommufd, group is IOMMU group and
	 *   container. auto, the default, is cdev if the kernel has it, else group.
	 * - vfio.noiommu=no|yes: yes allows VFIO without an IOMMU, too. Nothing then keeps the
	 *   device from reaching all of the host's memory. Such a device gets no guest memory. The
	 *   default is no.
	 * - sysfs.dir=PATH: where sysfs is mounted. The default is /sys.
	 * - uio.dir=PATH: the directory of the UIO nodes. The default is /dev.
	 * - run.dir=PATH: the directory of the devices' locks and of the records of their host
	 *   drivers. The default is /run/rawpci. The library creates the last part of the path if
	 *   need be. Other processes and rawpci_recover() look there.
	 * - driver.timeout_ms=N: the time limit for each step of changing a host driver, and for
	 *   each reset and each enabling through sysfs. 1 to 3600000 milliseconds; the default is
	 *   10000.
	 * - ids.file=PATH: pci.ids, for names. The default is where distributions have it.
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
 * Not from a handler of this context, nor while another call with the context runs.
 */
int rawpci_destroy(struct rawpci *ctx);

#ifdef __cplusplus
}
#endif

#endif
