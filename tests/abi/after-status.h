/* SPDX-License-Identifier: MIT */
/* Status codes that are there already, in another spelling of the same values: defining one again
 * would be an error. */
#define VINF_SUCCESS (0)
#define VERR_GENERAL_FAILURE (0 - 1)
#define VERR_INVALID_PARAMETER (0 - 2)
#define VERR_INVALID_MAGIC (0 - 3)
#define VERR_INVALID_HANDLE (0 - 4)
#define VERR_INVALID_POINTER (0 - 6)
#define VERR_NO_MEMORY (0 - 8)
#define VERR_VERSION_MISMATCH (0 - 11)
#define VERR_INVALID_FLAGS (0 - 13)
#define VERR_WRONG_ORDER (0 - 22)
#define VERR_ADDRESS_CONFLICT (0 - 34)
#define VERR_NOT_SUPPORTED (0 - 37)
#define VERR_ACCESS_DENIED (0 - 38)
#define VERR_TIMEOUT (0 - 40)
#define VERR_OUT_OF_RANGE (0 - 54)
#define VERR_MAP_FAILED (0 - 75)
#define VERR_NOT_FOUND (0 - 78)
#define VERR_INVALID_STATE (0 - 79)
#define VERR_OUT_OF_RESOURCES (0 - 80)
#define VERR_NO_MORE_HANDLES (0 - 81)
#define VERR_DANGLING_OBJECTS (0 - 86)
#define VERR_UNSUPPORTED_ALIGNMENT (0 - 97)
#define VERR_ALREADY_EXISTS (0 - 105)
#define VERR_RESOURCE_BUSY (0 - 138)
#define VERR_DEV_IO_ERROR (0 - 250)
#include <rawpci/abi.h>

#include "values.h"
