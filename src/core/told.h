/* SPDX-License-Identifier: MIT */
/*
 * What the log has been told about a device or a context. A guest can cause the same line as often
 * as it likes. The first line of a kind is logged in full, the others are counted. The lines of
 * a kind differ in numbers only.
 */
#ifndef RAWPCI_CORE_TOLD_H
#define RAWPCI_CORE_TOLD_H

#include <pthread.h>
#include <stdbool.h>

#include <rawpci/log.h>

#define RAWPCI_SENTENCE 512

struct rawpci;
struct rawpci_told_kind;

struct rawpci_told {
	struct rawpci *ctx;
	const char *name; /* what its lines begin with; "": nothing */
	pthread_mutex_t lock;
	struct rawpci_told_kind *kinds;
	unsigned kind_count;
};

/* name: not copied. */
void rawpci_told_init(struct rawpci_told *told, struct rawpci *ctx, const char *name);

/* Says how often, for each kind that was counted since its last line. Nobody counts any more. */
void rawpci_told_finish(struct rawpci_told *told);

/* Counts a line of RAWPCI_SENTENCE bytes. True: it is to be said, and was replaced by the sum if
 * its kind was told before. */
bool rawpci_told_count(struct rawpci_told *told, enum rawpci_log_level level, char *line);

#endif
