/* SPDX-License-Identifier: MIT */
/*
 * Interrupts.
 *
 * The kernel signals an eventfd for each interrupt; the engine of the context waits for all of them
 * with one io_uring (or epoll, where io_uring is forbidden) and runs the handlers.
 *
 * The library enables and disables MSI and MSI-X itself, when the first vector is taken into use and
 * the last one is let go. A hypervisor keeps its guest's writes to the enable and mask bits, the
 * message address and data, and the vector table to itself: a write of the enable bit that reaches
 * the device (rawpci_config_write()) silences its interrupts without a word.
 *
 * A handler call is a hint: signals that arrive faster than they are served coalesce into one call
 * (as the interrupts themselves do), and a call may come without cause. A handler therefore asks its
 * device. The same holds for the signals of a routed eventfd.
 *
 * Nothing is lost for good: where an interrupt may have come while its vector was not armed, the
 * library signals the vector once after that, by its eventfd. Such moments are
 *   - adding a vector, where the kernel cannot add one to an enabled device: all vectors are then
 *     disabled and enabled again (MSI; MSI-X before Linux 6.5)
 *   - routing a vector to another eventfd, or a route that failed
 *   - a reset and a suspension of a device that is on
 * For KVM's irqfd this is one MSI too many for the guest, which guests have to bear. INTx, which is
 * level-triggered, is never signalled without cause.
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

enum rawpci_irq_type {
	RAWPCI_IRQ_INTX = 0,
	RAWPCI_IRQ_MSI = 1,
	RAWPCI_IRQ_MSIX = 2,
};

/**
 * A descriptor for the embedder's own loop (RAWPCI_IRQ_MODE_EMBEDDER): readable when
 * rawpci_irq_dispatch() has something to do, which may be its own housekeeping: then dispatch
 * returns 0, as it does the first time. Poll it; do not read or close it.
 *
 * Any thread. It stays the same for the life of the context. The engine waits with epoll from then
 * on, because an io_uring cannot be nested in another loop without missing events; a program that
 * only calls rawpci_irq_dispatch() keeps io_uring.
 *
 * Returns the descriptor, or
 *   -EFAULT      ctx is NULL
 *   -EOPNOTSUPP  the context has a thread of its own
 *   -ENOMEM, -ENOSPC  the engine could not be started
 */
int rawpci_irq_fd(struct rawpci *ctx);

/**
 * Runs the handlers that are due (RAWPCI_IRQ_MODE_EMBEDDER).
 * @timeout_ms: how long to wait for one: 0 not at all, negative without limit. Calling it with 0 in
 *              a loop is busy polling
 *
 * The first thread that calls it is from then on the only one that may. Not from a handler.
 * Returns how many handlers ran (0: the time ran out, or the set of vectors has changed, which ends
 * the wait), or
 *   -EFAULT      ctx is NULL
 *   -EOPNOTSUPP  the context has a thread of its own
 *   -EPERM       another thread dispatches for this context
 *   -EDEADLK     called from a handler
 *   -ENOMEM, -ENOSPC  the engine could not be started
 */
int rawpci_irq_dispatch(struct rawpci *ctx, int timeout_ms);

/**
 * How many vectors of a type the device has (INTx: 0 or 1).
 *
 * Returns the count, -EFAULT (dev is NULL) or -EINVAL (unknown type).
 */
int rawpci_irq_count(struct rawpci_device *dev, enum rawpci_irq_type type);

/**
 * Attaches a handler to the lowest free vector of the type in use; if none is in use, of the best
 * the device has: MSI-X, else MSI, else INTx.
 * @handler: gets opaque and the returned number; runs on the engine, never in this call
 * @guest_irq: the embedder's own number, recorded for its log lines only
 *
 * A vector that is routed is not free; one that was routed to -1 is. The returned number names the
 * attachment and says nothing of the vector.
 *
 * INTx is level-triggered: it is masked when it is delivered and unmasked after the handler has
 * returned. Where that fails it is tried again 8 times, for 1.3 seconds in all. If it fails to the
 * end, the log says so, and no interrupt comes until rawpci_irq_unmask(), a reset or a change of
 * the power state works. rawpci_device_info() tells whether it is masked so (intx_stuck).
 *
 * Any thread, also from a handler.
 * Returns a number, at least 1, that names the attachment, or
 *   -EFAULT      dev or handler is NULL
 *   -ENOSPC      no vector is free, or the host has none left
 *   -EOPNOTSUPP  the device or the backend has no interrupts
 *   -ESHUTDOWN   suspended, the device is gone, or it is being closed
 *   -ENOMEM, -EIO
 */
int rawpci_irq_attach(struct rawpci_device *dev, void (*handler)(void *opaque, int32_t irq),
		      void *opaque, int32_t guest_irq);

/**
 * Detaches a handler.
 * @irq: as rawpci_irq_attach() returned it
 *
 * When it returns the handler is not running and will not run. Called from that handler it returns
 * at once, and the handler runs no more after it has returned.
 *
 * Any thread. The caller must hold no lock that the handler waits for.
 * Returns 0, -EFAULT (dev is NULL) or -ENOENT (no such attachment).
 */
int rawpci_irq_detach(struct rawpci_device *dev, int32_t irq);

/**
 * Hands vectors to somebody else: KVM's irqfd, or eventfds of the embedder's. The library then
 * never reads these descriptors, and the interrupts do not pass through it. It signals them where an
 * interrupt may have been lost (see above).
 * @type: the type in use, or any the device has if none is in use
 * @first, @n: the vectors, n at least 1
 * @eventfds: n descriptors, which the caller keeps; -1 takes the vector back and silences it. NULL:
 *            all -1
 *
 * A routed INTx is masked by each delivery until rawpci_irq_unmask().
 *
 * Any thread.
 * Returns 0, or
 *   -EFAULT      dev is NULL
 *   -EINVAL      unknown type, n is 0, a descriptor is below -1 or not an eventfd
 *   -ERANGE      beyond the vectors of that type
 *   -EBUSY       another type is in use, or one of these vectors has a handler attached
 *   -EOPNOTSUPP  the device or the backend has no such interrupts; or the backend cannot signal an
 *                eventfd (uio)
 *   -ENOSPC      the host has no vectors left
 *   -ESHUTDOWN   suspended, the device is gone, or it is being closed
 *   -ENOMEM, -EIO
 */
int rawpci_irq_route(struct rawpci_device *dev, enum rawpci_irq_type type, unsigned first,
		     unsigned n, const int *eventfds);

/**
 * Unmasks a routed INTx, or one that could not be unmasked after its handler. Where the line is
 * still asserted, it is signalled again at once.
 *
 * Returns 0, -EFAULT (dev is NULL), -EPROTO (INTx is not in use), -ESHUTDOWN or -EIO.
 */
int rawpci_irq_unmask(struct rawpci_device *dev);

struct rawpci_irq_stats {
	char engine[16];     /* "io_uring", "epoll", "" before the first handler */
	uint64_t handled;    /* handler calls */
	uint64_t waits;      /* system calls made to wait and reap */
	uint64_t rearmed;    /* polls that the kernel ended and that were armed again */
};

/**
 * Counts since the context was created.
 * @size: sizeof(struct rawpci_irq_stats) as the program was compiled with
 *
 * Returns 0, -EFAULT (a NULL) or -EINVAL (size is 0 or larger than the library's).
 */
int rawpci_irq_stats(struct rawpci *ctx, size_t size, struct rawpci_irq_stats *out);

#ifdef __cplusplus
}
#endif

#endif
