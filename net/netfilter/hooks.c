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
    ops->registration = ++net->nf->registrations;
}

void nf_unregister_net_hook(struct nf_hook_ops *ops)
{
    list_del_init(&ops->list);
}

void nf_register_queue_handler(struct net *net, nf_queue_fn queue)
{
    net->nf->queue = queue;
}

/* A verdict, with what NF_QUEUE has beside it. */
static unsigned nf_call_hook(const struct nf_hook_ops *ops, struct sk_buff *skb,
                             const struct nf_hook_state *state)
{
    for (unsigned i = 0; i < NF_MAX_REPEAT; i++) {
        unsigned verdict = (unsigned)ops->hook(ops->priv, skb, state);
        if (verdict != NF_REPEAT)
            return verdict;
    }
    return NF_DROP;
}

/* Takes skb unless 1 comes back: then it goes on. */
static int nf_queue(struct sk_buff *skb, const struct nf_hook_state *state, const struct nf_hook_ops *ops,
                    unsigned verdict)
{
    const struct nf_hook_place place = {.registration = ops->registration, .priority = ops->priority};

    if (state->net->nf->queue)
        return state->net->nf->queue(skb, state, &place, verdict);
    if (verdict & NF_QUEUE_BYPASS)
        return 1;
    kfree_skb_reason(skb, SKB_DROP_REASON_NF_QUEUE_NONE);
    return -EPERM;
}

/* Asks the hooks from `from` on, which may be the end of the chain. */
static int nf_walk(struct sk_buff *skb, const struct nf_hook_state *state, const struct list_head *from)
{
    const struct list_head *chain = &state->net->nf->chains[state->hook], *next;

    for (; from != chain; from = next) {
        const struct nf_hook_ops *ops = list_entry(from, struct nf_hook_ops, list);
        unsigned verdict;
        int err;

        next = from->next;
        verdict = nf_call_hook(ops, skb, state);
        switch ((enum nf_verdict)(verdict & NF_VERDICT_MASK)) {
        case NF_ACCEPT:
            continue;
        case NF_STOLEN:
            return 0;
        case NF_QUEUE:
            err = nf_queue(skb, state, ops, verdict);
            if (err == 1)
                continue;
            return err;
        case NF_DROP:
        case NF_REPEAT:
            break;
        }
        kfree_skb_reason(skb, SKB_DROP_REASON_NETFILTER_DROP);
        return -EPERM;
    }
    return 1;
}

int nf_hook_slow(struct sk_buff *skb, const struct nf_hook_state *state)
{
    return nf_walk(skb, state, state->net->nf->chains[state->hook].next);
}

/* Which hook is the next for a packet that comes back. */
static const struct list_head *nf_find_place(const struct list_head *chain, const struct nf_hook_place *place,
                                             bool again)
{
    const struct nf_hook_ops *pos;

    list_for_each_entry (pos, chain, list) {
        if (pos->registration == place->registration)
            return again ? &pos->list : pos->list.next;
    }
    list_for_each_entry (pos, chain, list) {
        if (pos->priority >= place->priority)
            break;
    }
    return &pos->list;
}

int nf_reinject(struct sk_buff *skb, const struct nf_hook_state *state, const struct nf_hook_place *place,
                enum nf_verdict verdict)
{
    const struct list_head *chain = &state->net->nf->chains[state->hook];
    int ret = nf_walk(skb, state, nf_find_place(chain, place, verdict == NF_REPEAT));

    return ret == 1 ? state->okfn(skb) : ret;
}
