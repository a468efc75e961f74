/*
 * timer.c - a hierarchical timer wheel: arming and deleting take the same short time however many
 * timers there are.
 *
 * Level 0 has a slot for each of the next 256 ms; a slot of level n is 64 times (level 1: 256 times) as
 * long as one of the level below. When the clock enters a slot of a higher level, its timers move
 * down to where they now belong, so a timer moves at most four times and runs at its exact millisecond.
 * A bitmap of used slots lets the clock jump over idle time.
 *
 *     level    slots    a slot lasts    reaches
 *       0       256         1 ms         256 ms
 *       1        64       256 ms          16 s
 *       2        64        16 s           17 min
 *       3        64        17 min         18 h
 *       4        64        18 h           49 days; later ones wait in its last slot
 */
#include "kernel/timer.h"

#define LEVELS      5
#define SLOTS_0     256
#define SLOTS_UPPER 64
#define NR_SLOTS    (SLOTS_0 + (LEVELS - 1) * SLOTS_UPPER)
#define REACH_MS    (1ull << 32)

static struct hlist_head slots[NR_SLOTS];
static uint64_t used[NR_SLOTS / 64]; /* bit n: slots[n] is not empty */

static struct {
    uint64_t clk;              /* everything before this millisecond has run */
    uint64_t next;             /* nothing to do before this one; may be too early, after a del_timer() */
    struct hlist_head due;     /* armed for a moment that has passed: next round */
    struct hlist_head expired; /* being run */
} wheel = {.next = UINT64_MAX};

static unsigned level_shift(unsigned level)
{
    return level ? 8 + 6 * (level - 1) : 0;
}

static unsigned level_first_slot(unsigned level)
{
    return level ? SLOTS_0 + SLOTS_UPPER * (level - 1) : 0;
}

/* Puts it into the slot for its time, and sees that the clock stops when it enters that slot. */
static void wheel_add(struct timer *timer)
{
    uint64_t expires_ms = timer->expires_ms;
    if (expires_ms < wheel.clk) {
        hlist_add_head(&timer->node, &wheel.due);
        return;
    }
    if (expires_ms - wheel.clk >= REACH_MS)
        expires_ms = wheel.clk + REACH_MS - 1;
    uint64_t delta = expires_ms - wheel.clk;
    unsigned level = 0, slot = (unsigned)(expires_ms % SLOTS_0);
    if (delta >= SLOTS_0) {
        level = 1;
        while (delta >> level_shift(level + 1))
            level++;
        slot = level_first_slot(level) + (unsigned)(expires_ms >> level_shift(level)) % SLOTS_UPPER;
    }
    hlist_add_head(&timer->node, &slots[slot]);
    used[slot / 64] |= 1ull << slot % 64;
    wheel.next = min(wheel.next, expires_ms >> level_shift(level) << level_shift(level));
}

/* Clears the slot's bit when its last timer goes: then `pprev` is the slot itself. */
static void wheel_del(struct timer *timer)
{
    struct hlist_node **pprev = timer->node.pprev;
    hlist_del_init(&timer->node);
    size_t slot = ((uintptr_t)pprev - (uintptr_t)slots) / sizeof(slots[0]);
    if (!*pprev && slot < NR_SLOTS)
        used[slot / 64] &= ~(1ull << slot % 64);
}

/* Distance from `from` to the next set bit of a ring of 64; 64 if there is none. */
static unsigned ring_distance(uint64_t bits, unsigned from)
{
    uint64_t rotated = from ? bits >> from | bits << (64 - from) : bits;
    return rotated ? (unsigned)__builtin_ctzll(rotated) : 64;
}

static uint64_t next_level_0(void)
{
    unsigned from = (unsigned)(wheel.clk % SLOTS_0);
    uint64_t first = used[from / 64] >> from % 64;
    if (first)
        return wheel.clk + (unsigned)__builtin_ctzll(first);
    uint64_t start = wheel.clk - from % 64 + 64;
    for (unsigned i = 1; i <= 4; i++, start += 64) {
        uint64_t bits = used[(from / 64 + i) % 4];
        if (bits)
            return start + (unsigned)__builtin_ctzll(bits);
    }
    return UINT64_MAX;
}

