/* SPDX-License-Identifier: MIT */
/*
 * Runs a read, a write or an open in a thread of its own. A child process does not serve: a child of a
 * program with several threads may do very little. The thread may run long after its caller has
 * gone on, so everything that it uses belongs to its job.
 */
#include "os/slow.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "os/sys.h"
#include "os/sysfs.h"

#define STACK_BYTES (128 * 1024)

enum kind {
	WRITING,  /* text to the file */
	READING,  /* the file into text */
	CLAIMING, /* opens the file and closes it */
};

struct rawpci_slow {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;  /* result is valid */
	bool abandoned; /* the caller has left: the thread frees the job */
	int result;
	struct rawpci_keep keep;
	enum kind kind;
	int flags; /* of the open */
	pthread_t thread;
	void (*then)(void *arg);
	void *arg;
	char path[RAWPCI_SYSFS_PATH];
	char text[RAWPCI_SYSFS_NAME];
};

static void job_destroy(struct rawpci_slow *job)
{
	(void)pthread_cond_destroy(&job->done);
	(void)pthread_mutex_destroy(&job->lock);
	rawpci_sys_close(&job->keep.lock);
	rawpci_sys_close(&job->keep.shared);
	free(job->arg);
	free(job);
}

static struct rawpci_slow *job_create(const char *path, const char *text)
{
	struct rawpci_slow *job = calloc(1, sizeof(*job));
	pthread_condattr_t attributes;

	if (!job)
		return NULL;
	job->keep = RAWPCI_KEEP_NONE;
	memcpy(job->path, path, strlen(path) + 1);
	memcpy(job->text, text, strlen(text) + 1);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&job->done, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&job->lock, NULL);
	return job;
}

static void finish_alone(struct rawpci_slow *job)
{
	if (job->then)
		job->then(job->arg);
	job_destroy(job);
}

static int claim(const char *path, int flags)
{
	int fd = rawpci_sys_open(path, flags);

	if (fd < 0)
		return fd;
	rawpci_sys_close(&fd);
	return 0;
}

static int work(struct rawpci_slow *job)
{
	if (job->kind == CLAIMING)
		return claim(job->path, job->flags);
	return job->kind == READING ? rawpci_sys_read_file(job->path, job->text, sizeof(job->text))
				    : rawpci_sys_write_file(job->path, job->text);
}

static void *run(void *opaque)
{
	struct rawpci_slow *job = opaque;
	int r = work(job);
	bool abandoned;

	(void)pthread_mutex_lock(&job->lock);
	job->result = r == -ETIMEDOUT ? -EIO : r; /* -ETIMEDOUT means our limit only */
	job->finished = true;
	abandoned = job->abandoned;
	(void)pthread_cond_signal(&job->done);
	(void)pthread_mutex_unlock(&job->lock);
	if (abandoned)
		finish_alone(job);
	return NULL;
}

/* Blocks all signals in the thread, so that it takes none of the program's. */
static int start(struct rawpci_slow *job)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&job->thread, &attributes, run, job);
	/* The program's thread-local variables are on the stack, too, and may be too large for
	 * it. */
	if (r == -EINVAL)
		r = -pthread_create(&job->thread, NULL, run, job);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return r;
}

/* Returns the job's result once its thread has ended, since the program may fork or unload the
 * library next. -ETIMEDOUT: the thread still uses the job. In both cases the caller owns the
 * job. */
