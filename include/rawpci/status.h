/* SPDX-License-Identifier: MIT */
/*
 * The status codes of the ABI's doors, and how they relate to the errno values of the native API.
 *
 * The doors of <rawpci/abi.h> and the function tables of <rawpci.h> return VirtualBox status codes.
 * Everything else returns 0 or a documented count, or a negative errno value:
 *
 *   native             status code                 meaning
 *   -EINVAL            VERR_INVALID_PARAMETER      an argument is out of its domain
 *   -EBADMSG           VERR_INVALID_MAGIC          not an object or request of this library
 *   -EBADF             VERR_INVALID_HANDLE         stale, unknown or another owner's handle
 *   -EFAULT            VERR_INVALID_POINTER        NULL, or an address in no live mapping
 *   -ENOMEM            VERR_NO_MEMORY              allocation failed
 *   -EPROTONOSUPPORT   VERR_VERSION_MISMATCH       unknown version of a backend or a port
 *   -EBADRQC           VERR_INVALID_FLAGS          an undefined flag bit is set
 *   -EPROTO            VERR_WRONG_ORDER            calls out of order
 *   -EADDRINUSE        VERR_ADDRESS_CONFLICT       guest range is mapped to other memory
 *   -EOPNOTSUPP        VERR_NOT_SUPPORTED          this device or backend cannot do it at all
 *   -EACCES, -EPERM    VERR_ACCESS_DENIED          permission, lockdown
 *   -ETIMEDOUT         VERR_TIMEOUT                a wait ran out
 *   -ERANGE            VERR_OUT_OF_RANGE           beyond the region or space; sums that overflow
 *   -EADDRNOTAVAIL     VERR_MAP_FAILED             the kernel refused a mapping
 *   -ENOENT, -ENODEV   VERR_NOT_FOUND              no such device, backend, IRQ or guest range
 *   -ESHUTDOWN         VERR_INVALID_STATE          decoding off, suspended, removed, closed
 *   -ENOSPC            VERR_OUT_OF_RESOURCES       vectors, DMA entries, locked memory, descriptors
 *   -EUSERS            VERR_NO_MORE_HANDLES        the table of open devices is full
 *   -ENOTEMPTY         VERR_DANGLING_OBJECTS       something of the owner's is still open
 *   -EDOM              VERR_UNSUPPORTED_ALIGNMENT  not aligned to its width or page
 *   -EEXIST            VERR_ALREADY_EXISTS         it is there already
 *   -EBUSY             VERR_RESOURCE_BUSY          open elsewhere, or held by a host driver
 *   -EIO               VERR_DEV_IO_ERROR           the device or the kernel failed the access
 *   any other          VERR_GENERAL_FAILURE
 */
#ifndef RAWPCI_STATUS_H
#define RAWPCI_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef VINF_SUCCESS
#define VINF_SUCCESS 0
#endif
#ifndef VERR_GENERAL_FAILURE
#define VERR_GENERAL_FAILURE (-1)
#endif
#ifndef VERR_INVALID_PARAMETER
#define VERR_INVALID_PARAMETER (-2)
#endif
#ifndef VERR_INVALID_MAGIC
#define VERR_INVALID_MAGIC (-3)
#endif
#ifndef VERR_INVALID_HANDLE
#define VERR_INVALID_HANDLE (-4)
#endif
#ifndef VERR_INVALID_POINTER
#define VERR_INVALID_POINTER (-6)
#endif
#ifndef VERR_NO_MEMORY
#define VERR_NO_MEMORY (-8)
#endif
#ifndef VERR_VERSION_MISMATCH
#define VERR_VERSION_MISMATCH (-11)
#endif
#ifndef VERR_INVALID_FLAGS
#define VERR_INVALID_FLAGS (-13)
#endif
#ifndef VERR_WRONG_ORDER
#define VERR_WRONG_ORDER (-22)
#endif
#ifndef VERR_ADDRESS_CONFLICT
#define VERR_ADDRESS_CONFLICT (-34)
#endif
#ifndef VERR_NOT_SUPPORTED
#define VERR_NOT_SUPPORTED (-37)
#endif
#ifndef VERR_ACCESS_DENIED
#define VERR_ACCESS_DENIED (-38)
#endif
#ifndef VERR_TIMEOUT
#define VERR_TIMEOUT (-40)
#endif
#ifndef VERR_OUT_OF_RANGE
#define VERR_OUT_OF_RANGE (-54)
#endif
#ifndef VERR_MAP_FAILED
#define VERR_MAP_FAILED (-75)
#endif
#ifndef VERR_NOT_FOUND
#define VERR_NOT_FOUND (-78)
#endif
#ifndef VERR_INVALID_STATE
#define VERR_INVALID_STATE (-79)
#endif
#ifndef VERR_OUT_OF_RESOURCES
#define VERR_OUT_OF_RESOURCES (-80)
#endif
#ifndef VERR_NO_MORE_HANDLES
#define VERR_NO_MORE_HANDLES (-81)
#endif
#ifndef VERR_DANGLING_OBJECTS
#define VERR_DANGLING_OBJECTS (-86)
#endif
#ifndef VERR_UNSUPPORTED_ALIGNMENT
#define VERR_UNSUPPORTED_ALIGNMENT (-97)
#endif
#ifndef VERR_ALREADY_EXISTS
#define VERR_ALREADY_EXISTS (-105)
#endif
#ifndef VERR_RESOURCE_BUSY
#define VERR_RESOURCE_BUSY (-138)
#endif
#ifndef VERR_DEV_IO_ERROR
#define VERR_DEV_IO_ERROR (-250)
#endif

/**
 * The name of a status code.
 * @status: any value
 *
 * Any thread, any time.
 * Returns the macro's name ("VERR_INVALID_HANDLE"), or "unknown status" for a code the library does
 * not return. A static string.
 */
const char *rawpci_status_name(int status);

#ifdef __cplusplus
}
#endif

#endif
