/* SPDX-License-Identifier: MIT */
/*
 * Does rawpci-vmm(7) list the system calls of each phase? Each phase runs twice in a child process:
 * once under a filter that notes its calls, and once under one that allows what the page lists and
 * ends the process at any other call.
 *
 * usage: test-phases BACKEND ADDRESS [SETTING]...
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "phases.h"

enum { SETTINGS = 8, ATTEMPTS = 10, LINGER_NS = 50000000 };

static unsigned tests, failures;

static void report(bool good, const struct run *run, const char *phase, const char *what)
{
	printf("%sok %u - %s, %s: %s: %s\n", good ? "" : "not ", ++tests, run->backend, run->engine,
	       phase, what);
	failures += !good;
}

/* Is word among the words? */
static bool has_word(const char *words, const char *word, size_t length)
{
	for (const char *at = words; *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == length && strncmp(at, word, length) == 0)
			return true;
	return false;
}

/* Does one of the words hold, and one of those after each "for"? */
static bool concerns(const struct run *run, const struct listed_call *call)
{
	bool holds = call->where[0] == '\0';

	for (const char *at = call->where; *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");

		if (length == 3 && strncmp(at, "for", 3) == 0) {
			if (!holds)
				return false;
			holds = false;
		} else {
			holds |= has_word(run->tags, at, length);
		}
		at += length;
	}
	return holds;
}

/* A thread of the library starts in set-up, and inherits the filter. */
static bool is_of(const struct listed_call *call, const struct phase *phase)
{
	return strcmp(call->phase, phase->name) == 0 || strcmp(call->phase, "any") == 0 ||
	       (phase->threads && strcmp(call->phase, "threads") == 0) ||
	       (strcmp(phase->name, "set-up") == 0 && strcmp(call->phase, "handlers") == 0);
}

static void allow(const struct run *run, const struct phase *phase, bool *allowed)
{
	memset(allowed, 0, WATCH_CALLS * sizeof(*allowed));
	for (unsigned i = 0; i < listed_count; i++)
		if (listed_calls[i].number < WATCH_CALLS && is_of(&listed_calls[i], phase) &&
		    concerns(run, &listed_calls[i]))
			allowed[listed_calls[i].number] = true;
}

/* Gives a thread that has just been started time to make its first calls. */
static void linger(void)
{
	struct timespec now, end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += LINGER_NS;
	do
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec);
}

static void child(struct run *run, const struct phase *phase)
{
	struct watched *watched = run->watched;
	int r = phase->before(run);

	if (r == 0 && !phase->enters)
		r = watch_enter(watched, run->kind, run->allowed);
	else if (r == 0 && run->mode == RAWPCI_IRQ_MODE_EMBEDDER)
		r = rawpci_irq_dispatch(run->ctx, 0) < 0 ? -EPERM : 0;
	if (r == 0)
		r = phase->body(run);
	watched->result = r;
	if (r < 0)
		(void)strncpy(watched->words, rawpci_last_error(), sizeof(watched->words) - 1);
	if (run->kind == WATCH_SEE && phase->threads)
		linger();
	watched->done = true;
	_exit(0);
}

