/* SPDX-License-Identifier: MIT */
/* liburing on a kernel without io_uring: the library falls back to epoll. */
#include <errno.h>
#include <liburing.h>

int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
	(void)entries;
	(void)ring;
	(void)flags;
	return -ENOSYS;
}

int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *p)
{
	(void)p;
	return io_uring_queue_init(entries, ring, 0);
}

void io_uring_queue_exit(struct io_uring *ring)
{
	(void)ring;
}

int io_uring_submit(struct io_uring *ring)
{
	(void)ring;
	return -ENOSYS;
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned n)
{
	(void)n;
	return io_uring_submit(ring);
}

int io_uring_enter2(unsigned fd, unsigned submit, unsigned complete, unsigned flags, sigset_t *mask,
		    size_t size)
{
	(void)fd;
	(void)submit;
	(void)complete;
	(void)flags;
	(void)mask;
	(void)size;
	return -ENOSYS;
}

int io_uring_register(unsigned fd, unsigned opcode, const void *argument, unsigned n)
{
	(void)fd;
	(void)opcode;
	(void)argument;
	(void)n;
	return -ENOSYS;
}

int io_uring_register_ring_fd(struct io_uring *ring)
{
	(void)ring;
	return -ENOSYS;
}

/* What the inline functions of liburing.h call. */
int __io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned submit,
		       unsigned wait, sigset_t *mask)
{
	(void)cqe;
	(void)submit;
	(void)wait;
	(void)mask;
	return io_uring_submit(ring);
}
