/*
 * task.c - cooperative tasks and the main loop that runs everything on this core.
 *
 * The loop runs on the boot stack (hosted: on the caller's) and switches to one ready task after the
 * other; a task that waits, yields or ends switches back to the loop, never to another task.
 */
#include "kernel/task.h"

#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/softirq.h"
#include "kernel/time.h"
#include "kernel/timer.h"

static struct list_head ready_queue = LIST_HEAD_INIT(ready_queue);
static struct list_head all_tasks = LIST_HEAD_INIT(all_tasks);
static struct task *current;
static void *loop_context; /* of the main loop, while a task runs */

struct task *current_task(void)
{
    return current;
}

static void task_entry(void)
{
    current->function(current->arg);
    task_exit();
}

struct task *task_create(const char *name, void (*function)(void *arg), void *arg, struct files *files)
{
    struct task *task = kzalloc(sizeof(*task));
    if (!task)
        return NULL;
    task->name = name;
    task->function = function;
    task->arg = arg;
    task->files = files || !current ? files : current->files;
    init_waitqueue_head(&task->exit_wait);
    if (task_context_create(task, task_entry) < 0) {
        kfree(task);
        return NULL;
    }
    task->state = TASK_READY;
    list_add_tail(&task->task_list, &all_tasks);
    list_add_tail(&task->run_list, &ready_queue);
    return task;
}

/* From the running task back to the main loop. */
static void switch_to_loop(void)
{
    struct task *self = current;
    ASSERT(self);
    context_switch(&self->context, loop_context);
}

void task_block(void)
{
    current->state = TASK_WAITING;
    switch_to_loop();
}

void task_wake(struct task *task)
{
    if (task->state != TASK_WAITING)
        return;
    task->state = TASK_READY;
    list_add_tail(&task->run_list, &ready_queue);
}

void task_yield(void)
{
    if (!current)
        return;
    current->state = TASK_READY;
    list_add_tail(&current->run_list, &ready_queue);
    switch_to_loop();
}

void task_sleep_ms(uint64_t ms)
{
    struct wait_queue_head nobody;
    uint64_t deadline_ms = DIV_ROUND_UP(ktime_get(), NSEC_PER_MSEC) + ms; /* rather longer than shorter */
    init_waitqueue_head(&nobody);
    while (wait_on(&nobody, deadline_ms))
        ;
}

void task_exit(void)
{
    current->state = TASK_DEAD;
    wake_up(&current->exit_wait, 0);
    while (waitqueue_active(&current->exit_wait)) /* the queue goes away with us */
        remove_wait_queue(list_first_entry(&current->exit_wait.head, struct wait_queue_entry, entry));
    switch_to_loop();
    panic("task %s runs after its end", current->name);
}

struct task *task_next(struct task *prev)
{
    struct list_head *next = prev ? prev->task_list.next : all_tasks.next;
    return next == &all_tasks ? NULL : list_entry(next, struct task, task_list);
}

static void task_free(struct task *task)
{
    list_del_init(&task->task_list);
    task_context_destroy(task);
    kfree(task);
}

static void run_task(struct task *task)
{
    ktime_t start = ktime_get();
    task->state = TASK_RUNNING;
    current = task;
    context_switch(&loop_context, task->context);
    current = NULL;
    task->cpu_ns += ktime_get() - start;
    if (task->state == TASK_DEAD)
        task_free(task);
}

/* Each task that is ready now gets one turn; one that becomes ready meanwhile waits for the next round. */
static bool run_ready_tasks(void)
{
    struct list_head round = LIST_HEAD_INIT(round);
    if (list_empty(&ready_queue))
        return false;
    list_splice_tail_init(&ready_queue, &round);
    while (!list_empty(&round)) {
        struct task *task = list_first_entry(&round, struct task, run_list);
        list_del_init(&task->run_list);
        run_task(task);
    }
    return true;
}

bool run_once(void)
{
    bool ran = run_timers();
    if (softirq_pending()) {
        do_softirq();
        ran = true;
    }
    return run_ready_tasks() || ran;
}

void run_forever(void)
{
    for (;;)
        if (!run_once())
            cpu_idle_until(timer_next_ms());
}
