/* SPDX-License-Identifier: MIT */
/*
 * The rawpci ABI, interface version 0xAFBDCC01: the structures, values and function tables that a
 * program exchanges with the library byte for byte. This file declares layout and nothing else;
 * <rawpci/abi.h> has the functions that take these structures and the contract of each operation.
 *
 * The layout is that of 64-bit Linux (x86-64, and every other LP64 machine with natural alignment).
 * "Ring 0" and "ring 3" pointers are both plain pointers of the calling process.
 *
 * May be included after VirtualBox's own type headers; their definitions are then used.
 */
#ifndef RAWPCI_H
#define RAWPCI_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Scalar types. VirtualBox's headers announce themselves by their include guards (the spelling
 * changed once); repeating an identical typedef is allowed in C11 and C++.
 */
#if !defined(IPRT_INCLUDED_types_h) && !defined(___iprt_types_h)
typedef uint64_t RTHCPHYS; /* host physical address; see <rawpci/memory.h> for its meaning here */
typedef uint64_t RTGCPHYS; /* guest physical address */
typedef void *RTR0PTR;
typedef void *RTR3PTR;
#endif

#if !defined(VBOX_INCLUDED_types_h) && !defined(___VBox_types_h)
typedef struct VM *PVM;                       /* the embedder's own VM; never dereferenced */
typedef struct SUPDRVSESSION *PSUPDRVSESSION; /* a session of the library */
#endif

/* The header that starts every request. Its magic macro tells whether it is defined already. */
#ifndef SUPVMMR0REQHDR_MAGIC
#define SUPVMMR0REQHDR_MAGIC UINT32_C(0x19730211)
typedef struct SUPVMMR0REQHDR {
	uint32_t u32Magic; /* SUPVMMR0REQHDR_MAGIC */
	uint32_t cbReq;    /* bytes of the whole request: sizeof(PCIRAWSENDREQ) */
} SUPVMMR0REQHDR;
#endif

/* A device opened through a session. Never 0. */
typedef uint32_t PCIRAWDEVHANDLE;

/*
 * Guest memory.
 */

typedef enum PCIRAWMEMINFOACTION {
	PCIRAW_MEMINFO_MAP = 0,
	PCIRAW_MEMINFO_UNMAP = 1,
	PCIRAW_MEMINFO_32BIT_HACK = 0x7fffffff
} PCIRAWMEMINFOACTION;

struct RAWPCIVM;

/* Announces (MAP) or withdraws (UNMAP) cMemSize bytes of guest memory. Returns a status code. */
typedef int FNRAWPCICONTIGPHYSMEMINFO(struct RAWPCIVM *pVmData, RTHCPHYS HostStart,
				      RTGCPHYS GuestStart, uint64_t cMemSize,
				      PCIRAWMEMINFOACTION Action);
typedef FNRAWPCICONTIGPHYSMEMINFO *PFNRAWPCICONTIGPHYSMEMINFO;

/* The per-VM data that RAWPCIFACTORY::pfnInitVm fills in. */
typedef struct RAWPCIVM {
	RTR0PTR pDriverData; /* the library's */
	PFNRAWPCICONTIGPHYSMEMINFO pfnContigMemInfo;
} RAWPCIVM;
typedef RAWPCIVM *PRAWPCIVM;

/*
 * Requests.
 */

typedef enum PCIRAWR0OPERATION {
	PCIRAWR0_DO_OPEN_DEVICE = 0,
	PCIRAWR0_DO_CLOSE_DEVICE = 1,
	PCIRAWR0_DO_GET_REGION_INFO = 2,
	PCIRAWR0_DO_MAP_REGION = 3,
	PCIRAWR0_DO_UNMAP_REGION = 4,
	PCIRAWR0_DO_PIO_WRITE = 5,
	PCIRAWR0_DO_PIO_READ = 6,
	PCIRAWR0_DO_MMIO_WRITE = 7,
	PCIRAWR0_DO_MMIO_READ = 8,
	PCIRAWR0_DO_PCICFG_WRITE = 9,
	PCIRAWR0_DO_PCICFG_READ = 10,
	PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER = 11,
	PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER = 12,
	PCIRAWR0_DO_POWER_STATE_CHANGE = 13,
	PCIRAWR0_DO_32BIT_HACK = 0x7fffffff
} PCIRAWR0OPERATION;

typedef enum PCIRAWPOWERSTATE {
	PCIRAW_POWER_ON = 0,
	PCIRAW_POWER_OFF = 1,
	PCIRAW_POWER_SUSPEND = 2,
	PCIRAW_POWER_RESUME = 3,
	PCIRAW_POWER_32BIT_HACK = 0x7fffffff
} PCIRAWPOWERSTATE;

