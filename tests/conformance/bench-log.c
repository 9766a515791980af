/* SPDX-License-Identifier: MIT */
/* The log of the contract cases: counts by level, and which messages there have been. */
#include "bench.h"

#include <ctype.h>

/* The messages so far, without their numbers. The library only counts a message that it repeats. */
static char shapes[256][512];
static unsigned shape_count;

void bench_shape(const char *sentence, char *shape)
{
	for (; *sentence; sentence++) {
		if (isdigit((unsigned char)*sentence))
			while (isalnum((unsigned char)sentence[1]))
				sentence++;
		else
			*shape++ = *sentence;
	}
	*shape = '\0';
}

bool bench_said(const char *sentence)
{
	char shape[512];

	bench_shape(sentence, shape);
	for (unsigned i = 0; i < shape_count; i++)
		if (strcmp(shapes[i], shape) == 0)
			return true;
	return false;
}

static void remember(const char *message)
{
	(void)strncpy(bench.last, message, sizeof(bench.last) - 1);
	if (shape_count < 256 && !bench_said(message))
		bench_shape(message, shapes[shape_count++]);
}

void bench_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	ck_assert_msg(message && message[0] && !strchr(message, '\n'), "a log line is one line");
	if (level <= RAWPCI_LOG_WARNING && atomic_load(&bench.lines[level]) < 1000)
		remember(message);
	atomic_fetch_add(&bench.lines[level], 1);
}
