/* SPDX-License-Identifier: MIT */
/*
 * Stands between the library and tsearch(3): counts comparisons, and makes the k-th insertion fail
 * for lack of memory. The program's own definitions take the place of the C library's.
 */
#ifndef RAWPCI_TESTS_SEARCH_SEAM_H
#define RAWPCI_TESTS_SEARCH_SEAM_H

#include <dlfcn.h>
#include <search.h>
#include <stdlib.h>

typedef int comparison(const void *, const void *);

static unsigned long seam_comparisons;
static unsigned seam_insertions;
static unsigned seam_fail_at; /* this insertion fails, counted from 1; 0: none */
static comparison *seam_compare;

static inline int seam_count(const void *a, const void *b)
{
	seam_comparisons++;
	return seam_compare(a, b);
}

void *tsearch(const void *key, void **root, comparison *compare)
{
	static void *(*real)(const void *, void **, comparison *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "tsearch");
	if (++seam_insertions == seam_fail_at)
		return NULL;
	seam_compare = compare;
	return real(key, root, seam_count);
}

void *tfind(const void *key, void *const *root, comparison *compare)
{
	static void *(*real)(const void *, void *const *, comparison *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "tfind");
	seam_compare = compare;
	return real(key, root, seam_count);
}

void *tdelete(const void *restrict key, void **restrict root, comparison *compare)
{
	static void *(*real)(const void *, void **, comparison *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "tdelete");
	seam_compare = compare;
	return real(key, root, seam_count);
}

/* The k-th insertion from now on fails; 0: none does. */
static inline void seam_arm(unsigned k)
{
	seam_insertions = 0;
	seam_fail_at = k;
}

#endif