/* Flags of PCIRAWREQOPENDEVICE. The double R is the interface's own spelling. */
typedef enum PCIRAWDRIVERFLAGS {
	PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER = 1,
	PCIRAWDRIVERRFLAG_32BIT_HACK = 0x7fffffff
} PCIRAWDRIVERFLAGS;

/* Flags of a region: one of MEM and IO, for memory one of BAR32 and BAR64, and MEM_PREFETCH. */
typedef enum PCIRAWADDRESSSPACE {
	PCIRAW_ADDRESS_SPACE_MEM = 0,
	PCIRAW_ADDRESS_SPACE_IO = 1,
	PCIRAW_ADDRESS_SPACE_BAR32 = 0,
	PCIRAW_ADDRESS_SPACE_BAR64 = 4,
	PCIRAW_ADDRESS_SPACE_MEM_PREFETCH = 8,
	PCIRAW_ADDRESS_SPACE_32BIT_HACK = 0x7fffffff
} PCIRAWADDRESSSPACE;

typedef struct {
	uint32_t PciAddress; /* in: segment 31-16, bus 15-8, device 7-3, function 2-0 */
	uint32_t fFlags;     /* in: PCIRAWDRIVERFLAGS */
	PCIRAWDEVHANDLE Device; /* out */
} PCIRAWREQOPENDEVICE;

typedef struct {
	uint32_t fFlags; /* in: 0 */
} PCIRAWREQCLOSEDEVICE;

typedef struct {
	int32_t iRegion;        /* in: 0-5 the BARs, 6 the expansion ROM */
	RTGCPHYS RegionStart;   /* out: host physical address, or the first port */
	uint64_t u64RegionSize; /* out: bytes */
	bool fPresent;          /* out */
	uint32_t fFlags;        /* out: PCIRAWADDRESSSPACE */
} PCIRAWREQGETREGIONINFO;

typedef struct {
	RTGCPHYS StartAddress; /* in: within [RegionStart, RegionStart + u64RegionSize) */
	uint64_t iRegionSize;  /* in: bytes */
	int32_t iRegion;       /* in */
	uint32_t fFlags;       /* in: 0 */
	RTR3PTR pvAddressR3;   /* out: for loads and stores, or NULL */
	RTR0PTR pvAddressR0;   /* out: for MMIO requests */
} PCIRAWREQMAPREGION;

typedef struct {
	RTGCPHYS StartAddress; /* in: all of these as the mapping had and returned them */
	uint64_t iRegionSize;
	RTR3PTR pvAddressR3;
	RTR0PTR pvAddressR0;
	int32_t iRegion;
} PCIRAWREQUNMAPREGION;

typedef struct {
	uint16_t iPort;  /* in: absolute port */
	uint16_t cb;     /* in: 1, 2 or 4 bytes */
	uint32_t iValue; /* in */
} PCIRAWREQPIOWRITE;

typedef struct {
	uint16_t iPort;  /* in: absolute port */
	uint16_t cb;     /* in: 1, 2 or 4 bytes */
	uint32_t iValue; /* out: zero-extended */
} PCIRAWREQPIOREAD;

/* A value with its width. */
typedef struct {
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} u;
	uint8_t cb; /* bytes: 1, 2, 4, and for memory 8 */
} PCIRAWMEMLOC;

typedef struct {
	RTR0PTR Address;    /* in: inside a mapping's pvAddressR0 range */
	PCIRAWMEMLOC Value; /* in */
} PCIRAWREQMMIOWRITE;

typedef struct {
	RTR0PTR Address;    /* in: inside a mapping's pvAddressR0 range */
	PCIRAWMEMLOC Value; /* in: cb; out: u */
} PCIRAWREQMMIOREAD;

typedef struct {
	uint32_t iOffset;   /* in: bytes into config space */
	PCIRAWMEMLOC Value; /* in */
} PCIRAWREQPCICFGWRITE;

typedef struct {
	uint32_t iOffset;   /* in: bytes into config space */
	PCIRAWMEMLOC Value; /* in: cb; out: u */
} PCIRAWREQPCICFGREAD;

typedef struct {
	int32_t iGuestIrq;         /* in: the VMM's own number, recorded, not interpreted */
	RTR0PTR pfnHandler;        /* in: a FNRAWPCIISR */
	RTR0PTR pfnHandlerContext; /* in: handed to the handler, may be NULL */
	int32_t iHostIrq;          /* out: names the attachment, at least 1 */
} PCIRAWREQREGISTERR0IRQHANDLER;

typedef struct {
	int32_t iHostIrq; /* in */
} PCIRAWREQUNREGISTERR0IRQHANDLER;

typedef struct PCIRAWREQPOWERSTATECHANGE {
	uint32_t iState; /* in: PCIRAWPOWERSTATE */
} PCIRAWREQPOWERSTATECHANGE;

