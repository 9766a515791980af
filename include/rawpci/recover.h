/* SPDX-License-Identifier: MIT */
/**
 * @file recover.h
 * Returning devices to the host after the process that had taken them was killed.
 *
 * Before the library takes a device from its host driver, it writes a record of it. The record is
 * in the directory of the setting run.dir, /run/rawpci by default. The process that has the device
 * keeps a lock there. A record whose lock no process holds was left by a killed process.
 *
 * sysfs and uio write a record at every open, because no kernel driver behind them puts the
 * device's registers back. With sysfs the device of a killed process goes on mastering the bus
 * until it is returned.
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
 * Its host driver and its driver_override are then again what they were. The log reports each
 * device. The call may be made at any time and again. It may take as long as the host drivers take
 * to start.
 *
 * @par Left alone
 * - A device that a program without this library has open by its node (of VFIO or UIO), if /proc
 *   shows that program.
 * - A driver that another program has bound in the meantime.
 *
 * @par Registers
 * A device that sysfs or uio had is put in order before its host driver gets it. In this order:
 * 1. It is stopped: bus mastering goes off and stays off.
 * 2. It is woken if it was asleep, and its BARs are put back if it forgot them.
 * 3. It is reset if it can be and no driver is bound.
 * 4. It is disabled if it was enabled through sysfs.
 * 5. COMMAND is put back.
 * @par
 * Only the reset removes what else the dead process has written into config space. The kernel has
 * stopped and reset a device that vfio had. If no driver was bound to it, COMMAND is put back;
 * nothing else is.
 * @par
 * After a reboot registers are left as they are, but bus mastering is turned off. The same goes if
 * the kernel does not tell its boot (no /proc).
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
 * While a program has one device of an IOMMU group, the kernel lets hardly any host driver have
 * another one. A device that is closed meanwhile keeps its record. The program that closes the last
 * of them, as far as run.dir tells, returns all devices of the group that have a record there.
 *
 * @param ctx the context. The process must be able to write to sysfs (root)
 * @return how many devices were returned. If one could not be, the others are tried anyway, and the
 *         first failure is returned:
 * @retval -EFAULT    ctx is NULL
 * @retval -ENODEV    the former driver does not take the device: is it loaded? The record stays
 * @retval -EBUSY     a program uses another device of its IOMMU group; the record stays
 * @retval -ETIMEDOUT the kernel has not let go of the device within driver.timeout_ms; the record
 *                    stays
 * @retval -EACCES    permission, or sysfs is not there; the message says what for. If a device
 *                    cannot be stopped, no driver gets it, and its record stays
 * @retval -EPERM     as -EACCES
 * @retval -ENOSPC    also if a lock or a record cannot be had now; the device is left alone, and
 *                    its record stays
 * @retval -ENOMEM    as -ENOSPC
 * @retval -EIO       as -ENOSPC
 */
int rawpci_recover(struct rawpci *ctx);

#ifdef __cplusplus
}
#endif

#endif
