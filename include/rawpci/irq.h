/* SPDX-License-Identifier: MIT */
/**
 * @file irq.h
 * Interrupts.
 *
 * The kernel signals an eventfd for each interrupt. The context has one engine, which waits for all
 * of them with one io_uring and runs the handlers. If io_uring is forbidden, it uses epoll.
 *
 * @section irq-enable Enabling
 *
 * The library enables MSI or MSI-X itself at the first attach or route, and disables it after the
 * last detach or route to -1. A vector is in use while a handler is attached to it, or while it is
 * routed to an eventfd. A hypervisor must not forward its guest's writes to the enable and mask
 * bits, to the message address and data, and to the vector table. If a write of the enable bit
 * reaches the device (rawpci_config_write()), its interrupts stop, and the library does not report
 * it.
 *
 * @section irq-hint A call is a hint
 *
 * Signals that arrive faster than they are served coalesce into one call, as the interrupts
 * themselves do. A call may come without cause: no interrupt was sent. A handler therefore asks its
 * device. The same holds for the signals of a routed eventfd. Calls without cause come where an
 * interrupt may have been lost (see below), and from the engine:
 * - When the engine makes room for more vectors, or changes from io_uring to epoll, it calls each
 *   handler once whose vector was ever signalled. It cannot tell a new signal from an old one then.
 * - The same holds for one vector if the kernel has ended the engine's poll of it
 *   (rawpci_irq_stats::rearmed).
 *
 * A program that attaches many handlers one after another to a device whose vectors cannot be added
 * one by one gets the most of them: for 2,048 handlers up to 4,000. It gets none if it attaches them
 * before the device is turned on, or before it sets Bus Master.
 *
 * @section irq-lost Lost interrupts are signalled again
 *
 * If a vector was disabled for a moment, an interrupt may have come in that moment. The library
 * afterwards signals the vector once, by its eventfd. Such moments are:
 * - Adding a vector if the kernel cannot add one to an enabled device. All vectors are then
 *   disabled and enabled again (MSI; MSI-X before Linux 6.5). The number of enabled vectors doubles
 *   each time, so that this is rare. While Bus Master is off, the device can send no MSI. If it stays
 *   off for the whole time, none is lost, and no vector is signalled.
 * - Routing a vector to another eventfd, or a route that failed.
 * - A reset and a suspension of a device that is on.
 *
 * For KVM's irqfd this is one MSI too many for the guest, which guests have to bear. The library
 * never signals INTx without cause, because INTx is level-triggered.
 */
#ifndef RAWPCI_IRQ_H
#define RAWPCI_IRQ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;
struct rawpci_device;

/** Types of interrupts. */
enum rawpci_irq_type {
	RAWPCI_IRQ_INTX = 0, /**< The interrupt line, level-triggered. */
	RAWPCI_IRQ_MSI = 1,  /**< Message-signalled interrupts. */
	RAWPCI_IRQ_MSIX = 2, /**< Message-signalled interrupts with a table of vectors. */
};

/**
 * Returns a descriptor for the program's own event loop (#RAWPCI_IRQ_MODE_EMBEDDER).
 *
 * The descriptor is readable when rawpci_irq_dispatch() has something to do. That may be internal
 * work alone, for example at first. Dispatch then returns 0. Poll the descriptor; do not read or
 * close it. It stays the same for the life of the context.
 *
 * The engine waits with epoll from then on, because an io_uring nested in another loop misses
 * events. A program that only calls rawpci_irq_dispatch() keeps io_uring.
 *
 * @param ctx the context, which owns the descriptor
 * @return the descriptor, or
 * @retval -EFAULT     ctx is NULL
 * @retval -EOPNOTSUPP the context has a thread of its own
 * @retval -ENOMEM     the engine could not be started: no memory
 * @retval -ENOSPC     the engine could not be started: no descriptor
 */
int rawpci_irq_fd(struct rawpci *ctx);

/**
 * Runs the handlers that are due (#RAWPCI_IRQ_MODE_EMBEDDER).
 *
 * A loop that calls it with 0 is busy polling.
 *
 * @param ctx        the context
 * @param timeout_ms milliseconds to wait for a handler; 0: not at all; negative: without limit
 * @return how many handlers ran. 0: the time ran out, the set of vectors has changed, or there was
 *         only internal work. Or
 * @retval -EFAULT     ctx is NULL
 * @retval -EOPNOTSUPP the context has a thread of its own
 * @retval -EPERM      another thread dispatches for this context
 * @retval -EDEADLK    called from a handler
 * @retval -ENOMEM     the engine could not be started: no memory
 * @retval -ENOSPC     the engine could not be started: no descriptor
 * @par Threads
 * Only the thread that calls it first may call it again (-EPERM). A handler must not call it
 * (-EDEADLK).
 */
int rawpci_irq_dispatch(struct rawpci *ctx, int timeout_ms);

/**
 * Returns how many vectors of a type the device has.
 *
 * @param dev  the device
 * @param type the type
 * @return the count (INTx: 0 or 1), or
 * @retval -EFAULT dev is NULL
 * @retval -EINVAL the type is unknown
 */
