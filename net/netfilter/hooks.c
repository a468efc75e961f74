/*
 * hooks.c - the chains behind the five hook points.
 *
 * nf_hook() (hooks.h) is called by net/ipv4 for every datagram; an empty chain costs it one comparison.
 * Rules, connection tracking and NAT register here.
 */
#include "net/netfilter/hooks.h"

#include <errno.h>

#include "kernel/slab.h"

/* A hook that asks to be repeated without end is a mistake in the hook: after so many times its packet is
 * dropped. */
#define NF_MAX_REPEAT 16

int nf_init(struct net *net)
{
    net->nf = kzalloc(sizeof(*net->nf));
    if (!net->nf)
        return -ENOMEM;
    for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++)
        INIT_LIST_HEAD(&net->nf->chains[i]);
    return 0;
}

void nf_exit(struct net *net)
{
    kfree(net->nf);
    net->nf = NULL;
}

void nf_register_net_hook(struct net *net, struct nf_hook_ops *ops)
{
    struct list_head *chain = &net->nf->chains[ops->hooknum];
    struct nf_hook_ops *pos;

    /* In front of the first with a higher number: those of the same priority run in the order they came. */
    list_for_each_entry (pos, chain, list) {
        if (pos->priority > ops->priority)
            break;
    }
    list_add_tail(&ops->list, &pos->list);
}

void nf_unregister_net_hook(struct nf_hook_ops *ops)
{
    list_del_init(&ops->list);
}

static enum nf_verdict nf_call_hook(const struct nf_hook_ops *ops, struct sk_buff *skb,
                                    const struct nf_hook_state *state)
{
    for (unsigned i = 0; i < NF_MAX_REPEAT; i++) {
        enum nf_verdict verdict = ops->hook(ops->priv, skb, state);
        if (verdict != NF_REPEAT)
            return verdict;
    }
    return NF_DROP;
}

int nf_hook_slow(struct sk_buff *skb, const struct nf_hook_state *state)
{
    struct nf_hook_ops *ops, *next;

    list_for_each_entry_safe (ops, next, &state->net->nf->chains[state->hook], list) {
        switch (nf_call_hook(ops, skb, state)) {
        case NF_ACCEPT:
            continue;
        case NF_STOLEN:
            return 0;
        case NF_DROP:
        case NF_QUEUE: /* nobody handles queues */
        case NF_REPEAT:
            break;
        }
        kfree_skb_reason(skb, SKB_DROP_REASON_NETFILTER_DROP);
        return -EPERM;
    }
    return 1;
}
