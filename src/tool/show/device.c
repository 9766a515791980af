/* SPDX-License-Identifier: MIT */
/* A device of the host in words. */
#include "device.h"

#include <stdio.h>
#include <string.h>

#include "names.h"

/* libpciaccess knows /sys alone. */
static bool is_this_host(const struct tool *tool)
{
	static const char name[] = "sysfs.dir=";

	for (unsigned i = 0; i < tool->setting_count; i++)
		if (strncmp(tool->settings[i], name, sizeof(name) - 1) == 0)
			return false;
	return true;
}

bool device_is_boot_display(const struct tool *tool, const struct rawpci_host_device *device)
{
	return is_this_host(tool) ? names_is_boot_display(&device->address) || device->boot_vga
				  : device->boot_vga;
}

char *device_words(const struct tool *tool, const struct rawpci_host_device *device,
		   char words[DEVICE_WORDS])
{
	const char *kind = names_class(device->class_code);
	const char *vendor = names_vendor(device->vendor_id);
	const char *name = names_device(device->vendor_id, device->device_id);

	(void)snprintf(words, DEVICE_WORDS, "%s%s%s%s%s%s%s%s", kind ? kind : "",
		       kind && vendor ? ": " : "", vendor ? vendor : "", vendor && name ? " " : "",
		       vendor && name ? name : "",
		       device->virtual_function ? ", a virtual function" : "",
		       device->gone ? ", does not answer" : "",
		       device_is_boot_display(tool, device)
			       ? ", the display that the host booted with"
			       : "");
	return words;
}
