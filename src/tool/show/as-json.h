/* SPDX-License-Identifier: MIT */
/*
 * The library's structures in JSON. A member has the name of its field. Ids and the class are as
 * lspci -n prints them, without 0x; bus addresses are "0x..." strings, because a program that reads
 * JSON may keep numbers as doubles.
 */
#ifndef RAWPCI_TOOL_AS_JSON_H
#define RAWPCI_TOOL_AS_JSON_H

#include <rawpci/enumerate.h>
#include <rawpci/explain.h>

#include "output.h"

void json_address(struct json *json, const char *name, const struct rawpci_address *address);

/* The members of an object. */
void json_host_device(struct json *json, const struct rawpci_host_device *device);

/* A sentence of the library, as words_of() makes it. NULL or "": null. */
void json_words(struct json *json, const char *name, const char *text, const char *address);

/* An array. address: the device's. */
void json_ways(struct json *json, const char *address, const struct rawpci_way *ways);
void json_findings(struct json *json, const char *address, const struct rawpci_finding *findings);

#endif
