/* SPDX-License-Identifier: MIT */
/*
 * Devices through the native API. The ABI's doors (<rawpci/abi.h>) are a thin skin over this.
 */
#ifndef RAWPCI_DEVICE_H
#define RAWPCI_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;
struct rawpci_device;
struct rawpci_vm;

/* A PCI address. Segments above 0xffff exist (Intel VMD numbers its own from 0x10000). */
struct rawpci_address {
	uint32_t segment;
	uint8_t bus;
	uint8_t device;   /* 0-31 */
	uint8_t function; /* 0-7 */
};

/**
 * Reads an address.
 * @text: "SSSS:BB:DD.F" or "BB:DD.F", hexadecimal: a segment of 1 to 8 digits, a bus and a device
 *        of 1 or 2; nothing around it
 * @out: written on success only
 *
 * Any thread. Leaves rawpci_last_error() alone.
 * Returns 0, -EFAULT (a NULL), or -EINVAL (not an address).
 */
int rawpci_address_parse(const char *text, struct rawpci_address *out);

/* Room for the longest address and its terminator. */
#define RAWPCI_ADDRESS_TEXT 24

/**
 * Writes an address in its full form, "0000:03:00.0".
 * @text: RAWPCI_ADDRESS_TEXT bytes
 *
 * Returns text.
 */
char *rawpci_address_format(const struct rawpci_address *address, char *text);

enum rawpci_open_flags {
	RAWPCI_OPEN_DETACH_HOST_DRIVER = 1, /* replace the host driver, put it back on close */
	RAWPCI_OPEN_INSIST = 2, /* also where the host would lose something that it uses; takes no
				   driver away without the other */
};

/**
 * Opens a device.
 * @ctx: the context
 * @vm: the guest memory the device may reach once it is powered on; NULL: none
 * @address: as for rawpci_address_parse()
 * @flags: enum rawpci_open_flags
 * @out: receives the device; written on success only
 *
 * The device is open once on the whole host. It is then in the power state "off": it does no DMA
 * and sends no message-signalled interrupt, whatever is written to its config space. Whether it
 * decodes its BARs depends on the backend and on who had it before. Power it on
 * (rawpci_device_power()) before using its registers. A device that no driver holds is bound to
 * the backend's driver for as long as it is open; one that a host driver holds is only
 * taken with RAWPCI_OPEN_DETACH_HOST_DRIVER. Not even then where the host would lose something by
 * it, unless the caller insists with RAWPCI_OPEN_INSIST, which is logged:
 *
 *   - a disk of the device's that is mounted, in whatever namespace, swapped to, or part of a
 *     mounted btrfs or an imported ZFS pool; also by its partitions and by what is built of them
 *     (device-mapper, LVM, md, NVMe multipath). An array or a volume that nobody uses does not
 *     count. To find out, each disk's node in /dev is opened with O_EXCL for a moment, in which
 *     nobody else can mount it; where a node cannot be opened the device is refused, too
 *   - a network interface that is up, also as a part of a bridge or bond; or one in a network
 *     namespace other than that of /sys, up or not
 *   - the display that the host was started with; virtual functions that are enabled
 *   - a program that has it, or its group, open through VFIO or UIO, where this process may see that
 *     (/proc): its driver would wait for that program. It need not keep to the locks below
 *   - a bridge, whether a driver holds it or none: the way to other devices, or a part of the
 *     chipset (host, ISA and other bridges). One that somebody has bound to the backend's driver
 *     beforehand is opened
 *
 * Not seen is what uses a device without any of this: programs that have a disk, a sound card, a
 * console or another display open; a loop device over a disk; a USB network adapter in another
 * namespace. rawpci_explain() opens no disk: it does not see ZFS, nor, save for btrfs, mounts in
 * other namespaces.
 *
 * No device is left without its host driver: what there was is written down in the directory of the
 * setting run.dir before it is changed, so that it can be put back if this process is killed
 * (<rawpci/recover.h>). Where nothing can be written there, devices whose driver need not be changed
 * can be opened, and others are refused with what the kernel said (-EACCES, also where a record is
 * there that is not understood, or the device's override is none that can be recorded); there is no
 * setting against that, but run.dir may be any directory of which only this user and root can write.
 * A device that sysfs or uio opens without a record stays, if this process is killed, as it is then,
 * maybe mastering the bus: the log warns of that. The directory's locks keep processes with the same
 * run.dir off each other's devices, whatever the backend. An open of a device that a killed process
 * has left taken gives it back first.
 *
 * Only a directory or a right that is not there is gone without. A lock or a record that cannot be had
 * now (no descriptor, no memory, a full disk, an I/O error) fails the open with -ENOSPC, -ENOMEM or
 * -EIO.
 *
 * Containers with a /run each have a run.dir each. VFIO's nodes are exclusive by themselves. For sysfs
 * and uio, the device's file "config" in sysfs is locked, too, where this process may write to it. All
 * mounts of sysfs that belong to one network namespace share that lock. Containers with a network
 * namespace and a run.dir each are not kept off each other's devices: give all of them one directory
 * as run.dir.
 *
 * A device that no driver holds is kept from those that are loaded while sysfs has it, where its
 * driver_override can be written and recorded. Another driver that is bound to a device of sysfs's or
 * uio's all the same has it: loads and stores through a mapping raise SIGBUS then, those of
 * rawpci_mmio_read() and _write() among them. Closing leaves to that driver, or to another device
 * that is in its place by then, what is its own.
 *
 * Any thread. May take long: the kernel resets the function (PCIe FLR: at least 100 ms).
 * Returns 0, or
 *   -EFAULT       ctx, address or out is NULL
 *   -EBADRQC      unknown flag
 *   -EINVAL       not an address, or a VM of another context
 *   -ENODEV       no such device, or no backend can open it: the log says why for each
 *   -EBUSY        open already, here or in another process; or the kernel has not ended a reset
 *                 that a former user asked for; or a host driver holds it or another
 *                 device of its IOMMU group, and it was not to be detached, or has taken it just
 *                 now: open it again; or the host uses it, or
 *                 that cannot be found out
 *   -ETIMEDOUT    the host driver does not let go of it, or the kernel does not end enabling it;
 *                 rawpci_recover() gives it back later
 *   -EUSERS       the context has 255 devices open
 *   -EACCES, -EPERM  permission; the message names the file
 *   -EOPNOTSUPP   there is no IOMMU, or the backend cannot drive this kind of device
 *   -ENOMEM, -ENOSPC, -EIO  as in <rawpci/status.h>
 */
