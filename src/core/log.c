/* SPDX-License-Identifier: MIT */
/*
 * The log. A thread collects its lines and hands them to the callback at the end of its call. It
 * holds no lock there, so the callback may call the library.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/context.h"
#include "os/sys.h"

struct message {
	struct message *next;
	struct rawpci *ctx; /* its callback gets the line: calls on two contexts can be nested */
	enum rawpci_log_level level;
	char text[RAWPCI_SENTENCE];
};

static _Thread_local struct {
	struct message *first, **last;
	char reason[RAWPCI_SENTENCE]; /* of the failure in the call under way */
	char error[RAWPCI_SENTENCE];  /* of the last call that failed */
	struct rawpci_told *told;     /* counts the call's lines; NULL: they are not counted */
	bool counted;                 /* reason has been counted */
} said;

const char *rawpci_last_error(void)
{
	return said.error;
}

const char *rawpci_reason(void)
{
	return said.reason;
}

void rawpci_reason_keep(struct rawpci_reason *kept)
{
	memcpy(kept->text, said.reason, sizeof(kept->text));
}

void rawpci_reason_restore(const struct rawpci_reason *kept)
{
	memcpy(said.reason, kept->text, sizeof(said.reason));
}

/* Names from the caller or from files may hold any character. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* Formats into another array first: an argument may be the sentence that is replaced. */
static RAWPCI_PRINTF(1, 0) void set_reason(const char *format, va_list arguments)
{
	char text[RAWPCI_SENTENCE];

	(void)vsnprintf(text, sizeof(text), format, arguments);
	make_one_line(text);
	memcpy(said.reason, text, sizeof(text));
}

const char *rawpci_backend_reason(void) __attribute__((__alias__("rawpci_reason")));

int rawpci_fail(struct rawpci *ctx, int error, const char *format, ...)
{
	va_list arguments;

	(void)ctx;
	va_start(arguments, format);
	set_reason(format, arguments);
	va_end(arguments);
	return rawpci_sys_result(error, error);
}

/* The same function for backends, which see the public header alone. */
int rawpci_backend_fail(struct rawpci *ctx, int error, const char *format, ...)
	__attribute__((__alias__("rawpci_fail")));

int rawpci_fail_list(struct rawpci *ctx, int error, const char *format, va_list arguments)
{
	(void)ctx;
	set_reason(format, arguments);
	return rawpci_sys_result(error, error);
}

int rawpci_fail_lack(struct rawpci *ctx, const char *name, int r)
{
	char text[128];

	return rawpci_fail(ctx, r, "%s: one of its files could not be opened: %s", name,
			   rawpci_sys_error_text(r, text, sizeof(text)));
}

static bool is_wanted(const struct rawpci *ctx, enum rawpci_log_level level)
{
	return ctx && ctx->log && level <= ctx->log_level;
}

void rawpci_say_line(struct rawpci *ctx, enum rawpci_log_level level, const char *line)
{
	struct message *message;

	if (!is_wanted(ctx, level))
		return;
	message = malloc(sizeof(*message));
	if (!message)
		return;
	message->next = NULL;
	message->ctx = ctx;
	message->level = level;
	(void)snprintf(message->text, sizeof(message->text), "%s", line);
	if (!said.first)
		said.last = &said.first;
	*said.last = message;
	said.last = &message->next;
}

static RAWPCI_PRINTF(3, 0) void collect(struct rawpci *ctx, enum rawpci_log_level level,
					const char *format, va_list arguments)
{
	char line[RAWPCI_SENTENCE];

	if (!is_wanted(ctx, level))
		return;
	(void)vsnprintf(line, sizeof(line), format, arguments);
	make_one_line(line);
	if (level > RAWPCI_LOG_INFO || !said.told || said.told->ctx != ctx ||
	    rawpci_told_count(said.told, level, line))
		rawpci_say_line(ctx, level, line);
}

void rawpci_say(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	collect(ctx, level, format, arguments);
	va_end(arguments);
}

void rawpci_backend_log(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
	__attribute__((__alias__("rawpci_say")));

void rawpci_call_begin(void)
{
	said.reason[0] = '\0';
	said.told = NULL;
	said.counted = false;
}

void rawpci_call_about(struct rawpci_told *told)
{
	said.told = told;
}

/* Backends may fail without a sentence. */
static void complete_reason(int error)
{
	char words[128];

	if (said.reason[0] == '\0')
		(void)snprintf(said.reason, sizeof(said.reason), "the call failed: %s",
			       rawpci_sys_error_text(error, words, sizeof(words)));
}

void rawpci_call_failed(struct rawpci_told *told, int error)
{
	char line[RAWPCI_SENTENCE];

	complete_reason(error);
	said.counted = true;
	if (!is_wanted(told->ctx, RAWPCI_LOG_WARNING))
		return;
	memcpy(line, said.reason, sizeof(line));
	if (rawpci_told_count(told, RAWPCI_LOG_WARNING, line))
		rawpci_say_line(told->ctx, RAWPCI_LOG_WARNING, line);
}

/* The list is taken off first: the callback may call the library, which collects new lines. */
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
	const bool counted = said.counted;
	char text[RAWPCI_SENTENCE];

	said.told = NULL;
	if (result < 0) {
		complete_reason(result);
		memcpy(text, said.reason, sizeof(text));
		result = rawpci_sys_result(result, result);
	}
	if (said.first)
		rawpci_call_flush();
	if (result < 0) {
		if (!counted && ctx && ctx->log)
			ctx->log(ctx->log_opaque, RAWPCI_LOG_ERROR, text);
		memcpy(said.error, text, sizeof(text));
	}
	return result;
}

void rawpci_told_finish(struct rawpci_told *told)
{
	rawpci_told_destroy(told, rawpci_say_line);
}

int rawpci_call_refused(struct rawpci *ctx, int result)
{
	if (ctx && result < 0)
		rawpci_call_failed(&ctx->told, result);
	return rawpci_call_end(ctx, result);
}
