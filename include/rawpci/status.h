/* SPDX-License-Identifier: MIT */
/**
 * @file status.h
 * The status codes of the ABI, and the errno values of the native API that they stand for.
 *
 * The functions of <rawpci/abi.h> and the function tables of <rawpci.h> return VirtualBox status
 * codes. Every other function returns 0, a documented count, or a negative errno value. Each code
 * below names the errno values that it stands for. If the program includes VirtualBox's err.h
 * before this file, its macros are used.
 */
#ifndef RAWPCI_STATUS_H
#define RAWPCI_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef VINF_SUCCESS
/** 0: the call succeeded. */
#define VINF_SUCCESS 0
#endif
#ifndef VERR_GENERAL_FAILURE
/** Any errno value that no other code names. */
#define VERR_GENERAL_FAILURE (-1)
#endif
#ifndef VERR_INVALID_PARAMETER
/** -EINVAL: an argument is out of its domain. */
#define VERR_INVALID_PARAMETER (-2)
#endif
#ifndef VERR_INVALID_MAGIC
/** -EBADMSG: not an object or request of this library. */
#define VERR_INVALID_MAGIC (-3)
#endif
#ifndef VERR_INVALID_HANDLE
/** -EBADF: the handle is stale, unknown, or of another session. */
#define VERR_INVALID_HANDLE (-4)
#endif
#ifndef VERR_INVALID_POINTER
/** -EFAULT: NULL, or an address in no live mapping. */
#define VERR_INVALID_POINTER (-6)
#endif
#ifndef VERR_NO_MEMORY
/** -ENOMEM: allocation failed. */
#define VERR_NO_MEMORY (-8)
#endif
#ifndef VERR_VERSION_MISMATCH
/** -EPROTONOSUPPORT: unknown version of a backend or a port. */
#define VERR_VERSION_MISMATCH (-11)
#endif
#ifndef VERR_INVALID_FLAGS
/** -EBADRQC: an undefined flag bit is set. */
#define VERR_INVALID_FLAGS (-13)
#endif
#ifndef VERR_WRONG_ORDER
/** -EPROTO: calls out of order. */
#define VERR_WRONG_ORDER (-22)
#endif
#ifndef VERR_ADDRESS_CONFLICT
/** -EADDRINUSE: guest range is mapped to other memory. */
#define VERR_ADDRESS_CONFLICT (-34)
#endif
#ifndef VERR_NOT_SUPPORTED
/** -EOPNOTSUPP: this device or backend cannot do it at all. */
#define VERR_NOT_SUPPORTED (-37)
#endif
#ifndef VERR_ACCESS_DENIED
/** -EACCES, -EPERM: permission, lockdown. */
#define VERR_ACCESS_DENIED (-38)
#endif
#ifndef VERR_TIMEOUT
/** -ETIMEDOUT: a wait ran out. */
#define VERR_TIMEOUT (-40)
#endif
#ifndef VERR_OUT_OF_RANGE
/** -ERANGE: beyond the region or space; sums that overflow. */
#define VERR_OUT_OF_RANGE (-54)
#endif
#ifndef VERR_MAP_FAILED
/** -EADDRNOTAVAIL: the kernel refused a mapping. */
#define VERR_MAP_FAILED (-75)
#endif
#ifndef VERR_NOT_FOUND
/** -ENOENT, -ENODEV: no such device, backend, attachment, mapping or guest range. */
#define VERR_NOT_FOUND (-78)
#endif
#ifndef VERR_INVALID_STATE
/** -ESHUTDOWN: decoding off, suspended, removed, closed. */
#define VERR_INVALID_STATE (-79)
#endif
#ifndef VERR_OUT_OF_RESOURCES
/** -ENOSPC: no vector, DMA entry, lockable memory, descriptor or disk space is left. */
#define VERR_OUT_OF_RESOURCES (-80)
#endif
#ifndef VERR_NO_MORE_HANDLES
/** -EUSERS: the table of open devices is full. */
#define VERR_NO_MORE_HANDLES (-81)
#endif
#ifndef VERR_DANGLING_OBJECTS
/** -ENOTEMPTY: something is still open. No function of this version returns it. */
#define VERR_DANGLING_OBJECTS (-86)
#endif
#ifndef VERR_UNSUPPORTED_ALIGNMENT
/** -EDOM: not aligned to its width or page. */
#define VERR_UNSUPPORTED_ALIGNMENT (-97)
#endif
#ifndef VERR_ALREADY_EXISTS
/** -EEXIST: it is there already. */
#define VERR_ALREADY_EXISTS (-105)
#endif
#ifndef VERR_RESOURCE_BUSY
/** -EBUSY: in use: open elsewhere, or bound to a host driver. */
#define VERR_RESOURCE_BUSY (-138)
#endif
#ifndef VERR_DEV_IO_ERROR
/** -EIO: the device or the kernel failed the access. */
#define VERR_DEV_IO_ERROR (-250)
#endif

/**
 * Returns the name of a status code.
 *
 * @param status any value
 * @return the macro's name ("VERR_INVALID_HANDLE"), or "unknown status" for a code that the library
 *         does not return. A static string
 */
const char *rawpci_status_name(int status);

#ifdef __cplusplus
}
#endif

#endif
