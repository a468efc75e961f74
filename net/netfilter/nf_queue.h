/*
 * nf_queue.h - packets that wait for the verdict of a program (QUEUE, NFQUEUE).
 *
 *     rule: NFQUEUE --queue-num 3 --> queue 3: waiting --nf_queue_give()--> given --nf_queue_verdict()--> on
 *
 * A queue is there while a program has it open: one number, one program. It is bounded in packets and bytes;
 * the newest is dropped when it is full. Packets whose device goes down leave it; when the program closes
 * it, all do. A hook that has gone meanwhile is passed over (nf_reinject).
 */
#ifndef NET_NETFILTER_NF_QUEUE_H
#define NET_NETFILTER_NF_QUEUE_H

#include "kernel/wait.h"
#include "net/netfilter/hooks.h"

#define NF_QUEUES_MAX        64        /* open in one stack */
#define NF_QUEUE_PACKETS     1024      /* of one queue, unless its program says otherwise */
#define NF_QUEUE_PACKETS_MAX 8192      /* ... at most */
#define NF_QUEUE_BYTES_MAX   (4 << 20) /* of all packets of one queue, with their overhead */

struct nf_queue_entry {
    struct list_head list; /* nf_queue.waiting or .given, in the order they came */
    struct sk_buff *skb;   /* at its IPv4 header, owned */
    uint32_t id;           /* for the verdict */
    struct nf_hook_state state;
    struct nf_hook_place place;
};

struct nf_queue {
    struct list_head list; /* netns_nf_queue.queues */
    struct net *net;
    uint16_t number;
    struct list_head waiting, given;
    unsigned count, max; /* packets, both lists */
    size_t bytes;        /* their truesize */
    uint32_t last_id;
    uint64_t dropped; /* for want of room */
    struct wait_queue_head wait;
};

/* What a program says. */
struct nf_queue_answer {
    uint32_t id;
    enum nf_verdict verdict; /* DROP, ACCEPT, REPEAT, or QUEUE ... */
    uint16_t number;         /* ... into this one */
    bool set_mark;
    uint32_t mark;
};

/* 0 and *queue, -EBUSY (somebody has it), -ENFILE, -EINVAL (max), -ENOMEM. */
int __must_check nf_queue_open(struct net *net, uint16_t number, unsigned max, struct nf_queue **queue);
void nf_queue_close(struct nf_queue *queue); /* what waits is dropped */

/* The oldest packet that the program has not been given, borrowed; NULL: none. */
struct nf_queue_entry *nf_queue_peek(const struct nf_queue *queue);
void nf_queue_give(struct nf_queue *queue, struct nf_queue_entry *entry);

/* 0; -ENOENT: no such packet was given, or it has gone with its device; -EINVAL: no such verdict. */
int nf_queue_verdict(struct nf_queue *queue, const struct nf_queue_answer *answer);

int __must_check nf_queue_init(struct net *net);
void nf_queue_exit(struct net *net); /* all are closed */

#endif
