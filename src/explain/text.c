/* SPDX-License-Identifier: MIT */
/* Writes a diagnosis in words. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/irq.h>

#include "explain/explain.h"

/* It grows. After an allocation has failed, nothing more is added. */
struct text {
	char *at;
	size_t length, room;
	bool failed;
};

static RAWPCI_PRINTF(2, 3) void add(struct text *text, const char *format, ...)
{
	char line[2048];
	va_list arguments;
	size_t n;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	n = strlen(line);
	if (text->length + n + 1 > text->room) {
		size_t room = (text->length + n + 1) * 2;
		char *more = text->failed ? NULL : realloc(text->at, room);

		if (!more) {
			text->failed = true;
			return;
		}
		text->at = more;
		text->room = room;
	}
	memcpy(text->at + text->length, line, n + 1);
	text->length += n;
}

static void add_reason(struct text *text, const struct rawpci_finding *finding)
{
	add(text, "%s%s%s", finding->cause, finding->remedy[0] ? ": " : "", finding->remedy);
}

/* How many more findings block the same backend as the first one. */
static unsigned count_others(const struct rawpci_finding *first)
{
	unsigned n = 0;

	for (const struct rawpci_finding *f = first->next; f && f->blocks; f = f->next)
		if (strcmp(f->backend, first->backend) == 0 || f->backend[0] == '\0')
			n++;
	return n;
}

static const struct rawpci_finding *first_advice(const struct rawpci_explanation *e,
						 const struct rawpci_way *way)
{
	const struct rawpci_finding *f;

	for (f = e->findings; f; f = f->next)
		if (!f->blocks && (f->backend[0] == '\0' || strcmp(f->backend, way->backend) == 0))
			return f;
	return NULL;
}

static const char *limits_of(const struct rawpci_way *way)
{
	if (way->interrupts && way->dma)
		return "";
	if (way->interrupts)
		return " without DMA";
	return way->dma ? " without interrupts" : " without interrupts and DMA";
}

/* Returns the finding that it is about. NULL: none. */
static const struct rawpci_finding *add_headline(struct text *text,
						 const struct rawpci_explanation *e)
{
	const struct rawpci_way *way = e->ways;
	const struct rawpci_finding *f;

	while (way && !way->works)
		way = way->next;
	if (way && way == e->ways) {
		f = first_advice(e, way);
		if (!f) {
			add(text, "nothing stands in the way, %s can open it now", way->backend);
			return NULL;
		}
		add(text, "%s can open it now, but ", way->backend);
		add_reason(text, f);
		return f;
	}
	f = e->findings;
	if (!f || !f->blocks) {
		add(text, "there is no backend to open it with");
		return NULL;
	}
	add_reason(text, f);
	if (count_others(f) > 0)
		add(text, " (and %u more in the way, see below)", count_others(f));
	if (way && e->openable)
		add(text, "; as it is, only %s can open it,%s", way->backend, limits_of(way));
	else if (way)
		add(text, "; %s can open it as it is, if it is chosen by name,%s", way->backend,
		    limits_of(way));
	return f;
}

static void add_region(struct text *text, unsigned index, const struct rawpci_host_region *region)
{
	uint64_t size = region->size;
	const char *unit = "bytes";

	if (size == 0)
		return;
	if (size % (1u << 20) == 0) {
		size >>= 20;
		unit = "MiB";
	} else if (size % 1024 == 0) {
		size >>= 10;
		unit = "KiB";
	}
	if (index == RAWPCI_REGION_ROM)
		add(text, "  ROM         ");
	else
		add(text, "  BAR %u       ", index);
	add(text, "%s at %#llx, %llu %s%s%s\n",
	    region->flags & RAWPCI_REGION_IO ? "ports" : "memory",
	    (unsigned long long)region->address, (unsigned long long)size, unit,
	    region->flags & RAWPCI_REGION_64BIT ? ", 64-bit" : "",
	    region->flags & RAWPCI_REGION_PREFETCH ? ", prefetchable" : "");
}

