/* SPDX-License-Identifier: MIT */
/*
 * What stands between this user and a PCI device, and what would help. Opens and changes nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

#define MOST_SETTINGS 8

struct arguments {
	const char *address; /* NULL: all devices */
	const char *backend;
	const char *settings[MOST_SETTINGS + 1];
	unsigned setting_count;
	struct rawpci_explain_options options;
};

static void print_usage(FILE *to)
{
	(void)fprintf(to,
		      "usage: explain [OPTION]... [ADDRESS]\n"
		      "Says what stands in the way of opening a PCI device (0000:03:00.0), and\n"
		      "what would help. Without an address: all devices, and what could open\n"
		      "each.\n"
		      "  --memory SIZE     so much memory would be mapped for DMA (4G)\n"
		      "  --detach          its host driver would be detached\n"
		      "  --insist          also where the host uses the device\n"
		      "  --backend NAME    only this one ($RAWPCI_BACKEND)\n"
		      "  --set NAME=VALUE  a setting of the library, such as sysfs.dir=PATH\n"
		      "  --help            this text\n"
		      "Exit status: 0 it could be opened now (without an address: the table was\n"
		      "printed), 1 something stands in the way, 2 wrong usage.\n");
}

/* The library names its flags; beside each, what it is called here. */
static void print_text(const char *text)
{
	static const struct {
		const char *flag, *option;
	} names[] = {
		{ "RAWPCI_OPEN_DETACH_HOST_DRIVER", "--detach" },
		{ "RAWPCI_OPEN_INSIST", "--insist" },
	};
	size_t length;

	for (; *text != '\0'; text += length) {
		const char *option = NULL;

		length = strcspn(text + 1, "R") + 1;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !option; i++) {
			if (strncmp(text, names[i].flag, strlen(names[i].flag)) != 0)
				continue;
			length = strlen(names[i].flag);
			option = names[i].option;
		}
		(void)printf("%.*s%s%s", (int)length, text, option ? ", here " : "",
			     option ? option : "");
	}
}

/* Bytes, or with K, M, G or T. False: not a size. */
static bool parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned shift = 0;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*size = strtoull(text, &end, 0);
	if (*end != '\0') {
		unit = strchr(units, *end);
		if (!unit || end[1] != '\0')
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (errno != 0 || *size > UINT64_MAX >> shift)
		return false;
	*size <<= shift;
	return true;
}

/* An option and its value, which may be NULL. How many words were taken; 0: wrong. */
static int take(struct arguments *to, const char *word, const char *value)
{
	if (strcmp(word, "--detach") == 0) {
		to->options.flags |= RAWPCI_OPEN_DETACH_HOST_DRIVER;
		return 1;
	}
	if (strcmp(word, "--insist") == 0) {
		to->options.flags |= RAWPCI_OPEN_INSIST;
		return 1;
	}
	if (word[0] != '-') {
		if (to->address)
			return 0;
		to->address = word;
		return 1;
	}
	if (!value)
		return 0;
	if (strcmp(word, "--memory") == 0)
		return parse_size(value, &to->options.memory) ? 2 : 0;
	if (strcmp(word, "--backend") == 0) {
		to->backend = value;
		return 2;
	}
	if (strcmp(word, "--set") == 0 && to->setting_count < MOST_SETTINGS) {
		to->settings[to->setting_count++] = value;
		return 2;
	}
	return 0;
}

static int explain(struct rawpci *ctx, const struct arguments *arguments)
{
	struct rawpci_explanation *explanation;
	int r = rawpci_explain(ctx, arguments->address, &arguments->options, &explanation);

	if (r < 0) {
		(void)fprintf(stderr, "explain: %s\n", rawpci_last_error());
		return r == -EINVAL ? 2 : 1;
	}
	print_text(explanation->text);
	r = explanation->openable ? 0 : 1;
	rawpci_explanation_destroy(explanation);
	return r;
}

static int run(const struct arguments *arguments)
{
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = arguments->backend,
		.settings = arguments->settings,
	};
	struct rawpci *ctx;
	int r = rawpci_create(&options, &ctx);

	if (r < 0) {
		(void)fprintf(stderr, "explain: %s\n", rawpci_last_error());
		return 2;
	}
	if (arguments->address) {
		r = explain(ctx, arguments);
	} else {
		r = print_table(ctx, &arguments->options);
		if (r < 0)
			(void)fprintf(stderr, "explain: %s\n", rawpci_last_error());
		r = r < 0 ? 1 : 0;
	}
	(void)rawpci_destroy(ctx);
	return r;
}

int main(int count, char **words)
{
	struct arguments arguments = {
		.backend = getenv("RAWPCI_BACKEND"),
		.options.size = sizeof(arguments.options),
	};
	int i = 1, taken;

	while (i < count) {
		if (strcmp(words[i], "--help") == 0) {
			print_usage(stdout);
			return 0;
		}
		taken = take(&arguments, words[i], i + 1 < count ? words[i + 1] : NULL);
		if (taken == 0) {
			print_usage(stderr);
			return 2;
		}
		i += taken;
	}
	return run(&arguments);
}
