/* SPDX-License-Identifier: MIT */
/* A device opened for one command, and closed on every way out. */
#include <signal.h>
#include <string.h>

#include "registers.h"

/* Is it to go on when its terminal goes (nohup)? */
static bool survives_hangup(void)
{
	struct sigaction action;

	return sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* A signal that ended the process now would leave the device with the record of a killed owner. */
static void hold_signals(struct opened *opened)
{
	static const int ending[] = { SIGINT, SIGQUIT, SIGTERM };

	(void)sigemptyset(&opened->held);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		(void)sigaddset(&opened->held, ending[i]);
	if (!survives_hangup())
		(void)sigaddset(&opened->held, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &opened->held, &opened->before);
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that ends is an error of the output */
}

int opened_open_in(const struct tool *tool, struct rawpci *ctx, const char *address, unsigned flags,
		   struct opened *out)
{
	int r;

	*out = (struct opened){ .ctx = ctx };
	hold_signals(out);
	r = rawpci_device_open(ctx, NULL, address, flags, &out->dev);
	if (r == 0)
		return -1;
	return opened_close(tool, out, tool_library_failed(tool, r));
}

int opened_open(struct tool *tool, enum rawpci_irq_mode mode, const char *address, unsigned flags,
		struct opened *out)
{
	struct rawpci *ctx;
	int r = tool_context(tool, mode, &ctx);

	return r >= 0 ? r : opened_open_in(tool, ctx, address, flags, out);
}

int opened_close(const struct tool *tool, struct opened *opened, int status)
{
	int r = rawpci_device_close(opened->dev);

	opened->dev = NULL;
	if (r < 0 && status == TOOL_DONE)
		status = tool_library_failed(tool, r);
	(void)rawpci_destroy(opened->ctx);
	opened->ctx = NULL;
	(void)sigprocmask(SIG_SETMASK, &opened->before, NULL);
	return status;
}

int opened_address(const struct tool *tool, const char *text, char *full)
{
	struct rawpci_address address;
	int r = tool_address(tool, text);

	if (r < 0 && rawpci_address_parse(text, &address) == 0)
		(void)rawpci_address_format(&address, full);
	return r;
}
