/*
 * test_softirq.c - deferred work and wake-ups: who is called, how often and in which order.
 */
#include "tests/unit/test.h"

#include <string.h>

#include "kernel/softirq.h"
#include "kernel/wait.h"

static char calls[64];

struct source {
    struct softirq softirq;
    const char *name;
    struct softirq *raises; /* when it runs */
    struct softirq *closes;
};

static void source_run(struct softirq *self)
{
    struct source *s = container_of(self, struct source, softirq);
    strcat(calls, s->name);
    if (s->raises)
        raise_softirq(s->raises);
    if (s->closes)
        close_softirq(s->closes);
}

static struct softirq *source_init(struct source *s, enum softirq_nr nr, const char *name)
{
    *s = (struct source){.name = name};
    open_softirq(&s->softirq, nr, source_run);
    return &s->softirq;
}

static int setup(void **state)
{
    calls[0] = '\0';
    return softirq_pending();
}

TEST("softirqs run in the order of their numbers, each raised one once")
{
    struct source timer, tx, rx, rx2, idle;
    source_init(&idle, NET_TX_SOFTIRQ, "idle");
    raise_softirq(source_init(&rx, NET_RX_SOFTIRQ, "r"));
    raise_softirq(source_init(&rx2, NET_RX_SOFTIRQ, "s"));
    raise_softirq(source_init(&tx, NET_TX_SOFTIRQ, "t"));
    raise_softirq(source_init(&timer, TIMER_SOFTIRQ, "T"));
    raise_softirq(&rx.softirq);
    assert_true(softirq_pending());
    do_softirq();
    assert_string_equal(calls, "Ttrs");
    assert_false(softirq_pending());
    do_softirq();
    assert_string_equal(calls, "Ttrs");
}

TEST("what is raised while softirqs run waits for the next round")
{
    struct source rx, tx;
    source_init(&tx, NET_TX_SOFTIRQ, "t");
    source_init(&rx, NET_RX_SOFTIRQ, "r");
    rx.raises = &rx.softirq;
    tx.raises = &tx.softirq;
    raise_softirq(&rx.softirq);
    raise_softirq(&tx.softirq);
    do_softirq();
    assert_string_equal(calls, "tr");
    assert_true(softirq_pending());
    do_softirq();
    assert_string_equal(calls, "trtr");
    close_softirq(&rx.softirq);
    close_softirq(&tx.softirq);
}

TEST("a closed softirq does not run, also when another one of the same round closes it")
{
    struct source rx, tx;
    raise_softirq(source_init(&rx, NET_RX_SOFTIRQ, "r"));
    close_softirq(&rx.softirq);
    assert_false(softirq_pending());
    raise_softirq(source_init(&tx, NET_TX_SOFTIRQ, "t"));
    raise_softirq(&rx.softirq);
    tx.closes = &rx.softirq;
    do_softirq();
    assert_string_equal(calls, "t");
}

struct waiter {
    struct wait_queue_entry wait;
    const char *name;
    struct waiter *removes; /* when woken */
    uint32_t key;
};

static void waiter_woken(struct wait_queue_entry *self, uint32_t key)
{
    struct waiter *w = container_of(self, struct waiter, wait);
    strcat(calls, w->name);
    w->key = key;
    if (w->removes)
        remove_wait_queue(&w->removes->wait);
}

static struct waiter *waiter_add(struct waiter *w, struct wait_queue_head *wq, const char *name)
{
    *w = (struct waiter){.name = name, .wait.func = waiter_woken};
    add_wait_queue(wq, &w->wait);
    return w;
}

TEST("wake_up calls every entry once, first come first served, with the waker's key")
{
    struct wait_queue_head wq;
    struct waiter a, b;
    init_waitqueue_head(&wq);
    wake_up(&wq, 1);
    waiter_add(&a, &wq, "a");
    waiter_add(&b, &wq, "b");
    wake_up(&wq, 5);
    assert_string_equal(calls, "ab");
    assert_int_equal(a.key, 5);
    wake_up(&wq, 0);
    assert_string_equal(calls, "abab");
    assert_true(waitqueue_active(&wq));
}

TEST("a woken entry may remove itself, its neighbour before or behind")
{
    struct wait_queue_head wq;
    struct waiter a, b, c;
    init_waitqueue_head(&wq);
    waiter_add(&a, &wq, "a");
    waiter_add(&b, &wq, "b");
    waiter_add(&c, &wq, "c");
    b.removes = &c;
    wake_up(&wq, 0);
    assert_string_equal(calls, "ab");
    b.removes = &a;
    wake_up(&wq, 0);
    assert_string_equal(calls, "abab");
    b.removes = &b;
    wake_up(&wq, 0);
    assert_string_equal(calls, "ababb");
    assert_false(waitqueue_active(&wq));
}

TEST_FIXTURE(setup, NULL)
