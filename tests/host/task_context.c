/*
 * task_context.c - the stacks of kernel/task.c's tasks, switched by ucontext.
 *
 * AddressSanitizer must be told of every switch, or it takes the new stack for a wild pointer.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "kernel/task.h"
#include "tests/host/host.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#else
#define __sanitizer_start_switch_fiber(save, bottom, size)  ((void)(save), (void)(bottom), (void)(size))
#define __sanitizer_finish_switch_fiber(save, bottom, size) ((void)(save), (void)(bottom), (void)(size))
#endif

#define HOST_STACK_SIZE (256u * 1024) /* instrumented frames are many times larger */

struct host_context {
    ucontext_t uc;
    void (*entry)(void);
    void *fake_stack;
    const void *stack;
    size_t stack_size;
};

static struct host_context loop_context;
static struct host_context *running = &loop_context;
static struct host_context *came_from;

static void finish_switch(void)
{
    const void *bottom = NULL;
    size_t size = 0;
    __sanitizer_finish_switch_fiber(running->fake_stack, &bottom, &size);
    if (came_from == &loop_context && bottom) {
        loop_context.stack = bottom;
        loop_context.stack_size = size;
    }
}

static void trampoline(void)
{
    finish_switch();
    running->entry();
    abort(); /* a task ends in task_exit() */
}

int task_context_create(struct task *task, void (*entry)(void))
{
    struct host_context *ctx;
    if (host_should_fail())
        return -12; /* ENOMEM */
    ctx = calloc(1, sizeof(*ctx));
    if (!ctx)
        abort();
    ctx->entry = entry;
    ctx->stack_size = HOST_STACK_SIZE;
    ctx->stack = mmap(NULL, HOST_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ctx->stack == MAP_FAILED)
        abort();
    getcontext(&ctx->uc);
    ctx->uc.uc_stack.ss_sp = (void *)ctx->stack;
    ctx->uc.uc_stack.ss_size = HOST_STACK_SIZE;
    makecontext(&ctx->uc, trampoline, 0);
    task->stack = (void *)ctx->stack;
    task->context = ctx;
    return 0;
}

void task_context_destroy(struct task *task)
{
    struct host_context *ctx = task->context;
    munmap((void *)ctx->stack, ctx->stack_size);
    free(ctx);
}

void context_switch(void **from, void *to)
{
    struct host_context *self = running;
    *from = self;
    came_from = self;
    running = to;
    __sanitizer_start_switch_fiber(&self->fake_stack, running->stack, running->stack_size);
    swapcontext(&self->uc, &running->uc);
    finish_switch();
}
