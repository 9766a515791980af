/* SPDX-License-Identifier: MIT */
#include "core/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

static int set_engine(struct rawpci *ctx, const char *value)
{
	static const struct {
		const char *name;
		enum rawpci_engine_kind kind;
	} kinds[] = {
		{ "auto", RAWPCI_ENGINE_AUTO },
		{ "uring", RAWPCI_ENGINE_URING },
		{ "epoll", RAWPCI_ENGINE_EPOLL },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, value) == 0) {
			ctx->engine_kind = kinds[i].kind;
			return 0;
		}
	}
	return rawpci_fail(ctx, -EINVAL, "setting irq.engine=%s: use auto, uring or epoll", value);
}

static int set_path(struct rawpci *ctx, char **path, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return rawpci_fail(ctx, -ENOMEM, "no memory");
	free(*path);
	*path = copy;
	return 0;
}

static int set(struct rawpci *ctx, const char *setting)
{
	if (strncmp(setting, "irq.engine=", 11) == 0)
		return set_engine(ctx, setting + 11);
	if (strncmp(setting, "vfio.dir=", 9) == 0)
		return set_path(ctx, &ctx->vfio_dir, setting + 9);
	if (strncmp(setting, "sysfs.dir=", 10) == 0)
		return set_path(ctx, &ctx->sysfs_dir, setting + 10);
	if (strncmp(setting, "uio.dir=", 8) == 0)
		return set_path(ctx, &ctx->uio_dir, setting + 8);
	return rawpci_fail(ctx, -EINVAL, "unknown setting \"%s\": there are irq.engine=, vfio.dir=, "
			   "sysfs.dir= and uio.dir=", setting);
}

int rawpci_settings_apply(struct rawpci *ctx, const char *const *settings)
{
	int r = set(ctx, "vfio.dir=/dev/vfio");

	if (r == 0)
		r = set(ctx, "sysfs.dir=/sys");
	if (r == 0)
		r = set(ctx, "uio.dir=/dev");
	for (; r == 0 && settings && *settings; settings++)
		r = set(ctx, *settings);
	return r;
}

const char *rawpci_backend_setting(struct rawpci *ctx, const char *name)
{
	if (!ctx || !name)
		return NULL;
	if (strcmp(name, "vfio.dir") == 0)
		return ctx->vfio_dir;
	if (strcmp(name, "sysfs.dir") == 0)
		return ctx->sysfs_dir;
	if (strcmp(name, "uio.dir") == 0)
		return ctx->uio_dir;
	return NULL;
}
