/*
 * page_frag.c - where bytes that are about to be sent lie: see page_frag.h.
 */
#include "net/core/page_frag.h"

#include "kernel/panic.h"

/* Large enough for half a train, small enough that what one piece keeps from being freed is no great loss. */
#define PAGE_FRAG_ORDER 3

void page_frag_release(struct page_frag *frag)
{
    if (frag->page)
        put_page(frag->page);
    *frag = (struct page_frag){0};
}

bool page_frag_refill(struct page_frag *frag, uint32_t room)
{
    ASSERT(room <= PAGE_SIZE);
    if (frag->page && frag->page->refcount == 1) /* all pieces have come back: the same bytes are warm yet */
        frag->offset = 0;
    if (frag->page && frag->size - frag->offset >= room)
        return true;
    page_frag_release(frag);
    for (int order = PAGE_FRAG_ORDER; order >= 0; order--) {
        frag->page = alloc_pages((unsigned)order);
        if (frag->page) {
            frag->size = PAGE_SIZE << order;
            return true;
        }
    }
    return false;
}
