/* SPDX-License-Identifier: MIT */
/*
 * Counts the log's lines about a device or a context, because a guest can cause the same line as
 * often as it likes. The first line of a kind is logged in full, the others are counted. The lines
 * of a kind differ in numbers only.
 */
#ifndef RAWPCI_CORE_LOG_COUNT_H
#define RAWPCI_CORE_LOG_COUNT_H

#include <pthread.h>
#include <stdbool.h>

#include <rawpci/log.h>

#define RAWPCI_SENTENCE 512

struct rawpci;
struct rawpci_told_kind;

struct rawpci_told {
	struct rawpci *ctx;
	const char *name; /* its lines begin with it; may be "" */
	pthread_mutex_t lock;
	struct rawpci_told_kind *kinds;
	unsigned kind_count;
};

/* name: not copied. */
void rawpci_told_init(struct rawpci_told *told, struct rawpci *ctx, const char *name);

/* Hands say the sum for each kind that was counted since its last line. */
void rawpci_told_destroy(struct rawpci_told *told,
			 void (*say)(struct rawpci *ctx, enum rawpci_log_level level,
				     const char *line));

/* Counts a line of RAWPCI_SENTENCE bytes. True: say it. If a line of its kind was said before, the
 * sum has replaced it. */
bool rawpci_told_count(struct rawpci_told *told, enum rawpci_log_level level, char *line);

#endif
