/*
 * test_task.c - tasks and their loop: who runs when, who is woken, and what is left of a task when it ends.
 */
#include "tests/unit/test.h"

#include <string.h>

#include "kernel/softirq.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/timer.h"
#include "tests/host/host.h"

static char steps[256]; /* what tasks have done, in order: a letter each */
static size_t objects_before;

static void did(char what)
{
    size_t len = strlen(steps);
    assert_true(len + 1 < sizeof(steps));
    steps[len] = what;
    steps[len + 1] = '\0';
}

static void did_name(void)
{
    did(current_task()->name[0]);
}

static struct task *start(const char *name, void (*function)(void *arg), void *arg)
{
    struct task *task = task_create(name, function, arg, NULL);
    assert_non_null(task);
    return task;
}

static unsigned count_tasks(void)
{
    unsigned count = 0;
    for (struct task *task = task_next(NULL); task; task = task_next(task))
        count++;
    return count;
}

static int setup(void **state)
{
    steps[0] = '\0';
    objects_before = host_objects_alive();
    return count_tasks() != 0;
}

/* Every test lets its tasks end. */
static int teardown(void **state)
{
    host_fail_allocation(0);
    host_advance_ms(200); /* a timer left on a stack that is gone would crash */
    assert_int_equal(count_tasks(), 0);
    assert_null(current_task());
    assert_int_equal(host_objects_alive(), objects_before);
    assert_int_equal(timer_next_ms(), UINT64_MAX);
    return 0;
}

/* --- turns --- */

static void one_step(void *arg)
{
    did_name();
}

static void three_steps(void *arg)
{
    for (int i = 0; i < 3; i++) {
        did_name();
        task_yield();
    }
}

TEST("tasks run in the order they were made, and none before the loop turns")
{
    start("a", one_step, NULL);
    start("b", one_step, NULL);
    start("c", one_step, NULL);
    assert_string_equal(steps, "");
    assert_int_equal(count_tasks(), 3);
    assert_true(run_once());
    assert_string_equal(steps, "abc");
    assert_int_equal(count_tasks(), 0);
    assert_false(run_once());
}

TEST("who yields goes to the end: all the others have a turn first")
{
    start("a", three_steps, NULL);
    start("b", three_steps, NULL);
    start("c", one_step, NULL);
    host_run();
    assert_string_equal(steps, "abcabab");
}

TEST("a turn of the loop gives each ready task one turn, however often it yields")
{
    start("a", three_steps, NULL);
    start("b", three_steps, NULL);
    run_once();
    assert_string_equal(steps, "ab");
    run_once();
    assert_string_equal(steps, "abab");
}

static void make_another(void *arg)
{
    did_name();
    start("n", one_step, NULL);
    did('.');
}

TEST("a task made by a task runs in the next round")
{
    start("a", make_another, NULL);
    start("b", one_step, NULL);
    run_once();
    assert_string_equal(steps, "a.b");
    run_once();
    assert_string_equal(steps, "a.bn");
}

static void check_context(void *arg)
{
    struct task **expected = arg;
    char on_stack[4096];
    memset(on_stack, 1, sizeof(on_stack));
    assert_ptr_equal(current_task(), *expected);
    assert_int_equal(current_task()->state, TASK_RUNNING);
    task_yield();
    assert_ptr_equal(current_task(), *expected);
    for (size_t i = 0; i < sizeof(on_stack); i++)
        assert_int_equal(on_stack[i], 1);
    did_name();
}

TEST("each task has its argument, its stack and itself as the current one")
{
    struct task *a, *b;
    a = start("a", check_context, &a);
    b = start("b", check_context, &b);
    assert_int_equal(a->state, TASK_READY);
    host_run();
    assert_string_equal(steps, "ab");
}

static void inherit(void *arg)
{
    struct files *own = arg;
    assert_ptr_equal(current_task()->files, own);
    assert_ptr_equal(start("n", one_step, NULL)->files, own);
    struct task *other = task_create("o", one_step, NULL, (struct files *)steps);
    assert_ptr_equal(other->files, steps);
}

TEST("a task has its creator's descriptors unless it is given others")
{
    static char table; /* only its address matters here */
    assert_null(start("x", one_step, NULL)->files);
    assert_non_null(task_create("a", inherit, &table, (struct files *)&table));
    host_run();
    assert_string_equal(steps, "xno");
}

TEST("outside of tasks there is no current one, and to yield or wait returns at once")
{
    struct wait_queue_head wq;
    init_waitqueue_head(&wq);
    assert_null(current_task());
    task_yield();
    assert_false(wait_on(&wq, WAIT_FOREVER));
    assert_false(waitqueue_active(&wq));
}

/* --- softirqs between tasks --- */

static void softirq_runs(struct softirq *self)
{
    assert_null(current_task());
    did('S');
}

static struct softirq work;

