/* SPDX-License-Identifier: MIT */
/* Waits for interrupts, signals and the time of the next line, in one loop. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "irq.h"

/* Sources besides the vectors, which have their number. */
enum { TIMER = 1 << 16, SIGNALS, ENGINE };

#define EVENTS 64
#define PATIENCE_MS 1000 /* for the reader of standard output */
#define SECOND_NS 1000000000U

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static void on_event(void *opaque, enum rawpci_event event)
{
	struct irq *irq = opaque;

	if (event == RAWPCI_EVENT_ERROR) {
		(void)tool_failed(irq->tool, "the device reports an error: it may need a reset");
		return;
	}
	if (!irq->ended)
		irq->status = tool_failed(irq->tool, "the host wants the device back");
	irq->ended = true;
}

static bool add(struct irq *irq, int file, uint64_t name)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = name };

	return file >= 0 && epoll_ctl(irq->poll, EPOLL_CTL_ADD, file, &event) == 0;
}

static bool start_timer(struct irq *irq)
{
	const struct timespec time = { .tv_sec = (time_t)(irq->interval_ns / SECOND_NS),
				       .tv_nsec = (long)(irq->interval_ns % SECOND_NS) };
	const struct itimerspec each = { .it_interval = time, .it_value = time };

	irq->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return add(irq, irq->timer, TIMER) && timerfd_settime(irq->timer, 0, &each, NULL) == 0;
}

static int start(struct irq *irq)
{
	int engine = rawpci_irq_fd(irq->opened.ctx);

	if (engine < 0)
		return tool_library_failed(irq->tool, engine);
	irq->signals = signalfd(-1, &irq->opened.held, SFD_CLOEXEC | SFD_NONBLOCK);
	if (!add(irq, irq->signals, SIGNALS) || !add(irq, engine, ENGINE) || !start_timer(irq))
		return tool_failed(irq->tool, "cannot wait for signals and time: %s",
				   strerror(errno));
	/* A device without events has none to lose. */
	(void)rawpci_device_on_event(irq->opened.dev, on_event, irq);
	return -1;
}

static void count_vector(struct irq *irq, unsigned vector)
{
	uint64_t count;

	if (read(irq->eventfds[vector], &count, sizeof(count)) != (ssize_t)sizeof(count))
		return;
	irq->counts[vector] += count;
	irq_answer(irq);
}

/* A reader that does not read would keep signals from ending this process. False: it takes nothing
 * now. */
static bool has_reader(int milliseconds)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&output, 1, milliseconds) != 0;
}

/* The next line tells of the time of a line that is left out. */
static void on_timer(struct irq *irq)
{
	uint64_t times;

	if (read(irq->timer, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return;
	if (has_reader(0))
		irq_show(irq, now_ns());
	if (fflush(stdout) != 0) /* main() says why */
		irq->ended = true;
	if (irq->intervals != 0 &&
	    (irq->intervals -= times < irq->intervals ? times : irq->intervals) == 0)
		irq->ended = true;
}

/* The signal is taken: it does not end the process when the device is closed. */
static void on_signal(struct irq *irq)
{
	struct signalfd_siginfo info;

	while (read(irq->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		irq->ended = true;
}

static void on_source(struct irq *irq, uint64_t source)
{
	int r;

	switch (source) {
	case TIMER:
		on_timer(irq);
		break;
	case SIGNALS:
		on_signal(irq);
		break;
	case ENGINE:
		r = rawpci_irq_dispatch(irq->opened.ctx, 0);
		if (r >= 0)
			break;
		irq->status = tool_library_failed(irq->tool, r);
		irq->ended = true;
		break;
	default:
		count_vector(irq, (unsigned)source);
	}
}

static void count_rest(struct irq *irq)
{
	for (unsigned i = 0; irq->eventfds && i < irq->vectors; i++)
		count_vector(irq, i);
}

int irq_wait(struct irq *irq)
{
	struct epoll_event events[EVENTS];
	int r = start(irq);

	if (r >= 0)
		return r;
	irq->start_ns = irq->shown_ns = now_ns();
	for (unsigned i = 0; i < irq->write_count && r < 0; i++) {
		int error = bar_field_write(irq->opened.dev, &irq->writes[i]);

		r = error < 0 ? tool_library_failed(irq->tool, error) : -1;
	}
	while (r < 0 && !irq->ended) {
		int n = epoll_wait(irq->poll, events, EVENTS, -1);

		if (n < 0 && errno != EINTR)
			r = tool_failed(irq->tool, "waiting failed: %s", strerror(errno));
		for (int i = 0; i < n; i++)
			on_source(irq, events[i].data.u64);
	}
	if (r >= 0)
		return r;
	count_rest(irq);
	if (!has_reader(PATIENCE_MS))
		return tool_failed(irq->tool, "standard output takes nothing: there is no summary");
	irq_show_summary(irq, now_ns());
	return irq->status;
}
