/* SPDX-License-Identifier: MIT */
/**
 * @file rawpci.h
 * The rawpci ABI: the structures, values and function tables of interface version 0xAFBDCC01.
 *
 * A program exchanges them with the library byte for byte. This file declares their layout and
 * nothing else. <rawpci/abi.h> declares the functions that take them, and has the contract of each
 * operation.
 *
 * The layout is that of 64-bit Linux: x86-64, and every other LP64 machine with natural alignment.
 * "Ring 0" and "ring 3" pointers are both plain pointers of the calling process.
 *
 * A program may include VirtualBox's own type headers first. This file then uses their definitions.
 *
 * "In" marks a field that the caller sets, "Out" one that the library sets on success.
 */
#ifndef RAWPCI_H
#define RAWPCI_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Scalar types. VirtualBox's headers announce themselves by their include guards, whose spelling
 * changed once. C11 and C++ allow an identical typedef to be repeated.
 */
#if !defined(IPRT_INCLUDED_types_h) && !defined(___iprt_types_h)
/**
 * A host address.
 *
 * In #PFNRAWPCICONTIGPHYSMEMINFO: what rawpci_options::translate takes; without a translation, an
 * address of this process. In the functions of a port: an address on the host's bus.
 */
typedef uint64_t RTHCPHYS;
/** A guest physical address. */
typedef uint64_t RTGCPHYS;
/** A "ring 0" pointer: a pointer of the calling process. */
typedef void *RTR0PTR;
/** A "ring 3" pointer: a pointer of the calling process. */
typedef void *RTR3PTR;
#endif

#if !defined(VBOX_INCLUDED_types_h) && !defined(___VBox_types_h)
/** The program's own VM. The library ignores it. */
typedef struct VM *PVM;
/** A session of the library. */
typedef struct SUPDRVSESSION *PSUPDRVSESSION;
#endif

/* VirtualBox's headers may define the request header already. Its magic macro tells. */
#ifndef SUPVMMR0REQHDR_MAGIC
/** The value of SUPVMMR0REQHDR::u32Magic. */
#define SUPVMMR0REQHDR_MAGIC UINT32_C(0x19730211)
/** The header that starts every request. */
typedef struct SUPVMMR0REQHDR {
	uint32_t u32Magic; /**< In: #SUPVMMR0REQHDR_MAGIC. */
	uint32_t cbReq;    /**< In: bytes of the whole request, sizeof(PCIRAWSENDREQ). */
} SUPVMMR0REQHDR;
#endif

/** A device opened through a session. Never 0. */
typedef uint32_t PCIRAWDEVHANDLE;

/*
 * Guest memory.
 */

/** What FNRAWPCICONTIGPHYSMEMINFO() does with a range. */
typedef enum PCIRAWMEMINFOACTION {
	PCIRAW_MEMINFO_MAP = 0,                /**< Map the range. */
	PCIRAW_MEMINFO_UNMAP = 1,              /**< Unmap the range. */
	PCIRAW_MEMINFO_32BIT_HACK = 0x7fffffff /**< No action: makes the type 4 bytes. */
} PCIRAWMEMINFOACTION;

struct RAWPCIVM;

/**
 * Maps or unmaps guest memory.
 *
 * @param pVmData    a VM that RAWPCIFACTORY::pfnInitVm has initialised
 * @param HostStart  what rawpci_options::translate takes; without a translation, the address of the
 *                   memory in this process. #PCIRAW_MEMINFO_UNMAP ignores it
 * @param GuestStart guest physical address
 * @param cMemSize   bytes; all three are aligned as rawpci_memory_map() needs it
 * @param Action     map or unmap
 * @return a status code of <rawpci/status.h>
 */
typedef int FNRAWPCICONTIGPHYSMEMINFO(struct RAWPCIVM *pVmData, RTHCPHYS HostStart,
				      RTGCPHYS GuestStart, uint64_t cMemSize,
				      PCIRAWMEMINFOACTION Action);
/** Pointer to FNRAWPCICONTIGPHYSMEMINFO(). */
typedef FNRAWPCICONTIGPHYSMEMINFO *PFNRAWPCICONTIGPHYSMEMINFO;

