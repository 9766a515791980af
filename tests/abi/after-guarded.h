/* SPDX-License-Identifier: MIT */
/* A program that has VirtualBox's type headers, whose typedefs are other types of the same size.
 * The including file defines one of the two spellings of their include guards. */
typedef unsigned long long RTHCPHYS;
typedef unsigned long long RTGCPHYS;
typedef void *RTR0PTR;
typedef void *RTR3PTR;
typedef struct OTHERVM *PVM;
typedef struct OTHERSESSION *PSUPDRVSESSION;

#include <rawpci.h>
#include <rawpci/abi.h>

#include "layout.h"

IS_TRUE(SAME_TYPE(((RAWPCIDEVPORT *)0)->u32Version + 0ull, unsigned long long), "arithmetic");
IS_TRUE(SAME_TYPE(((PCIRAWSENDREQ *)0)->pSession, struct OTHERSESSION *), "their session");
IS_TRUE(SAME_TYPE(((PCIRAWREQMAPREGION *)0)->StartAddress, unsigned long long), "their address");
