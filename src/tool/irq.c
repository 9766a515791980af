/* SPDX-License-Identifier: MIT */
/* rawpci irq: count a device's interrupts, live. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "interrupts/irq.h"

enum { INTERVAL = OPENED_LETTERS, COUNT, WRITE, ANSWER };

#define SECOND_NS 1000000000U
#define MOST_SECONDS 86400.0
#define FEWEST_SECONDS 0.01
#define MOST_COUNT 1000000000U

/* Digits, with a point or without, and nothing else. */
static bool parse_seconds(const char *text, uint64_t *ns)
{
	char *end;
	double seconds;

	if (!isdigit((unsigned char)text[0]) || text[strspn(text, "0123456789.")] != '\0')
		return false;
	seconds = strtod(text, &end);
	*ns = (uint64_t)(seconds * SECOND_NS);
	return *end == '\0' && seconds >= FEWEST_SECONDS && seconds <= MOST_SECONDS;
}

static int take_write(const struct tool *tool, const char *option, const char *value,
		      struct bar_field *writes, unsigned *count)
{
	int r;

	if (*count == IRQ_WRITES)
		return tool_wrong(tool, "%s %s: at most %d of them", option, value, IRQ_WRITES);
	r = bar_write_parse(tool, option, value, &writes[*count]);
	if (r >= 0)
		return r;
	++*count;
	return TOOL_DONE;
}

static int take(struct tool *tool, void *opaque, int letter, const char *value)
{
	struct irq *irq = opaque;

	switch (letter) {
	case OPENED_DETACH:
		irq->flags |= RAWPCI_OPEN_DETACH_HOST_DRIVER;
		return TOOL_DONE;
	case OPENED_INSIST:
		irq->flags |= RAWPCI_OPEN_INSIST;
		return TOOL_DONE;
	case INTERVAL:
		if (parse_seconds(value, &irq->interval_ns))
			return TOOL_DONE;
		return tool_wrong(tool, "--interval %s: write seconds from 0.01 to 86400", value);
	case COUNT:
		if (tool_number(value, false, MOST_COUNT, &irq->intervals) && irq->intervals > 0)
			return TOOL_DONE;
		return tool_wrong(tool, "--count %s: write a number from 1 to %u", value,
				  MOST_COUNT);
	case WRITE:
		return take_write(tool, "--write", value, irq->writes, &irq->write_count);
	default:
		return take_write(tool, "--answer", value, irq->answers, &irq->answer_count);
	}
}

/* Enables the vectors of the opened device and counts. The device is closed by the caller. */
static int count(struct irq *irq)
{
	int r = bar_check(irq->tool, irq->opened.dev, irq->writes, irq->write_count);

	if (r < 0)
		r = bar_check(irq->tool, irq->opened.dev, irq->answers, irq->answer_count);
	if (r >= 0)
		return r;
	r = rawpci_device_power(irq->opened.dev, RAWPCI_POWER_ON);
	if (r < 0)
		return tool_library_failed(irq->tool, r);
	irq->poll = epoll_create1(EPOLL_CLOEXEC);
	if (irq->poll < 0)
		return tool_failed(irq->tool, "no descriptor: %s", strerror(errno));
	r = irq_vectors_enable(irq);
	return r >= 0 ? r : irq_wait(irq);
}

static int open_and_count(struct tool *tool, struct irq *irq)
{
	struct rawpci *ctx;
	int r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);

	if (r >= 0)
		return r;
	r = bar_check_host(tool, ctx, irq->address, irq->writes, irq->write_count);
	if (r < 0)
		r = bar_check_host(tool, ctx, irq->address, irq->answers, irq->answer_count);
	if (r >= 0) {
		(void)rawpci_destroy(ctx);
		return r;
	}
	r = opened_open_in(tool, ctx, irq->address, irq->flags, &irq->opened);
	if (r >= 0)
		return r;
	r = opened_close(tool, &irq->opened, count(irq));
	irq_vectors_finish(irq);
	return r;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct irq irq = { .tool = tool, .interval_ns = SECOND_NS };
	int operands, r = tool_options(tool, argc, argv, take, &irq, &operands);

	if (r >= 0)
		return r;
	if (argc == operands)
		return tool_wrong(tool, "an address is missing: write rawpci irq [OPTION]... "
					"ADDRESS");
	if (argc - operands > 1)
		return tool_wrong(tool, "\"%s\" is too much: write rawpci irq [OPTION]... ADDRESS",
				  argv[operands + 1]);
	r = opened_address(tool, argv[operands], irq.address);
	return r >= 0 ? r : open_and_count(tool, &irq);
}

static const struct option options[] = {
	{ "detach", no_argument, NULL, OPENED_DETACH },
	{ "insist", no_argument, NULL, OPENED_INSIST },
	{ "interval", required_argument, NULL, INTERVAL },
	{ "count", required_argument, NULL, COUNT },
	{ "write", required_argument, NULL, WRITE },
	{ "answer", required_argument, NULL, ANSWER },
	{ 0 },
};

const struct subcommand tool_irq = {
	.name = "irq",
	.line = "count a device's interrupts, live",
	.help = "usage: rawpci irq [OPTION]... ADDRESS\n"
		"Opens the device, enables the vectors of MSI-X, else MSI, else INTx, and counts\n"
		"interrupts until Ctrl-C or SIGTERM, which end it with a summary and status 0.\n"
		"  --interval SECONDS  how often it prints a line, or its table anew; default 1\n"
		"  --count N           end by itself after N intervals\n"
		"  --write BAR:OFFSET[.WIDTH]=VALUE\n"
		"                    written once the vectors are enabled; up to 16, as for mmio\n"
		"  --answer BAR:OFFSET[.WIDTH]=VALUE\n"
		"                    written after interrupts, to tell the device that they came.\n"
		"                    A line (INTx) that no answer lowers is counted again and\n"
		"                    again, up to a thousand times a second\n" OPENED_HELP
		"With --json it prints the summary alone.\n",
	.options = options,
	.run = run,
};