/** The data of one VM. RAWPCIFACTORY::pfnInitVm fills it in. */
typedef struct RAWPCIVM {
	RTR0PTR pDriverData;                         /**< Belongs to the library. */
	PFNRAWPCICONTIGPHYSMEMINFO pfnContigMemInfo; /**< Maps and unmaps guest memory. */
} RAWPCIVM;
/** Pointer to a VM's data. */
typedef RAWPCIVM *PRAWPCIVM;

/*
 * Requests.
 */

/** The operations. rawpci_request() has the contract of each. */
typedef enum PCIRAWR0OPERATION {
	PCIRAWR0_DO_OPEN_DEVICE = 0,                /**< #PCIRAWREQOPENDEVICE */
	PCIRAWR0_DO_CLOSE_DEVICE = 1,               /**< #PCIRAWREQCLOSEDEVICE */
	PCIRAWR0_DO_GET_REGION_INFO = 2,            /**< #PCIRAWREQGETREGIONINFO */
	PCIRAWR0_DO_MAP_REGION = 3,                 /**< #PCIRAWREQMAPREGION */
	PCIRAWR0_DO_UNMAP_REGION = 4,               /**< #PCIRAWREQUNMAPREGION */
	PCIRAWR0_DO_PIO_WRITE = 5,                  /**< #PCIRAWREQPIOWRITE */
	PCIRAWR0_DO_PIO_READ = 6,                   /**< #PCIRAWREQPIOREAD */
	PCIRAWR0_DO_MMIO_WRITE = 7,                 /**< #PCIRAWREQMMIOWRITE */
	PCIRAWR0_DO_MMIO_READ = 8,                  /**< #PCIRAWREQMMIOREAD */
	PCIRAWR0_DO_PCICFG_WRITE = 9,               /**< #PCIRAWREQPCICFGWRITE */
	PCIRAWR0_DO_PCICFG_READ = 10,               /**< #PCIRAWREQPCICFGREAD */
	PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER = 11,   /**< #PCIRAWREQREGISTERR0IRQHANDLER */
	PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER = 12, /**< #PCIRAWREQUNREGISTERR0IRQHANDLER */
	PCIRAWR0_DO_POWER_STATE_CHANGE = 13,        /**< #PCIRAWREQPOWERSTATECHANGE */
	PCIRAWR0_DO_32BIT_HACK = 0x7fffffff         /**< No operation: makes the type 4 bytes. */
} PCIRAWR0OPERATION;

/** Changes of the power state. rawpci_device_power() says what each does. */
typedef enum PCIRAWPOWERSTATE {
	PCIRAW_POWER_ON = 0,                 /**< As #RAWPCI_POWER_ON. */
	PCIRAW_POWER_OFF = 1,                /**< As #RAWPCI_POWER_OFF. */
	PCIRAW_POWER_SUSPEND = 2,            /**< As #RAWPCI_POWER_SUSPEND. */
	PCIRAW_POWER_RESUME = 3,             /**< As #RAWPCI_POWER_RESUME. */
	PCIRAW_POWER_32BIT_HACK = 0x7fffffff /**< No change: makes the type 4 bytes. */
} PCIRAWPOWERSTATE;

/** Flags of #PCIRAWREQOPENDEVICE. The double R is the interface's own spelling. */
typedef enum PCIRAWDRIVERFLAGS {
	PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER = 1, /**< As #RAWPCI_OPEN_DETACH_HOST_DRIVER. */
	PCIRAWDRIVERRFLAG_32BIT_HACK = 0x7fffffff /**< No flag: makes the type 4 bytes. */
} PCIRAWDRIVERFLAGS;

/**
 * Flags of a region.
 *
 * A region has one of MEM and IO. A memory region has one of BAR32 and BAR64 as well, and may have
 * MEM_PREFETCH.
 */
typedef enum PCIRAWADDRESSSPACE {
	PCIRAW_ADDRESS_SPACE_MEM = 0,                /**< A memory region. */
	PCIRAW_ADDRESS_SPACE_IO = 1,                 /**< An I/O region. */
	PCIRAW_ADDRESS_SPACE_BAR32 = 0,              /**< A BAR of 32 bits. */
	PCIRAW_ADDRESS_SPACE_BAR64 = 4,              /**< A BAR of 64 bits. */
	PCIRAW_ADDRESS_SPACE_MEM_PREFETCH = 8,       /**< The memory is prefetchable. */
	PCIRAW_ADDRESS_SPACE_32BIT_HACK = 0x7fffffff /**< No flag: makes the type 4 bytes. */
} PCIRAWADDRESSSPACE;

