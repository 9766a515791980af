/* SPDX-License-Identifier: MIT */
/* The library's sentences name its flags and calls; a person at a shell has options and commands. */
#ifndef RAWPCI_TOOL_WORDS_H
#define RAWPCI_TOOL_WORDS_H

/* Returns the text in the command's own words, to be freed; NULL: no memory. address: the device
 * that another command is named for; NULL: the text is about an option of this one. */
char *words_of(const char *text, const char *address);

#endif
