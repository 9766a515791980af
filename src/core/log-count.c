/* SPDX-License-Identifier: MIT */
/*
 * Counting the log's lines. A kind's sum is said when its count reaches a power of ten. So a flood
 * of any length leaves a few lines, and no timer is needed.
 */
#include "core/log-count.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library has few sentences, so kinds are few. If there are more, the rest counts as one. */
#define KINDS 64u

struct rawpci_told_kind {
	struct rawpci_told_kind *next;
	uint64_t words;
	enum rawpci_log_level level;
	uint64_t count, said, due; /* lines in all; count when last said; count to say it next */
	char first[];
};

void rawpci_told_init(struct rawpci_told *told, struct rawpci *ctx, const char *name)
{
	told->ctx = ctx;
	told->name = name;
	told->kinds = NULL;
	told->kind_count = 0;
	(void)pthread_mutex_init(&told->lock, NULL);
}

/* A hash (FNV-1a) of the line without its words that begin with a digit. */
static uint64_t words_of(const char *line)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (*line) {
		if (isdigit((unsigned char)*line))
			while (isalnum((unsigned char)line[1]))
				line++;
		else
			hash = (hash ^ (unsigned char)*line) * UINT64_C(0x100000001b3);
		line++;
	}
	return hash;
}

/* "NAME: N times in all: ...", with the first line of the kind, less its name. */
static void sum_up(const struct rawpci_told *told, struct rawpci_told_kind *kind, const char *when,
		   char *line)
{
	size_t length = strlen(told->name);
	const char *first = kind->first;

	if (length > 0 && strncmp(first, told->name, length) == 0 && first[length] == ':')
		first += strspn(first + length, ": ") + length;
	(void)snprintf(line, RAWPCI_SENTENCE, "%s%s%llu times %s: %s", told->name,
		       length > 0 ? ": " : "", (unsigned long long)kind->count, when, first);
	kind->said = kind->count;
}

/* If there is no memory for a new kind, all its lines are said. */
static void add(struct rawpci_told *told, uint64_t words, enum rawpci_log_level level,
		const char *line)
{
	size_t size = strlen(line) + 1;
	struct rawpci_told_kind *kind = malloc(sizeof(*kind) + size);

	if (!kind)
		return;
	kind->next = told->kinds;
	kind->words = words;
	kind->level = level;
	kind->count = kind->said = 1;
	kind->due = 10;
	memcpy(kind->first, line, size);
	told->kinds = kind;
	told->kind_count++;
}

bool rawpci_told_count(struct rawpci_told *told, enum rawpci_log_level level, char *line)
{
	const uint64_t words = words_of(line);
	struct rawpci_told_kind *kind;
	bool say = true;

	(void)pthread_mutex_lock(&told->lock);
	for (kind = told->kinds; kind; kind = kind->next)
		if (kind->words == words)
			break;
	if (!kind && told->kind_count == KINDS)
		kind = told->kinds;
	if (!kind) {
		add(told, words, level, line);
	} else if (++kind->count == kind->due) {
		kind->due *= 10;
		sum_up(told, kind, "so far", line);
	} else {
		say = false;
	}
	(void)pthread_mutex_unlock(&told->lock);
	return say;
}

void rawpci_told_destroy(struct rawpci_told *told,
			 void (*say)(struct rawpci *ctx, enum rawpci_log_level level,
				     const char *line))
{
	struct rawpci_told_kind *kind = told->kinds;
	char line[RAWPCI_SENTENCE];

	while (kind) {
		struct rawpci_told_kind *next = kind->next;

		if (kind->count > kind->said) {
			sum_up(told, kind, "in all", line);
			say(told->ctx, kind->level, line);
		}
		free(kind);
		kind = next;
	}
	told->kinds = NULL;
	(void)pthread_mutex_destroy(&told->lock);
}
