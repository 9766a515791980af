/* SPDX-License-Identifier: MIT */
/* The diagnosis of a device: obstacles to every backend, then each backend, then the text. */
#include "explain/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "event/poller.h"
#include "host/host.h"
#include "os/sys.h"
#include "os/sysfs.h"

static int check_absent(struct rawpci_inquiry *q)
{
	struct rawpci_finding finding;

	if (!rawpci_sysfs_find_absent(q->ctx->sysfs_dir, &q->out->address, &finding))
		return 0;
	if (q->choice.error != 0 && finding.obstacle == RAWPCI_OBSTACLE_NO_DEVICE)
		finding.error = q->choice.error;
	return rawpci_backend_finding(&q->found, &finding);
}

static int check_device(struct rawpci_inquiry *q)
{
	struct rawpci_finding finding;
	int r = 0;

	q->found.step = RAWPCI_STEP_SETTLE;
	if (q->device->gone) {
		rawpci_find_gone(&finding);
		r = rawpci_backend_finding(&q->found, &finding);
	}
	if (r < 0 || !q->device->boot_vga)
		return r;
	rawpci_finding_set(&finding, RAWPCI_OBSTACLE_BOOT_VGA, 0,
			   "it shows the host's console, which goes dark when it is opened");
	SAY(finding.remedy, "have another way to log in");
	return rawpci_backend_finding(&q->found, &finding);
}

static int check_owner(struct rawpci_inquiry *q)
{
	struct rawpci_finding finding;
	int r;

	if (!rawpci_custody_look(&q->custody, q->device, &finding))
		return 0;
	q->found.step = RAWPCI_STEP_OWN;
	r = rawpci_backend_finding(&q->found, &finding);
	q->found.owned = finding.obstacle == RAWPCI_OBSTACLE_OWNED;
	if (r == 0 && q->found.owned && rawpci_custody_find_kept(&q->custody, &finding))
		r = rawpci_backend_finding(&q->found, &finding);
	return r;
}

static bool under_seccomp(void)
{
	char text[4096];
	const char *at;

	if (rawpci_sys_read_file("/proc/self/status", text, sizeof(text)) < 0)
		return false;
	at = strstr(text, "\nSeccomp:");
	return at && strtoul(at + sizeof("\nSeccomp:") - 1, NULL, 10) > 0;
}

static int check_uring(struct rawpci_inquiry *q)
{
	struct rawpci_finding finding;
	char sysctl[16];
	int r;

	if (q->ctx->engine_kind == RAWPCI_ENGINE_EPOLL)
		return 0;
	r = rawpci_uring_probe();
	if (r >= 0)
		return 0;
	if (rawpci_sys_read_file("/proc/sys/kernel/io_uring_disabled", sysctl, sizeof(sysctl)) < 0)
		sysctl[0] = '\0';
	rawpci_finding_uring(&finding, r, sysctl, under_seccomp(),
			     q->ctx->engine_kind == RAWPCI_ENGINE_URING);
	q->found.step = RAWPCI_STEP_USE;
	return rawpci_backend_finding(&q->found, &finding);
}

static int describe(struct rawpci_inquiry *q)
{
	int r;

	/* A backend that pretends has a device of its own at that address. */
	if (!rawpci_registry_owns(q->ctx))
		return 0;
	q->device = calloc(1, sizeof(*q->device));
	if (!q->device)
		return -ENOMEM;
	r = rawpci_host_describe(q->ctx, &q->out->address, q->device);
	if (r == 0) {
		q->out->device = q->device;
		return 0;
	}
	free(q->device);
	q->device = NULL;
	return 0;
}

static int inquire(struct rawpci_inquiry *q)
{
	int r = describe(q);

	if (r < 0)
		return r;
	rawpci_findings_begin(&q->found, "", 0);
	r = q->device ? check_device(q) : 0;
	if (r == 0 && q->device)
		r = check_owner(q);
	if (r == 0)
		r = check_uring(q);
	if (r == 0)
		r = rawpci_explain_ways(q);
	if (r < 0 || q->device || q->out->openable || !rawpci_registry_owns(q->ctx))
		return r;
	rawpci_findings_begin(&q->found, "", 0);
	return check_absent(q);
}

static int take_options(struct rawpci *ctx, const struct rawpci_explain_options *given,
			struct rawpci_explain_options *options)
{
	memset(options, 0, sizeof(*options));
	if (!given)
		return 0;
	if (given->size < sizeof(given->size))
		return rawpci_fail(ctx, -EINVAL,
				   "options.size is %zu: set it to sizeof(struct "
				   "rawpci_explain_options)",
				   given->size);
	memcpy(options, given, given->size < sizeof(*options) ? given->size : sizeof(*options));
	if (options->flags & ~RAWPCI_OPEN_FLAGS)
		return rawpci_fail(ctx, -EBADRQC, "options.flags are %#x: only %#x are defined",
				   options->flags, RAWPCI_OPEN_FLAGS);
	return 0;
}

static int explain(struct rawpci *ctx, const char *address,
		   const struct rawpci_explain_options *options, struct rawpci_explanation **out)
{
	struct rawpci_inquiry q = { .ctx = ctx };
	char text[128];
	int r = take_options(ctx, options, &q.options);

	if (r < 0)
		return r;
	q.out = calloc(1, sizeof(*q.out));
	if (!q.out)
		return rawpci_fail(ctx, -ENOMEM, "no memory");
	if (rawpci_address_parse(address, &q.out->address) < 0) {
		r = rawpci_fail(ctx, -EINVAL,
				"\"%s\" is no PCI address: write 0000:03:00.0 or "
				"03:00.0",
				address);
		goto undo_out;
	}
	rawpci_address_format(&q.out->address, q.name);
	rawpci_custody_init(&q.custody, ctx, &q.out->address);
	rawpci_sys_forget_lack();
	r = inquire(&q);
	q.out->findings = q.found.first;
	if (r == 0 && rawpci_sys_lack() < 0) {
		r = rawpci_fail_lack(ctx, q.name, rawpci_sys_lack());
		goto undo_out;
	}
	if (r == 0)
		r = rawpci_explain_text(q.out);
	if (r < 0) {
		r = rawpci_fail(ctx, r, "%s: what keeps it from being opened cannot be told: %s",
				q.name, rawpci_sys_error_text(r, text, sizeof(text)));
		goto undo_out;
	}
	*out = q.out;
	return 0;

undo_out:
	rawpci_explanation_destroy(q.out);
	return r;
}

int rawpci_explain(struct rawpci *ctx, const char *address,
		   const struct rawpci_explain_options *options, struct rawpci_explanation **out)
{
	rawpci_call_begin();
	if (!ctx || !address || !out)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EFAULT, "rawpci_explain: %s is NULL",
							!ctx       ? "the context"
							: !address ? "address"
								   : "out"));
	return rawpci_call_end(ctx, explain(ctx, address, options, out));
}

void rawpci_explanation_destroy(struct rawpci_explanation *explanation)
{
	struct rawpci_way *way, *next;

	if (!explanation)
		return;
	for (way = (struct rawpci_way *)explanation->ways; way; way = next) {
		next = way->next;
		free(way);
	}
	rawpci_findings_free((struct rawpci_finding *)explanation->findings);
	free((struct rawpci_host_device *)explanation->device);
	free((char *)explanation->text);
	free(explanation);
}
