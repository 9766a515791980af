/* SPDX-License-Identifier: MIT */
/*
 * What config, mmio and irq share: arguments that name a register, BARs, and an opened device.
 *
 * Functions that return an exit status return -1 to go on, as those of tool.h do.
 */
#ifndef RAWPCI_TOOL_REGISTERS_H
#define RAWPCI_TOOL_REGISTERS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/context.h>
#include <rawpci/device.h>

#include "../show/output.h"
#include "../tool.h"

/* names.c: the names that setpci knows. */

/* The kinds of headers that have a register: bit N for header type N. */
enum register_headers { HEADER_DEVICE = 1, HEADER_BRIDGE = 2, HEADER_CARDBUS = 4, HEADER_ALL = 7 };

struct register_name {
	const char *name;
	uint16_t at;   /* offset; of a capability its id */
	uint8_t width; /* bytes. 0: the name of a capability */
	/* Flags of enum register_headers. Of a capability: it is an extended one if they are not 0. */
	uint8_t headers;
};

/* Finds a name, in upper or lower case. NULL: there is none. */
const struct register_name *register_name_find(const char *name);

/* Prints all of them, a line each. */
void register_names_print(void);

/* field.c: arguments of the form PLACE[.WIDTH][=VALUE[:MASK],...]. */

enum field_base { FIELD_AT, FIELD_CAPABILITY, FIELD_EXTENDED };

#define FIELD_TEXT 64

struct field {
	char text[FIELD_TEXT]; /* the argument without its values; plain characters only */
	enum field_base base;
	uint8_t headers;    /* FIELD_AT: flags of enum register_headers */
	uint16_t id;        /* of the capability */
	unsigned index;     /* which one of those with the same id; 0: the first */
	uint64_t offset;    /* from the base */
	unsigned width;     /* bytes */
	const char *values; /* checked text. NULL: the register is read */
	unsigned count;     /* how many values; they go to neighbouring registers */
};

/* What a field may be. */
struct field_kind {
	const char *widths; /* letters of "BWLQ" */
	char width;         /* the letter if the argument has none. 0: it must have one */
	bool config;        /* names, capabilities and +OFFSET are known */
	uint64_t last;      /* the last offset */
};

/* Reads an argument and checks all that needs no device. May leave the alignment to the caller. */
int field_parse(const struct tool *tool, const char *text, const struct field_kind *kind,
		struct field *out);

/* Is the offset a multiple of the width? */
int field_aligned(const struct tool *tool, const struct field *field);

/* Takes the next value from the text. mask: the bits to change. False: there is none any more. */
bool field_next(const char **text, unsigned width, uint64_t *value, uint64_t *mask);

/* Does the mask leave bits alone, so that the register has to be read first? */
bool field_masked(unsigned width, uint64_t mask);

/* Prints a value with as many digits as its width has. */
void field_print(unsigned width, uint64_t value);

/* Prints what was read as an object of JSON. */
void field_print_json(struct json *json, const struct field *field, uint64_t offset,
		      uint64_t value);

/* opened.c */

/* A device opened for one command. SIGHUP, SIGINT, SIGQUIT and SIGTERM wait until it is closed. */
struct opened {
	struct rawpci *ctx;
	struct rawpci_device *dev;
	sigset_t held, before;
};

/* Opens the device in a new context. */
int opened_open(struct tool *tool, enum rawpci_irq_mode mode, const char *address, unsigned flags,
		struct opened *out);

/* Opens the device in ctx, which then belongs to the opened device, also if that fails. */
int opened_open_in(const struct tool *tool, struct rawpci *ctx, const char *address, unsigned flags,
		   struct opened *out);

/* Closes the device. Signals that have come meanwhile end the process. Returns status, or what
 * has failed if that was TOOL_DONE. */
int opened_close(const struct tool *tool, struct opened *opened, int status);

/* Letters of the options for opening; a subcommand has them among its own. */
enum { OPENED_DETACH = 1, OPENED_INSIST, OPENED_LETTERS };

/* The text of help for --detach and --insist. */
#define OPENED_HELP                                                                                \
	"  --detach          take the device from its host driver until the end\n"                 \
	"  --insist          also if the host uses the device\n"

/* Checks the address, and writes it in its full form; full has RAWPCI_ADDRESS_TEXT bytes. */
int opened_address(const struct tool *tool, const char *text, char *full);

/* bar.c */

/* A register of a BAR. */
struct bar_field {
	unsigned bar; /* 6: the ROM */
	struct field field;
};

/* Reads "0" to "5" or "rom". */
int bar_parse(const struct tool *tool, const char *text, unsigned *bar);

/* Reads OFFSET[.WIDTH][=VALUE]. */
int bar_field_parse(const struct tool *tool, const char *text, struct bar_field *out);

/* Reads BAR:OFFSET[.WIDTH]=VALUE. option: for messages. */
int bar_write_parse(const struct tool *tool, const char *option, const char *text,
		    struct bar_field *out);

/* Do the registers fit the BARs of the host's device? It is not opened for that. A device that the
 * host does not show passes. */
int bar_check_host(const struct tool *tool, struct rawpci *ctx, const char *address,
		   const struct bar_field *fields, unsigned n);

/* Do the registers fit the BARs of the opened device? */
int bar_check(const struct tool *tool, struct rawpci_device *dev, const struct bar_field *fields,
	      unsigned n);

/* One access of that width. Returns what the library returns. */
int bar_read(struct rawpci_device *dev, unsigned bar, uint64_t offset, unsigned width,
	     uint64_t *value);
int bar_write(struct rawpci_device *dev, unsigned bar, uint64_t offset, unsigned width,
	      uint64_t value);

/* Writes all values of a field. Returns what the library returns. */
int bar_field_write(struct rawpci_device *dev, const struct bar_field *field);

#endif
