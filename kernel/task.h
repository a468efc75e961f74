/*
 * task.h - cooperative tasks and the one loop that runs everything.
 *
 * A task runs until it waits (kernel/wait.h), sleeps or yields; nothing preempts it but interrupt
 * handlers. The main loop, in this order, for ever: expired timers, pending softirqs, each task
 * that is ready; and when none of these has anything to do, it halts the CPU until an interrupt.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include "kernel/list.h"
#include "kernel/wait.h"

#define TASK_STACK_SIZE (16u * 1024)

struct files;
struct task_context; /* saved registers or ucontext: kernel/x86/switch.S, tests/host */

enum task_state { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_DEAD };

struct task {
    struct list_head run_list;  /* ready queue */
    struct list_head task_list; /* all tasks */
    const char *name;           /* borrowed, a literal */
    enum task_state state;
    int err_no;          /* this task's errno */
    struct files *files; /* its descriptors, inherited from its creator (net/socket/file.h) */
    struct wait_queue_head exit_wait;
    uint64_t cpu_ns; /* time spent running */
    void (*function)(void *arg);
    void *arg;
    void *stack;   /* lowest usable byte */
    void *context; /* where context_switch() left off */
};

/**
 * task_create - a new task, ready to run `function(arg)`; it ends when that returns
 * @files: the descriptor table it uses (borrowed), or NULL for the creator's
 * Return: the task, or NULL without memory. It is freed by itself after it has ended.
 */
struct task *task_create(const char *name, void (*function)(void *arg), void *arg, struct files *files);

/* The running task; NULL in interrupt and softirq context. */
struct task *current_task(void);

void task_yield(void);
void task_sleep_ms(uint64_t ms);
void __noreturn task_exit(void);

/* Walks all tasks; start with NULL. */
struct task *task_next(struct task *prev);

/* One turn of the loop without halting. Return: whether anything ran. */
bool run_once(void);

/* The loop, with halting when there is nothing to do. */
void __noreturn run_forever(void);

/* For kernel/wait.c: stop running until task_wake(), and make a task that waits ready. */
void task_block(void);
void task_wake(struct task *task);

/*
 * For kernel/task.c, from kernel/x86 or tests/host: gives a new task a stack of TASK_STACK_SIZE with a
 * guard page and a context that starts in `entry`; frees both; saves the present context in *from and
 * continues `to`; halts until an interrupt or until ktime_get_ms() reaches `wake_ms`.
 */
int task_context_create(struct task *task, void (*entry)(void));
void task_context_destroy(struct task *task);
void context_switch(void **from, void *to);
void cpu_idle_until(uint64_t wake_ms);

#endif
