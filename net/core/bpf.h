/*
 * bpf.h - classic BPF: small programs that decide about packets, checked once and then safe to run.
 *
 * bpf_prog_create() takes a program from a stranger: jumps go forward only and stay inside, every code is
 * known, constants that would fail are refused, the last instruction returns. So a run takes at most as many
 * steps as the program is long; loads are checked against the packet when they happen, and one that misses it
 * ends the program with 0. Scratch memory, A and X start as zero.
 */
#ifndef NET_CORE_BPF_H
#define NET_CORE_BPF_H

#include <linux/filter.h>

#include "net/core/skbuff.h"

struct bpf_prog {
    uint32_t refcount;
    uint32_t len;
    struct sock_filter insns[];
};

/* Why a program was refused: the instruction (from 0) and a sentence. */
struct bpf_why {
    unsigned at;
    const char *text;
};

/* 0, -EINVAL with *why (may be NULL). */
int bpf_check(const struct sock_filter *insns, unsigned len, struct bpf_why *why);

/**
 * bpf_prog_create - check and copy a program
 * Return: 0 and *prog (one reference, the caller's), -EINVAL, -ENOMEM.
 */
int bpf_prog_create(const struct sock_filter *insns, unsigned len, struct bpf_prog **prog,
                    struct bpf_why *why);
void bpf_prog_put(struct bpf_prog *prog); /* NULL is fine */

/* One more reference; NULL is fine. */
static inline struct bpf_prog *bpf_prog_get(struct bpf_prog *prog)
{
    if (prog)
        prog->refcount++;
    return prog;
}

/* What a program looks at. A bare frame has no skb. */
struct bpf_data {
    const uint8_t *data; /* offset 0 */
    uint32_t linear;     /* bytes there */
    uint32_t len;        /* of all; what is not linear is skb's */
    const struct sk_buff *skb;
    const struct net_device *dev; /* may be NULL */
};

/* Return: what the program returned, 0 for a load beyond the packet or a division by zero. */
uint32_t bpf_run(const struct bpf_prog *prog, const struct bpf_data *in);

/* Over a packet, offset 0 at skb->data. */
static inline uint32_t bpf_run_skb(const struct bpf_prog *prog, const struct sk_buff *skb)
{
    const struct bpf_data in = {
        .data = skb->data, .linear = skb_headlen(skb), .len = skb->len, .skb = skb, .dev = skb->dev};

    return bpf_run(prog, &in);
}

/**
 * bpf_prog_parse - a program as one line: "len,code jt jf k,code jt jf k,...", as tcpdump -ddd with commas
 * for lines Blanks may also be '_' (the command line splits at blanks). Return: as bpf_prog_create(); *why
 * says where.
 */
int bpf_prog_parse(const char *text, struct bpf_prog **prog, struct bpf_why *why);

#endif