int rawpci_device_open(struct rawpci *ctx, struct rawpci_vm *vm, const char *address,
		       unsigned flags, struct rawpci_device **out);

/*
 * Descriptors of a device that somebody else has opened; -1: none. Either some of the first two or
 * some of the last two; what is -1 of those two the library opens itself.
 */
struct rawpci_device_fds {
	/* sizeof(struct rawpci_device_fds) as the program was compiled with; fields beyond it are
	 * taken as -1, so that the structure can grow. */
	size_t size;

	int group;     /* /dev/vfio/N */
	int container; /* /dev/vfio/vfio; with the group in it already, or not */
	int cdev;      /* /dev/vfio/devices/vfioN; bound to the iommufd already, or not */
	int iommufd;   /* /dev/iommu */
};

/* To start from: none. */
#define RAWPCI_DEVICE_FDS_NONE { sizeof(struct rawpci_device_fds), -1, -1, -1, -1 }

/**
 * Opens a device through descriptors that somebody else has opened, so that an unprivileged process
 * can be handed a device. As rawpci_device_open(), and:
 * @flags: 0; the host driver is neither looked at nor changed: whoever opened the descriptors has
 *         bound the device to vfio-pci, or to a driver like it, and gives it back. Which nodes to
 *         open: N of a group is the last part of where the device's iommu_group in sysfs points
 *         to, vfioN of a cdev is the name in its directory vfio-dev
 * @fds: not kept after the call. The library duplicates what it uses (close-on-exec): the caller
 *       may close his at once, or keep them
 *
 * Devices of one vm may be given the same container or iommufd and then share an address space in
 * it; where another is given, the device gets an address space of its own. Where the kernel cannot
 * compare descriptors (no kcmp()), they are taken for the same.
 *
 * What a process that is killed has mapped stays mapped in a container that somebody else holds,
 * too, and the next one's power-on fails with -EADDRINUSE: the opener closes the container then, and
 * opens a fresh one for the next. In an iommufd each device gets an address space of its own at
 * each open, and nothing is left.
 *
 * For as long as the caller keeps a cdev open, closing the device does not end its binding to the
 * iommufd, and the device is reset by the library instead of the kernel: to open it again, give the
 * same two. A group that was in the container already stays in it. Whoever has the group can have
 * the device, too: it is reset by the library at power-on and close, whether the kernel does or not.
 *
 * Returns as rawpci_device_open(), and
 *   -EFAULT      fds is NULL
 *   -EBADRQC     flags is not 0
 *   -EINVAL      size too small for its own field; no descriptor, or some of each kind; one that
 *                is not what it should be or not this device's; a group in a container without
 *                that container, or a bound cdev without its iommufd
 *   -EOPNOTSUPP  the chosen backend takes no descriptors
 */
