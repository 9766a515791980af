/* SPDX-License-Identifier: MIT */
/*
 * The state of the library: contexts, slots of open devices, VMs, devices. Private to src,
 * save for the functions that src/abi calls (src/device/doors.h).
 *
 * Locks, outermost first; none is held while a handler or the log callback runs:
 *   spaces->lock       devices of one VM are opened and closed one after the other
 *   dev->lock          mappings, interrupts, power of one device
 *   dev->irq_lock      the interrupt state; all that the engine's thread takes
 *   dev->config_lock   config writes that change what the device decodes
 *   dev->map_lock      the table of mappings, and whether their pages are covered
 *   vm->lock           the guest memory map
 *   ctx->engine_lock   the engine's making and end
 *   ctx->lock          slots and lists; nothing is called with it held
 */
#ifndef RAWPCI_CORE_CORE_H
#define RAWPCI_CORE_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/backend.h>
#include <rawpci/context.h>

#include "device/doors.h"
#include "core/gate.h"
#include "memory/guest.h"
#include "core/told.h"
#include "event/event.h"
#include "handover/driver.h"
#include "handover/record.h"
#include "pci/pci.h"

/* Handles: generation in the upper 24 bits, slot number (1 to 255) in the lower 8. */
#define RAWPCI_SLOTS 255
#define RAWPCI_BACKENDS 8

/* A place for an open device. Made when first needed, kept until the context goes, so that a stale
 * handle always finds a gate and a number to compare with. */
struct rawpci_slot {
	struct rawpci_gate life;   /* inside: the device is there */
	struct rawpci_gate memory; /* inside: an MMIO access may be under way */
	_Atomic uint32_t handle;   /* 0: nothing open */
	_Atomic(const void *) owner;
	struct rawpci_device *dev; /* valid inside a gate while handle is not 0 */

	/* Under ctx->lock. */
	bool used;
	uint32_t generation;
	unsigned index;
	struct rawpci_address address;
};

struct rawpci_registered {
	const struct rawpci_backend *backend;
	void *instance;
};

/* Address spaces that a device can choose from. Under the lock devices are opened in them and
 * closed, one after the other. */
struct rawpci_spaces {
	pthread_mutex_t lock;
	struct rawpci_vm_space *first;
};

struct rawpci {
	/* By the lower 8 bits of a handle; the first is always NULL. First, to be found at once. */
	_Atomic(struct rawpci_slot *) slots[RAWPCI_SLOTS + 1];

	enum rawpci_irq_mode irq_mode;
	enum rawpci_engine_kind engine_kind;
	enum rawpci_log_level log_level;
	void (*log)(void *opaque, enum rawpci_log_level level, const char *message);
	void *log_opaque;
	void *(*translate)(void *opaque, uint64_t host_start, uint64_t size);
	void *translate_opaque;
	_Atomic(const struct rawpci_backend *) chosen; /* NULL: automatic */
	char *vfio_dir, *sysfs_dir, *uio_dir, *vfio_iommu, *run_dir;
	char *ids_file; /* "": where distributions have it */
	const char *vfio_via, *vfio_noiommu; /* words that settings.c has */
	unsigned driver_timeout_ms;
	char driver_timeout[16]; /* the same, as backends ask for it */

	pthread_mutex_t lock;
	struct rawpci_registered backends[RAWPCI_BACKENDS];
	unsigned backend_count;
	_Atomic(struct rawpci_engine *) engine;
	struct rawpci_vm *vms;
	struct rawpci_spaces bare_spaces; /* of devices without a VM */
	unsigned users; /* sessions, ports, devices, factory references */
	pthread_mutex_t engine_lock; /* the engine's making and end */
	uint64_t engine_users;
	uint32_t first_generation;

	struct rawpci_told told; /* of requests that name no device */

	struct rawpci_factory *factory; /* src/abi's; freed with the context */
	void (*factory_destroy)(struct rawpci_factory *factory);
};

/* One address space of a VM, and how many open devices are in it. */
struct rawpci_vm_space {
	struct rawpci_guest_space guest;
	void *instance;
	unsigned devices;
	struct rawpci_vm_space *next;
};

struct rawpci_vm {
	struct rawpci *ctx;
	struct rawpci_vm *next;
	unsigned users; /* sessions and devices; under ctx->lock */

	struct rawpci_spaces spaces;

	pthread_mutex_t lock;
	struct rawpci_guest *guest;
	unsigned powered_without_dma; /* devices on that cannot be given memory */
};

/* One vector as the device has it: free, attached (vector), or routed (routed is a copy of the
 * embedder's descriptor). */
