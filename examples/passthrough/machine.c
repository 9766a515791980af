/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus.h"
#include "layout.h"

/* Intel processors need four unused pages of the guest's address space below 4 GiB to run real
 * mode (Linux Documentation/virt/kvm/api.rst, KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR). */
#define IDENTITY_MAP_PAGE UINT64_C(0xfffbc000)
#define TSS_PAGES UINT32_C(0xfffbd000)

static bool failed(const char *what)
{
	fprintf(stderr, "passthrough: %s: %s\n", what, strerror(errno));
	return false;
}

/* The caller prints it: no guest may be no fault. */
static bool unusable(struct machine *machine, const char *what)
{
	(void)snprintf(machine->why, sizeof(machine->why), "%s: %s", what, strerror(errno));
	return false;
}

static bool open_kvm(struct machine *machine)
{
	static const int needed[] = { KVM_CAP_USER_MEMORY, KVM_CAP_IRQCHIP, KVM_CAP_IRQFD };

	machine->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (machine->kvm < 0)
		return unusable(machine, "/dev/kvm");
	if (ioctl(machine->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		(void)snprintf(machine->why, sizeof(machine->why),
			       "/dev/kvm: not the KVM interface this program knows");
		return false;
	}
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ioctl(machine->kvm, KVM_CHECK_EXTENSION, needed[i]) <= 0) {
			(void)snprintf(machine->why, sizeof(machine->why),
				       "/dev/kvm: lacks capability %d", needed[i]);
			return false;
		}
	}
	return true;
}

static bool create_vm(struct machine *machine)
{
	uint64_t identity = IDENTITY_MAP_PAGE;

	machine->vm = ioctl(machine->kvm, KVM_CREATE_VM, 0);
	if (machine->vm < 0)
		return unusable(machine, "creating a virtual machine");
	if (ioctl(machine->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
	    ioctl(machine->vm, KVM_SET_TSS_ADDR, (unsigned long)TSS_PAGES) < 0)
		return unusable(machine, "preparing real mode");
	if (ioctl(machine->vm, KVM_CREATE_IRQCHIP, 0) < 0)
		return unusable(machine, "creating interrupt controllers");
	return true;
}

/* The kernel takes 32 bits of a request; C libraries other than glibc declare it an int, which this
 * request does not fit. */
static int get_special(struct machine *machine, struct kvm_sregs *special)
{
#ifdef __GLIBC__
	return ioctl(machine->cpu, KVM_GET_SREGS, special);
#else
	return ioctl(machine->cpu, (int)KVM_GET_SREGS, special);
#endif
}

/* After reset a CPU is in real mode; it only has to start at the image instead of the firmware. */
static bool set_start(struct machine *machine)
{
	struct kvm_sregs special;
	struct kvm_regs general = { .rip = 0, .rflags = 2 /* this bit is always set */ };

	if (get_special(machine, &special) < 0)
		return false;
	special.cs.base = GUEST_CODE;
	special.cs.selector = GUEST_CODE >> 4;
	return ioctl(machine->cpu, KVM_SET_SREGS, &special) == 0 &&
	       ioctl(machine->cpu, KVM_SET_REGS, &general) == 0;
}

static bool create_cpu(struct machine *machine)
{
	int size;

	machine->cpu = ioctl(machine->vm, KVM_CREATE_VCPU, 0);
	if (machine->cpu < 0)
		return unusable(machine, "creating a CPU");
	size = ioctl(machine->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		return unusable(machine, "the size of a CPU's state");
	machine->run_size = (size_t)size;
	machine->run = mmap(NULL, machine->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    machine->cpu, 0);
	if (machine->run == MAP_FAILED) {
		machine->run = NULL;
		return unusable(machine, "mapping a CPU's state");
	}
	if (!set_start(machine))
		return unusable(machine, "setting a CPU's registers");
	return true;
}

bool machine_create(struct machine *machine)
{
	*machine = (struct machine){ .kvm = -1, .vm = -1, .cpu = -1 };
	return open_kvm(machine) && create_vm(machine) && create_cpu(machine);
}

void machine_destroy(struct machine *machine)
{
	if (machine->unmapped > 1)
		fprintf(stderr,
			"passthrough: putting memory into the guest: failed %llu times in "
			"all\n",
			machine->unmapped);
	if (machine->run != NULL)
		munmap(machine->run, machine->run_size);
	if (machine->cpu >= 0)
		close(machine->cpu);
	if (machine->vm >= 0)
		close(machine->vm);
	if (machine->kvm >= 0)
		close(machine->kvm);
}

bool machine_map(struct machine *machine, uint32_t slot, uint64_t guest, void *host, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = guest,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	if (ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION, &region) == 0)
		return true;
	return machine->unmapped++ == 0 ? failed("putting memory into the guest") : false;
}

bool machine_irqfd(struct machine *machine, uint32_t input, int eventfd)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)eventfd, .gsi = input };

	if (ioctl(machine->vm, KVM_IRQFD, &irqfd) < 0)
		return failed("connecting the interrupt to the guest");
	return true;
}

/* The signals that end a run are blocked. KVM lets them through while the CPU runs, so that there
 * is no moment between looking for them and running in which one could be missed. */
static bool let_signals_in(struct machine *machine, const struct stop *stop)
{
	union {
		struct kvm_signal_mask mask;
		uint8_t bytes[sizeof(struct kvm_signal_mask) + 8];
	} set = { .mask.len = 8 }; /* the kernel's signal set; the C library's is larger */

	memcpy(set.mask.sigset, &stop->before, 8);
	if (ioctl(machine->cpu, KVM_SET_SIGNAL_MASK, &set) < 0)
		return failed("setting a CPU's signal mask");
	return true;
}

/* Returns true when the guest is done. */
static bool serve_port(struct machine *machine, struct bus *bus, uint8_t *verdict)
{
	struct kvm_run *run = machine->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool write = run->io.direction == KVM_EXIT_IO_OUT;

	/* More than one for string instructions. */
	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (write && run->io.port == GUEST_PORT_TEXT) {
			putchar(*data);
		} else if (write && run->io.port == GUEST_PORT_VERDICT) {
			*verdict = *data;
			return true;
		} else {
			bus_port(bus, run->io.port, run->io.size, write, data);
		}
	}
	return false;
}

/* The CPU came back without having left the guest. */
static bool may_run_on(int error, struct stop *stop)
{
	if (error == EINTR)
		return !stop_asked(stop);
	if (error == EAGAIN)
		return true;
	errno = error;
	return failed("running the guest");
}

bool machine_run(struct machine *machine, struct bus *bus, struct stop *stop, uint8_t *verdict)
{
	struct kvm_run *run = machine->run;

	if (!let_signals_in(machine, stop))
		return false;
	for (;;) {
		if (ioctl(machine->cpu, KVM_RUN, 0) < 0) {
			if (!may_run_on(errno, stop))
				return false;
			continue;
		}
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			if (serve_port(machine, bus, verdict))
				return true;
			break;
		case KVM_EXIT_MMIO:
			bus_memory(bus, run->mmio.phys_addr, run->mmio.len, run->mmio.is_write,
				   run->mmio.data);
			break;
		case KVM_EXIT_INTR:
			if (stop_asked(stop))
				return false;
			break;
		default:
			fprintf(stderr, "passthrough: the guest died (KVM exit reason %u)\n",
				run->exit_reason);
			return false;
		}
	}
}