/** Arguments of #PCIRAWR0_DO_OPEN_DEVICE. */
typedef struct {
	uint32_t PciAddress;    /**< In: segment 31-16, bus 15-8, device 7-3, function 2-0. */
	uint32_t fFlags;        /**< In: flags of #PCIRAWDRIVERFLAGS. */
	PCIRAWDEVHANDLE Device; /**< Out: the handle of the open device. */
} PCIRAWREQOPENDEVICE;

/** Arguments of #PCIRAWR0_DO_CLOSE_DEVICE. */
typedef struct {
	uint32_t fFlags; /**< In: 0. */
} PCIRAWREQCLOSEDEVICE;

/** Arguments of #PCIRAWR0_DO_GET_REGION_INFO. */
typedef struct {
	int32_t iRegion; /**< In: 0 to 5 are the BARs, 6 is the expansion ROM. */
	/** Out: on the host's bus: physical address, or first I/O port. The type's name does not
	 * fit here. */
	RTGCPHYS RegionStart;
	uint64_t u64RegionSize; /**< Out: bytes. */
	bool fPresent;          /**< Out: the device has the region. */
	uint32_t fFlags;        /**< Out: flags of #PCIRAWADDRESSSPACE. */
} PCIRAWREQGETREGIONINFO;

/** Arguments of #PCIRAWR0_DO_MAP_REGION. */
typedef struct {
	/** In: RegionStart plus an offset in the region, a multiple of the page size. */
	RTGCPHYS StartAddress;
	uint64_t iRegionSize; /**< In: bytes. */
	int32_t iRegion;      /**< In: the region. */
	uint32_t fFlags;      /**< In: 0. */
	RTR3PTR pvAddressR3;  /**< Out: as rawpci_mapping::cpu. */
	/** Out: as rawpci_mapping::base. It names the mapping in MMIO requests. Load and store
	 * through pvAddressR3 only. */
	RTR0PTR pvAddressR0;
} PCIRAWREQMAPREGION;

/** Arguments of #PCIRAWR0_DO_UNMAP_REGION: the values of the mapping. */
typedef struct {
	RTGCPHYS StartAddress; /**< In: as given when the region was mapped. */
	uint64_t iRegionSize;  /**< In: as given when the region was mapped. */
	RTR3PTR pvAddressR3;   /**< In: as the mapping returned it. */
	RTR0PTR pvAddressR0;   /**< In: as the mapping returned it. */
	int32_t iRegion;       /**< In: as given when the region was mapped. */
} PCIRAWREQUNMAPREGION;

/** Arguments of #PCIRAWR0_DO_PIO_WRITE. */
typedef struct {
	uint16_t iPort;  /**< In: I/O port of the host. */
	uint16_t cb;     /**< In: 1, 2 or 4 bytes. */
	uint32_t iValue; /**< In: the value to write. */
} PCIRAWREQPIOWRITE;

/** Arguments of #PCIRAWR0_DO_PIO_READ. */
typedef struct {
	uint16_t iPort;  /**< In: I/O port of the host. */
	uint16_t cb;     /**< In: 1, 2 or 4 bytes. */
	uint32_t iValue; /**< Out: the value read, zero-extended. */
} PCIRAWREQPIOREAD;

/** A value with its width. */
typedef struct {
	/** The value. */
	union {
		uint8_t u8;   /**< The value where cb is 1. */
		uint16_t u16; /**< The value where cb is 2. */
		uint32_t u32; /**< The value where cb is 4. */
		uint64_t u64; /**< The value where cb is 8. */
	} u;                  /**< The value. */
	uint8_t cb;           /**< Bytes: 1, 2 or 4, and for memory 8. */
} PCIRAWMEMLOC;

/** Arguments of #PCIRAWR0_DO_MMIO_WRITE. */
typedef struct {
	RTR0PTR Address;    /**< In: inside the pvAddressR0 range of a mapping. */
	PCIRAWMEMLOC Value; /**< In: the value to write. */
} PCIRAWREQMMIOWRITE;

/** Arguments of #PCIRAWR0_DO_MMIO_READ. */
typedef struct {
	RTR0PTR Address;    /**< In: inside the pvAddressR0 range of a mapping. */
	PCIRAWMEMLOC Value; /**< In: cb. Out: u. */
} PCIRAWREQMMIOREAD;