/* One request. Only the part of u that belongs to iRequest is read or written. */
typedef struct PCIRAWSENDREQ {
	SUPVMMR0REQHDR Hdr;
	PSUPDRVSESSION pSession;
	int32_t iRequest; /* PCIRAWR0OPERATION */
	PCIRAWDEVHANDLE TargetDevice;
	union {
		PCIRAWREQOPENDEVICE aOpenDevice;
		PCIRAWREQCLOSEDEVICE aCloseDevice;
		PCIRAWREQGETREGIONINFO aGetRegionInfo;
		PCIRAWREQMAPREGION aMapRegion;
		PCIRAWREQUNMAPREGION aUnmapRegion;
		PCIRAWREQPIOWRITE aPioWrite;
		PCIRAWREQPIOREAD aPioRead;
		PCIRAWREQMMIOWRITE aMmioWrite;
		PCIRAWREQMMIOREAD aMmioRead;
		PCIRAWREQPCICFGWRITE aPciCfgWrite;
		PCIRAWREQPCICFGREAD aPciCfgRead;
		PCIRAWREQREGISTERR0IRQHANDLER aRegisterR0IrqHandler;
		PCIRAWREQUNREGISTERR0IRQHANDLER aUnregisterR0IrqHandler;
		PCIRAWREQPOWERSTATECHANGE aPowerStateChange;
	} u;
} PCIRAWSENDREQ;
typedef PCIRAWSENDREQ *PPCIRAWSENDREQ;

/*
 * The device port: the same operations as a table of functions.
 */

/* An interrupt handler; iIrq is the iHostIrq of its registration. */
typedef void FNRAWPCIISR(void *pvContext, int32_t iIrq);
typedef FNRAWPCIISR *PFNRAWPCIISR;

#define RAWPCIDEVPORT_VERSION UINT32_C(0xAFBDCC01)

struct RAWPCIDEVPORT;
typedef struct RAWPCIDEVPORT *PRAWPCIDEVPORT;

typedef struct RAWPCIDEVPORT {
	uint32_t u32Version; /* RAWPCIDEVPORT_VERSION */
	int (*pfnInit)(PRAWPCIDEVPORT pPort, uint32_t fFlags);
	int (*pfnDeinit)(PRAWPCIDEVPORT pPort, uint32_t fFlags);
	int (*pfnDestroy)(PRAWPCIDEVPORT pPort);
	int (*pfnGetRegionInfo)(PRAWPCIDEVPORT pPort, int32_t iRegion, RTHCPHYS *pRegionStart,
				uint64_t *pu64RegionSize, bool *pfPresent, uint32_t *pfFlags);
	int (*pfnMapRegion)(PRAWPCIDEVPORT pPort, int32_t iRegion, RTHCPHYS RegionStart,
			    uint64_t u64RegionSize, int32_t fFlags, RTR0PTR *pRegionBaseR0);
	int (*pfnUnmapRegion)(PRAWPCIDEVPORT pPort, int32_t iRegion, RTHCPHYS RegionStart,
			      uint64_t u64RegionSize, RTR0PTR RegionBase);
	int (*pfnPciCfgRead)(PRAWPCIDEVPORT pPort, uint32_t Register, PCIRAWMEMLOC *pValue);
	int (*pfnPciCfgWrite)(PRAWPCIDEVPORT pPort, uint32_t Register, PCIRAWMEMLOC *pValue);
	int (*pfnRegisterIrqHandler)(PRAWPCIDEVPORT pPort, PFNRAWPCIISR pfnHandler,
				     void *pIrqContext, int32_t *piHostIrq);
	int (*pfnUnregisterIrqHandler)(PRAWPCIDEVPORT pPort, int32_t iHostIrq);
	int (*pfnPowerStateChange)(PRAWPCIDEVPORT pPort, PCIRAWPOWERSTATE aState);
	uint32_t u32VersionEnd; /* RAWPCIDEVPORT_VERSION */
} RAWPCIDEVPORT;

/*
 * The factory: makes ports and prepares VMs.
 */

#define RAWPCIFACTORY_UUID_STR "ea089839-4171-476f-adfb-9e7ab1cbd0fb"

struct RAWPCIFACTORY;
typedef struct RAWPCIFACTORY *PRAWPCIFACTORY;

typedef struct RAWPCIFACTORY {
	void (*pfnRelease)(PRAWPCIFACTORY pFactory);
	int (*pfnCreateAndConnect)(PRAWPCIFACTORY pFactory, uint32_t u32HostAddress,
				   uint32_t fFlags, PRAWPCIVM pVmCtx, PRAWPCIDEVPORT *ppDevPort);
	int (*pfnInitVm)(PRAWPCIFACTORY pFactory, PVM pVM, PRAWPCIVM pPciData);
	void (*pfnDeinitVm)(PRAWPCIFACTORY pFactory, PVM pVM, PRAWPCIVM pPciData);
} RAWPCIFACTORY;

#ifdef __cplusplus
}
#endif

#endif