int rawpci_device_open_fds(struct rawpci *ctx, struct rawpci_vm *vm, const char *address,
			   unsigned flags, const struct rawpci_device_fds *fds,
			   struct rawpci_device **out);

/**
 * Closes a device that rawpci_device_open() or rawpci_device_open_fds() returned.
 * @dev: may be NULL
 *
 * In this order: interrupts off (no handler runs after it returns, save the one it is called from),
 * regions unmapped, bus mastering off, DMA detached, device reset where it can be, host driver put
 * back. It always completes; what could not be done is logged. sysfs and uio do not wait longer
 * than driver.timeout_ms for a reset, or for config space that the kernel holds up. Then the device
 * is left to rawpci_recover() or the next open, which is refused (-EBUSY) until the kernel is done;
 * its bus mastering is turned off by then. A call of another thread that is inside the device is
 * waited for in any case. While another device of the same
 * IOMMU group is in use, the kernel refuses a host driver: closing that one then puts this one's
 * back, too.
 *
 * Any thread, also from one of the device's own handlers. The last call with this pointer. It waits
 * for the device's handlers: handlers of two contexts that close each other's devices at the same
 * time wait for each other for ever.
 * Returns 0, or
 *   -EBUSY  the device belongs to a session or a port, which has to close it; nothing changed
 */
int rawpci_device_close(struct rawpci_device *dev);

/* What a device is. */
struct rawpci_device_info {
	struct rawpci_address address;
	uint16_t vendor_id;
	uint16_t device_id;
	uint32_t class_code;      /* 24 bits: base class, subclass, programming interface */
	uint32_t config_size;     /* bytes: 256 or 4096 */
	bool can_reset;
	bool can_dma;             /* the backend can give it guest memory */
	bool can_map_wc;          /* the backend has write-combining mappings, of prefetchable
				     regions; a kernel without PAT refuses them all the same */
	char backend[16];         /* name of the backend that opened it */
	char host_driver[64];     /* driver it was taken from, put back on close; "" if none */
	bool intx_stuck;          /* INTx is masked because unmasking it failed (<rawpci/irq.h>) */
};

/**
 * Describes an open device.
 * @size: sizeof(struct rawpci_device_info) as the program was compiled with
 * @out: size bytes, filled on success only
 *
 * Any thread. Costs no access to the device.
 * Returns 0, -EFAULT (a NULL) or -EINVAL (size is 0 or larger than the library's).
 */
int rawpci_device_info(struct rawpci_device *dev, size_t size, struct rawpci_device_info *out);

/**
 * Reads config space.
 * @offset: bytes, a multiple of width; offset + width is at most the config space's size
 * @width: 1, 2 or 4 bytes
 * @value: host-endian, zero-extended; written on success only
 *
 * A backend may virtualise parts of it (VFIO: BARs, MSI and MSI-X address and data, capability
 * pointers; Linux drivers/vfio/pci/vfio_pci_config.c). sysfs and uio keep copies of the BARs, of
 * Interrupt Disable, of Interrupt Line and of the registers of vital product data. They let only
 * those bits be written that are listed in backends/sysdev/writable.c; a write to others is ignored.
 * Closing puts the listed bits back and leaves the device awake.
 *
 * VFIO's list is the kernel's. It lets through bytes that belong to no capability, and vital product
 * data. Where a device keeps such bytes, the next user and the host find what a guest has written
 * there. A hypervisor that minds keeps its guests' writes to known capabilities, or uses sysfs or uio.
 *
 * Any thread.
 * Returns 0, or
 *   -EFAULT     a NULL
 *   -EINVAL     width
 *   -EDOM       offset is not a multiple of width
 *   -ERANGE     beyond config space
 *   -ESHUTDOWN  suspended, or the device is gone, or a reset that ran out of time has not ended
 *   -EIO        the kernel failed the access
 */
int rawpci_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width,
		       uint32_t *value);

/**
 * Writes config space. As rawpci_config_read(), and:
 * @value: bits beyond width must be zero (-EINVAL)
 *
 * A write that turns memory decoding off or the device to sleep waits for MMIO accesses under way;
 * later ones fail with -ESHUTDOWN. Direct loads and stores by the caller are not seen and raise
 * SIGBUS then: what a hypervisor has to do first is said at struct rawpci_mapping
 * (<rawpci/region.h>). A write that starts a function level reset blocks until the kernel has done it;
 * with sysfs and uio it returns -ETIMEDOUT after driver.timeout_ms, as rawpci_device_reset() does.
 *
 * Where a guest starts such a reset, COMMAND is afterwards what the reset has left. The kernel restores
 * it with VFIO, sysfs and uio; the fake clears it, as hardware does.
 *
 * COMMAND's Bus Master bit reaches the device only while it is on. Written while it is off, the bit
 * is remembered and read back; ON sets it in any case, and OFF clears it.
 */
