/* SPDX-License-Identifier: MIT */
/*
 * Giving devices back to the host after the process that had taken them was killed.
 *
 * Before a device is taken from its host driver, what there was is recorded in the directory of the
 * setting run.dir (default /run/rawpci), and the process that has the device keeps a lock there. A
 * record whose lock nobody has is what a killed process has left.
 */
#ifndef RAWPCI_RECOVER_H
#define RAWPCI_RECOVER_H

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;

/**
 * Gives back every device that has a record and that no process has open: its host driver and its
 * driver_override are again what they were. A driver that somebody else has bound in the meantime
 * is left alone. Each device is reported through the log. May be called at any time and again.
 *
 * A file that is not a whole record, or not this user's or root's, is reported and not acted upon.
 * The record of a device that is gone, or has another one in its place, is removed.
 *
 * It acts on all records in run.dir, whatever backend the context was created for, also "fake": a
 * program that is tested with that names a directory of its own.
 *
 * Any thread. Needs to write to sysfs (root). May take as long as the host drivers take to start.
 * Returns how many devices were given back; where one could not be, the others were tried all the
 * same and the first failure is returned:
 *   -EFAULT     ctx is NULL
 *   -ENODEV     the former driver does not take the device: is it loaded? The record stays
 *   -ETIMEDOUT  the kernel has not let go of the device in the time of driver.timeout_ms; the
 *               record stays
 *   -EACCES, -EPERM  permission; the message names the file
 *   -ENOMEM, -EIO
 */
int rawpci_recover(struct rawpci *ctx);

#ifdef __cplusplus
}
#endif

#endif
