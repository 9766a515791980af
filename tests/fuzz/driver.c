/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target without a fuzzer: a fixed number of inputs from a fixed seed, or the files that
 * are named (what a fuzzer found, to look at it again). */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define LONGEST 2048

/* xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003). */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int run_file(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	return LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
	unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
	uint64_t state = 0x9e3779b97f4a7c15;

	if (argc > 2)
		return run_file(argv[2]);
	for (unsigned i = 0; i < runs; i++) {
		static uint8_t data[LONGEST];
		size_t size = next(&state) % LONGEST;
		/* Few different values lead further than many. */
		uint64_t sparse = next(&state) % 3;

		for (size_t j = 0; j < size; j++) {
			uint64_t r = next(&state);

			data[j] = (uint8_t)(sparse == 0    ? r
					    : sparse == 1  ? r & 0x0f
					    : (r >> 8) % 4 ? 0
							   : r);
		}
		(void)LLVMFuzzerTestOneInput(data, size);
	}
	(void)printf("1..1\nok 1 - %u inputs\n", runs);
	return 0;
}