int rawpci_irq_count(struct rawpci_device *dev, enum rawpci_irq_type type);

/**
 * Attaches a handler to a vector.
 *
 * The call takes the lowest free vector of the type in use. If none is in use, it takes the best
 * type that the device has: MSI-X, else MSI, else INTx. A routed vector is not free. A vector that
 * was routed to -1 is free.
 *
 * INTx is level-triggered. It is masked when it is delivered, and unmasked after the handler has
 * returned. If unmasking fails, the library tries again 8 times, for 1.3 seconds in all. If that
 * fails, too, the log says so. No interrupt then comes until rawpci_irq_unmask(), a reset or a
 * change of the power state works. While INTx is masked for this reason, intx_stuck of
 * rawpci_device_info() is true.
 *
 * @param dev       the device
 * @param handler   gets opaque and the returned number. It runs in the handlers' thread
 *                  (#rawpci_irq_mode), never in this call
 * @param opaque    handed to the handler; may be NULL. It must stay valid until rawpci_irq_detach()
 *                  or rawpci_device_close() has returned; if the handler makes that call, until the
 *                  handler has returned
 * @param guest_irq the program's own number, for log lines only
 * @return a number, at least 1, that names the attachment and says nothing of the vector, or
 * @retval -EFAULT     dev or handler is NULL
 * @retval -ENOSPC     no vector is free, or the host has none left
 * @retval -EOPNOTSUPP the device or the backend has no interrupts
 * @retval -ESHUTDOWN  the device is suspended or gone, or it is being closed
 * @retval -ENOMEM     no memory
 * @retval -EIO        the kernel failed it
 */
int rawpci_irq_attach(struct rawpci_device *dev, void (*handler)(void *opaque, int32_t irq),
		      void *opaque, int32_t guest_irq);

/**
 * Detaches a handler.
 *
 * When the call returns, the handler does not run and will not run. A call from that handler
 * returns at once, and the handler does not run again after it has returned.
 *
 * @param dev the device
 * @param irq as rawpci_irq_attach() returned it
 * @retval 0       done
 * @retval -EFAULT dev is NULL
 * @retval -ENOENT there is no such attachment
 * @par Threads
 * The caller must hold no lock that the handler waits for.
 */
int rawpci_irq_detach(struct rawpci_device *dev, int32_t irq);

/**
 * Routes vectors to eventfds: KVM's irqfd, or eventfds of the program.
 *
 * The library then never reads these descriptors, and the interrupts do not pass through it. It
 * signals them if an interrupt may have been lost (see above). A routed INTx is masked by each
 * delivery until rawpci_irq_unmask().
 *
 * @param dev      the device
 * @param type     the type in use, or any that the device has if none is in use
 * @param first    the first vector
 * @param n        how many vectors, at least 1
 * @param eventfds n descriptors. The library duplicates them, so the caller may close its own at
 *                 once. -1 ends the route of the vector, which is then free and silent. NULL: all
 *                 -1
 * @retval 0           done
 * @retval -EFAULT     dev is NULL
 * @retval -EINVAL     the type is unknown, n is 0, or a descriptor is below -1 or not an eventfd
 * @retval -ERANGE     beyond the vectors of that type
 * @retval -EBUSY      another type is in use, or one of these vectors has a handler attached
 * @retval -EOPNOTSUPP the device or the backend has no such interrupts; or the backend cannot
 *                     signal an eventfd (uio)
 * @retval -ENOSPC     the host has no vectors left, or there is no descriptor
 * @retval -ESHUTDOWN  the device is suspended or gone, or it is being closed
 * @retval -ENOMEM     no memory
 * @retval -EIO        the kernel failed it
 */
int rawpci_irq_route(struct rawpci_device *dev, enum rawpci_irq_type type, unsigned first,
		     unsigned n, const int *eventfds);

/**
 * Unmasks a routed INTx, or one that could not be unmasked after its handler.
 *
 * If the line is still asserted, INTx is signalled again at once.
 *
 * @param dev the device
 * @retval 0          done
 * @retval -EFAULT    dev is NULL
 * @retval -EPROTO    INTx is not in use
 * @retval -ESHUTDOWN the device is suspended or gone
 * @retval -EIO       the kernel failed it
 */
int rawpci_irq_unmask(struct rawpci_device *dev);

/** Counts of an interrupt engine. It grows at its end. */
struct rawpci_irq_stats {
	char engine[16];  /**< "io_uring" or "epoll"; "" before the first handler. */
	uint64_t handled; /**< Handler calls. */
	uint64_t waits;   /**< System calls made to wait and reap. */
	uint64_t rearmed; /**< Polls that the kernel ended and that were armed again. */
};

/**
 * Returns counts since the context was created.
 *
 * @param ctx  the context
 * @param size sizeof(struct rawpci_irq_stats) as the program was compiled with
 * @param out  receives size bytes, on success only
 * @retval 0       done
 * @retval -EFAULT ctx or out is NULL
 * @retval -EINVAL size is 0 or larger than the library's
 */
int rawpci_irq_stats(struct rawpci *ctx, size_t size, struct rawpci_irq_stats *out);

#ifdef __cplusplus
}
#endif

#endif
