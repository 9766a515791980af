/* SPDX-License-Identifier: MIT */
/* What "run" and "take" share: which devices are taken, and how. */
#include "taking.h"

#include <string.h>

#include <rawpci/device.h>

enum { DRIVER = 1, USER, INSIST };

const struct option taking_options[] = {
	{ "driver", required_argument, NULL, DRIVER },
	{ "user", required_argument, NULL, USER },
	{ "insist", no_argument, NULL, INSIST },
	{ NULL, 0, NULL, 0 },
};

/* The kernel's names are file names of at most 63 characters here. */
static bool is_driver(const char *name)
{
	const size_t most = sizeof(((struct rawpci_kept *)NULL)->driver) - 1;
	size_t length = strnlen(name, most + 1);

	if (length == 0 || length > most || name[0] == '.')
		return false;
	for (; *name != '\0'; name++)
		if (*name == '/' || (unsigned char)*name < ' ' || *name == 127)
			return false;
	return true;
}

int taking_option(struct tool *tool, void *opaque, int letter, const char *value)
{
	struct taking *taking = opaque;

	switch (letter) {
	case DRIVER:
		if (!is_driver(value))
			return tool_wrong(tool,
					  "--driver \"%.80s\": write a driver's name, such as "
					  "vfio-pci",
					  value);
		taking->driver = value;
		return TOOL_DONE;
	case USER:
		return owner_read(tool, value, &taking->owner);
	default:
		taking->insist = true;
		return TOOL_DONE;
	}
}

/* In the library's own form. */
static void write_address(const char *address, char text[RAWPCI_ADDRESS_TEXT])
{
	struct rawpci_address parsed;

	text[0] = '\0';
	if (rawpci_address_parse(address, &parsed) == 0)
		(void)rawpci_address_format(&parsed, text);
}

int tool_addresses(const struct tool *tool, char *const *addresses, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char text[RAWPCI_ADDRESS_TEXT], before[RAWPCI_ADDRESS_TEXT];
		int r = tool_address(tool, addresses[i]);

		if (r >= 0)
			return r;
		write_address(addresses[i], text);
		for (unsigned k = 0; k < i; k++) {
			write_address(addresses[k], before);
			if (strcmp(text, before) == 0)
				return tool_wrong(tool, "%s is given twice", text);
		}
	}
	return -1;
}

int taking_take(const struct taking *taking, struct rawpci *ctx, struct rawpci_taken **taken)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;

	options.driver = taking->driver;
	options.flags = taking->insist ? RAWPCI_OPEN_INSIST : 0;
	options.uid = taking->owner.uid;
	options.gid = taking->owner.gid;
	return rawpci_take(ctx, taking->addresses, taking->count, &options, taken);
}

int taking_failed(const struct tool *tool, int error)
{
	(void)tool_library_failed(tool, error);
	return TOOL_FAILED;
}
