/*
 * hooks.h - the five places where IPv4 offers every packet to whoever registered.
 *
 *     in --> PRE_ROUTING --> route --> LOCAL_IN --> transport
 *                              `--> FORWARD --> POST_ROUTING --> out
 *     transport --> LOCAL_OUT --> dst->output --> POST_ROUTING --> out
 */
#ifndef NET_NETFILTER_HOOKS_H
#define NET_NETFILTER_HOOKS_H

#include "net/core/netdevice.h"

enum nf_inet_hooks {
    NF_INET_PRE_ROUTING,
    NF_INET_LOCAL_IN,
    NF_INET_FORWARD,
    NF_INET_LOCAL_OUT,
    NF_INET_POST_ROUTING,
    NF_INET_NUMHOOKS
};

/* DROP: nf_hook frees it. STOLEN: the hook has taken it. QUEUE: handed to the queue handler, dropped without
 * one. REPEAT: call this hook again. */
enum nf_verdict { NF_DROP, NF_ACCEPT, NF_STOLEN, NF_QUEUE, NF_REPEAT };

/* QUEUE says which queue in its upper half; BYPASS: without a listener there it means ACCEPT. */
#define NF_VERDICT_MASK   0xffu
#define NF_QUEUE_BYPASS   0x8000u
#define NF_QUEUE_NR(n)    ((unsigned)(n) << 16 | NF_QUEUE)
#define NF_QUEUE_OF(word) ((unsigned)(word) >> 16)

/* Order at one hook point, as in Linux. */
enum nf_ip_priority {
    NF_IP_PRI_RAW = -300,
    NF_IP_PRI_CONNTRACK = -200,
    NF_IP_PRI_MANGLE = -150,
    NF_IP_PRI_NAT_DST = -100,
    NF_IP_PRI_FILTER = 0,
    NF_IP_PRI_NAT_SRC = 100,
    NF_IP_PRI_CONNTRACK_CONFIRM = 2147483647
};

struct nf_hook_state {
    enum nf_inet_hooks hook;
    struct net *net;
    struct net_device *in, *out; /* either may be NULL */
    int (*okfn)(struct sk_buff *skb);
};

struct nf_hook_ops {
    struct list_head list;
    enum nf_verdict (*hook)(void *priv, struct sk_buff *skb, const struct nf_hook_state *state);
    void *priv;
    enum nf_inet_hooks hooknum;
    int priority;
    uint64_t registration; /* given by nf_register_net_hook(), never twice */
};

/* Where in its chain a packet was taken out. The hook may be gone when the packet comes back, and another lie
 * at its address: it is known by its registration. */
struct nf_hook_place {
    uint64_t registration;
    int priority;
};

/*
 * Takes a packet that a hook has queued (`verdict`: NF_QUEUE_NR and NF_QUEUE_BYPASS). Return: 0 - kept for
 * nf_reinject(); -E... - dropped; 1 - not taken, nobody listens and it may pass.
 */
typedef int (*nf_queue_fn)(struct sk_buff *skb, const struct nf_hook_state *state,
                           const struct nf_hook_place *place, unsigned verdict);

struct nf_hooks {
    struct list_head chains[NF_INET_NUMHOOKS]; /* nf_hook_ops by rising priority */
    uint64_t registrations;                    /* so far */
    nf_queue_fn queue;                         /* nf_register_queue_handler() */
    /* Connection tracking, while it is in use: `answer` is what we say about the packet `about`. */
    void (*attach_answer)(struct sk_buff *answer, const struct sk_buff *about);
};

/* `answer` (an ICMP error, a reset) belongs to the connection of `about`, if that has one. */
static inline void nf_ct_attach(struct net *net, struct sk_buff *answer, const struct sk_buff *about)
{
    if (unlikely(net->nf->attach_answer && about->nfct))
        net->nf->attach_answer(answer, about);
}

int __must_check nf_init(struct net *net);
void nf_exit(struct net *net);
void nf_register_net_hook(struct net *net, struct nf_hook_ops *ops); /* borrowed until unregistered */
void nf_unregister_net_hook(struct nf_hook_ops *ops);

/* Who keeps queued packets (net/netfilter/nf_queue.c); NULL: nobody. */
void nf_register_queue_handler(struct net *net, nf_queue_fn queue);

/**
 * nf_reinject - a queued packet goes on
 * @skb:     as it was taken out (taken)
 * @verdict: NF_ACCEPT: with the hook behind the one that queued it; NF_REPEAT: with that one again
 *
 * If that hook is gone, those of its priority and behind are asked.
 * Return: as nf_hook().
 */
int nf_reinject(struct sk_buff *skb, const struct nf_hook_state *state, const struct nf_hook_place *place,
                enum nf_verdict verdict);

/* The slow half of nf_hook(): walks the chain. 1: go on; 0 stolen; -EPERM dropped. */
int nf_hook_slow(struct sk_buff *skb, const struct nf_hook_state *state);

/**
 * nf_hook - offer a packet to a hook point, then go on with okfn
 * @skb: starts at the IPv4 header (taken)
 * Return: what okfn returned; 0 if stolen; -EPERM if dropped.
 */
static inline int nf_hook(enum nf_inet_hooks hook, struct net *net, struct sk_buff *skb,
                          struct net_device *in, struct net_device *out, int (*okfn)(struct sk_buff *skb))
{
    if (likely(list_empty(&net->nf->chains[hook])))
        return okfn(skb);
    struct nf_hook_state state = {.hook = hook, .net = net, .in = in, .out = out, .okfn = okfn};
    int ret = nf_hook_slow(skb, &state);
    return ret == 1 ? okfn(skb) : ret;
}

#endif
