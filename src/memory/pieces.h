/* SPDX-License-Identifier: MIT */
/*
 * Private to src/memory: the kernel mappings of one address space. A change has three steps: plan
 * allocates, make calls the kernel, and keep finishes. If plan or make fails, drop undoes both.
 * last is always a range's last byte.
 */
#ifndef RAWPCI_MEMORY_PIECES_H
#define RAWPCI_MEMORY_PIECES_H

#include <stdint.h>

#include <rawpci/backend.h>

#include "memory/ranges.h"

struct rawpci;

/* A larger run becomes several kernel mappings, so that taking a page of it away later does not pin
 * all of it again. */
#define RAWPCI_PIECE_MAX (UINT64_C(16) << 30)

/* One address space of a VM in one backend. The caller owns it, sets the first two fields and
 * zeroes the others, which the guest map uses. */
struct rawpci_guest_space {
	const struct rawpci_backend *backend;
	void *space;
	struct rawpci_ranges pieces;     /* the kernel mappings made */
	unsigned attached;               /* devices powered on in it; at least 1: mapped */
	struct rawpci_dma_limits limits; /* valid while attached */
	struct rawpci_guest_space *next; /* in the guest map's list */
};

/* The ranges that could not be undone after a failure. */
struct rawpci_leftover {
	char cause[512]; /* the sentence of that failure */
	unsigned count;
	rawpci_iova_t first, last; /* of one of them */
};

/* Called before undoing starts, because a failure there would replace the sentence. */
void rawpci_leftover_init(struct rawpci_leftover *left);

/* Returns error. If anything is left over, its sentence says so; now says what it is now. */
int rawpci_leftover_report(struct rawpci *ctx, int error, const struct rawpci_leftover *left,
			   const char *now);

/* Maps those parts of a range that are not mapped yet. plan returns -ENOMEM, or -EADDRNOTAVAIL: an
 * earlier failure left other memory there. make returns dma_map's error. */
int rawpci_pieces_plan(struct rawpci *ctx, struct rawpci_guest_space *space, rawpci_iova_t iova,
		       uintptr_t host, uint64_t size);
int rawpci_pieces_make(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last);
void rawpci_pieces_keep(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last);
void rawpci_pieces_drop(struct rawpci_guest_space *space, rawpci_iova_t iova, rawpci_iova_t last,
			struct rawpci_leftover *left);

/* Unmaps a range. A piece that is partly in it is mapped again without that part. plan returns
 * -ENOMEM, make the error of dma_unmap or dma_map. */
int rawpci_pieces_cut_plan(struct rawpci *ctx, struct rawpci_guest_space *space, rawpci_iova_t iova,
			   rawpci_iova_t last);
int rawpci_pieces_cut_make(struct rawpci_guest_space *space, rawpci_iova_t iova,
			   rawpci_iova_t last);
void rawpci_pieces_cut_keep(struct rawpci_guest_space *space, rawpci_iova_t iova,
			    rawpci_iova_t last);
void rawpci_pieces_cut_drop(struct rawpci_guest_space *space, rawpci_iova_t iova,
			    rawpci_iova_t last, struct rawpci_leftover *left);

/* rescue.c: for a kernel that is out of entries. If it saves enough of them, maps neighbours as
 * one. Devices may miss that memory meanwhile. Returns how many mappings fewer there are. */
uint64_t rawpci_pieces_compact(struct rawpci *ctx, struct rawpci_guest_space *space);

/* Unmaps everything. Logs the pieces that the kernel does not unmap, and keeps their records. */
void rawpci_pieces_clear(struct rawpci *ctx, struct rawpci_guest_space *space);

#endif
