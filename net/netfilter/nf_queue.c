/*
 * nf_queue.c - packets that wait for the verdict of a program.
 *
 * nf_enqueue() is called by nf_hook_slow() for a packet that a rule has queued, in softirq or task context;
 * nf_queue_verdict() by the program, in its task: the packet then goes on from there. What the program sees
 * is net/socket/nfqueue.c.
 */
#include "net/netfilter/nf_queue.h"

#include <errno.h>
#include <poll.h>

#include "kernel/panic.h"
#include "kernel/slab.h"
#include "net/core/dst.h"
#include "net/netfilter/nf_route.h"

struct netns_nf_queue {
    struct list_head queues;
    unsigned count;
    struct netdev_notifier notifier;
};

static struct nf_queue *nf_queue_find(struct net *net, uint16_t number)
{
    struct nf_queue *q;

    list_for_each_entry (q, &net->nfq->queues, list)
        if (q->number == number)
            return q;
    return NULL;
}

/* --- in --- */

static bool nf_queue_has_room(const struct nf_queue *q, const struct sk_buff *skb)
{
    return q->count < q->max && skb->truesize <= NF_QUEUE_BYTES_MAX - q->bytes;
}

/* nf_queue_fn */
static int nf_enqueue(struct sk_buff *skb, const struct nf_hook_state *state,
                      const struct nf_hook_place *place, unsigned verdict)
{
    struct nf_queue *q = nf_queue_find(state->net, (uint16_t)NF_QUEUE_OF(verdict));
    struct nf_queue_entry *entry;

    if (!q && verdict & NF_QUEUE_BYPASS)
        return 1;
    if (!q) {
        kfree_skb_reason(skb, SKB_DROP_REASON_NF_QUEUE_NONE);
        return -EPERM;
    }
    if (!nf_queue_has_room(q, skb)) {
        q->dropped++;
        kfree_skb_reason(skb, SKB_DROP_REASON_NF_QUEUE_FULL);
        return -ENOBUFS;
    }
    entry = kmalloc(sizeof(*entry));
    if (!entry) {
        kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
        return -ENOMEM;
    }
    *entry = (struct nf_queue_entry){.skb = skb, .id = ++q->last_id, .state = *state, .place = *place};
    list_add_tail(&entry->list, &q->waiting);
    q->count++;
    q->bytes += skb->truesize;
    wake_up(&q->wait, POLLIN | POLLRDNORM);
    return 0;
}

/* --- out --- */

/* The entry is gone, its packet is the caller's. */
static struct sk_buff *nf_queue_take(struct nf_queue *q, struct nf_queue_entry *entry)
{
    struct sk_buff *skb = entry->skb;

    list_del_init(&entry->list);
    q->count--;
    q->bytes -= skb->truesize;
    kfree(entry);
    return skb;
}

struct nf_queue_entry *nf_queue_peek(const struct nf_queue *q)
{
    return list_empty(&q->waiting) ? NULL : list_first_entry(&q->waiting, struct nf_queue_entry, list);
}

void nf_queue_give(struct nf_queue *q, struct nf_queue_entry *entry)
{
    list_move_tail(&entry->list, &q->given);
}

/* Most programs answer in the order they read: the first is the one. */
static struct nf_queue_entry *nf_queue_given(const struct nf_queue *q, uint32_t id)
{
    struct nf_queue_entry *entry;

    list_for_each_entry (entry, &q->given, list)
        if (entry->id == id)
            return entry;
    return NULL;
}

/* The program's mark may take a packet of ours another way. 0 or -E... */
static int nf_queue_mark(struct sk_buff *skb, const struct nf_hook_state *state,
                         const struct nf_queue_answer *answer)
{
    bool changed = answer->set_mark && skb->mark != answer->mark;

    if (changed)
        skb->mark = answer->mark;
    return changed && state->hook == NF_INET_LOCAL_OUT ? ip_route_me_harder(skb) : 0;
}