static void add_abilities(struct text *text, const struct rawpci_host_device *d)
{
	static const struct {
		unsigned method;
		const char *name;
	} resets[] = {
		{ RAWPCI_RESET_DEVICE_SPECIFIC, "device-specific" },
		{ RAWPCI_RESET_ACPI, "acpi" },
		{ RAWPCI_RESET_FLR, "flr" },
		{ RAWPCI_RESET_AF_FLR, "af-flr" },
		{ RAWPCI_RESET_PM, "pm" },
		{ RAWPCI_RESET_BUS, "bus" },
		{ RAWPCI_RESET_CXL_BUS, "cxl-bus" },
	};

	add(text, "  interrupts  %u INTx", d->irq_count[RAWPCI_IRQ_INTX]);
	if (d->capabilities_known)
		add(text, ", %u MSI, %u MSI-X\n", d->irq_count[RAWPCI_IRQ_MSI],
		    d->irq_count[RAWPCI_IRQ_MSIX]);
	else
		add(text, "; MSI and MSI-X unknown: %s\n",
		    strcmp(d->power, "D3cold") == 0 ? "it sleeps in D3cold"
						    : "only CAP_SYS_ADMIN sees capabilities");
	add(text, "  resets     ");
	for (size_t i = 0; i < sizeof(resets) / sizeof(resets[0]); i++)
		if (d->reset_methods & resets[i].method)
			add(text, " %s", resets[i].name);
	add(text, "%s\n", d->reset_methods == 0 ? " none known" : "");
	if (d->power[0] != '\0')
		add(text, "  power       %s\n", d->power);
	if (d->total_vfs > 0)
		add(text, "  SR-IOV      %u of %u virtual functions enabled\n", d->vfs,
		    d->total_vfs);
}

static void add_device(struct text *text, const struct rawpci_host_device *d)
{
	add(text, "  device      %04x:%04x%s\n", d->vendor_id, d->device_id,
	    d->virtual_function ? ", a virtual function" : "");
	add(text, "  class       %06x\n", d->class_code);
	add(text, "  driver      %s\n", d->driver[0] ? d->driver : "none");
	if (d->iommu_group >= 0)
		add(text, "  IOMMU group %lld%s%s\n", (long long)d->iommu_group,
		    d->iommu_type[0] ? ", type " : "", d->iommu_type);
	else
		add(text, "  IOMMU group none\n");
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++)
		add_region(text, i, &d->regions[i]);
	add_abilities(text, d);
}

/* The finding that a way's reason has the words of, or one that stops every way, or NULL. */
static const struct rawpci_finding *reason_of(const struct rawpci_finding *first,
					      const struct rawpci_way *way)
{
	const struct rawpci_finding *f;

	for (f = first; f; f = f->next)
		if ((f->backend[0] == '\0' || strcmp(f->backend, way->backend) == 0) &&
		    strncmp(way->reason, f->cause, strlen(f->cause)) == 0)
			return f;
	for (f = first; f && !(f->blocks && f->backend[0] == '\0');)
		f = f->next;
	return f;
}

/* A reason that is a finding follows below, or is the headline. */
static void add_ways(struct text *text, const struct rawpci_explanation *e)
{
	const struct rawpci_finding *why;

	for (const struct rawpci_way *way = e->ways; way; way = way->next) {
		add(text, "  %-11s ", way->backend);
		why = reason_of(e->findings, way);
		if (way->works)
			add(text, "can open it now%s%s\n", limits_of(way)[0] ? "," : "",
			    limits_of(way));
		else if (why)
			add(text, "cannot open it now (%s)\n", rawpci_obstacle_name(why->obstacle));
		else
			add(text, "cannot open it now: %s\n", way->reason);
	}
}

static void add_commands(struct text *text, const char *commands)
{
	const char *line = commands, *end;

	for (; *line != '\0'; line = *end ? end + 1 : end) {
		end = strchr(line, '\n');
		if (!end)
			end = line + strlen(line);
		add(text, "      # %.*s\n", (int)(end - line), line);
	}
}

