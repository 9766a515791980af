/* SPDX-License-Identifier: MIT */
/*
 * The kernel mappings of one address space. A change has three steps: plan records everything that
 * needs memory, make calls the kernel, keep settles the records. The first two can fail; drop then
 * undoes both, and can be used after either. last is a range's last byte everywhere.
 */
#ifndef RAWPCI_MEMORY_PIECES_H
#define RAWPCI_MEMORY_PIECES_H

#include <stdint.h>

#include "memory/guest.h"

/* A larger run becomes several kernel mappings, so that taking a page of it away later does not pin
 * all of it again. */
#define RAWPCI_PIECE_MAX (UINT64_C(16) << 30)

/* What could not be undone after a failure. */
struct rawpci_leftover {
	char cause[512]; /* the sentence about the failure itself */
	unsigned count;
	rawpci_iova_t first, last; /* of one of them */
};

/* To be called before the first undoing step, whose own failures would replace the sentence. */
void rawpci_leftover_init(struct rawpci_leftover *left);

/* Returns error, with a sentence that adds what is left over, if anything is. */
int rawpci_leftover_report(struct rawpci *ctx, int error, const struct rawpci_leftover *left,
			   const char *now);

/* Maps what is not mapped of a range. plan returns -ENOMEM, or -EADDRNOTAVAIL: other memory was
 * left there; make what dma_map returned. */
int rawpci_pieces_plan(struct rawpci *ctx, struct rawpci_guest_space *space, rawpci_iova_t iova,
		       uintptr_t host, uint64_t size);
int rawpci_pieces_make(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last);
void rawpci_pieces_keep(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last);
void rawpci_pieces_drop(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last,
			struct rawpci_leftover *left);

/* Unmaps a range; a piece that is partly in it is mapped again without that part. plan returns
 * -ENOMEM; make what dma_unmap or dma_map returned. */
int rawpci_pieces_cut_plan(struct rawpci *ctx, struct rawpci_guest_space *space,
			   rawpci_iova_t iova, rawpci_iova_t last);
int rawpci_pieces_cut_make(struct rawpci_guest_space *space, rawpci_iova_t iova,
			   rawpci_iova_t last);
void rawpci_pieces_cut_keep(struct rawpci_guest_space *space, rawpci_iova_t iova,
			    rawpci_iova_t last);
void rawpci_pieces_cut_drop(struct rawpci_guest_space *space, rawpci_iova_t iova,
			    rawpci_iova_t last, struct rawpci_leftover *left);

/* Makes fewer kernel mappings of those that continue each other, when that is worth it: for a kernel
 * that is out of entries. While it runs devices may miss that memory. Returns how many fewer. */
uint64_t rawpci_pieces_merge(struct rawpci *ctx, struct rawpci_guest_space *space);

/* Unmaps everything; logs, and keeps in mind, what the kernel would not unmap. */
void rawpci_pieces_clear(struct rawpci *ctx, struct rawpci_guest_space *space);

#endif