/*
 * When the clock enters the next used slot of an upper level. The slot it is in now was emptied on
 * entering, unless it is just entering; so elsewhere the search starts one further.
 */
static uint64_t next_level(unsigned level)
{
    unsigned shift = level_shift(level);
    uint64_t bits = used[level_first_slot(level) / 64];
    uint64_t at = (wheel.clk + (1ull << shift) - 1) >> shift;
    return bits ? (at + ring_distance(bits, (unsigned)at % SLOTS_UPPER)) << shift : UINT64_MAX;
}

/* The next millisecond at which the wheel has something to do. */
static uint64_t wheel_next(void)
{
    uint64_t next = next_level_0();
    for (unsigned level = 1; level < LEVELS; level++)
        next = min(next, next_level(level));
    return next;
}

/* On entering slots of upper levels: their timers go down to where they now belong. */
static void wheel_cascade(void)
{
    for (unsigned level = LEVELS - 1; level > 0; level--) {
        if (wheel.clk & ((1ull << level_shift(level)) - 1))
            continue;
        unsigned slot = level_first_slot(level) + (unsigned)(wheel.clk >> level_shift(level)) % SLOTS_UPPER;
        struct hlist_node *node = slots[slot].first;
        slots[slot].first = NULL;
        used[slot / 64] &= ~(1ull << slot % 64);
        while (node) {
            struct hlist_node *next = node->next;
            wheel_add(container_of(node, struct timer, node));
            node = next;
        }
    }
}

/*
 * Moves all of `from` behind the link `*tail`, the first armed first (lists are filled at the front).
 * Return: the link behind the last one moved.
 */
static struct hlist_node **expire_list(struct hlist_head *from, struct hlist_node **tail)
{
    struct hlist_node *node = from->first, **end = tail;
    from->first = NULL;
    while (node) {
        struct hlist_node *next = node->next;
        if (end == tail)
            end = &node->next;
        node->next = *tail;
        if (node->next)
            node->next->pprev = &node->next;
        node->pprev = tail;
        *tail = node;
        node = next;
    }
    return end;
}

static void collect_expired(uint64_t now_ms)
{
    struct hlist_node **tail = expire_list(&wheel.due, &wheel.expired.first);
    while ((wheel.next = wheel_next()) <= now_ms) {
        wheel.clk = wheel.next;
        wheel_cascade();
        unsigned slot = (unsigned)(wheel.clk % SLOTS_0);
        tail = expire_list(&slots[slot], tail);
        used[slot / 64] &= ~(1ull << slot % 64);
        wheel.clk++;
    }
    wheel.clk = now_ms + 1;
}

void timer_setup(struct timer *timer, void (*function)(struct timer *self))
{
    timer->node = (struct hlist_node){0};
    timer->expires_ms = 0;
    timer->function = function;
}

bool mod_timer(struct timer *timer, uint64_t expires_ms)
{
    bool pending = timer_pending(timer);
    if (pending)
        wheel_del(timer);
    timer->expires_ms = expires_ms;
    wheel_add(timer);
    return pending;
}

void del_pending_timer(struct timer *timer)
{
    wheel_del(timer);
}

bool run_timers(void)
{
    uint64_t now_ms = ktime_get_ms();
    if (now_ms < wheel.next && !wheel.due.first) {
        wheel.clk = now_ms + 1;
        return false;
    }
    collect_expired(now_ms);
    bool ran = wheel.expired.first;
    while (wheel.expired.first) {
        struct timer *timer = container_of(wheel.expired.first, struct timer, node);
        hlist_del_init(&timer->node);
        timer->function(timer);
    }
    return ran;
}

uint64_t timer_next_ms(void)
{
    if (wheel.due.first)
        return wheel.clk ? wheel.clk - 1 : 0;
    return wheel.next;
}
