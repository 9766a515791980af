/* SPDX-License-Identifier: MIT */
/*
 * A thread and not a child process: the program may have many threads, and what a copy of such a
 * process may do is next to nothing. What the thread uses is its own, because nobody can say when
 * it will be done with it.
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

struct job {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool finished;  /* result is there */
	bool abandoned; /* nobody waits: the thread frees the job */
	int result;
	int keep;
	bool reading;   /* text is what was read */
	char path[RAWPCI_SYSFS_PATH];
	char text[RAWPCI_SYSFS_NAME];
};

static void job_destroy(struct job *job)
{
	(void)pthread_cond_destroy(&job->done);
	(void)pthread_mutex_destroy(&job->lock);
	rawpci_sys_close(&job->keep);
	free(job);
}

static struct job *job_create(const char *path, const char *text)
{
	struct job *job = calloc(1, sizeof(*job));
	pthread_condattr_t attributes;

	if (!job)
		return NULL;
	job->keep = -1;
	memcpy(job->path, path, strlen(path) + 1);
	memcpy(job->text, text, strlen(text) + 1);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&job->done, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&job->lock, NULL);
	return job;
}

static void *run(void *opaque)
{
	struct job *job = opaque;
	int r = job->reading ? rawpci_sys_read_file(job->path, job->text, sizeof(job->text))
			     : rawpci_sys_write_file(job->path, job->text);
	bool abandoned;

	rawpci_sys_close(&job->keep);
	(void)pthread_mutex_lock(&job->lock);
	job->result = r == -ETIMEDOUT ? -EIO : r; /* a device's, not ours */
	job->finished = true;
	abandoned = job->abandoned;
	(void)pthread_cond_signal(&job->done);
	(void)pthread_mutex_unlock(&job->lock);
	if (abandoned)
		job_destroy(job);
	return NULL;
}

/* The program's signals are not for this thread. */
static int start(struct job *job, pthread_t *thread)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(thread, &attributes, run, job);
	/* The program's thread-local variables are on the stack, too, and may be larger than it. */
	if (r == -EINVAL)
		r = -pthread_create(thread, NULL, run, job);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return r;
}

/* Where it is done in time, the job is the caller's again, and the thread has ended: a program may
 * fork or unload the library next. */
static int wait_for(struct job *job, pthread_t thread, unsigned limit_ms)
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
	job->abandoned = !finished;
	r = finished ? job->result : -ETIMEDOUT;
	(void)pthread_mutex_unlock(&job->lock);
	(void)(finished ? pthread_join(thread, NULL) : pthread_detach(thread));
	return r;
}

/* out: NULL to write text, else room for what is read. */
static int do_job(const char *path, const char *text, char *out, unsigned limit_ms, int keep)
{
	struct job *job;
	pthread_t thread;
	int r = 0;

	if (strlen(path) >= sizeof(job->path) || strlen(text) >= sizeof(job->text))
		return -ENAMETOOLONG;
	job = job_create(path, text);
	if (!job)
		return -ENOMEM;
	job->reading = out != NULL;
	if (keep >= 0) {
		r = rawpci_sys_dup(keep);
		if (r < 0)
			goto undo_job;
		job->keep = r;
	}
	r = start(job, &thread);
	if (r < 0)
		goto undo_job;
	r = wait_for(job, thread, limit_ms);
	if (r == -ETIMEDOUT)
		return r;
	if (out && r >= 0)
		memcpy(out, job->text, (size_t)r + 1);
undo_job:
	job_destroy(job);
	return r;
}

int rawpci_slow_write(const char *path, const char *text, unsigned limit_ms, int keep)
{
	return do_job(path, text, NULL, limit_ms, keep);
}

int rawpci_slow_read(const char *path, char text[RAWPCI_SYSFS_NAME], unsigned limit_ms, int keep)
{
	return do_job(path, "", text, limit_ms, keep);
}
