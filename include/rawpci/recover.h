/* SPDX-License-Identifier: MIT */
/**
 * @file recover.h
 * Returning devices to the host after the process that had them open was killed.
 *
 * Before the library detaches a host driver, it writes a record of the device. The record is in the
 * directory of the setting run.dir, /run/rawpci by default. The process that has the device open
 * locks a file there. A record whose device no process has locked is from a killed process, or from
 * a close that could not return the device.
 *
 * sysfs and uio write a record at every open, because no kernel driver puts back the registers of
 * their devices. With sysfs the device of a killed process goes on mastering the bus until it is
 * returned. With uio the kernel's driver has turned bus mastering off.
 */
#ifndef RAWPCI_RECOVER_H
#define RAWPCI_RECOVER_H

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;

/**
 * Returns to the host every device that has a record and that no process has open.
 *
 * The device then has its host driver and its driver_override again. The log reports each device.
 * The call may be made at any time and again. It may take as long as the host drivers take to
 * start.
 *
 * @par Left alone
 * - A device whose VFIO or UIO node another program has open without this library. The library sees
 *   only programs that /proc shows to this process.
 * - A driver that another program has bound in the meantime, with the device's registers. But
 *   pci-stub touches no register: under it a device that sysfs or uio had open is stopped and put
 *   back as below, unless /proc shows a process that has one of its regions open.
 * - A device that is kept (rawpci_taken_keep()), until the host boots again.
 *
 * @par Registers of sysfs and uio
 * Before the host driver gets a device that sysfs or uio had open, the library cleans it up. The
 * steps are:
 * 1. Bus mastering goes off and stays off.
 * 2. The device is woken if it sleeps, and its decoding goes off.
 * 3. The registers that the record lists are put back, and then the header with the BARs.
 * 4. The device is reset if it can be and no driver is bound.
 * 5. The device is disabled if a dead process has enabled it by its file enable in /sys.
 * 6. COMMAND is put back, with bus mastering off. If an interrupt is pending, INTx is disabled.
 * @par
 * Other registers keep what the dead process wrote, unless step 4 resets the device.
 *
 * @par Registers of vfio
 * The kernel has stopped and reset such a device. If the device had no host driver before, the
 * library puts back COMMAND as in step 6. Otherwise it puts back nothing.
 *
 * @par Reboot
 * After a reboot the library puts back no register. It only turns bus mastering off before it binds
 * the host driver. The same holds if it cannot read the boot id from /proc. A device that is kept
 * then stays as it is.
 *
 * @par Records
 * A record of an older version of the library says nothing of registers. The driver gets such a
 * device with bus mastering off. An older version does not understand a record with registers. It
 * reports the record and leaves the device alone.
 * @par
 * A file that is not a whole record, or does not belong to this user or root, is reported and not
 * acted upon. If the device is gone, or another one is in its place, its record is removed.
 * @par
 * The call acts on all records in run.dir, whatever backend the context was created for, also
 * "fake". A program that is tested with the fake names a directory of its own.
 *
 * @par IOMMU groups
 * While one device of an IOMMU group is open, the kernel refuses most host drivers for the others.
 * A device that is closed meanwhile keeps its record. The program that closes the last of them, as
 * far as run.dir tells, returns all devices of the group that have a record there.
 *
 * @param ctx the context. The process must be able to write to sysfs (root)
 * @return how many devices were returned; 0 also if run.dir does not exist. After a failure the
 *         call goes on with the other devices, and then returns the first error instead of the
 *         count:
 * @retval -EFAULT    ctx is NULL
 * @retval -ENODEV    the host driver does not take the device: is it loaded? The record stays
 * @retval -EBUSY     another device of the IOMMU group is open; the record stays
 * @retval -ETIMEDOUT the kernel has not let go of the device within driver.timeout_ms; the record
 *                    stays
 * @retval -EACCES    permission, or sysfs is not there; rawpci_last_error() says what for. If a
 *                    device cannot be stopped, no driver gets it, and its record stays
 * @retval -EPERM     as -EACCES
 * @retval -ENOSPC    no descriptor or disk space, for example for a lock or a record; the record
 *                    stays
 * @retval -ENOMEM    no memory; the record stays
 * @retval -EIO       an I/O error; the record stays
 */
int rawpci_recover(struct rawpci *ctx);

#ifdef __cplusplus
}
#endif

#endif
