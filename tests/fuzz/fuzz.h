/* SPDX-License-Identifier: MIT */
/* A fuzz target, and the bytes it makes its decisions from. */
#ifndef RAWPCI_TESTS_FUZZ_H
#define RAWPCI_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *at;
	size_t left;
};

/* Takes n bytes; where they have run out, zeros. */
static inline void bytes_take(struct bytes *bytes, void *to, size_t n)
{
	size_t have = n < bytes->left ? n : bytes->left;

	memset(to, 0, n);
	memcpy(to, bytes->at, have);
	bytes->at += have;
	bytes->left -= have;
}

static inline uint8_t bytes_one(struct bytes *bytes)
{
	uint8_t one;

	bytes_take(bytes, &one, 1);
	return one;
}

#endif
