/* SPDX-License-Identifier: MIT */
/* A program that has the types already, spelt alike, and its own request header with its macro. */
#include <stdint.h>

typedef uint64_t RTHCPHYS;
typedef uint64_t RTGCPHYS;
typedef void *RTR0PTR;
typedef void *RTR3PTR;
typedef struct VM *PVM;
typedef struct SUPDRVSESSION *PSUPDRVSESSION;
#define SUPVMMR0REQHDR_MAGIC UINT32_C(0x19730211)
typedef struct {
	uint32_t u32Magic;
	uint32_t cbReq;
} SUPVMMR0REQHDR;

#include <rawpci.h>
#include <rawpci.h>
#include <rawpci/abi.h>

#include "layout.h"