int rawpci_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width,
			uint32_t value);

/**
 * Resets the device and brings it back to its present power state, on or off, and to D0: interrupts
 * armed, decoding and bus mastering as before. Meanwhile direct loads and stores raise SIGBUS (<rawpci/region.h>).
 *
 * Any thread.
 * Returns 0, or
 *   -EOPNOTSUPP  the device has no reset that leaves its neighbours alone
 *   -ESHUTDOWN   suspended, or the device is gone; or an earlier reset is still under way
 *   -EIO, -EBUSY the kernel failed it; the device may have lost its state, but for COMMAND,
 *                which is put back
 *   -ENOSPC, -ENOMEM  no descriptor or memory for it; or it was reset, but its interrupts could not be
 *                enabled again: the next reset, handler or route tries that again
 *   -ETIMEDOUT   sysfs, uio: the kernel has not ended it in driver.timeout_ms. Until it has, config
 *                space, regions, resets and changes of the power state fail with -ESHUTDOWN. The
 *                first call after that brings the device back: COMMAND, interrupts, accesses
 */
int rawpci_device_reset(struct rawpci_device *dev);

enum rawpci_power {
	RAWPCI_POWER_ON = 0,
	RAWPCI_POWER_OFF = 1,
	RAWPCI_POWER_SUSPEND = 2,
	RAWPCI_POWER_RESUME = 3,
};

/**
 * Changes the power state.
 *
 *   ON       from off: guest memory attached to the IOMMU, woken up if it sleeps, reset (left out
 *            when nothing has touched the device since its last one), interrupts armed, decoding
 *            and bus mastering on. Where guest memory is refused, nothing of the device has changed
 *   OFF      from on or suspended: woken up if it sleeps, bus mastering off, interrupts masked,
 *            IOMMU detached, reset. Decoding stays as it was
 *   SUSPEND  from on: bus mastering off, interrupts masked, config space saved, D3hot where the
 *            device has it. Until RESUME, accesses to the device fail with -ESHUTDOWN, and direct
 *            loads and stores raise SIGBUS (<rawpci/region.h>)
 *   RESUME   from suspended: D0, config space and interrupts restored
 *
 * Bus mastering is on while the device is on and neither its user nor a guest's reset has turned it
 * off, and never else.
 * Registered handlers stay registered throughout. A failed SUSPEND leaves the device on, a failed
 * RESUME leaves it suspended.
 *
 * Any thread.
 * Returns 0, or
 *   -EINVAL      unknown state
 *   -EPROTO      out of order
 *   -EOPNOTSUPP  ON: the VM has guest memory and the backend cannot map it for DMA
 *   -ENOSPC, -ERANGE, -EADDRNOTAVAIL  ON: guest memory cannot be mapped; the message says which
 *                range and what limit. Nothing is mapped then, the device is off
 *   -ENOSPC, -ENOMEM  ON, RESUME: also no descriptor, vector or memory for a step
 *   -EADDRINUSE  ON: a part of guest memory is mapped already in the container that was handed over
 *                (rawpci_device_open_fds()), by a former user of it or by another program
 *   -ESHUTDOWN   the device is gone, or a reset that ran out of time is still under way
 *   -ETIMEDOUT   ON: its reset ran out of time (rawpci_device_reset()); it is off
 *   -EIO         the kernel failed an access
 */
int rawpci_device_power(struct rawpci_device *dev, enum rawpci_power state);

/* Things a device or the host says about it, outside its interrupts. */
enum rawpci_event {
	RAWPCI_EVENT_ERROR = 1,   /* an uncorrected error (PCIe AER): reset before using it again */
	RAWPCI_EVENT_RELEASE = 2, /* the host wants it back (unbind, unplug): close it. The kernel
				     repeats it until that is done, the fake does not */
};

/**
 * Asks to be told of events.
 * @handler: called on the interrupt engine like an interrupt handler; NULL: no more
 *
 * When it returns the previous handler is not running (except where it is called from it).
 * Returns 0, or
 *   -EOPNOTSUPP  neither event exists for this device
 *   -ESHUTDOWN   called from a handler while another thread closes the device
 *   -ENOMEM, -ENOSPC, -EIO
 */
int rawpci_device_on_event(struct rawpci_device *dev,
			   void (*handler)(void *opaque, enum rawpci_event event), void *opaque);

#ifdef __cplusplus
}
#endif

#endif
