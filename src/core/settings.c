/* SPDX-License-Identifier: MIT */
/*
 * Settings: what a program gives as "name=value" in its options. A setting is a row of the table
 * here, and its field in struct rawpci.
 */
#include "core/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "core/log.h"

#define FIELD(name) offsetof(struct rawpci, name)
#define NAMES_MAX 256

/* A value is any text, one of the words, or a number from 1 to most. */
struct row {
	const char *name, *initial;
	size_t text;   /* the field with the value: a char *, freed with the context */
	size_t number; /* the field, unsigned, with the number or the word's index; 0: none */
	unsigned most;
	const char *words[4];
};

_Static_assert(sizeof(enum rawpci_engine_kind) == sizeof(unsigned) && RAWPCI_ENGINE_AUTO == 0 &&
		       RAWPCI_ENGINE_URING == 1 && RAWPCI_ENGINE_EPOLL == 2,
	       "the words of irq.engine are in the order of the kinds");

static const struct row rows[] = {
	{ "driver.timeout_ms",
	  "10000",
	  FIELD(driver_timeout),
	  FIELD(driver_timeout_ms),
	  3600000,
	  { NULL } },
	/* Without effect: programs of an older version may set it. */
	{ "ids.file", "", FIELD(ids_file), 0, 0, { NULL } },
	{ "irq.engine",
	  "auto",
	  FIELD(irq_engine),
	  FIELD(engine_kind),
	  0,
	  { "auto", "uring", "epoll" } },
	{ "run.dir", "/run/rawpci", FIELD(run_dir), 0, 0, { NULL } },
	{ "sysfs.dir", "/sys", FIELD(sysfs_dir), 0, 0, { NULL } },
	{ "uio.dir", "/dev", FIELD(uio_dir), 0, 0, { NULL } },
	{ "vfio.dir", "/dev/vfio", FIELD(vfio_dir), 0, 0, { NULL } },
	{ "vfio.iommu", "/dev/iommu", FIELD(vfio_iommu), 0, 0, { NULL } },
	{ "vfio.noiommu", "no", FIELD(vfio_noiommu), 0, 0, { "no", "yes" } },
	{ "vfio.via", "auto", FIELD(vfio_via), 0, 0, { "auto", "cdev", "group" } },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static char **text_of(struct rawpci *ctx, const struct row *row)
{
	return (char **)((char *)ctx + row->text);
}

static const struct row *find(const char *name, size_t length)
{
	for (size_t i = 0; i < ROWS; i++)
		if (strncmp(rows[i].name, name, length) == 0 && rows[i].name[length] == '\0')
			return &rows[i];
	return NULL;
}

/* For lists such as "a, b or c": between goes before the item, but not before the first one. */
static void add_item(char *list, const char *between, const char *item, const char *mark)
{
	size_t used = strlen(list);

	(void)snprintf(list + used, NAMES_MAX - used, "%s%s%s", used > 0 ? between : "", item,
		       mark);
}

static int fail_unknown(struct rawpci *ctx, const char *setting)
{
	char all[NAMES_MAX] = "";

	for (size_t i = 0; i < ROWS; i++)
		add_item(all, i + 1 < ROWS ? ", " : " or ", rows[i].name, "=");
	return rawpci_fail(ctx, -EINVAL, "unknown setting \"%s\": use one of %s", setting, all);
}

static int find_word(struct rawpci *ctx, const struct row *row, const char *value, unsigned *index)
{
	char all[NAMES_MAX] = "";

	for (unsigned i = 0; row->words[i]; i++) {
		if (strcmp(row->words[i], value) == 0) {
			*index = i;
			return 0;
		}
		add_item(all, row->words[i + 1] ? ", " : " or ", row->words[i], "");
	}
	return rawpci_fail(ctx, -EINVAL, "setting %s=%s: use %s", row->name, value, all);
}

static int read_number(struct rawpci *ctx, const struct row *row, const char *value,
		       unsigned *number)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end != '\0' || n == 0 || n > row->most)
		return rawpci_fail(ctx, -EINVAL, "setting %s=%s: use 1 to %u", row->name, value,
				   row->most);
	*number = (unsigned)n;
	return 0;
}

static int set(struct rawpci *ctx, const struct row *row, const char *value)
{
	unsigned number = 0;
	char *copy;
	int r = 0;

	if (row->words[0])
		r = find_word(ctx, row, value, &number);
	else if (row->most > 0)
		r = read_number(ctx, row, value, &number);
	if (r < 0)
		return r;
	copy = strdup(value);
	if (!copy)
		return rawpci_fail(ctx, -ENOMEM, "no memory");
	free(*text_of(ctx, row));
	*text_of(ctx, row) = copy;
	if (row->number > 0)
		*(unsigned *)((char *)ctx + row->number) = number;
	return 0;
}

static int set_given(struct rawpci *ctx, const char *setting)
{
	const char *equals = strchr(setting, '=');
	const struct row *row = equals ? find(setting, (size_t)(equals - setting)) : NULL;

	return row ? set(ctx, row, equals + 1) : fail_unknown(ctx, setting);
}

int rawpci_settings_apply(struct rawpci *ctx, const char *const *settings)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ROWS; i++)
		r = set(ctx, &rows[i], rows[i].initial);
	for (; r == 0 && settings && *settings; settings++)
		r = set_given(ctx, *settings);
	return r;
}

void rawpci_settings_free(struct rawpci *ctx)
{
	for (size_t i = 0; i < ROWS; i++)
		free(*text_of(ctx, &rows[i]));
}

const char *rawpci_backend_setting(struct rawpci *ctx, const char *name)
{
	const struct row *row = ctx && name ? find(name, strlen(name)) : NULL;

	return row ? *text_of(ctx, row) : NULL;
}