struct rawpci_irq_line {
	struct rawpci_vector *vector;
	int routed; /* -1: not */
};

struct rawpci_irqs {
	int type; /* enum rawpci_irq_type; -1: none in use */
	unsigned count;   /* lines */
	unsigned enabled; /* enabled in the backend; 0: none */
	unsigned in_use;  /* lines attached or routed */
	struct rawpci_irq_line *lines;
	bool paused; /* off for a reset or suspension */
	bool unarmed; /* paused because they could not be enabled again: to be tried again */
	bool stuck;  /* INTx is masked because it could not be unmasked */
	bool closed; /* nothing is taken into use any more; under dev->lock and irq_lock */
	int32_t last_irq;
};

enum rawpci_power_now {
	RAWPCI_NOW_OFF,
	RAWPCI_NOW_ON,
	RAWPCI_NOW_SUSPENDED,
};

#define RAWPCI_HEADER_DWORDS 16
#define RAWPCI_SHOW_REAL UINT32_MAX

/* All that there are. */
#define RAWPCI_OPEN_FLAGS ((unsigned)(RAWPCI_OPEN_DETACH_HOST_DRIVER | RAWPCI_OPEN_INSIST))

struct rawpci_device {
	struct rawpci *ctx;
	struct rawpci_slot *slot;
	char name[RAWPCI_ADDRESS_TEXT];
	struct rawpci_told told;
	const struct rawpci_backend *backend;
	void *instance;
	void *handle; /* the backend's */
	struct rawpci_backend_info caps;
	struct rawpci_device_info info;
	struct rawpci_claim claim;
	int no_claim; /* why there is none */
	struct rawpci_driver_hold hold; /* what is to be put back; .held: a driver, too */
	struct rawpci_state state;      /* the same, of the registers */
	bool idle;                      /* the kernel may suspend it again: os/idle.h */
	bool recorded;                  /* these are written down */
	uint16_t recorded_ids[2];       /* vendor's and device's, with them */
	struct rawpci_record owed;      /* what could not be put back before, if .hold.held */
	bool blocked; /* it could not be given back for its IOMMU group's sake */
	const struct rawpci_device_fds *fds; /* while it is opened with them; NULL: without */
	struct rawpci_region_info regions[RAWPCI_REGIONS];
	uint8_t pm_cap; /* its offset; 0: none */
	struct rawpci_resets resets;

	struct rawpci_vm *vm;
	struct rawpci_spaces *spaces;  /* where its space is listed */
	struct rawpci_vm_space *space; /* NULL: the backend has no DMA */

	atomic_uint access;
	_Atomic(struct rawpci_map_table *) mappings;

	pthread_mutex_t map_lock;
	bool covered; /* the pages of all mappings raise SIGBUS */
	int blank;    /* the empty file that they are covered with; -1: none */

	pthread_mutex_t config_lock;
	uint32_t command; /* what COMMAND is to be; with Bus Master as its user wants it */
	bool may_master;  /* the power state lets Bus Master through to the device */
	bool masters;     /* COMMAND was last written with Bus Master, as far as known */
	atomic_bool asleep; /* below D0, by its user's doing */
	atomic_uint shown_master; /* the Bus Master bit that reads show, or RAWPCI_SHOW_REAL */

	pthread_mutex_t lock;
	enum rawpci_power_now power;
	bool rearm;       /* interrupts are paused for a reset that ran out of time */
	bool was_gone;    /* it was silent for a time, and may have lost its registers */
	bool unfinished;  /* the kernel is still at something: its record stays at close */
	atomic_bool touched; /* since it was opened: a reset at power-on is not for nothing */
	uint32_t saved_header[RAWPCI_HEADER_DWORDS];
	uint32_t saved_pm_control;

	pthread_mutex_t irq_lock;
	struct rawpci_irqs irqs;
	struct rawpci_watch *watches[2];
	struct rawpci_watch *stale; /* of no handler any more, but the backend may signal them still */
	struct rawpci_handlers *handlers;
};

/*
 * log.c: each thread collects what it has to say and says it when it leaves the library.
 */
