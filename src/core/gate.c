/* SPDX-License-Identifier: MIT */
/* Gates: the writer's side, which waits for readers. */
#include "core/gate.h"

#include <sched.h>
#include <stdint.h>

#include "os/sys.h"

void rawpci_gate_init(struct rawpci_gate *gate)
{
	for (unsigned i = 0; i < RAWPCI_GATE_SHARDS; i++) {
		atomic_init(&gate->shards[i].readers[0], 0);
		atomic_init(&gate->shards[i].readers[1], 0);
	}
	atomic_init(&gate->now, &gate->shards[0].readers[0]);
	(void)pthread_mutex_init(&gate->writer, NULL);
}

void rawpci_gate_finish(struct rawpci_gate *gate)
{
	(void)pthread_mutex_destroy(&gate->writer);
}

/* Most readers are out within nanoseconds; one that is in the kernel may take long. So the writer
 * first gives the processor away, and sleeps later. */
static void wait_for_set(struct rawpci_gate *gate, unsigned set)
{
	for (unsigned i = 0; i < RAWPCI_GATE_SHARDS; i++) {
		unsigned tries = 0;

		while (atomic_load(&gate->shards[i].readers[set]) != 0) {
			if (tries++ < 100)
				(void)sched_yield();
			else
				rawpci_sys_sleep_ms(1);
		}
	}
}

void rawpci_gate_wait(struct rawpci_gate *gate)
{
	unsigned set;

	(void)pthread_mutex_lock(&gate->writer);
	set = atomic_load(&gate->now) == &gate->shards[0].readers[0] ? 0 : 1;
	/* A slow reader may have chosen the other set before the last change. */
	wait_for_set(gate, !set);
	atomic_store(&gate->now, &gate->shards[0].readers[!set]);
	wait_for_set(gate, set);
	(void)pthread_mutex_unlock(&gate->writer);
}