static void raise_and_yield(void *arg)
{
    did_name();
    raise_softirq(&work);
    did('.');
    task_yield();
    did_name();
}

TEST("a softirq that a task raises runs before any task runs again, with no task current")
{
    open_softirq(&work, NET_RX_SOFTIRQ, softirq_runs);
    start("a", raise_and_yield, NULL);
    start("b", three_steps, NULL);
    host_run();
    assert_string_equal(steps, "a.bSabb");
    close_softirq(&work);
}

static void timer_runs(struct timer *self)
{
    assert_null(current_task());
    did('T');
    raise_softirq(&work);
}

TEST("one turn of the loop: timers, then softirqs, then tasks")
{
    struct timer timer;
    open_softirq(&work, NET_RX_SOFTIRQ, softirq_runs);
    timer_setup(&timer, timer_runs);
    start("a", one_step, NULL);
    mod_timer(&timer, ktime_get_ms());
    run_once();
    assert_string_equal(steps, "TSa");
    close_softirq(&work);
}

/* --- sleep --- */

static void sleeper(void *arg)
{
    const uint64_t *ms = arg;
    task_sleep_ms(*ms);
    did_name();
}

TEST("a sleep lasts as long as it says, never shorter, and the shortest ends first")
{
    static const uint64_t ms[] = {30, 10, 20};
    host_advance_ns(300000); /* between two milliseconds */
    start("a", sleeper, (void *)&ms[0]);
    start("b", sleeper, (void *)&ms[1]);
    start("c", sleeper, (void *)&ms[2]);
    host_run();
    host_advance_ns(10 * NSEC_PER_MSEC - 1);
    assert_string_equal(steps, "");
    host_advance_ms(1);
    assert_string_equal(steps, "b");
    host_advance_ms(10);
    assert_string_equal(steps, "bc");
    host_advance_ms(10);
    assert_string_equal(steps, "bca");
}

TEST("a sleep of nothing is over within a millisecond")
{
    static const uint64_t none;
    start("a", sleeper, (void *)&none);
    host_advance_ms(1);
    assert_string_equal(steps, "a");
}

TEST("who wakes a sleeper does not cut its sleep short")
{
    static const uint64_t ms = 50;
    struct task *task = start("a", sleeper, (void *)&ms);
    host_advance_ms(10);
    task_wake(task);
    host_advance_ms(30);
    assert_string_equal(steps, "");
    host_advance_ms(11);
    assert_string_equal(steps, "a");
}

/* --- wait queues --- */

static struct wait_queue_head queue;
static bool condition;
static uint64_t deadline_ms;

/* In capitals if the condition came, else the deadline. */
static void waiter(void *arg)
{
    char name = current_task()->name[0];
    did(wait_event_until(&queue, condition, deadline_ms) ? (char)(name - 'a' + 'A') : name);
}

static void set_up_queue(uint64_t until_ms)
{
    init_waitqueue_head(&queue);
    condition = false;
    deadline_ms = until_ms;
}

TEST("all who wait are woken, in the order they came, and the queue is empty again")
{
    set_up_queue(WAIT_FOREVER);
    start("a", waiter, NULL);
    start("b", waiter, NULL);
    start("c", waiter, NULL);
    host_run();
    assert_true(waitqueue_active(&queue));
    condition = true;
    host_run();
    assert_string_equal(steps, ""); /* nobody looks until he is woken */
    wake_up(&queue, 0);
    assert_false(waitqueue_active(&queue));
    assert_string_equal(steps, ""); /* woken is ready, not running */
    host_run();
    assert_string_equal(steps, "ABC");
}

TEST("who is woken too early waits on")
{
    set_up_queue(WAIT_FOREVER);
    start("a", waiter, NULL);
    for (int i = 0; i < 3; i++) {
        host_run();
        wake_up(&queue, 0);
        wake_up(&queue, 0);
    }
    host_run();
    assert_string_equal(steps, "");
    condition = true;
    wake_up(&queue, 0);
    host_run();
    assert_string_equal(steps, "A");
}

TEST("a wait ends at its deadline, not before, and then nothing of it is left on queue or wheel")
{
    set_up_queue(ktime_get_ms() + 100);
    start("a", waiter, NULL);
    host_advance_ms(99);
    assert_string_equal(steps, "");
    wake_up(&queue, 0); /* does not move the deadline */
    host_advance_ms(1);
    assert_string_equal(steps, "a");
    assert_false(waitqueue_active(&queue));
}

TEST("a condition that holds just when the deadline comes counts")
{
    set_up_queue(ktime_get_ms() + 100);
    start("a", waiter, NULL);
    host_advance_ms(99);
    condition = true; /* and nobody wakes */
    host_advance_ms(1);
    assert_string_equal(steps, "A");
}