static bool has_same_cause(const struct rawpci_finding *f, const struct rawpci_finding *other)
{
	return strcmp(f->cause, other->cause) == 0;
}

static bool has_same_remedy(const struct rawpci_finding *f, const struct rawpci_finding *other)
{
	return has_same_cause(f, other) && strcmp(f->remedy, other->remedy) == 0;
}

static bool has_same_commands(const struct rawpci_finding *f, const struct rawpci_finding *other)
{
	return has_same_cause(f, other) && strcmp(f->commands, other->commands) == 0;
}

/* Is there a finding before f that is the same? */
static bool is_before(const struct rawpci_finding *at, const struct rawpci_finding *f,
		      bool (*same)(const struct rawpci_finding *, const struct rawpci_finding *))
{
	while (at != f && !same(f, at))
		at = at->next;
	return at != f;
}

/* "vfio, uio: ", the backends that have this cause in their way. All: "". */
static void add_backends(struct text *text, const struct rawpci_finding *first)
{
	const char *before = "";

	if (first->backend[0] == '\0')
		return;
	for (const struct rawpci_finding *f = first; f; f = f->next) {
		if (!has_same_cause(f, first))
			continue;
		add(text, "%s%s", before, f->backend);
		before = ", ";
	}
	add(text, ": ");
}

/* A line before the commands of a finding: for which backend they are, and what else helps. */
static void add_what_helps(struct text *text, const struct rawpci_finding *f, const char *remedy)
{
	if (remedy[0] == '\0' && (f->commands[0] == '\0' || f->backend[0] == '\0'))
		return;
	add(text, "      ");
	if (f->backend[0] != '\0')
		add(text, "with %s:%s", f->backend, remedy[0] ? " " : "");
	add(text, "%s\n", remedy);
}

/* A cause, its remedies, and the commands: each once. said: what the headline is about. */
static void add_cause(struct text *text, const struct rawpci_finding *first,
		      const struct rawpci_finding *said)
{
	const struct rawpci_finding *f;
	bool above = said && has_same_cause(first, said);

	add(text, "  - ");
	add_backends(text, first);
	if (above)
		add(text, "the first line says it");
	else
		add_reason(text, first);
	add(text, "\n");
	for (f = first; f; f = f->next) {
		const char *remedy = above && has_same_remedy(f, said) ? "" : f->remedy;

		if (!has_same_cause(f, first))
			continue;
		if ((above || f != first) && !is_before(first, f, has_same_remedy))
			add_what_helps(text, f, remedy);
		if (!is_before(first, f, has_same_commands))
			add_commands(text, f->commands);
	}
}

/* Has the headline said all of it? */
static bool is_told(const struct rawpci_finding *f, const struct rawpci_finding *said)
{
	return f == said && f->backend[0] == '\0' && f->commands[0] == '\0';
}

static void add_findings(struct text *text, const struct rawpci_finding *first,
			 const struct rawpci_finding *said)
{
	bool begun = false;

	for (const struct rawpci_finding *f = first; f; f = f->next) {
		if (is_told(f, said) || is_before(first, f, has_same_cause))
			continue;
		if (!begun)
			add(text, "found:\n");
		begun = true;
		add_cause(text, f, said);
	}
}

int rawpci_explain_text(struct rawpci_explanation *e)
{
	struct text text = { NULL, 0, 0, false };
	const struct rawpci_finding *said;
	char name[RAWPCI_ADDRESS_TEXT];

	add(&text, "%s: ", rawpci_address_format(&e->address, name));
	said = add_headline(&text, e);
	add(&text, "\n");
	if (e->device)
		add_device(&text, e->device);
	add_ways(&text, e);
	add_findings(&text, e->findings, said);
	if (text.failed) {
		free(text.at);
		return -ENOMEM;
	}
	e->text = text.at;
	return 0;
}
