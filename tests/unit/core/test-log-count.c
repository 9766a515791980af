/* SPDX-License-Identifier: MIT */
/* Counting lines of the log: the first of a kind is said, and sums of the others. */
#include "core/log-count.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/context.h"

#include "harness.h"

static struct rawpci *ctx;
static struct rawpci_told told;
static unsigned said;
static char last[RAWPCI_SENTENCE];

static void on_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	said++;
	(void)snprintf(last, sizeof(last), "%s", message);
}

static void setup(void)
{
	ctx = calloc(1, sizeof(*ctx));
	ck_assert_ptr_nonnull(ctx);
	ctx->log = on_log;
	ctx->log_level = RAWPCI_LOG_WARNING;
	rawpci_told_init(&told, ctx, "0000:00:05.0");
}

static void finish(void)
{
	rawpci_told_finish(&told);
	rawpci_call_flush();
	free(ctx);
}

/* Counts a line. True: it is to be said, and is in last. */
static bool count(const char *line)
{
	char text[RAWPCI_SENTENCE];

	(void)snprintf(text, sizeof(text), "%s", line);
	if (!rawpci_told_count(&told, RAWPCI_LOG_WARNING, text))
		return false;
	(void)snprintf(last, sizeof(last), "%s", text);
	return true;
}

START_TEST(lines_that_differ_in_numbers_are_one_kind)
{
	ck_assert(count("0000:00:05.0: 4 bytes at 0xabc"));
	ck_assert_str_eq(last, "0000:00:05.0: 4 bytes at 0xabc");
	ck_assert(!count("0000:00:05.0: 8 bytes at 0x0"));
	ck_assert(count("0000:00:05.0: 4 bits at 0xabc"));
	finish();
	ck_assert_uint_eq(said, 1);
	ck_assert_str_eq(last, "0000:00:05.0: 2 times in all: 4 bytes at 0xabc");
}
END_TEST

START_TEST(sums_come_at_powers_of_ten)
{
	unsigned lines = 0;

	for (unsigned i = 0; i < 1000; i++)
		lines += count("no name here");
	ck_assert_uint_eq(lines, 4);
	ck_assert_str_eq(last, "0000:00:05.0: 1000 times so far: no name here");
	finish();
	ck_assert_uint_eq(said, 0); /* no count is left to say */
}
END_TEST

/* Lines of ever new words do not fill the memory or the log. */
START_TEST(further_kinds_count_as_one)
{
	unsigned lines = 0;

	for (unsigned i = 0; i < 1000; i++) {
		char line[8] = { (char)('a' + i % 26), (char)('a' + i / 26 % 26),
				 (char)('a' + i / 676) };

		lines += count(line);
	}
	ck_assert_uint_eq(lines, 64 + 2);
	finish();
	ck_assert_uint_eq(said, 1);
	ck_assert_ptr_nonnull(strstr(last, ": 937 times in all: "));
}
END_TEST

START_TEST(long_lines_are_cut)
{
	char line[RAWPCI_SENTENCE];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	ck_assert(count(line));
	ck_assert(!count(line));
	finish();
	ck_assert_uint_eq(said, 1);
	ck_assert_uint_eq(strlen(last), sizeof(last) - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("told");
	TCase *tcase = tcase_create("told");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, lines_that_differ_in_numbers_are_one_kind);
	tcase_add_test(tcase, sums_come_at_powers_of_ten);
	tcase_add_test(tcase, further_kinds_count_as_one);
	tcase_add_test(tcase, long_lines_are_cut);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
