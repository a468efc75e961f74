/*
 * page_frag.h - a block of pages that is handed out front to back, in pieces of any size.
 *
 * A transport copies an application's bytes into it and hangs the pieces on sk_buffs by reference; the block
 * is freed when the last of them is. Pieces taken one after the other lie next to each other, so a long write
 * needs few fragments.
 */
#ifndef NET_CORE_PAGE_FRAG_H
#define NET_CORE_PAGE_FRAG_H

#include "kernel/page.h"

struct page_frag {
    struct page *page; /* first of the block, one reference held; NULL: none yet */
    uint32_t offset;   /* bytes handed out */
    uint32_t size;     /* of the block */
};

/* At least `room` bytes (PAGE_SIZE at most) are left in the block, if need be a new one: false without
 * memory. */
bool __must_check page_frag_refill(struct page_frag *frag, uint32_t room);
void page_frag_release(struct page_frag *frag);

#endif
