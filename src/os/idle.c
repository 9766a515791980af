/* SPDX-License-Identifier: MIT */
/* Reading and writing a device's file power/control. */
#include "os/idle.h"

#include <string.h>

#include "os/slow.h"
#include "os/sys.h"

#define AUTO "auto"

bool rawpci_idle_may(const char *root, const struct rawpci_address *address)
{
	char text[16];

	rawpci_sysfs_text(root, address, RAWPCI_IDLE_FILE, text, sizeof(text));
	return strcmp(text, AUTO) == 0;
}

/* The write may hang: the kernel waits for the device's lock (Linux drivers/base/power/sysfs.c,
 * control_store()). */
int rawpci_idle_let(const struct rawpci_binding *at, bool may)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(at->root, &at->address, RAWPCI_IDLE_FILE, path, sizeof(path));

	return r < 0 ? r
		     : rawpci_slow_write(path, may ? AUTO : RAWPCI_IDLE_NEVER, at->limit_ms,
					 &at->keep);
}
