/* SPDX-License-Identifier: MIT */
/*
 * What is said is collected by the thread and handed to the callback when its call ends, because by
 * then no lock is held and the callback may call back in.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "os/sys.h"

#define SENTENCE 512

struct message {
	struct message *next;
	struct rawpci *ctx; /* whose callback gets it: calls on several contexts can be nested */
	enum rawpci_log_level level;
	char text[SENTENCE];
};

static _Thread_local struct {
	struct message *first, **last;
	char reason[SENTENCE]; /* of the failure that is on its way out */
	char error[SENTENCE];  /* of the last call that failed */
} said;

const char *rawpci_last_error(void)
{
	return said.error;
}

const char *rawpci_reason(void)
{
	return said.reason;
}

/* Names and addresses that came from outside may hold anything. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* Formats aside first: an argument may be the sentence that is replaced. */
static RAWPCI_PRINTF(1, 0) void set_reason(const char *format, va_list arguments)
{
	char text[SENTENCE];

	(void)vsnprintf(text, sizeof(text), format, arguments);
	make_one_line(text);
	memcpy(said.reason, text, sizeof(text));
}

const char *rawpci_backend_reason(void)
{
	return said.reason;
}

int rawpci_fail(struct rawpci *ctx, int error, const char *format, ...)
{
	va_list arguments;

	(void)ctx;
	va_start(arguments, format);
	set_reason(format, arguments);
	va_end(arguments);
	return rawpci_sys_result(error, error);
}

int rawpci_backend_fail(struct rawpci *ctx, int error, const char *format, ...)
{
	va_list arguments;

	(void)ctx;
	va_start(arguments, format);
	set_reason(format, arguments);
	va_end(arguments);
	return rawpci_sys_result(error, error);
}

static RAWPCI_PRINTF(3, 0) void collect(struct rawpci *ctx, enum rawpci_log_level level,
					const char *format, va_list arguments)
{
	struct message *message;

	if (!ctx || !ctx->log || level > ctx->log_level)
		return;
	message = malloc(sizeof(*message));
	if (!message)
		return;
	message->next = NULL;
	message->ctx = ctx;
	message->level = level;
	(void)vsnprintf(message->text, sizeof(message->text), format, arguments);
	make_one_line(message->text);
	if (!said.first)
		said.last = &said.first;
	*said.last = message;
	said.last = &message->next;
}

void rawpci_say(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	collect(ctx, level, format, arguments);
	va_end(arguments);
}

void rawpci_backend_log(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	collect(ctx, level, format, arguments);
	va_end(arguments);
}

void rawpci_call_begin(void)
{
	said.reason[0] = '\0';
}

/* The list is taken off first: a callback that calls the library collects its own. */
void rawpci_call_flush(void)
{
	struct message *message = said.first;

	said.first = NULL;
	while (message) {
		struct message *next = message->next;

		message->ctx->log(message->ctx->log_opaque, message->level, message->text);
		free(message);
		message = next;
	}
}

int rawpci_call_end(struct rawpci *ctx, int result)
{
	char text[SENTENCE], words[128];

	if (result < 0) {
		if (said.reason[0] != '\0')
			memcpy(text, said.reason, sizeof(text));
		else
			(void)snprintf(text, sizeof(text), "the call failed: %s",
				       rawpci_sys_error_text(result, words, sizeof(words)));
		result = rawpci_sys_result(result, result);
	}
	if (said.first)
		rawpci_call_flush();
	if (result < 0) {
		if (ctx && ctx->log)
			ctx->log(ctx->log_opaque, RAWPCI_LOG_ERROR, text);
		memcpy(said.error, text, sizeof(text));
	}
	return result;
}
