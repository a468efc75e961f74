/*
 * sched.h - the queueing disciplines of net/sched, what they share, and how they are chosen.
 *
 * Chosen by net.core.default_qdisc for each card that comes up, and by name on the command line or at run
 * time: qdisc=eth0:fq_codel, qdisc=eth1:tbf,rate=10mbit,burst=32k, police=eth0:rate=50mbit.
 */
#ifndef NET_SCHED_SCHED_H
#define NET_SCHED_SCHED_H

#include "kernel/timer.h"
#include "net/core/netdevice.h"
#include "net/core/qdisc.h"

/* For af_inet.c: before the first card; and after the last, or with cards that then keep their own fifo. */
int __must_check sched_init(struct net *net);
void sched_exit(struct net *net);

/* The words qdisc= and police= of the command line; what is wrong is logged. When the cards are there. */
void sched_configure(struct net *net);

/**
 * qdisc_replace - "eth0:fq_codel,limit=1000" in place of what the device has
 * Return: 0, or -ENODEV, -EINVAL, -ENOMEM and a sentence; then nothing has changed.
 */
int qdisc_replace(struct net *net, const char *spec, struct qdisc_why *why);
/* The same for ingress policing: "eth0:rate=50mbit,burst=64k", "eth0:off". */
int police_replace(struct net *net, const char *spec, struct qdisc_why *why);

/* A kind by its name, NULL: there is none. */
const struct Qdisc_ops *qdisc_lookup_ops(const char *id);
/* Allocated and initialised for dev, not at work; NULL, and a sentence. */
struct Qdisc *qdisc_create(struct net_device *dev, const char *kind, const char *options,
                           struct qdisc_why *why, int *err);

extern const struct Qdisc_ops pfifo_fast_ops, pfifo_ops, bfifo_ops, fq_codel_ops, tbf_ops;

/* --- policing --- */

struct police_stats {
    uint64_t packets, bytes, dropped; /* let through; let through; over the rate */
};

/* options: "rate=...", or "off". */
int police_set(struct net_device *dev, const char *options, struct qdisc_why *why);
/* false: no policing here. */
bool police_get(const struct net_device *dev, struct police_stats *stats, char *options, size_t size);

/* --- options: "key=value,key" --- */

enum qdisc_option_kind {
    OPTION_NUMBER, /* "1000" or "1000p" */
    OPTION_RATE,   /* "10mbit", "125kbps" (bytes): bytes per second */
    OPTION_SIZE,   /* "32k": bytes */
    OPTION_TIME,   /* "5ms": nanoseconds */
    OPTION_FLAG,   /* "ecn", "noecn" */
    OPTION_WORD,   /* value points to a char[QDISC_WORD_MAX] */
};
#define QDISC_WORD_MAX 16

struct qdisc_option {
    const char *key; /* the table ends with NULL */
    enum qdisc_option_kind kind;
    void *value; /* uint64_t, or see OPTION_WORD; keeps what it held when the option is absent */
    uint64_t min, max;
};

/* 0, or -EINVAL and a sentence that names the key and what it may be. `what`: "fq_codel". */
int qdisc_parse_options(const char *what, const char *text, const struct qdisc_option *table,
                        struct qdisc_why *why);

/* As tc prints them: "10Mbit", "32Kb", "5ms". Return: buf. */
#define QDISC_TEXT_MAX 24
const char *qdisc_rate_text(uint64_t bytes_per_second, char *buf);
const char *qdisc_time_text(uint64_t ns, char *buf);

/* --- what disciplines look at in a packet --- */

/* Offset of the IPv4 header in a frame, behind VLAN tags, with at least 20 linear bytes; 0: none. */
unsigned sched_find_ipv4(struct sk_buff *skb);

/* --- a bucket that fills at a rate and holds a burst --- */

/* In byte-nanoseconds per second, so that nothing is ever rounded: a packet costs len * 10^9, a nanosecond
 * brings `rate`. */
struct token_bucket {
    uint64_t rate;  /* bytes per second, up to 10^10 */
    uint64_t burst; /* bytes, up to 2^32 */
    uint64_t tokens;
    ktime_t filled; /* when */
};

void token_bucket_init(struct token_bucket *b, uint64_t rate, uint64_t burst, ktime_t now);
/* Takes len bytes if they are there. */
bool token_bucket_take(struct token_bucket *b, uint32_t len, ktime_t now);
/* When len bytes will be there, after a take that failed; len is not more than the burst. */
ktime_t token_bucket_when(const struct token_bucket *b, uint32_t len);

/* What a bucket must hold so that timers of a millisecond can keep its rate, and a frame fits. */
uint64_t token_bucket_min_burst(const struct net_device *dev, uint64_t rate);

#endif
