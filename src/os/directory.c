/* SPDX-License-Identifier: MIT */
/* Directories: making one, and listing the names in one. */
#include "os/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int rawpci_sys_make_directory(const char *path)
{
	int r;

	do
		r = mkdir(path, 0700);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* Closes dir. */
static int each_name(DIR *dir, int (*each)(void *opaque, const char *name), void *opaque)
{
	struct dirent *entry;
	int r = 0;

	while (r == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			r = each(opaque, entry->d_name);
	(void)closedir(dir);
	return r;
}

int rawpci_sys_list(const char *path, int (*each)(void *opaque, const char *name), void *opaque)
{
	DIR *dir = opendir(path);

	return dir ? each_name(dir, each, opaque) : rawpci_sys_note_lack(-errno);
}

int rawpci_sys_list_at(int directory, int (*each)(void *opaque, const char *name), void *opaque)
{
	int fd = rawpci_sys_open_at(directory, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r;

	if (dir)
		return each_name(dir, each, opaque);
	r = fd < 0 ? fd : -errno;
	rawpci_sys_close(&fd);
	return r;
}
