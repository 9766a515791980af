/* SPDX-License-Identifier: MIT */
/* Replaces the names of C by those of the command. */
#include "words.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DETACH "open it with RAWPCI_OPEN_DETACH_HOST_DRIVER"

/* The first that fits counts. */
static const struct {
	const char *name, *by;
} names[] = {
	{ "RAWPCI_OPEN_DETACH_HOST_DRIVER", "--detach" },
	{ "(the native API's RAWPCI_OPEN_INSIST)", "(--insist)" },
	{ "RAWPCI_OPEN_INSIST", "--insist" },
	{ ", call rawpci_recover(), or open it", "" },
	{ "call rawpci_recover()", "run rawpci recover" },
	{ "rawpci_recover()", "rawpci recover" },
	{ ", with rawpci_return() (rawpci return", " (rawpci return" },
	{ "rawpci_return() (rawpci return)", "rawpci return" },
	{ "rawpci_return()", "rawpci return" },
	{ "rawpci_fake_add() makes one", "0000:00:04.0 is one" },
	{ ": rawpci_region_info() tells which it has", ": rawpci explain tells which it has" },
};

static size_t put(FILE *to, const char *text, const char *address)
{
	if (strncmp(text, DETACH, strlen(DETACH)) == 0) {
		if (address)
			(void)fprintf(to,
				      "rawpci run %s -- COMMAND or rawpci take %s takes it "
				      "(--detach tells what else is in the way)",
				      address, address);
		else
			(void)fputs("add --detach", to);
		return strlen(DETACH);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(text, names[i].name, strlen(names[i].name)) == 0) {
			(void)fputs(names[i].by, to);
			return strlen(names[i].name);
		}
	(void)fputc(*text, to);
	return 1;
}

char *words_of(const char *text, const char *address)
{
	char *words = NULL;
	size_t length;
	FILE *to = open_memstream(&words, &length);
	bool failed;

	if (!to)
		return NULL;
	while (*text != '\0')
		text += put(to, text, address);
	failed = ferror(to) != 0;
	if (fclose(to) != 0 || failed) {
		free(words);
		return NULL;
	}
	return words;
}
