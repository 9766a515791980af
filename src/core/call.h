/* SPDX-License-Identifier: MIT */
/*
 * Around a public call: its begin, its end, and the gate that keeps its device open in between.
 * rawpci_enter() takes a device by pointer, rawpci_enter_handle() by handle.
 */
#ifndef RAWPCI_CORE_CALL_H
#define RAWPCI_CORE_CALL_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/log.h"

struct rawpci_device;

/* A call on a device: it is inside the device's life gate. */
struct rawpci_call {
	struct rawpci *ctx;
	struct rawpci_device *dev;
	atomic_uint *counter;
};

/* -EFAULT: dev is NULL, which is told as the fault of a call to that public function. A call that
 * could not enter does not leave. */
int rawpci_enter_for(const char *function, struct rawpci_call *call, struct rawpci_device *dev);
#define rawpci_enter(call, dev) rawpci_enter_for(__func__, call, dev)
/* -EBADF: the handle is not open in this context, or belongs to another session. */
int rawpci_enter_handle(struct rawpci_call *call, struct rawpci *ctx, const void *owner,
			uint32_t handle);
/* Ends the call, hands its lines to the log callback, and returns result. */
int rawpci_leave(struct rawpci_call *call, int result);
/* The first part of rawpci_leave(): the device may be closed from now on. rawpci_call_end() is the
 * second part. */
void rawpci_out(struct rawpci_call *call, int result);

/* Around public calls without a device; ctx may be NULL. */
void rawpci_call_begin(void);
int rawpci_call_end(struct rawpci *ctx, int result);
/* The same if a guest may have caused the failure: it is counted, and not logged as an error. */
int rawpci_call_refused(struct rawpci *ctx, int result);
/* Does the library know a structure of that size, of which it has most bytes? Else -EINVAL. */
int rawpci_check_size(struct rawpci *ctx, const char *function, const char *structure, size_t size,
		      size_t most);
/* For the engine's thread: hands the collected lines to the log callback. */
void rawpci_call_flush(void);

/* Until the call ends, told counts this thread's lines. NULL: they are not counted. */
void rawpci_call_about(struct rawpci_told *told);
/* The call has failed, and a guest may have caused that: told counts its sentence, and
 * rawpci_call_end() logs no error. Called inside the gate, because told is the device's. */
void rawpci_call_failed(struct rawpci_told *told, int error);

#endif
