/*
 * test_timer.c - the timer wheel, on a clock the test sets.
 */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "kernel/timer.h"

static uint64_t now_ms = (1ull << 32) - 5; /* level boundaries of all kinds are crossed from here */

uint64_t ktime_get_ms(void)
{
    return now_ms;
}

struct probe {
    struct timer timer;
    unsigned fired;
    uint64_t fired_at;
    uint64_t rearm_ms;    /* when fired: arm again so much later */
    struct timer *victim; /* when fired: delete this one */
};

static unsigned fired_total;
static uint64_t last_expiry; /* of the timers fired in this run */

static void probe_fired(struct timer *self)
{
    struct probe *p = container_of(self, struct probe, timer);
    p->fired++;
    p->fired_at = now_ms;
    fired_total++;
    assert_false(timer_pending(self));
    assert_true(self->expires_ms <= now_ms);
    assert_true(self->expires_ms >= last_expiry);
    last_expiry = self->expires_ms;
    if (p->victim)
        del_timer(p->victim);
    if (p->rearm_ms)
        mod_timer(self, now_ms + p->rearm_ms);
}

static struct probe *probe_init(struct probe *p)
{
    *p = (struct probe){0};
    timer_setup(&p->timer, probe_fired);
    return p;
}

static bool run_at(uint64_t ms)
{
    now_ms = ms;
    last_expiry = 0;
    return run_timers();
}

/* Jumps from one moment to the next as the main loop does; nothing may be left at the end. */
static void run_all(uint64_t until_ms)
{
    while (timer_next_ms() <= until_ms)
        run_at(timer_next_ms() > now_ms ? timer_next_ms() : now_ms);
    run_at(until_ms);
}

static int teardown(void **state)
{
    run_at(now_ms + 1);
    return timer_next_ms() != UINT64_MAX && timer_next_ms() <= now_ms;
}

TEST("a timer fires at its millisecond, once, and not before")
{
    static const uint64_t delays[] = {1,        2,          255,           256,          257,     511,
                                      16383,    16384,      16385,         65536,        1048575, 1048576,
                                      67108864, 4294967295, 4294967296ull, 5000000000ull};
    for (unsigned i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct probe p;
        uint64_t due = now_ms + delays[i];
        probe_init(&p);
        assert_false(mod_timer(&p.timer, due));
        assert_true(timer_pending(&p.timer));
        assert_true(timer_next_ms() <= due);
        run_at(due - 1);
        assert_int_equal(p.fired, 0);
        assert_true(run_at(due));
        assert_int_equal(p.fired, 1);
        assert_false(timer_pending(&p.timer));
        run_at(due + 1);
        assert_int_equal(p.fired, 1);
    }
}

TEST("a timer fires at its millisecond when the clock only visits the moments the wheel asks for")
{
    for (uint64_t delay = 1; delay < 1ull << 36; delay = delay * 3 + 1) {
        struct probe p;
        uint64_t due = now_ms + delay;
        mod_timer(&probe_init(&p)->timer, due);
        unsigned visits = 0;
        while (!p.fired) {
            assert_true(timer_next_ms() > now_ms);
            run_at(timer_next_ms());
            assert_true(++visits < 32); /* sleeping is not interrupted for nothing */
        }
        assert_int_equal(p.fired_at, due);
    }
}

TEST("a moment that has passed means the next round")
{
    struct probe p, q;
    mod_timer(&probe_init(&p)->timer, 0);
    mod_timer(&probe_init(&q)->timer, now_ms);
    assert_true(timer_next_ms() <= now_ms);
    run_at(now_ms);
    assert_int_equal(p.fired, 1);
    assert_int_equal(q.fired, 1);
}

static void again_now(struct timer *self)
{
    fired_total++;
    mod_timer(self, now_ms);
}

TEST("a timer that arms itself for now runs once per round")
{
    struct timer t;
    timer_setup(&t, again_now);
    mod_timer(&t, now_ms);
    fired_total = 0;
    for (unsigned round = 1; round <= 3; round++) {
        run_at(now_ms);
        assert_int_equal(fired_total, round);
        assert_true(timer_next_ms() <= now_ms);
    }
    del_timer(&t);
}

struct numbered {
    struct timer timer;
    unsigned number;
};

static unsigned next_number;

static void in_turn(struct timer *self)
{
    assert_int_equal(container_of(self, struct numbered, timer)->number, next_number);
    next_number++;
}

