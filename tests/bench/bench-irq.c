/* SPDX-License-Identifier: MIT */
/*
 * The interrupt engine beside a classic loop of epoll_wait() and read(): the cost of an interrupt
 * that is ready, and the wake-up of a thread that waits for one.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "event/event.h"

enum { VECTORS = 64, REPEATS = 7, ROUNDS = 4000, WAKES = 2000, PAUSE_NS = 30000 };

struct result {
	double ns;    /* an interrupt; for the blocking run the median of the wake-up */
	double calls; /* system calls an interrupt */
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void die(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(error));
	exit(1);
}

static void open_vectors(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (fds[i] < 0)
			die("eventfd", errno);
	}
}

static void close_vectors(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static void signal_all(const int *fds, unsigned n)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < n; i++) {
		if (write(fds[i], &one, sizeof(one)) < 0)
			die("write", errno);
	}
}

static void count(void *arg)
{
	++*(unsigned *)arg;
}

static struct rawpci_engine *open_engine(enum rawpci_engine_kind kind, bool embedder)
{
	struct rawpci_engine_options options = { .kind = kind, .embedder = embedder };
	struct rawpci_engine *engine;
	int r = rawpci_engine_create(&options, &engine);

	if (r < 0)
		die("rawpci_engine_create", -r);
	return engine;
}

static struct result ready_engine(enum rawpci_engine_kind kind, unsigned n)
{
	struct rawpci_engine *engine = open_engine(kind, true);
	struct rawpci_source *sources[VECTORS];
	struct rawpci_engine_stats before;
	struct rawpci_engine_stats after;
	uint64_t spent = 0;
	unsigned ran = 0;
	int fds[VECTORS];

	open_vectors(fds, n);
	for (unsigned i = 0; i < n; i++) {
		struct rawpci_source_options options = { .fd = fds[i], .fn = count, .arg = &ran };
		int r = rawpci_engine_add(engine, &options, &sources[i]);

		if (r < 0)
			die("rawpci_engine_add", -r);
	}
	for (unsigned round = 0; round < ROUNDS + 100; round++) {
		uint64_t start;

		signal_all(fds, n);
		if (round == 100) {
			rawpci_engine_stats(engine, &before);
			spent = 0;
		}
		start = now();
		ran = 0;
		while (ran < n)
			if (rawpci_engine_dispatch(engine, 0) < 0)
				die("rawpci_engine_dispatch", EIO);
		spent += now() - start;
	}
	rawpci_engine_stats(engine, &after);
	for (unsigned i = 0; i < n; i++)
		rawpci_engine_remove(engine, sources[i]);
	rawpci_engine_destroy(engine);
	close_vectors(fds, n);
	return (struct result){
		.ns = (double)spent / (double)(ROUNDS * n),
		.calls = (double)(after.waits - before.waits) /
			 (double)(after.handled - before.handled),
	};
}

struct peer {
	int epoll;
	int fds[VECTORS];
	uint64_t calls;
};

static void open_peer(struct peer *peer, unsigned n)
{
	peer->epoll = epoll_create1(EPOLL_CLOEXEC);
	peer->calls = 0;
	open_vectors(peer->fds, n);
	for (unsigned i = 0; i < n; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		if (epoll_ctl(peer->epoll, EPOLL_CTL_ADD, peer->fds[i], &event) < 0)
			die("epoll_ctl", errno);
	}
}

static void peer_turn(struct peer *peer, int timeout, void (*fn)(void *arg), void *arg)
{
	struct epoll_event events[VECTORS];
	int n = epoll_wait(peer->epoll, events, VECTORS, timeout);

	peer->calls += 1 + (uint64_t)(n > 0 ? n : 0);
	for (int i = 0; i < n; i++) {
		uint64_t value;

		if (read(peer->fds[events[i].data.u32], &value, sizeof(value)) == sizeof(value))
			fn(arg);
	}
}

static struct result ready_peer(unsigned n)
{
	struct peer peer;
	uint64_t spent = 0;
	unsigned ran = 0;

	open_peer(&peer, n);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start;

		signal_all(peer.fds, n);
		start = now();
		for (ran = 0; ran < n;)
			peer_turn(&peer, 0, count, &ran);
		spent += now() - start;
	}
	close(peer.epoll);
	close_vectors(peer.fds, n);
	return (struct result){
		.ns = (double)spent / (double)(ROUNDS * n),
		.calls = (double)peer.calls / (double)(ROUNDS * n),
	};
}

/* One interrupt at a time for a thread that sleeps. */
struct wake {
	_Atomic uint64_t sent;
	_Atomic uint64_t took; /* 0: not handled yet */
	atomic_bool stop;
	struct peer peer;
};