void rawpci_say(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
	RAWPCI_PRINTF(3, 4);
/* The sentence of the last rawpci_fail() of this call. */
const char *rawpci_reason(void);
/* Kept while what has failed is undone, which may fail, too: the sentence stays that of the failure
 * that is returned. */
struct rawpci_reason {
	char text[RAWPCI_SENTENCE];
};
void rawpci_reason_keep(struct rawpci_reason *kept);
void rawpci_reason_restore(const struct rawpci_reason *kept);
/* For the engine's thread: says what was collected. */
void rawpci_call_flush(void);
/* Says a line as it is, uncounted. */
void rawpci_say_line(struct rawpci *ctx, enum rawpci_log_level level, const char *line);
/* What this thread says from now on is counted there; NULL: nowhere. The end of a call ends it. */
void rawpci_call_about(struct rawpci_told *told);
/* The call has failed in a way that a guest may have caused: counts its sentence. told must be there
 * still, so this is for inside the gate; rawpci_call_end() then logs no error. */
void rawpci_call_failed(struct rawpci_told *told, int error);

/*
 * slot.c
 */
int rawpci_slot_reserve(struct rawpci *ctx, const struct rawpci_address *address,
			struct rawpci_slot **out);
uint32_t rawpci_slot_publish(struct rawpci_slot *slot, struct rawpci_device *dev,
			     const void *owner);
static inline struct rawpci_slot *rawpci_slot_of(struct rawpci *ctx, uint32_t handle)
{
	return atomic_load(&ctx->slots[handle & RAWPCI_SLOTS]);
}

/* Makes the handle invalid; true for exactly one of several that try. */
bool rawpci_slot_claim(struct rawpci_slot *slot, uint32_t handle);
void rawpci_slot_release(struct rawpci *ctx, struct rawpci_slot *slot);
void rawpci_slots_destroy(struct rawpci *ctx);

/*
 * registry.c
 */
int rawpci_registry_init(struct rawpci *ctx);
void rawpci_registry_finish(struct rawpci *ctx);
const struct rawpci_backend *rawpci_registry_find(struct rawpci *ctx, const char *name);

/*
 * attach.c: a device that nobody else can see yet, or any more.
 */
/* Does the backend need the host driver called bound ("": none) taken away, which the flags do not
 * allow? The second says so: -EBUSY with the reason, or 0. */
bool rawpci_driver_is_kept(const struct rawpci_backend *backend, const char *bound,
			   unsigned flags);
int rawpci_device_may_rebind(const struct rawpci_device *dev, const struct rawpci_backend *backend,
			     const char *bound, unsigned flags);
/*
 * open.c: how the choice of a backend fails. The failure to report is the first one, being that of
 * the best way in; a refusal for the host driver's sake only where there is nothing else. The search
 * goes on where there is no such way into the device, but not past something that stands in the
 * way: a device that is open elsewhere, say, is not to be torn out of there.
 */
struct rawpci_choice {
	int error;  /* to report; 0: nothing has failed yet */
	bool tried; /* not all were refused for the host driver's sake */
	bool ended; /* no further backend is tried */
};
/* A backend has failed; refused: it was not asked, for the host driver's sake. Is this the failure
 * to report now? */
bool rawpci_choice_note(struct rawpci_choice *choice, int error, bool refused);
/* Is there a backend to choose that opens devices of the host, which have owners? */
bool rawpci_choice_owns(const struct rawpci *ctx);
int rawpci_device_attach(struct rawpci_device *dev, const struct rawpci_registered *with,
			 struct rawpci_vm *vm, const struct rawpci_address *address,
			 unsigned flags);
void rawpci_device_detach(struct rawpci_device *dev);

/*
 * take.c
 */
/* Owns the device across processes and gives it back if its former owner has not. Without a place
 * for locks and records it goes on; take then refuses to change a driver. */
int rawpci_handover_own(struct rawpci_device *dev);
void rawpci_handover_disown(struct rawpci_device *dev);
/* Binds the driver wanted ("": none), if the flags allow what that takes. */
int rawpci_handover_take(struct rawpci_device *dev, const char *wanted, unsigned flags);
void rawpci_handover_give_back(struct rawpci_device *dev);
/* The same after a failure that has its sentence already, which stays. */
void rawpci_handover_undo(struct rawpci_device *dev);
/* group.c: gives back what of a device's IOMMU group has a record, once nobody has any of
 * them. For when the device is not owned any more; blocked: it is to be given back itself. */
void rawpci_group_finish(struct rawpci *ctx, const struct rawpci_address *address, bool blocked);

/*
 * whose.c
 */
/* Is it gone, another one, or another driver's, where no kernel driver would keep its user from it? */
bool rawpci_device_lost(struct rawpci_device *dev);

/*
 * vm.c
 */
int rawpci_vm_space_open(struct rawpci_device *dev, const struct rawpci_registered *with,
			 const struct rawpci_address *address);
void rawpci_vm_space_close(struct rawpci_device *dev);

#endif