int nf_queue_verdict(struct nf_queue *q, const struct nf_queue_answer *answer)
{
    struct nf_queue_entry *entry = nf_queue_given(q, answer->id);
    struct nf_hook_state state;
    struct nf_hook_place place;
    struct sk_buff *skb;

    if (answer->verdict == NF_STOLEN || answer->verdict > NF_REPEAT)
        return -EINVAL;
    if (!entry)
        return -ENOENT;
    state = entry->state;
    place = entry->place;
    skb = nf_queue_take(q, entry);
    if (answer->verdict == NF_DROP) {
        kfree_skb_reason(skb, SKB_DROP_REASON_NETFILTER_DROP);
    } else if (nf_queue_mark(skb, &state, answer)) {
        NET_INC_STATS(state.net, IpOutNoRoutes);
        kfree_skb_reason(skb, SKB_DROP_REASON_IP_OUTNOROUTES);
    } else if (answer->verdict == NF_QUEUE) {
        nf_enqueue(skb, &state, &place, NF_QUEUE_NR(answer->number));
    } else {
        nf_reinject(skb, &state, &place, answer->verdict);
    }
    return 0;
}

/* --- devices that go --- */

static bool nf_queue_needs(const struct nf_queue_entry *entry, const struct net_device *dev)
{
    const struct sk_buff *skb = entry->skb;

    return entry->state.in == dev || entry->state.out == dev || skb->dev == dev ||
           (skb->dst && skb->dst->dev == dev);
}

/* dev NULL: all. */
static void nf_queue_drop(struct nf_queue *q, struct list_head *list, const struct net_device *dev)
{
    struct nf_queue_entry *entry, *next;

    list_for_each_entry_safe (entry, next, list, list)
        if (!dev || nf_queue_needs(entry, dev))
            kfree_skb_reason(nf_queue_take(q, entry), SKB_DROP_REASON_NF_QUEUE_GONE);
}

static void nf_queue_device_event(struct netdev_notifier *self, enum netdev_event event,
                                  struct net_device *dev, struct in_ifaddr *ifa)
{
    struct nf_queue *q;

    if (event != NETDEV_DOWN && event != NETDEV_UNREGISTER)
        return;
    list_for_each_entry (q, &dev->net->nfq->queues, list) {
        nf_queue_drop(q, &q->waiting, dev);
        nf_queue_drop(q, &q->given, dev);
    }
}

/* --- coming and going --- */

int nf_queue_open(struct net *net, uint16_t number, unsigned max, struct nf_queue **queue)
{
    struct nf_queue *q;

    if (!max || max > NF_QUEUE_PACKETS_MAX)
        return -EINVAL;
    if (nf_queue_find(net, number))
        return -EBUSY;
    if (net->nfq->count == NF_QUEUES_MAX)
        return -ENFILE;
    q = kzalloc(sizeof(*q));
    if (!q)
        return -ENOMEM;
    q->net = net;
    q->number = number;
    q->max = max;
    INIT_LIST_HEAD(&q->waiting);
    INIT_LIST_HEAD(&q->given);
    init_waitqueue_head(&q->wait);
    list_add_tail(&q->list, &net->nfq->queues);
    net->nfq->count++;
    *queue = q;
    return 0;
}

void nf_queue_close(struct nf_queue *q)
{
    list_del_init(&q->list);
    q->net->nfq->count--;
    nf_queue_drop(q, &q->waiting, NULL);
    nf_queue_drop(q, &q->given, NULL);
    kfree(q);
}

int nf_queue_init(struct net *net)
{
    struct netns_nf_queue *n = kzalloc(sizeof(*n));

    if (!n)
        return -ENOMEM;
    INIT_LIST_HEAD(&n->queues);
    n->notifier.call = nf_queue_device_event;
    net->nfq = n;
    register_netdev_notifier(net, &n->notifier);
    nf_register_queue_handler(net, nf_enqueue);
    return 0;
}

void nf_queue_exit(struct net *net)
{
    if (!net->nfq)
        return;
    ASSERT(list_empty(&net->nfq->queues));
    nf_register_queue_handler(net, NULL);
    unregister_netdev_notifier(&net->nfq->notifier);
    kfree(net->nfq);
    net->nfq = NULL;
}