static void woken(void *arg)
{
	struct wake *wake = arg;
	uint64_t sent = atomic_load(&wake->sent);

	if (sent)
		atomic_store(&wake->took, now() - sent);
}

static int smaller(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static double median_wake(struct wake *wake, int fd)
{
	static uint64_t samples[WAKES];

	for (unsigned i = 0; i < WAKES; i++) {
		struct timespec pause = { .tv_nsec = PAUSE_NS };

		nanosleep(&pause, NULL);
		atomic_store(&wake->took, 0);
		atomic_store(&wake->sent, now());
		signal_all(&fd, 1);
		while (atomic_load(&wake->took) == 0)
			;
		samples[i] = atomic_load(&wake->took);
	}
	qsort(samples, WAKES, sizeof(samples[0]), smaller);
	return (double)samples[WAKES / 2];
}

static struct result blocking_engine(enum rawpci_engine_kind kind)
{
	struct rawpci_engine *engine = open_engine(kind, false);
	struct wake wake = { 0 };
	struct rawpci_source_options options = { .fn = woken, .arg = &wake };
	struct rawpci_source *source;
	struct rawpci_engine_stats stats;
	double median;
	int r;

	open_vectors(&options.fd, 1);
	r = rawpci_engine_add(engine, &options, &source);
	if (r < 0)
		die("rawpci_engine_add", -r);
	median = median_wake(&wake, options.fd);
	rawpci_engine_stats(engine, &stats);
	rawpci_engine_remove(engine, source);
	rawpci_engine_destroy(engine);
	close_vectors(&options.fd, 1);
	return (struct result){ .ns = median, .calls = (double)stats.waits / (double)WAKES };
}

static void *peer_thread(void *arg)
{
	struct wake *wake = arg;

	while (!atomic_load(&wake->stop))
		peer_turn(&wake->peer, -1, woken, wake);
	return NULL;
}

static struct result blocking_peer(void)
{
	struct wake wake = { 0 };
	pthread_t thread;
	double median;
	double calls;

	open_peer(&wake.peer, 1);
	if (pthread_create(&thread, NULL, peer_thread, &wake) != 0)
		die("pthread_create", EAGAIN);
	median = median_wake(&wake, wake.peer.fds[0]);
	atomic_store(&wake.stop, true);
	signal_all(wake.peer.fds, 1);
	pthread_join(thread, NULL);
	calls = (double)wake.peer.calls / (double)(WAKES + 1);
	close(wake.peer.epoll);
	close_vectors(wake.peer.fds, 1);
	return (struct result){ .ns = median, .calls = calls };
}

/* The best of several runs, taken in turn with the others' so that what else the machine does hits
 * all alike. */
static void better(struct result *best, struct result run)
{
	if (best->ns == 0 || run.ns < best->ns)
		*best = run;
}

static void row(const char *what, const struct result *peer, const struct result *uring,
		const struct result *epoll)
{
	printf("%-24s %9.1f %7.3f %9.1f %7.3f %9.1f %7.3f   1/%.1f\n", what, peer->ns, peer->calls,
	       uring->ns, uring->calls, epoll->ns, epoll->calls, peer->ns / uring->ns);
}

static void ready(const char *what, unsigned n)
{
	struct result peer = { 0 };
	struct result uring = { 0 };
	struct result epoll = { 0 };

	for (unsigned i = 0; i < REPEATS; i++) {
		better(&peer, ready_peer(n));
		better(&uring, ready_engine(RAWPCI_ENGINE_AUTO, n));
		better(&epoll, ready_engine(RAWPCI_ENGINE_EPOLL, n));
	}
	row(what, &peer, &uring, &epoll);
}

static void blocking(const char *what)
{
	struct result peer = { 0 };
	struct result uring = { 0 };
	struct result epoll = { 0 };

	for (unsigned i = 0; i < REPEATS; i++) {
		better(&peer, blocking_peer());
		better(&uring, blocking_engine(RAWPCI_ENGINE_AUTO));
		better(&epoll, blocking_engine(RAWPCI_ENGINE_EPOLL));
	}
	row(what, &peer, &uring, &epoll);
}

int main(void)
{
	printf("%-24s %17s %17s %17s   %s\n", "", "epoll+read", "engine, io_uring", "engine, epoll",
	       "time of");
	printf("%-24s %9s %7s %9s %7s %9s %7s   %s\n", "", "ns", "calls", "ns", "calls", "ns",
	       "calls", "io_uring");
	ready("64 vectors ready", 64);
	ready("1 vector ready", 1);
	blocking("1 vector, blocking, p50");
	return 0;
}