/** Arguments of #PCIRAWR0_DO_PCICFG_WRITE. */
typedef struct {
	uint32_t iOffset;   /**< In: bytes into config space. */
	PCIRAWMEMLOC Value; /**< In: the value to write. */
} PCIRAWREQPCICFGWRITE;

/** Arguments of #PCIRAWR0_DO_PCICFG_READ. */
typedef struct {
	uint32_t iOffset;   /**< In: bytes into config space. */
	PCIRAWMEMLOC Value; /**< In: cb. Out: u. */
} PCIRAWREQPCICFGREAD;

/** Arguments of #PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER. */
typedef struct {
	/** In: the VMM's own number. The library only writes it in log lines. */
	int32_t iGuestIrq;
	RTR0PTR pfnHandler;        /**< In: a FNRAWPCIISR(). */
	RTR0PTR pfnHandlerContext; /**< In: handed to the handler. May be NULL. */
	int32_t iHostIrq;          /**< Out: names the attachment. At least 1. */
} PCIRAWREQREGISTERR0IRQHANDLER;

/** Arguments of #PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER. */
typedef struct {
	int32_t iHostIrq; /**< In: the attachment. */
} PCIRAWREQUNREGISTERR0IRQHANDLER;

/** Arguments of #PCIRAWR0_DO_POWER_STATE_CHANGE. */
typedef struct PCIRAWREQPOWERSTATECHANGE {
	uint32_t iState; /**< In: a change of #PCIRAWPOWERSTATE. */
} PCIRAWREQPOWERSTATECHANGE;

/** One request. The library reads and writes only the part of u that belongs to iRequest. */
typedef struct PCIRAWSENDREQ {
	SUPVMMR0REQHDR Hdr;           /**< In: the magic, and the size of this structure. */
	PSUPDRVSESSION pSession;      /**< In: the session. NULL: the one given to the call. */
	int32_t iRequest;             /**< In: an operation of #PCIRAWR0OPERATION. */
	PCIRAWDEVHANDLE TargetDevice; /**< In: the device. Opening ignores it. */
	/** The operation's arguments. */
	union {
		PCIRAWREQOPENDEVICE aOpenDevice;       /**< #PCIRAWR0_DO_OPEN_DEVICE */
		PCIRAWREQCLOSEDEVICE aCloseDevice;     /**< #PCIRAWR0_DO_CLOSE_DEVICE */
		PCIRAWREQGETREGIONINFO aGetRegionInfo; /**< #PCIRAWR0_DO_GET_REGION_INFO */
		PCIRAWREQMAPREGION aMapRegion;         /**< #PCIRAWR0_DO_MAP_REGION */
		PCIRAWREQUNMAPREGION aUnmapRegion;     /**< #PCIRAWR0_DO_UNMAP_REGION */
		PCIRAWREQPIOWRITE aPioWrite;           /**< #PCIRAWR0_DO_PIO_WRITE */
		PCIRAWREQPIOREAD aPioRead;             /**< #PCIRAWR0_DO_PIO_READ */
		PCIRAWREQMMIOWRITE aMmioWrite;         /**< #PCIRAWR0_DO_MMIO_WRITE */
		PCIRAWREQMMIOREAD aMmioRead;           /**< #PCIRAWR0_DO_MMIO_READ */
		PCIRAWREQPCICFGWRITE aPciCfgWrite;     /**< #PCIRAWR0_DO_PCICFG_WRITE */
		PCIRAWREQPCICFGREAD aPciCfgRead;       /**< #PCIRAWR0_DO_PCICFG_READ */
		/** #PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER */
		PCIRAWREQREGISTERR0IRQHANDLER aRegisterR0IrqHandler;
		/** #PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER */
		PCIRAWREQUNREGISTERR0IRQHANDLER aUnregisterR0IrqHandler;
		PCIRAWREQPOWERSTATECHANGE aPowerStateChange; /**< #PCIRAWR0_DO_POWER_STATE_CHANGE */
	} u;                                                 /**< The operation's arguments. */
} PCIRAWSENDREQ;
/** Pointer to a request. */
typedef PCIRAWSENDREQ *PPCIRAWSENDREQ;

/*
 * The device port: the same operations as a table of functions.
 */

/**
 * An interrupt handler.
 *
 * @param pvContext the context of its registration
 * @param iIrq      the iHostIrq of its registration
 */