static int wait_for(struct rawpci_slow *job, unsigned limit_ms)
{
	struct timespec until;
	bool finished;
	int r = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(limit_ms / 1000);
	until.tv_nsec += (long)(limit_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_mutex_lock(&job->lock);
	while (!job->finished && r == 0)
		r = pthread_cond_timedwait(&job->done, &job->lock, &until);
	finished = job->finished;
	r = finished ? job->result : -ETIMEDOUT;
	(void)pthread_mutex_unlock(&job->lock);
	if (finished)
		(void)pthread_join(job->thread, NULL);
	return r;
}

void rawpci_slow_leave(struct rawpci_slow **late)
{
	struct rawpci_slow *job = *late;
	bool finished;

	*late = NULL;
	if (!job)
		return;
	(void)pthread_mutex_lock(&job->lock);
	finished = job->finished;
	job->abandoned = !finished;
	if (!finished)
		(void)pthread_detach(job->thread);
	(void)pthread_mutex_unlock(&job->lock);
	if (!finished)
		return;
	(void)pthread_join(job->thread, NULL);
	finish_alone(job);
}

bool rawpci_slow_ended(struct rawpci_slow **late)
{
	struct rawpci_slow *job = *late;
	bool finished;

	(void)pthread_mutex_lock(&job->lock);
	finished = job->finished;
	(void)pthread_mutex_unlock(&job->lock);
	if (!finished)
		return false;
	(void)pthread_join(job->thread, NULL);
	job_destroy(job);
	*late = NULL;
	return true;
}

static int copy(int fd, int *to)
{
	int r = fd < 0 ? 0 : rawpci_sys_dup(fd);

	if (fd < 0 || r < 0)
		return r;
	*to = r;
	return 0;
}

/* What a job is to do; text is for writing, flags are for claiming. */
struct order {
	enum kind kind;
	const char *path, *text;
	int flags;
};

/* *late receives the job, which the caller has to free or to leave; NULL: no thread was started. */
static int do_job(const struct order *order, unsigned limit_ms, const struct rawpci_keep *keep,
		  struct rawpci_slow **late)
{
	const char *text = order->text ? order->text : "";
	struct rawpci_slow *job;
	int r;

	*late = NULL;
	if (strlen(order->path) >= sizeof(job->path) || strlen(text) >= sizeof(job->text))
		return -ENAMETOOLONG;
	job = job_create(order->path, text);
	if (!job)
		return -ENOMEM;
	job->kind = order->kind;
	job->flags = order->flags;
	r = copy(keep->lock, &job->keep.lock);
	if (r == 0)
		r = copy(keep->shared, &job->keep.shared);
	if (r == 0)
		r = start(job);
	if (r < 0)
		goto undo_job;
	*late = job;
	return wait_for(job, limit_ms);
undo_job:
	job_destroy(job);
	return r;
}

static void done_with(struct rawpci_slow **job)
{
	if (*job)
		job_destroy(*job);
	*job = NULL;
}

int rawpci_slow_begin(const char *path, const char *text, unsigned limit_ms,
		      const struct rawpci_keep *keep, void (*then)(void *arg), void *arg,
		      struct rawpci_slow **late)
{
	const struct order order = { text ? WRITING : READING, path, text, 0 };
	int r = do_job(&order, limit_ms, keep, late);

	if (r != -ETIMEDOUT) {
		done_with(late);
		free(arg);
		return r;
	}
	/* The thread reads these two only after rawpci_slow_leave(). */
	(*late)->then = then;
	(*late)->arg = arg;
	return r;
}

/* For an order whose thread needs nothing of the caller's once the limit has passed. */
static int do_and_leave(const struct order *order, unsigned limit_ms,
			const struct rawpci_keep *keep)
{
	struct rawpci_slow *job;
	int r = do_job(order, limit_ms, keep, &job);

	if (r == -ETIMEDOUT)
		rawpci_slow_leave(&job);
	done_with(&job);
	return r;
}

int rawpci_slow_write(const char *path, const char *text, unsigned limit_ms,
		      const struct rawpci_keep *keep)
{
	const struct order order = { WRITING, path, text, 0 };

	return do_and_leave(&order, limit_ms, keep);
}

int rawpci_slow_claim(const char *path, int flags, unsigned limit_ms)
{
	const struct order order = { CLAIMING, path, NULL, flags };

	return do_and_leave(&order, limit_ms, &RAWPCI_KEEP_NONE);
}

int rawpci_slow_read(const char *path, char text[RAWPCI_SYSFS_NAME], unsigned limit_ms,
		     const struct rawpci_keep *keep)
{
	const struct order order = { READING, path, NULL, 0 };
	struct rawpci_slow *job;
	int r = do_job(&order, limit_ms, keep, &job);

	if (r == -ETIMEDOUT)
		rawpci_slow_leave(&job);
	else if (r >= 0)
		memcpy(text, job->text, (size_t)r + 1);
	done_with(&job);
	return r;
}
