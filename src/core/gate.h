/* SPDX-License-Identifier: MIT */
/*
 * A gate lets readers through without a lock. A writer can wait until all readers that entered
 * before are out again (the idea of sleepable read-copy-update). A reader costs two atomic
 * additions on a cache line that threads do not share. A writer first removes a thing where readers
 * find it, then calls rawpci_gate_wait(), and may then free it.
 *
 * Why it is right: a reader first counts itself in and then looks for the thing. A writer first
 * removes the thing and then looks at the counters. These four accesses are sequentially
 * consistent. So either the writer sees the reader counted, or the reader sees the thing removed.
 * Counters come in two sets. Once a writer waits, new readers use the other set, so a stream of
 * readers cannot hold the writer up.
 */
#ifndef RAWPCI_CORE_GATE_H
#define RAWPCI_CORE_GATE_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define RAWPCI_GATE_SHARDS 8

struct rawpci_gate_shard {
	alignas(64) atomic_uint readers[2];
};
_Static_assert(sizeof(struct rawpci_gate_shard) == 64, "a shard is a cache line");

struct rawpci_gate {
	struct rawpci_gate_shard shards[RAWPCI_GATE_SHARDS];
	/* The first shard's counter of the set that new readers count in. */
	_Atomic(atomic_uint *) now;
	pthread_mutex_t writer;
};

/* An address that is this thread's own, read without a call. A thread-local variable of a shared
 * object would cost a call, or a share of the little memory that dlopen() keeps for them. */
static inline uintptr_t rawpci_thread_address(void)
{
#if defined(__x86_64__)
	uintptr_t address;

	__asm__("mov %%fs:0, %0" : "=r"(address));
	return address;
#elif defined(__i386__)
	uintptr_t address;

	__asm__("mov %%gs:0, %0" : "=r"(address));
	return address;
#elif defined(__aarch64__) || defined(__riscv)
	return (uintptr_t)__builtin_thread_pointer();
#else
	return (uintptr_t)pthread_self();
#endif
}

/*
 * The place of a thread's shard, in bytes from the first. Threads' addresses differ by the size of
 * a stack, often with a guard page. Many factors were tried on the addresses of eight threads, with
 * stacks of 32 KiB to 64 MiB, with and without a guard page. With this one at most two threads
 * share a shard. The product has 64 bits even if addresses have 32.
 */
static inline uintptr_t rawpci_gate_shard(void)
{
	uint64_t product = (uint64_t)rawpci_thread_address() * 0x5718d467u;

	return (uintptr_t)(product >> 34) & ((RAWPCI_GATE_SHARDS - 1) * 64);
}

void rawpci_gate_init(struct rawpci_gate *gate);
void rawpci_gate_finish(struct rawpci_gate *gate);

/* Returns the counter to hand to rawpci_gate_leave(), in the same thread. */
static inline atomic_uint *rawpci_gate_enter(struct rawpci_gate *gate)
{
	uintptr_t first = (uintptr_t)atomic_load(&gate->now);
	atomic_uint *counter = (atomic_uint *)(first + rawpci_gate_shard());

	atomic_fetch_add(counter, 1);
	return counter;
}

static inline void rawpci_gate_leave(atomic_uint *counter)
{
	atomic_fetch_sub_explicit(counter, 1, memory_order_release);
}

/* Waits for all readers that entered before. The caller must be outside this gate. */
void rawpci_gate_wait(struct rawpci_gate *gate);

#endif
