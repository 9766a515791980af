/* SPDX-License-Identifier: MIT */
/*
 * passthrough: gives a host PCI device to a small guest, as a hypervisor would.
 *
 * Read on in this order: device.c (how a program uses the library), host.c (what is done with the
 * device, in C), then guest.c, bus.c and machine.c (how a guest gets the device) and guest.S.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/device.h>

#include "passthrough.h"

#define FAKE_ADDRESS "0000:00:04.0" /* the edu that each context's fake backend has */
#define DEFAULT_SECONDS 60

static void usage(FILE *stream)
{
	fprintf(stream,
		"usage: passthrough --backend fake [options]\n"
		"       passthrough --device ADDRESS [--backend NAME] [options]\n"
		"\n"
		"Gives a PCI device (an edu, as QEMU has it) to a small KVM guest, which exercises it\n"
		"and tells what it saw. Without a usable /dev/kvm the host does the same steps.\n"
		"\n"
		"  --device ADDRESS   the device, as in 0000:03:00.0; with the fake backend it may be\n"
		"                     left out and is " FAKE_ADDRESS "\n"
		"  --backend NAME     the way to the device; without it the environment variable\n"
		"                     RAWPCI_BACKEND decides, without that the library\n"
		"  --detach           take the device from its host driver, give it back at the end\n"
		"  --kvm              insist on the guest: fail without a usable /dev/kvm\n"
		"  --no-kvm           do the same steps from the host, without a guest\n"
		"  --time-limit S     give up after S seconds (%d)\n"
		"  --verbose          print the library's log\n"
		"  --help             print this\n"
		"\n"
		"exit status: 0 all was right, 1 it was not, 2 wrong usage, 3 --kvm without a usable\n"
		"/dev/kvm\n",
		DEFAULT_SECONDS);
}

static bool wrong_usage(const char *why, const char *what)
{
	fprintf(stderr, "passthrough: %s%s\n\n", why, what);
	usage(stderr);
	return false;
}

static bool parse_seconds(const char *text, unsigned *seconds)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value == 0 || value > 86400)
		return wrong_usage("not a number of seconds from 1 to 86400: ", text);
	*seconds = (unsigned)value;
	return true;
}

static bool set_guest(struct options *options, enum guest guest)
{
	if (options->guest != GUEST_IF_POSSIBLE && options->guest != guest)
		return wrong_usage("--kvm or --no-kvm, not both", "");
	options->guest = guest;
	return true;
}

/* The library reads no environment: that is for programs to do. */
static bool complete(struct options *options)
{
	struct rawpci_address address;

	if (options->backend == NULL)
		options->backend = getenv("RAWPCI_BACKEND");
	if (options->backend != NULL && *options->backend == '\0')
		options->backend = NULL;

	if (options->address == NULL && options->backend != NULL &&
	    strcmp(options->backend, "fake") == 0)
		options->address = FAKE_ADDRESS;
	if (options->address == NULL)
		return wrong_usage("which device? --device is missing", "");
	if (rawpci_address_parse(options->address, &address) < 0)
		return wrong_usage("not a PCI address: ", options->address);
	/* The ABI has 16 bits for it. The native API could open these too. */
	if (address.segment > UINT16_MAX)
		return wrong_usage("the ABI has no room for the segment of ", options->address);
	return true;
}

static bool parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "device", required_argument, NULL, 'd' },
		{ "detach", no_argument, NULL, 'D' },
		{ "kvm", no_argument, NULL, 'k' },
		{ "no-kvm", no_argument, NULL, 'n' },
		{ "time-limit", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'b':
			options->backend = optarg;
			break;
		case 'd':
			options->address = optarg;
			break;
		case 'D':
			options->detach = true;
			break;
		case 'k':
		case 'n':
			if (!set_guest(options, option == 'k' ? GUEST_ALWAYS : GUEST_NEVER))
				return false;
			break;
		case 't':
			if (!parse_seconds(optarg, &options->seconds))
				return false;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'h':
			usage(stdout);
			exit(ENDING_RIGHT);
		default: /* getopt_long() has said what is wrong */
			usage(stderr);
			return false;
		}
	}
	if (optind < argc)
		return wrong_usage("what is this for? ", argv[optind]);
	return complete(options);
}

enum ending no_guest(const struct options *options, const char *why)
{
	if (options->guest == GUEST_ALWAYS)
		fprintf(stderr,
			"passthrough: %s\npassthrough: the guest needs a usable /dev/kvm; "
			"--no-kvm does the same steps from the host, without a guest\n",
			why);
	else
		fprintf(stderr, "passthrough: no guest (%s): the host does the same steps\n", why);
	return ENDING_NO_KVM;
}

int main(int argc, char **argv)
{
	struct options options = { .seconds = DEFAULT_SECONDS };
	enum ending ending = ENDING_NO_KVM;

	/* What the guest says and what goes wrong shall come in the order it happened. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!parse(argc, argv, &options))
		return ENDING_USAGE;
	if (options.guest != GUEST_NEVER)
		ending = run_guest(&options);
	if (ending == ENDING_NO_KVM && options.guest != GUEST_ALWAYS)
		ending = run_host(&options);
	return (int)ending;
}
