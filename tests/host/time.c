/*
 * time.c - kernel/time.h on a virtual clock, and the loop that moves it.
 */
#include <stdlib.h>

#include "kernel/softirq.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/timer.h"
#include "tests/host/host.h"

struct host_event {
    uint64_t at_ns, order;
    void (*fn)(void *arg);
    void *arg;
};

/* Starts some way in, so that code which confuses "zero" with "never" shows. */
static uint64_t now_ns = 1000 * NSEC_PER_SEC;

/* A binary heap, earliest first; `order` keeps events of the same time in the order they were added. */
static struct host_event *heap;
static size_t heap_len, heap_size;
static uint64_t event_order;

uint64_t host_now_ns(void)
{
    return now_ns;
}

ktime_t ktime_get(void)
{
    return now_ns;
}

uint64_t ktime_get_ms(void)
{
    return now_ns / NSEC_PER_MSEC;
}

int64_t ktime_get_real_seconds(void)
{
    return 1700000000 + (int64_t)(now_ns / NSEC_PER_SEC);
}

void udelay(unsigned usec)
{
    now_ns += usec * NSEC_PER_USEC;
}

static bool earlier(const struct host_event *a, const struct host_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void heap_sift_up(size_t i)
{
    while (i && earlier(&heap[i], &heap[(i - 1) / 2])) {
        struct host_event tmp = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = tmp;
        i = (i - 1) / 2;
    }
}

static void heap_sift_down(size_t i)
{
    for (;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < heap_len && earlier(&heap[left], &heap[least]))
            least = left;
        if (right < heap_len && earlier(&heap[right], &heap[least]))
            least = right;
        if (least == i)
            return;
        struct host_event tmp = heap[i];
        heap[i] = heap[least];
        heap[least] = tmp;
        i = least;
    }
}

static void heap_remove(size_t i)
{
    heap[i] = heap[--heap_len];
    if (i < heap_len) {
        heap_sift_down(i);
        heap_sift_up(i);
    }
    if (!heap_len) { /* so that a leak checker sees nothing of ours */
        free(heap);
        heap = NULL;
        heap_size = 0;
    }
}

void host_event_add(uint64_t at_ns, void (*fn)(void *arg), void *arg)
{
    if (heap_len == heap_size) {
        heap_size = heap_size ? 2 * heap_size : 64;
        heap = realloc(heap, heap_size * sizeof(*heap));
        if (!heap)
            abort();
    }
    heap[heap_len] = (struct host_event){.at_ns = at_ns, .order = event_order++, .fn = fn, .arg = arg};
    heap_sift_up(heap_len++);
}

void host_event_cancel(void *arg)
{
    for (size_t i = heap_len; i-- > 0;)
        if (heap[i].arg == arg) {
            heap_remove(i);
            i = heap_len; /* the heap has moved: look at all of it again */
        }
}

static bool run_due_event(void)
{
    if (!heap_len || heap[0].at_ns > now_ns)
        return false;
    struct host_event event = heap[0];
    heap_remove(0);
    event.fn(event.arg);
    return true;
}

void host_run(void)
{
    bool busy = true;
    while (busy) {
        bool ran = run_once();
        bool event = run_due_event();
        busy = ran || event;
        /* Work that waits for the clock to move (a NAPI deferring its interrupts) must not spin for ever. */
        if (ran && softirq_pending())
            now_ns += 10 * NSEC_PER_USEC;
    }
}

static uint64_t next_wakeup_ns(void)
{
    uint64_t next = timer_next_ms();
    next = next > UINT64_MAX / NSEC_PER_MSEC ? UINT64_MAX : next * NSEC_PER_MSEC;
    return heap_len && heap[0].at_ns < next ? heap[0].at_ns : next;
}

/* One step towards `end`: false when the clock has arrived. */
static bool step(uint64_t end)
{
    host_run();
    if (now_ns >= end)
        return false;
    uint64_t next = next_wakeup_ns();
    if (next > end)
        next = end;
    if (next > now_ns)
        now_ns = next;
    return true;
}

void host_advance_ns(uint64_t ns)
{
    uint64_t end = now_ns + ns;
    while (step(end))
        ;
}

bool host_run_until(bool (*done)(void *arg), void *arg, uint64_t limit_ns)
{
    uint64_t end = now_ns + limit_ns;
    host_run();
    while (!done(arg)) {
        if (!step(end))
            return done(arg);
        host_run(); /* what is due now, before the clock moves on */
    }
    return true;
}

void cpu_idle_until(uint64_t wake_ms)
{
    if (wake_ms * NSEC_PER_MSEC > now_ns)
        now_ns = wake_ms * NSEC_PER_MSEC;
}
