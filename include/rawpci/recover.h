/* SPDX-License-Identifier: MIT */
/*
 * Giving devices back to the host after the process that had taken them was killed.
 *
 * Before a device is taken from its host driver, what there was is recorded in the directory of the
 * setting run.dir (default /run/rawpci), and the process that has the device keeps a lock there. A
 * record whose lock nobody has is what a killed process has left. The backends sysfs and uio, behind
 * which no kernel driver puts the device's registers back, write a record at every open; with sysfs
 * the device of a killed process goes on mastering the bus until it is given back.
 */
#ifndef RAWPCI_RECOVER_H
#define RAWPCI_RECOVER_H

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;

/**
 * Gives back every device that has a record and that no process has open: its host driver and its
 * driver_override are again what they were. A device that a program without this library has open by
 * its node (of VFIO or UIO) is left alone, too, as far as /proc shows that program. A driver that somebody else has bound in the meantime
 * is left alone. Each device is reported through the log. May be called at any time and again.
 *
 * Before its host driver gets it, a device that sysfs or uio had is stopped (bus mastering off, and
 * it stays off), woken if it was asleep, its BARs put back if it forgot them, reset if it can be and
 * no driver is bound, disabled if it was enabled through sysfs, and COMMAND is put back. What else
 * the dead process has written into config space goes with the reset, if anything does. A device
 * that vfio had, the kernel has stopped and reset; only COMMAND is put back, where no driver was
 * bound. After a reboot, and where the kernel does not tell its boot (no /proc), registers are left
 * as they are, but for bus mastering, which is turned off.
 *
 * A record that an older version of the library wrote says nothing of registers: the driver is given
 * the device with bus mastering off. An older version leaves alone, and reports, a record that does.
 *
 * A file that is not a whole record, or not this user's or root's, is reported and not acted upon.
 * The record of a device that is gone, or has another one in its place, is removed.
 *
 * While a program has one device of an IOMMU group, the kernel lets hardly any host driver have
 * another. One that is closed meanwhile keeps its record, and whoever closes the last of them, as
 * far as run.dir tells, gives back all of the group that have a record there.
 *
 * It acts on all records in run.dir, whatever backend the context was created for, also "fake": a
 * program that is tested with that names a directory of its own.
 *
 * Any thread. Needs to write to sysfs (root). May take as long as the host drivers take to start.
 * Returns how many devices were given back; where one could not be, the others were tried all the
 * same and the first failure is returned:
 *   -EFAULT     ctx is NULL
 *   -ENODEV     the former driver does not take the device: is it loaded? The record stays
 *   -EBUSY      a program uses another device of its IOMMU group; the record stays
 *   -ETIMEDOUT  the kernel has not let go of the device in the time of driver.timeout_ms; the
 *               record stays
 *   -EACCES, -EPERM  permission, or sysfs is not there; the message says what for. A device that cannot be stopped is
 *               given to no driver, and its record stays
 *   -ENOSPC, -ENOMEM, -EIO  also where a lock or a record cannot be had now: nothing is done to the
 *               device without, and its record stays
 */
int rawpci_recover(struct rawpci *ctx);

#ifdef __cplusplus
}
#endif

#endif