/* What a child has left with the host is returned, by another child without a filter. */
static void tidy(const struct run *run)
{
	pid_t pid = strcmp(run->backend, "fake") == 0 ? -1 : fork();

	if (pid == 0) {
		const struct rawpci_options options = { .size = sizeof(options),
							.settings = run->settings };
		struct rawpci *ctx;

		_exit(rawpci_create(&options, &ctx) == 0 && rawpci_recover(ctx) >= 0 ? 0 : 1);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

static struct watched *run_child(struct run *run, const struct phase *phase)
{
	struct watched *watched = mmap(NULL, sizeof(*watched), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (watched == MAP_FAILED)
		exit(1);
	watched->refused = -1;
	run->watched = watched;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		child(run, phase);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		exit(1);
	watched->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	tidy(run);
	return watched;
}

static bool went_well(const struct watched *watched)
{
	if (watched->signal != 0)
		printf("# killed by signal %d%s\n", watched->signal,
		       watched->entered ? " under the filter" : "");
	else if (watched->refused >= 0)
		printf("# ended by the call %s\n", call_name(watched->refused));
	else if (watched->result < 0)
		printf("# %d: %s (%d interrupts)\n", watched->result, watched->words,
		       watched->handled);
	return watched->entered && watched->done && watched->result == 0 && watched->signal == 0;
}

/* Prints the calls, and says which are not listed. */
static bool all_listed(const bool *seen, const bool *allowed, const char *phase)
{
	bool good = true;

	printf("# %s:", phase);
	for (int i = 0; i < WATCH_CALLS; i++)
		if (seen[i])
			printf(" %s", call_name(i));
	printf("\n");
	for (int i = 0; i < WATCH_CALLS; i++) {
		if (!seen[i] || allowed[i])
			continue;
		printf("# %s is not listed\n", call_name(i));
		good = false;
	}
	return good;
}

static bool all_made(const struct run *run, const bool *seen, const char *phase, bool tell)
{
	bool good = true;

	for (unsigned i = 0; i < listed_count; i++) {
		const struct listed_call *call = &listed_calls[i];

		if (call->perhaps || strcmp(call->phase, phase) != 0 || !concerns(run, call) ||
		    seen[call->number])
			continue;
		if (tell)
			printf("# %s is listed, and not made\n", call->name);
		good = false;
	}
	return good;
}

static bool see_phase(struct run *run, const struct phase *phase, bool *seen)
{
	struct watched *watched;
	bool good;

	run->kind = WATCH_SEE;
	watched = run_child(run, phase);
	good = went_well(watched);
	for (int i = 0; i < WATCH_CALLS; i++)
		seen[i] |= watched->seen[i];
	return good;
}

/* Some calls depend on which thread comes first. */
static void test_phase(struct run *run, const struct phase *phase, bool *seen_ever)
{
	bool allowed[WATCH_CALLS], seen[WATCH_CALLS] = { false };
	bool good = true, enforced = true, made = false;
	int modes = phase->modes ? 2 : 1;

	allow(run, phase, allowed);
	run->allowed = allowed;
	for (int mode = 0; mode < modes; mode++) {
		run->mode = (enum rawpci_irq_mode)mode;
		good &= see_phase(run, phase, seen);
		if (run->watched->result == PHASE_NOT_HERE)
			return;
		run->kind = WATCH_ENFORCE;
		enforced &= went_well(run_child(run, phase));
	}
	for (int i = 0; !made && i < ATTEMPTS; i++) {
		run->mode = (enum rawpci_irq_mode)(i % modes);
		made = all_made(run, seen, phase->name, i == ATTEMPTS - 1);
		if (!made)
			good &= see_phase(run, phase, seen);
	}
	for (int i = 0; i < WATCH_CALLS; i++)
		seen_ever[i] |= seen[i];
	good &= all_listed(seen, allowed, phase->name);
	report(good, run, phase->name, "the page lists its system calls");
	report(made, run, phase->name, "it makes those that are listed");
	report(enforced, run, phase->name, "it works under a filter of them");
}

/* Are there filters, and notices of calls (Linux 5.5)? */
static int enter_only(struct run *run)
{
	(void)run;
	return 0;
}

static bool can_watch(struct run *run)
{
	const struct phase probe = { "probe", false, false, NULL, enter_only, enter_only, false };

	run->kind = WATCH_SEE;
	return run_child(run, &probe)->done && run->watched->entered;
}

static bool has_file(const struct run *run, const char *name, const char *text)
{
	char path[256], target[256] = "";
	FILE *file;

	(void)snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", run->address, name);
	if (readlink(path, target, sizeof(target) - 1) < 0) {
		file = fopen(path, "re");
		if (!file)
			return false;
		if (!fgets(target, sizeof(target), file))
			target[0] = '\0';
		(void)fclose(file);
	}
	return strstr(target, text) != NULL;
}

/* The words that hold for this run. */
static void find_tags(struct run *run)
{
	bool real = strcmp(run->backend, "fake") != 0;

	(void)snprintf(run->tags, sizeof(run->tags), "%s %s%s%s%s", run->backend, run->engine,
		       real && !bound_to_vfio(run) ? " record" : "",
		       real && has_file(run, "reset_method", "") ? " reset" : "",
		       real && has_file(run, "device", "0x100e") ? " intx" : "");
}

int main(int argc, char **argv)
{
	const char *settings[SETTINGS + 1] = { NULL };
	struct run run = { .settings = settings, .engine = "uring" };
	bool seen[WATCH_CALLS] = { false };

	if (argc < 3 || argc > 3 + SETTINGS)
		return 2;
	run.backend = argv[1];
	run.address = argv[2];
	for (int i = 3; i < argc; i++) {
		settings[i - 3] = argv[i];
		if (strcmp(argv[i], "irq.engine=epoll") == 0)
			run.engine = "epoll";
	}
	if (!can_watch(&run)) {
		printf("1..0 # SKIP no seccomp filters with notices here: %s\n",
		       strerror(-run.watched->result));
		return 77;
	}
	find_tags(&run);
	for (unsigned i = 0; i < phase_count; i++)
		if (!phases[i].wanted || phases[i].wanted(&run))
			test_phase(&run, &phases[i], seen);
	report(all_made(&run, seen, "threads", true), &run, "threads", "they make what is listed");
	printf("1..%u\n", tests);
	return failures == 0 ? 0 : 1;
}
