/* SPDX-License-Identifier: MIT */
/* A record as the text of its file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handover/record.h"

/* The kernel allows other names of drivers, too; these can be a part of a path and of a line. */
static bool good_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0)
		return true;
	if (length >= RAWPCI_SYSFS_NAME || name[0] == '.' || name[0] == ' ' ||
	    name[length - 1] == ' ')
		return false;
	for (; *name; name++)
		if (*name < ' ' || *name > '~' || *name == '/')
			return false;
	return true;
}

static int version_of(const struct rawpci_record *record)
{
	if (record->kept[0] != '\0' || record->nodes.n > 0)
		return 4;
	if (record->idle || (record->state.known && record->state.word_count > 0))
		return 3;
	return record->state.known ? 2 : 1;
}

static const char *const node_kinds[] = {
	[RAWPCI_NODE_GROUP] = "group",
	[RAWPCI_NODE_NOIOMMU] = "noiommu",
	[RAWPCI_NODE_CDEV] = "cdev",
	[RAWPCI_NODE_UIO] = "uio",
};

/* The lines that version 4 adds. */
static int format_kept(const struct rawpci_record *record, char *text, size_t size)
{
	int n = snprintf(text, size, "kept %s\n", record->kept);

	for (unsigned i = 0; i < record->nodes.n && n < (int)size; i++) {
		const struct rawpci_node *node = &record->nodes.each[i];
		const struct rawpci_node_owner *a = &node->before, *b = &node->meanwhile;

		n += snprintf(text + n, size - (size_t)n, "node %s %u %u:%u:%o %u:%u:%o\n",
			      node_kinds[node->kind], node->number, a->uid, a->gid, a->mode, b->uid,
			      b->gid, b->mode);
	}
	return n;
}

/* The lines that version 3 adds. */
static int format_words(const struct rawpci_record *record, char *text, size_t size)
{
	const struct rawpci_state *state = &record->state;
	int n = snprintf(text, size, "idle %s\nwords", record->idle ? "yes" : "no");

	for (unsigned i = 0; i < state->word_count && n < (int)size; i++)
		n += snprintf(text + n, size - (size_t)n, " %03x=%04x", state->words[i].at,
			      state->words[i].value);
	if (n < (int)size)
		n += snprintf(text + n, size - (size_t)n, "\n");
	return n;
}

/* The text before the last line. Returns its length, or the length it would have. */
static int format_body(const char *name, const struct rawpci_record *record,
		       char text[RAWPCI_RECORD_BYTES])
{
	const struct rawpci_driver_hold *hold = &record->hold;
	const struct rawpci_state *state = &record->state;
	const int version = version_of(record);
	int n = snprintf(text, RAWPCI_RECORD_BYTES,
			 "rawpci %d\ndevice %s %04x:%04x\ndriver %s\noverride %s\ntaken-by %s\n",
			 version, name, record->vendor, record->device, hold->driver,
			 hold->override, hold->taken_by);

	if (version == 4 && n >= 0 && n < RAWPCI_RECORD_BYTES)
		n += format_kept(record, text + n, RAWPCI_RECORD_BYTES - (size_t)n);
	if (version >= 3 && n >= 0 && n < RAWPCI_RECORD_BYTES)
		n += format_words(record, text + n, RAWPCI_RECORD_BYTES - (size_t)n);
	if (!state->known || n < 0 || n >= RAWPCI_RECORD_BYTES)
		return n;
	n += snprintf(text + n, RAWPCI_RECORD_BYTES - (size_t)n,
		      "bare %s\nboot %s\nenable %u\nheader", state->bare ? "yes" : "no",
		      state->boot, state->enables);
	for (int i = 0; i < RAWPCI_STATE_DWORDS && n < RAWPCI_RECORD_BYTES; i++)
		n += snprintf(text + n, RAWPCI_RECORD_BYTES - (size_t)n, " %08x", state->header[i]);
	if (n < RAWPCI_RECORD_BYTES)
		n += snprintf(text + n, RAWPCI_RECORD_BYTES - (size_t)n, "\n");
	return n;
}

int rawpci_record_format(const char *name, const struct rawpci_record *record,
			 char text[RAWPCI_RECORD_BYTES])
{
	const struct rawpci_driver_hold *hold = &record->hold;
	int n;

	if (!good_name(hold->driver) || !good_name(hold->override) || !good_name(hold->taken_by) ||
	    !good_name(record->state.boot) || !good_name(record->kept))
		return -EINVAL;
	n = format_body(name, record, text);
	if (n >= 0 && n < RAWPCI_RECORD_BYTES)
		n += snprintf(text + n, RAWPCI_RECORD_BYTES - (size_t)n, "end\n");
	return n < 0 || n >= RAWPCI_RECORD_BYTES ? -ENAMETOOLONG : n;
}

/* The value in "<key> <value>\n"; *at moves on to the next line. */
static bool take_line(const char **at, const char *key, char value[RAWPCI_SYSFS_NAME])
{
	size_t length = strlen(key);
	const char *end = strchr(*at, '\n');

	if (!end || strncmp(*at, key, length) != 0 || (*at)[length] != ' ')
		return false;
	*at += length + 1;
	length = (size_t)(end - *at);
	if (end < *at || length >= RAWPCI_SYSFS_NAME)
		return false;
	memcpy(value, *at, length);
	value[length] = '\0';
	*at = end + 1;
	return true;
}

