/*
 * sch_tbf.c - token bucket filter: no more than a rate leaves, whatever the card could do.
 *
 * What waits for tokens waits in a child: a bfifo of `limit` bytes, or any other kind (child=fq_codel). A
 * packet that is due and has no tokens arms a timer; nothing else moves the queue then. Trains that would
 * hold the line for longer than a millisecond are cut first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/core/gso.h"
#include "net/sched/sched.h"

#define RATE_MIN      125ull              /* 1 kbit/s */
#define RATE_MAX      (10ull * 125000000) /* 10 Gbit/s */
#define BURST_MAX     (256ull << 20)
#define LIMIT_MIN     1514u
#define LIMIT_LATENCY 50 /* ms of queue by default */
#define TRAIN_MS      1

struct tbf {
    struct token_bucket bucket;
    struct Qdisc *child;
    uint64_t limit; /* bytes in the child if it is the bfifo; 0: another kind keeps its own */
    struct timer watchdog;
    struct Qdisc *q;
};

static void tbf_watchdog(struct timer *timer)
{
    netif_schedule(container_of(timer, struct tbf, watchdog)->q->dev);
}

/* The child has taken, given or dropped something. */
static void tbf_follow_child(struct Qdisc *q)
{
    const struct tbf *tbf = qdisc_priv(q);
    const struct gnet_stats_queue *child = &tbf->child->qstats;

    q->qstats.qlen = child->qlen;
    q->qstats.backlog = child->backlog;
    q->qstats.drops = child->drops;
}

/* Segment by segment. Takes skb. Return: the first error. */
static int tbf_enqueue_train(struct sk_buff *skb, struct Qdisc *q)
{
    struct tbf *tbf = qdisc_priv(q);
    struct sk_buff *segment = skb_gso_cut(skb);
    int err = 0;

    if (!segment) {
        qdisc_drop(skb, tbf->child, SKB_DROP_REASON_NOMEM);
        return -ENOMEM;
    }
    while (segment) {
        struct sk_buff *next = segment->next;
        segment->next = NULL;
        qdisc_skb_cb(segment)->pkt_len = segment->len;
        int this_err = tbf->child->ops->enqueue(segment, tbf->child);
        err = err ? err : this_err;
        segment = next;
    }
    return err;
}

static int tbf_enqueue(struct sk_buff *skb, struct Qdisc *q)
{
    struct tbf *tbf = qdisc_priv(q);
    uint32_t len = qdisc_pkt_len(skb);
    bool slow = len > tbf->bucket.burst || len > tbf->bucket.rate * TRAIN_MS / 1000;
    int err;

    if (skb_shinfo(skb)->gso_size && slow) {
        err = tbf_enqueue_train(skb, q);
    } else if (len > tbf->bucket.burst) { /* would wait for ever: the MTU has grown since */
        qdisc_drop(skb, tbf->child, SKB_DROP_REASON_QDISC_DROP);
        err = -ENOBUFS;
    } else {
        err = tbf->child->ops->enqueue(skb, tbf->child);
    }
    tbf_follow_child(q);
    return err;
}

static struct sk_buff *tbf_dequeue(struct Qdisc *q)
{
    struct tbf *tbf = qdisc_priv(q);
    struct sk_buff *skb = tbf->child->ops->peek(tbf->child);

    if (skb && !token_bucket_take(&tbf->bucket, qdisc_pkt_len(skb), ktime_get())) {
        ktime_t when = token_bucket_when(&tbf->bucket, qdisc_pkt_len(skb));
        q->qstats.overlimits++;
        mod_timer(&tbf->watchdog, DIV_ROUND_UP(when, NSEC_PER_MSEC));
        skb = NULL;
    } else if (skb) {
        skb = tbf->child->ops->dequeue(tbf->child);
    }
    tbf_follow_child(q);
    return skb;
}

static struct sk_buff *tbf_peek(struct Qdisc *q)
{
    struct tbf *tbf = qdisc_priv(q);

    return tbf->child->ops->peek(tbf->child);
}

/* --- settings --- */

struct tbf_settings {
    uint64_t rate, burst, limit;
    char child[QDISC_WORD_MAX];
};

static int tbf_check(const struct Qdisc *q, struct tbf_settings *s, struct qdisc_why *why)
{
    uint64_t least;

    if (!s->rate) {
        snprintf(why->text, sizeof(why->text), "tbf: it needs a rate: tbf,rate=10mbit,burst=32k");
        return -EINVAL;
    }
    least = token_bucket_min_burst(q->dev, s->rate);
    if (!s->burst)
        s->burst = 2 * least;
    if (s->burst < least) {
        snprintf(
            why->text, sizeof(why->text),
            "tbf: burst=%llu is too small for this rate, which would not be reached; write burst=%llu or more",
            (unsigned long long)s->burst, (unsigned long long)least);
        return -EINVAL;
    }
    if (!s->limit)
        s->limit = max(s->rate * LIMIT_LATENCY / 1000, 2 * s->burst);
    return 0;
}

