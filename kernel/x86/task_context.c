/*
 * task_context.c - a task's stack, and its first entry.
 *
 *     guard page | 16 KiB of stack, growing down towards the guard
 *                ^ task->stack
 */
#include "kernel/task.h"

#include <errno.h>

#include "kernel/page.h"
#include "kernel/x86/paging.h"

#define STACK_PAGES (1 + TASK_STACK_SIZE / PAGE_SIZE)
#define STACK_ORDER 3 /* the next power of two; what is too much is given back at once */

static void free_pages_from(char *base, unsigned first, unsigned past)
{
    for (unsigned i = first; i < past; i++)
        put_page(virt_to_page(base + (size_t)i * PAGE_SIZE));
}

int task_context_create(struct task *task, void (*entry)(void))
{
    struct page *block = alloc_pages(STACK_ORDER);
    if (!block)
        return -ENOMEM;
    char *base = page_address(block);
    split_page(block, STACK_ORDER);
    free_pages_from(base, STACK_PAGES, 1u << STACK_ORDER);
    if (paging_guard(base) < 0) {
        free_pages_from(base, 0, STACK_PAGES);
        return -ENOMEM;
    }
    task->stack = base + PAGE_SIZE;

    /* As context_switch() leaves it: six registers, the address to return to; then 0, which ends backtraces
     * and stands where a caller's return address would. */
    uint64_t *top = (uint64_t *)((char *)task->stack + TASK_STACK_SIZE);
    *--top = 0;
    *--top = 0;
    *--top = (uintptr_t)entry;
    for (unsigned i = 0; i < 6; i++)
        *--top = 0;
    task->context = top;
    return 0;
}

void task_context_destroy(struct task *task)
{
    char *base = (char *)task->stack - PAGE_SIZE;
    paging_unguard(base);
    free_pages_from(base, 0, STACK_PAGES);
    task->stack = NULL;
}