static bool take_id(const char *text, char after, uint16_t *id)
{
	char *end;
	unsigned long value = strtoul(text, &end, 16);

	*id = (uint16_t)value;
	return end == text + 4 && *end == after;
}

/* The lines that version 3 adds. The caller finds out what is wrong in them. */
static bool take_words(const char **at, struct rawpci_record *record)
{
	struct rawpci_state *state = &record->state;
	char idle[RAWPCI_SYSFS_NAME];
	char *end;

	if (!take_line(at, "idle", idle) || strncmp(*at, "words", 5) != 0)
		return false;
	record->idle = strcmp(idle, "yes") == 0;
	*at += 5;
	for (; **at == ' ' && state->word_count < RAWPCI_STATE_WORDS; state->word_count++) {
		state->words[state->word_count].at = (uint16_t)strtoul(*at, &end, 16);
		if (*end != '=' || (state->words[state->word_count].at & 0xf001))
			return false;
		state->words[state->word_count].value = (uint16_t)strtoul(end + 1, &end, 16);
		*at = end;
	}
	return *(*at)++ == '\n';
}

static bool take_boot(const char **at, const char *key, char boot[RAWPCI_BOOT_TEXT])
{
	char value[RAWPCI_SYSFS_NAME];

	if (!take_line(at, key, value) || strlen(value) >= RAWPCI_BOOT_TEXT)
		return false;
	memcpy(boot, value, strlen(value) + 1);
	return true;
}

/* The lines that version 2 adds. The caller finds out what is wrong in them. */
static bool take_state(const char *at, struct rawpci_state *state)
{
	char bare[RAWPCI_SYSFS_NAME], enables[RAWPCI_SYSFS_NAME];
	char *end;

	if (!take_line(&at, "bare", bare) || !take_boot(&at, "boot", state->boot) ||
	    !take_line(&at, "enable", enables) || strncmp(at, "header ", 7) != 0)
		return false;
	state->known = true;
	state->bare = strcmp(bare, "yes") == 0;
	state->enables = (unsigned)strtoul(enables, NULL, 10);
	at += 6;
	for (int i = 0; i < RAWPCI_STATE_DWORDS; i++, at = end)
		state->header[i] = (uint32_t)strtoul(at, &end, 16);
	return true;
}

static bool take_node(const char **at, struct rawpci_node *node)
{
	struct rawpci_node_owner *a = &node->before, *b = &node->meanwhile;
	const char *end = strchr(*at, '\n');
	char kind[8];
	unsigned i = 0;

	if (!end || sscanf(*at, "node %7s %u %u:%u:%o %u:%u:%o", kind, &node->number, &a->uid,
			   &a->gid, &a->mode, &b->uid, &b->gid, &b->mode) != 8)
		return false;
	while (i <= RAWPCI_NODE_UIO && strcmp(kind, node_kinds[i]) != 0)
		i++;
	node->kind = (enum rawpci_node_kind)i;
	*at = end + 1;
	return i <= RAWPCI_NODE_UIO;
}

/* The lines that version 4 adds. The caller finds out what is wrong in them. */
static bool take_kept(const char **at, struct rawpci_record *record)
{
	struct rawpci_nodes *nodes = &record->nodes;

	if (!take_boot(at, "kept", record->kept))
		return false;
	for (; nodes->n < RAWPCI_NODES && strncmp(*at, "node ", 5) == 0; nodes->n++)
		if (!take_node(at, &nodes->each[nodes->n]))
			return false;
	return true;
}

/* The text is right if formatting what was understood gives the same bytes. */
int rawpci_record_parse(const char *name, const char *text, struct rawpci_record *record)
{
	char version[RAWPCI_SYSFS_NAME], device[RAWPCI_SYSFS_NAME], again[RAWPCI_RECORD_BYTES];
	struct rawpci_record found = { .hold = { .held = true } };
	const char *at = text;
	const char *ids;

	if (!take_line(&at, "rawpci", version) || !take_line(&at, "device", device) ||
	    !take_line(&at, "driver", found.hold.driver) ||
	    !take_line(&at, "override", found.hold.override) ||
	    !take_line(&at, "taken-by", found.hold.taken_by))
		return -EBADMSG;
	if (strcmp(version, "4") == 0 && !take_kept(&at, &found))
		return -EBADMSG;
	if (version[0] >= '3' && !take_words(&at, &found))
		return -EBADMSG;
	if (version[0] >= '2' && (version[0] == '2' || strcmp(at, "end\n") != 0) &&
	    !take_state(at, &found.state))
		return -EBADMSG;
	ids = strchr(device, ' ');
	if (!ids || !take_id(ids + 1, ':', &found.vendor) || !take_id(ids + 6, '\0', &found.device))
		return -EBADMSG;
	if (rawpci_record_format(name, &found, again) < 0 || strcmp(text, again) != 0)
		return -EBADMSG;
	*record = found;
	return 0;
}