typedef void FNRAWPCIISR(void *pvContext, int32_t iIrq);
/** Pointer to FNRAWPCIISR(). */
typedef FNRAWPCIISR *PFNRAWPCIISR;

/** The value of both version words of a port. */
#define RAWPCIDEVPORT_VERSION UINT32_C(0xAFBDCC01)

struct RAWPCIDEVPORT;
/** Pointer to a port. */
typedef struct RAWPCIDEVPORT *PRAWPCIDEVPORT;

/** A device as a table of functions. <rawpci/abi.h> has the contract of each. */
typedef struct RAWPCIDEVPORT {
	uint32_t u32Version; /**< #RAWPCIDEVPORT_VERSION */
	/** Opens the device again after pfnDeinit. A new port is open already. */
	int (*pfnInit)(PRAWPCIDEVPORT pPort, uint32_t fFlags);
	/** Closes the device. */
	int (*pfnDeinit)(PRAWPCIDEVPORT pPort, uint32_t fFlags);
	/** Closes the device if it is open, and frees the port. */
	int (*pfnDestroy)(PRAWPCIDEVPORT pPort);
	/** Describes a region. */
	int (*pfnGetRegionInfo)(PRAWPCIDEVPORT pPort, int32_t iRegion, RTHCPHYS *pRegionStart,
				uint64_t *pu64RegionSize, bool *pfPresent, uint32_t *pfFlags);
	/** Maps a part of a region. */
	int (*pfnMapRegion)(PRAWPCIDEVPORT pPort, int32_t iRegion, RTHCPHYS RegionStart,
			    uint64_t u64RegionSize, int32_t fFlags, RTR0PTR *pRegionBaseR0);
	/** Unmaps a mapping. */
	int (*pfnUnmapRegion)(PRAWPCIDEVPORT pPort, int32_t iRegion, RTHCPHYS RegionStart,
			      uint64_t u64RegionSize, RTR0PTR RegionBase);
	/** Reads config space. */
	int (*pfnPciCfgRead)(PRAWPCIDEVPORT pPort, uint32_t Register, PCIRAWMEMLOC *pValue);
	/** Writes config space. */
	int (*pfnPciCfgWrite)(PRAWPCIDEVPORT pPort, uint32_t Register, PCIRAWMEMLOC *pValue);
	/** Attaches an interrupt handler. */
	int (*pfnRegisterIrqHandler)(PRAWPCIDEVPORT pPort, PFNRAWPCIISR pfnHandler,
				     void *pIrqContext, int32_t *piHostIrq);
	/** Detaches an interrupt handler. */
	int (*pfnUnregisterIrqHandler)(PRAWPCIDEVPORT pPort, int32_t iHostIrq);
	/** Changes the power state. */
	int (*pfnPowerStateChange)(PRAWPCIDEVPORT pPort, PCIRAWPOWERSTATE aState);
	uint32_t u32VersionEnd; /**< #RAWPCIDEVPORT_VERSION */
} RAWPCIDEVPORT;

/*
 * The factory: makes ports and prepares VMs.
 */

/** The UUID of the factory's interface. rawpci_query_interface() takes it. */
#define RAWPCIFACTORY_UUID_STR "ea089839-4171-476f-adfb-9e7ab1cbd0fb"

struct RAWPCIFACTORY;
/** Pointer to a factory. */
typedef struct RAWPCIFACTORY *PRAWPCIFACTORY;

/** The factory of a context. <rawpci/abi.h> has the contract of each function. */
typedef struct RAWPCIFACTORY {
	/** Releases one reference to the factory. */
	void (*pfnRelease)(PRAWPCIFACTORY pFactory);
	/** Opens a device and returns its port. */
	int (*pfnCreateAndConnect)(PRAWPCIFACTORY pFactory, uint32_t u32HostAddress,
				   uint32_t fFlags, PRAWPCIVM pVmCtx, PRAWPCIDEVPORT *ppDevPort);
	/** Initialises the data of a VM. */
	int (*pfnInitVm)(PRAWPCIFACTORY pFactory, PVM pVM, PRAWPCIVM pPciData);
	/** Ends a VM and clears its data. */
	void (*pfnDeinitVm)(PRAWPCIFACTORY pFactory, PVM pVM, PRAWPCIVM pPciData);
} RAWPCIFACTORY;

#ifdef __cplusplus
}
#endif

#endif
