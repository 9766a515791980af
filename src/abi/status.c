/* SPDX-License-Identifier: MIT */
/* Status codes: their errno values, their names, and calls that end with one. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>

#include "abi/abi.h"

/* The table of <rawpci/status.h>. */
static const struct {
	int error;
	int status;
} translations[] = {
	{ EINVAL, VERR_INVALID_PARAMETER },
	{ EBADMSG, VERR_INVALID_MAGIC },
	{ EBADF, VERR_INVALID_HANDLE },
	{ EFAULT, VERR_INVALID_POINTER },
	{ ENOMEM, VERR_NO_MEMORY },
	{ EPROTONOSUPPORT, VERR_VERSION_MISMATCH },
	{ EBADRQC, VERR_INVALID_FLAGS },
	{ EPROTO, VERR_WRONG_ORDER },
	{ EADDRINUSE, VERR_ADDRESS_CONFLICT },
	{ EOPNOTSUPP, VERR_NOT_SUPPORTED },
	{ EACCES, VERR_ACCESS_DENIED },
	{ EPERM, VERR_ACCESS_DENIED },
	{ ETIMEDOUT, VERR_TIMEOUT },
	{ ERANGE, VERR_OUT_OF_RANGE },
	{ EADDRNOTAVAIL, VERR_MAP_FAILED },
	{ ENOENT, VERR_NOT_FOUND },
	{ ENODEV, VERR_NOT_FOUND },
	{ ESHUTDOWN, VERR_INVALID_STATE },
	{ ENOSPC, VERR_OUT_OF_RESOURCES },
	{ EUSERS, VERR_NO_MORE_HANDLES },
	{ ENOTEMPTY, VERR_DANGLING_OBJECTS },
	{ EDOM, VERR_UNSUPPORTED_ALIGNMENT },
	{ EEXIST, VERR_ALREADY_EXISTS },
	{ EBUSY, VERR_RESOURCE_BUSY },
	{ EIO, VERR_DEV_IO_ERROR },
};

int rawpci_status_from_errno(int r)
{
	if (r >= 0)
		return VINF_SUCCESS;
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++)
		if (translations[i].error == -r)
			return translations[i].status;
	return VERR_GENERAL_FAILURE;
}

#define NAMED(code)                                                                                \
	{                                                                                          \
		code, #code                                                                        \
	}

static const struct {
	int status;
	const char *name;
} names[] = {
	NAMED(VINF_SUCCESS),           NAMED(VERR_GENERAL_FAILURE),
	NAMED(VERR_INVALID_PARAMETER), NAMED(VERR_INVALID_MAGIC),
	NAMED(VERR_INVALID_HANDLE),    NAMED(VERR_INVALID_POINTER),
	NAMED(VERR_NO_MEMORY),         NAMED(VERR_VERSION_MISMATCH),
	NAMED(VERR_INVALID_FLAGS),     NAMED(VERR_WRONG_ORDER),
	NAMED(VERR_ADDRESS_CONFLICT),  NAMED(VERR_NOT_SUPPORTED),
	NAMED(VERR_ACCESS_DENIED),     NAMED(VERR_TIMEOUT),
	NAMED(VERR_OUT_OF_RANGE),      NAMED(VERR_MAP_FAILED),
	NAMED(VERR_NOT_FOUND),         NAMED(VERR_INVALID_STATE),
	NAMED(VERR_OUT_OF_RESOURCES),  NAMED(VERR_NO_MORE_HANDLES),
	NAMED(VERR_DANGLING_OBJECTS),  NAMED(VERR_UNSUPPORTED_ALIGNMENT),
	NAMED(VERR_ALREADY_EXISTS),    NAMED(VERR_RESOURCE_BUSY),
	NAMED(VERR_DEV_IO_ERROR),
};

const char *rawpci_status_name(int status)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].status == status)
			return names[i].name;
	return "unknown status";
}

int rawpci_abi_fail(struct rawpci *ctx, int error, const char *format, ...)
{
	va_list arguments;

	rawpci_call_begin();
	va_start(arguments, format);
	(void)rawpci_fail_list(ctx, error, format, arguments);
	va_end(arguments);
	return rawpci_status_from_errno(rawpci_call_end(ctx, error));
}

int rawpci_abi_refuse(struct rawpci *ctx, int error, const char *format, ...)
{
	va_list arguments;

	rawpci_call_begin();
	va_start(arguments, format);
	(void)rawpci_fail_list(ctx, error, format, arguments);
	va_end(arguments);
	return rawpci_status_from_errno(rawpci_call_refused(ctx, error));
}
