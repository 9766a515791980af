/* SPDX-License-Identifier: MIT */
/* A device of uio_pci_generic whose interrupts a test delivers. */
#ifndef RAWPCI_TESTS_UIO_NODE_H
#define RAWPCI_TESTS_UIO_NODE_H

#include <semaphore.h>
#include <time.h>

#include "unit/sysdev/plain.h"

static sem_t arrived; /* the handler has run */
static int node;

/* Binds the device, opens its node, and turns decoding on. */
static inline void make_uio(void)
{
	char path[512];

	bind_to_uio();
	make_node();
	put(0x04, 2, 0x0003);
	node = open(tree_path(&tree, path, "dev/uio3"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(node, 0);
	ck_assert_int_eq(sem_init(&arrived, 0, 0), 0);
}

static inline void finish_uio(void)
{
	(void)sem_destroy(&arrived);
	(void)close(node);
	finish();
}

static inline void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	ck_assert_int_eq(sem_post(&arrived), 0);
}

/* The kernel masks INTx, then makes the node readable. */
static inline void deliver(void)
{
	uint32_t count = 1;

	put(0x04, 2, config(0x04, 2) | 0x0400);
	ck_assert_int_eq(write(node, &count, sizeof(count)), sizeof(count));
	ck_assert_int_eq(sem_wait(&arrived), 0);
}

/* Does COMMAND get this value? The library unmasks INTx after the handler has returned. */
static inline bool becomes(uint32_t command)
{
	for (int i = 0; i < 2000 && config(0x04, 2) != command; i++)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return config(0x04, 2) == command;
}

#endif
