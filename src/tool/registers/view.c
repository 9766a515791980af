/* SPDX-License-Identifier: MIT */
/* Config space as the host or an opened device shows it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rawpci/enumerate.h>

#include "view.h"

static const char *sysfs_dir(const struct tool *tool)
{
	static const char name[] = "sysfs.dir=";
	const char *dir = "/sys";

	for (unsigned i = 0; i < tool->setting_count; i++)
		if (strncmp(tool->settings[i], name, sizeof(name) - 1) == 0)
			dir = tool->settings[i] + sizeof(name) - 1;
	return dir;
}

static int open_file(const struct tool *tool, struct view *view)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/config", sysfs_dir(tool),
			 view->address);

	if (n < 0 || (size_t)n >= sizeof(path))
		return tool_wrong(tool, "the path in sysfs.dir is too long");
	view->file = open(path, O_RDONLY | O_CLOEXEC);
	if (view->file < 0)
		return tool_failed(tool, "%s: %s", path, strerror(errno));
	return -1;
}

int view_of_host(const struct tool *tool, struct rawpci *ctx, const char *address, bool insist,
		 struct view *out)
{
	struct rawpci_host_device host;
	int r = rawpci_host_device(ctx, address, sizeof(host), &host);

	*out = (struct view){ .address = address, .file = -1 };
	if (r < 0)
		return tool_library_failed(tool, r);
	if (host.gone)
		return tool_failed(tool,
				   "%s does not answer: its config space reads as all ones (no "
				   "power, link down, or removed)",
				   address);
	if (strcmp(host.power, "D3cold") == 0 && !insist)
		return tool_failed(tool,
				   "%s has no power (D3cold), and reading would wake it: wake it "
				   "with its driver, or add --insist",
				   address);
	out->size = host.config_size;
	return open_file(tool, out);
}

int view_of_device(const struct tool *tool, struct rawpci_device *dev, const char *address,
		   struct view *out)
{
	struct rawpci_device_info info;
	int r = rawpci_device_info(dev, sizeof(info), &info);

	if (r < 0)
		return tool_library_failed(tool, r);
	*out = (struct view){ .address = address, .dev = dev, .file = -1 };
	out->size = info.config_size;
	return -1;
}

void view_finish(struct view *view)
{
	if (view->file >= 0)
		(void)close(view->file);
	view->file = -1;
}

static int read_host(const struct tool *tool, const struct view *view, uint32_t at, unsigned width,
		     uint32_t *value)
{
	unsigned char bytes[4] = { 0 };
	ssize_t n = pread(view->file, bytes, width, at);

	if (n < 0)
		return tool_failed(tool, "%s: reading %" PRIx32 " failed: %s", view->address, at,
				   strerror(errno));
	if ((size_t)n < width)
		return tool_failed(tool,
				   "%s: the kernel does not show %" PRIx32
				   " to this user: run it as root",
				   view->address, at);
	*value = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		 (uint32_t)bytes[3] << 24;
	return -1;
}

int view_read(const struct tool *tool, const struct view *view, uint32_t at, unsigned width,
	      uint32_t *value)
{
	int r;

	if (!view->dev)
		return read_host(tool, view, at, width, value);
	r = rawpci_config_read(view->dev, at, width, value);
	return r < 0 ? tool_library_failed(tool, r) : -1;
}

int view_write(const struct tool *tool, const struct view *view, uint32_t at, unsigned width,
	       uint32_t value)
{
	int r = rawpci_config_write(view->dev, at, width, value);

	return r < 0 ? tool_library_failed(tool, r) : -1;
}

static int read_file(const struct tool *tool, const struct view *view,
		     unsigned char bytes[VIEW_MOST], uint32_t *count)
{
	ssize_t n;

	for (*count = 0; *count < view->size; *count += (uint32_t)n) {
		n = pread(view->file, bytes + *count, view->size - *count, *count);
		if (n < 0)
			return tool_failed(tool, "%s: reading its config space failed: %s",
					   view->address, strerror(errno));
		if (n == 0)
			break;
	}
	return -1;
}

int view_read_all(const struct tool *tool, const struct view *view, unsigned char bytes[VIEW_MOST],
		  uint32_t *count)
{
	if (!view->dev)
		return read_file(tool, view, bytes, count);
	for (uint32_t at = 0; at < view->size; at += 4) {
		uint32_t value;
		int r = view_read(tool, view, at, 4, &value);

		if (r >= 0)
			return r;
		for (unsigned i = 0; i < 4; i++)
			bytes[at + i] = (unsigned char)(value >> (8 * i));
	}
	*count = view->size;
	return -1;
}