TEST("one who is woken in time has no timer left, and a deadline that is past is no wait")
{
    set_up_queue(ktime_get_ms() + 100);
    start("a", waiter, NULL);
    host_run();
    condition = true;
    wake_up(&queue, 0);
    host_run();
    assert_string_equal(steps, "A");
    set_up_queue(ktime_get_ms());
    start("b", waiter, NULL);
    run_once();
    assert_string_equal(steps, "Ab");
}

TEST("a wake-up of a task that is ready or woken already is not counted twice")
{
    struct task *a = start("a", three_steps, NULL);
    task_wake(a);
    run_once();
    assert_string_equal(steps, "a");
    task_wake(a);
    run_once();
    assert_string_equal(steps, "aa");
}

struct counting_entry {
    struct wait_queue_entry wait;
    struct wait_queue_entry *removes;
    uint32_t key;
    char name;
};

static void entry_called(struct wait_queue_entry *self, uint32_t key)
{
    struct counting_entry *e = container_of(self, struct counting_entry, wait);
    e->key = key;
    did(e->name);
    if (e->removes)
        remove_wait_queue(e->removes);
}

TEST("callbacks and tasks wait on one queue; an entry may take another one off before its turn")
{
    struct counting_entry x = {.wait.func = entry_called, .name = 'x'};
    struct counting_entry y = {.wait.func = entry_called, .name = 'y'};
    set_up_queue(WAIT_FOREVER);
    x.removes = &y.wait;
    add_wait_queue(&queue, &x.wait);
    start("a", waiter, NULL);
    host_run();
    add_wait_queue(&queue, &y.wait);
    condition = true;
    wake_up(&queue, 5);
    host_run();
    assert_string_equal(steps, "xA");
    assert_int_equal(x.key, 5);
    x.removes = NULL;
    wake_up(&queue, 6); /* it stays, as callbacks do */
    assert_string_equal(steps, "xAx");
}

/* --- the end --- */

static void leave_early(void *arg)
{
    did_name();
    task_exit();
    did('!');
}

TEST("a task ends by task_exit() or by returning, and is freed")
{
    start("a", leave_early, NULL);
    start("b", one_step, NULL);
    run_once();
    assert_string_equal(steps, "ab");
    assert_int_equal(host_objects_alive(), objects_before);
}

static void join(void *arg)
{
    struct task *other = arg;
    wait_on(&other->exit_wait, WAIT_FOREVER);
    did_name();
}

TEST("who waits for the end of a task is woken by it, and the queue that goes away keeps nobody")
{
    struct counting_entry x = {.wait.func = entry_called, .name = 'x'};
    struct task *a = start("a", three_steps, NULL);
    start("j", join, a);
    start("k", join, a);
    add_wait_queue(&a->exit_wait, &x.wait);
    host_run();
    assert_string_equal(steps, "aaaxjk");
    assert_true(list_empty(&x.wait.entry)); /* taken off: its queue is freed memory now */
    remove_wait_queue(&x.wait);
}

static void sleep_and_count(void *arg)
{
    unsigned *ended = arg;
    task_sleep_ms(*ended % 7);
    task_yield();
    ++*ended;
}

TEST("hundreds of tasks come and go")
{
    unsigned ended = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++)
            start("z", sleep_and_count, &ended);
        assert_int_equal(count_tasks(), 100);
        host_advance_ms(20);
        assert_int_equal(count_tasks(), 0);
    }
    assert_int_equal(ended, 2000);
}

TEST("a task that cannot be made for want of memory leaves nothing behind")
{
    unsigned failures = 0;
    for (unsigned n = 1;; n++) {
        host_fail_allocation(n);
        struct task *task = task_create("a", one_step, NULL, NULL);
        bool failed = host_allocation_failed();
        host_fail_allocation(0);
        if (!failed) {
            assert_non_null(task);
            break;
        }
        failures++;
        assert_null(task);
        assert_int_equal(count_tasks(), 0);
        assert_int_equal(host_objects_alive(), objects_before);
    }
    assert_int_equal(failures, 2); /* itself and its stack */
    host_run();
    assert_string_equal(steps, "a");
}

/* --- time --- */

static void work_twice(void *arg)
{
    udelay(300);
    task_yield();
    udelay(200);
    task_sleep_ms(10);
    udelay(100);
    task_sleep_ms(1000);
}

TEST("a task's CPU time is what it ran, without its waits and the others' turns")
{
    struct task *a = start("a", work_twice, NULL), *b = start("b", work_twice, NULL);
    run_once();
    assert_int_equal(a->cpu_ns, 300 * NSEC_PER_USEC);
    host_advance_ms(100);
    assert_int_equal(a->cpu_ns, 600 * NSEC_PER_USEC);
    assert_int_equal(b->cpu_ns, 600 * NSEC_PER_USEC);
    host_advance_ms(2000);
}

TEST_FIXTURE(setup, teardown)
