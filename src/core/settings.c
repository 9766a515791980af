/* SPDX-License-Identifier: MIT */
#include "core/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "core/log.h"

#define MAX_TIMEOUT_MS 3600000

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

static int set_timeout(struct rawpci *ctx, const char *value)
{
	char *end;
	unsigned long ms = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end != '\0' || ms == 0 || ms > MAX_TIMEOUT_MS)
		return rawpci_fail(ctx, -EINVAL, "setting driver.timeout_ms=%s: use 1 to %d", value,
				   MAX_TIMEOUT_MS);
	ctx->driver_timeout_ms = (unsigned)ms;
	(void)snprintf(ctx->driver_timeout, sizeof(ctx->driver_timeout), "%lu", ms);
	return 0;
}

/* One of a few words. */
static int set_word(struct rawpci *ctx, const char **word, const char *setting,
		    const char *const *words)
{
	const char *value = strchr(setting, '=') + 1;
	char all[64] = "";

	for (; *words; words++) {
		if (strcmp(*words, value) == 0) {
			*word = *words;
			return 0;
		}
		(void)strncat(all, all[0] ? ", " : "", sizeof(all) - strlen(all) - 1);
		(void)strncat(all, *words, sizeof(all) - strlen(all) - 1);
	}
	return rawpci_fail(ctx, -EINVAL, "setting %s: no such value: there are %s", setting, all);
}

static int set(struct rawpci *ctx, const char *setting)
{
	static const char *const vias[] = { "auto", "cdev", "group", NULL };
	static const char *const answers[] = { "no", "yes", NULL };

	if (strncmp(setting, "irq.engine=", 11) == 0)
		return set_engine(ctx, setting + 11);
	if (strncmp(setting, "vfio.dir=", 9) == 0)
		return set_path(ctx, &ctx->vfio_dir, setting + 9);
	if (strncmp(setting, "sysfs.dir=", 10) == 0)
		return set_path(ctx, &ctx->sysfs_dir, setting + 10);
	if (strncmp(setting, "vfio.iommu=", 11) == 0)
		return set_path(ctx, &ctx->vfio_iommu, setting + 11);
	if (strncmp(setting, "vfio.via=", 9) == 0)
		return set_word(ctx, &ctx->vfio_via, setting, vias);
	if (strncmp(setting, "vfio.noiommu=", 13) == 0)
		return set_word(ctx, &ctx->vfio_noiommu, setting, answers);
	if (strncmp(setting, "uio.dir=", 8) == 0)
		return set_path(ctx, &ctx->uio_dir, setting + 8);
	if (strncmp(setting, "run.dir=", 8) == 0)
		return set_path(ctx, &ctx->run_dir, setting + 8);
	if (strncmp(setting, "driver.timeout_ms=", 18) == 0)
		return set_timeout(ctx, setting + 18);
	if (strncmp(setting, "ids.file=", 9) == 0)
		return set_path(ctx, &ctx->ids_file, setting + 9);
	return rawpci_fail(ctx, -EINVAL, "unknown setting \"%s\": there are driver.timeout_ms=, "
			   "ids.file=, irq.engine=, run.dir=, sysfs.dir=, uio.dir=, vfio.dir=, "
			   "vfio.iommu=, vfio.noiommu= and vfio.via=", setting);
}

int rawpci_settings_apply(struct rawpci *ctx, const char *const *settings)
{
	static const char *const defaults[] = {
		"driver.timeout_ms=10000", "ids.file=", "run.dir=/run/rawpci", "sysfs.dir=/sys",
		"uio.dir=/dev", "vfio.dir=/dev/vfio", "vfio.iommu=/dev/iommu", "vfio.noiommu=no",
		"vfio.via=auto", NULL,
	};
	int r = 0;

	for (const char *const *s = defaults; r == 0 && *s; s++)
		r = set(ctx, *s);
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
	if (strcmp(name, "vfio.iommu") == 0)
		return ctx->vfio_iommu;
	if (strcmp(name, "vfio.noiommu") == 0)
		return ctx->vfio_noiommu;
	if (strcmp(name, "vfio.via") == 0)
		return ctx->vfio_via;
	if (strcmp(name, "sysfs.dir") == 0)
		return ctx->sysfs_dir;
	if (strcmp(name, "driver.timeout_ms") == 0)
		return ctx->driver_timeout;
	if (strcmp(name, "ids.file") == 0)
		return ctx->ids_file;
	if (strcmp(name, "uio.dir") == 0)
		return ctx->uio_dir;
	return NULL;
}