TEST("timers of one millisecond fire in the order in which they were armed")
{
    struct numbered t[5];
    next_number = 0;
    for (unsigned i = 0; i < 5; i++) {
        t[i].number = i;
        timer_setup(&t[i].timer, in_turn);
        mod_timer(&t[i].timer, now_ms + 10);
    }
    run_at(now_ms + 20);
    assert_int_equal(next_number, 5);
}

TEST("del_timer stops a timer and says whether it was pending")
{
    struct probe p;
    probe_init(&p);
    assert_false(del_timer(&p.timer));
    mod_timer(&p.timer, now_ms + 5);
    assert_true(del_timer(&p.timer));
    assert_false(del_timer(&p.timer));
    run_at(now_ms + 10);
    assert_int_equal(p.fired, 0);
}

TEST("mod_timer moves a pending timer, later and earlier")
{
    struct probe p;
    uint64_t start = now_ms;
    probe_init(&p);
    mod_timer(&p.timer, start + 100);
    assert_true(mod_timer(&p.timer, start + 300));
    run_at(start + 299);
    assert_int_equal(p.fired, 0);
    assert_true(mod_timer(&p.timer, start + 299 + 1));
    run_at(start + 300);
    assert_int_equal(p.fired, 1);
}

TEST("a timer may re-arm itself: it fires in every period")
{
    struct probe p;
    uint64_t start = now_ms;
    probe_init(&p)->rearm_ms = 100;
    mod_timer(&p.timer, start + 100);
    run_all(start + 1000);
    assert_int_equal(p.fired, 10);
    del_timer(&p.timer);
}

TEST("a timer may delete another one that is due in the same round")
{
    struct probe p, q;
    probe_init(&q);
    probe_init(&p)->victim = &q.timer;
    mod_timer(&p.timer, now_ms + 7);
    mod_timer(&q.timer, now_ms + 8);
    run_at(now_ms + 20);
    assert_int_equal(p.fired, 1);
    assert_int_equal(q.fired, 0);
}

static void free_own(struct timer *self)
{
    fired_total++;
    free(self);
}

TEST("a timer function may free its timer")
{
    fired_total = 0;
    for (unsigned i = 0; i < 100; i++) {
        struct timer *t = malloc(sizeof(*t));
        timer_setup(t, free_own);
        mod_timer(t, now_ms + i * 37);
    }
    run_all(now_ms + 100 * 37);
    assert_int_equal(fired_total, 100);
}

TEST("without timers there is nothing to wait for")
{
    struct probe p;
    run_all(now_ms + 1);
    mod_timer(&probe_init(&p)->timer, now_ms + 50);
    del_timer(&p.timer);
    run_at(now_ms + 50);
    assert_int_equal(timer_next_ms(), UINT64_MAX);
    assert_false(run_at(now_ms + 1));
}

#define CROWD 500

/* Every timer is compared with what a plain list of expiries would do. */
TEST("a crowd of timers, armed, moved and deleted at random, all fire when they should")
{
    static struct probe crowd[CROWD];
    static uint64_t due[CROWD]; /* 0: not pending */
    srand(1);
    for (unsigned i = 0; i < CROWD; i++)
        probe_init(&crowd[i]);
    for (unsigned round = 0; round < 200000; round++) {
        unsigned i = (unsigned)rand() % CROWD;
        unsigned what = (unsigned)rand() % 16;
        if (what == 0) {
            assert_int_equal(del_timer(&crowd[i].timer), due[i] != 0);
            due[i] = 0;
        } else if (what < 8) {
            uint64_t delay = (uint64_t)rand() >> (rand() % 31);
            assert_int_equal(mod_timer(&crowd[i].timer, now_ms + delay), due[i] != 0);
            due[i] = now_ms + delay;
        } else {
            uint64_t step = (uint64_t)rand() >> (8 + rand() % 23);
            bool jump = timer_next_ms() != UINT64_MAX && timer_next_ms() > now_ms && rand() % 2;
            run_at(jump ? timer_next_ms() : now_ms + step);
            uint64_t earliest = UINT64_MAX;
            for (unsigned k = 0; k < CROWD; k++) {
                bool should = due[k] && due[k] <= now_ms;
                assert_int_equal(crowd[k].fired, should);
                assert_int_equal(timer_pending(&crowd[k].timer), due[k] && !should);
                crowd[k].fired = 0;
                if (should)
                    due[k] = 0;
                if (due[k] && due[k] < earliest)
                    earliest = due[k];
            }
            assert_true(timer_next_ms() <= earliest);
            assert_true(timer_next_ms() > now_ms);
        }
    }
    for (unsigned i = 0; i < CROWD; i++)
        del_timer(&crowd[i].timer);
    run_at(now_ms + 1);
}

TEST_FIXTURE(NULL, teardown)