static int tbf_parse(const struct Qdisc *q, const char *options, struct tbf_settings *s,
                     struct qdisc_why *why)
{
    const struct qdisc_option table[] = {
        {"rate", OPTION_RATE, &s->rate, RATE_MIN, RATE_MAX},
        {"burst", OPTION_SIZE, &s->burst, 1, BURST_MAX},
        {"limit", OPTION_SIZE, &s->limit, LIMIT_MIN, UINT32_MAX},
        {"child", OPTION_WORD, s->child, 0, 0},
        {NULL, OPTION_NUMBER, NULL, 0, 0},
    };
    int err = qdisc_parse_options("tbf", options, table, why);

    return err ? err : tbf_check(q, s, why);
}

static int tbf_init(struct Qdisc *q, const char *options, struct qdisc_why *why)
{
    struct tbf *tbf = qdisc_priv(q);
    struct tbf_settings s = {.child = "bfifo"};
    char limit[32] = "";
    int err;

    timer_setup(&tbf->watchdog, tbf_watchdog);
    tbf->q = q;
    err = tbf_parse(q, options, &s, why);
    if (err)
        return err;
    if (!strcmp(s.child, "tbf")) {
        snprintf(why->text, sizeof(why->text),
                 "tbf: child=tbf: one rate is enough; write child=fq_codel or leave it");
        return -EINVAL;
    }
    if (!strcmp(s.child, "bfifo"))
        snprintf(limit, sizeof(limit), "limit=%llu", (unsigned long long)s.limit);
    tbf->limit = limit[0] ? s.limit : 0;
    token_bucket_init(&tbf->bucket, s.rate, s.burst, ktime_get());
    tbf->child = qdisc_create(q->dev, s.child, limit, why, &err);
    return err;
}

static int tbf_change(struct Qdisc *q, const char *options, struct qdisc_why *why)
{
    struct tbf *tbf = qdisc_priv(q);
    struct tbf_settings s = {.rate = tbf->bucket.rate, .burst = tbf->bucket.burst, .limit = tbf->limit};
    int err = tbf_parse(q, options, &s, why);

    if (err)
        return err;
    if (s.child[0] && strcmp(s.child, tbf->child->ops->id)) {
        snprintf(why->text, sizeof(why->text),
                 "tbf: its child cannot change while it works; replace it as a whole");
        return -EINVAL;
    }
    token_bucket_init(&tbf->bucket, s.rate, s.burst, ktime_get());
    if (tbf->limit) {
        tbf->limit = s.limit;
        tbf->child->limit = (uint32_t)s.limit;
    }
    return 0;
}

static void tbf_reset(struct Qdisc *q)
{
    struct tbf *tbf = qdisc_priv(q);

    del_timer(&tbf->watchdog);
    if (!tbf->child)
        return;
    tbf->child->reset_reason = q->reset_reason;
    tbf->child->ops->reset(tbf->child);
    tbf_follow_child(q);
}

static void tbf_destroy(struct Qdisc *q)
{
    struct tbf *tbf = qdisc_priv(q);

    if (tbf->child)
        qdisc_free(tbf->child);
}

static void tbf_dump(struct Qdisc *q, char *buf, size_t size)
{
    struct tbf *tbf = qdisc_priv(q);
    char rate[QDISC_TEXT_MAX], child[128];

    tbf->child->ops->dump(tbf->child, child, sizeof(child));
    snprintf(buf, size, "rate %s burst %llub child %s %s", qdisc_rate_text(tbf->bucket.rate, rate),
             (unsigned long long)tbf->bucket.burst, tbf->child->ops->id, child);
}

static void tbf_dump_stats(struct Qdisc *q, char *buf, size_t size)
{
    struct tbf *tbf = qdisc_priv(q);

    if (tbf->child->ops->dump_stats)
        tbf->child->ops->dump_stats(tbf->child, buf, size);
}

const struct Qdisc_ops tbf_ops = {
    .id = "tbf",
    .priv_size = sizeof(struct tbf),
    .enqueue = tbf_enqueue,
    .dequeue = tbf_dequeue,
    .peek = tbf_peek,
    .init = tbf_init,
    .change = tbf_change,
    .reset = tbf_reset,
    .destroy = tbf_destroy,
    .dump = tbf_dump,
    .dump_stats = tbf_dump_stats,
};
