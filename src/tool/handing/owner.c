/* SPDX-License-Identifier: MIT */
/* A user and a group of the command line, by name or number. */
#include "owner.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#include <rawpci/handover.h>

#define LONGEST 255

static bool find_user(const char *name, uint32_t *uid)
{
	const struct passwd *user = getpwnam(name);
	uint64_t number;

	if (!user && !tool_number(name, false, RAWPCI_TAKE_NO_ID - 1, &number))
		return false;
	*uid = user ? user->pw_uid : (uint32_t)number;
	return true;
}

static bool find_group(const char *name, uint32_t *gid)
{
	const struct group *group = getgrnam(name);
	uint64_t number;

	if (!group && !tool_number(name, false, RAWPCI_TAKE_NO_ID - 1, &number))
		return false;
	*gid = group ? group->gr_gid : (uint32_t)number;
	return true;
}

int owner_read(const struct tool *tool, const char *text, struct owner *owner)
{
	struct owner found = { RAWPCI_TAKE_NO_ID, RAWPCI_TAKE_NO_ID };
	char user[LONGEST + 1];
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);

	if (length == 0 || length > LONGEST || (colon && colon[1] == '\0'))
		return tool_wrong(tool, "--user \"%.300s\": write --user USER or USER:GROUP", text);
	memcpy(user, text, length);
	user[length] = '\0';
	if (!find_user(user, &found.uid))
		return tool_wrong(tool, "--user %s: there is no such user", user);
	if (colon && !find_group(colon + 1, &found.gid))
		return tool_wrong(tool, "--user %s: there is no group \"%.300s\"", user, colon + 1);
	*owner = found;
	return TOOL_DONE;
}
