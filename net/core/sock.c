/*
 * sock.c - what all sockets share: life, memory accounting, wake-ups, the cached route.
 *
 * The transports queue received packets here (sock_queue_rcv_skb) and charge sent ones; the reader and the
 * poller sleep on sk_wq and are woken by the four callbacks.
 */
#include "net/core/sock.h"

#include <errno.h>
#include <poll.h>

#include <linux/filter.h>

#include "kernel/panic.h"
#include "kernel/slab.h"
#include "kernel/time.h"
#include "net/core/bpf.h"

/* For struct sk_buff and struct sock alone: enough for a couple of hundred full segments. */
#define SOCK_DEFAULT_BUF (208u * 1024)

/* Transports bring the caches of their sockets. */
int sock_init(void)
{
    return 0;
}

/* --- life --- */

static void sk_init_defaults(struct sock *sk)
{
    skb_queue_head_init(&sk->sk_receive_queue);
    skb_queue_head_init(&sk->sk_write_queue);
    skb_queue_head_init(&sk->sk_error_queue);
    init_waitqueue_head(&sk->sk_wq);
    sock_init_callbacks(sk);
    sk->sk_rcvbuf = sk->sk_sndbuf = SOCK_DEFAULT_BUF;
    sk->sk_rcvtimeo_ms = sk->sk_sndtimeo_ms = WAIT_FOREVER;
    sk->sk_rcvlowat = 1;
    sk->sk_max_pacing_rate = UINT64_MAX;
    sk->inet_mc_ttl = 1;
    sk->inet_mc_loop = sk->inet_mc_all = true;
    sk->sk_common.refcount = 1;
}

struct sock *sk_alloc(struct net *net, const struct proto *prot, int type, int protocol, int *err)
{
    ASSERT(prot->obj_size >= sizeof(struct sock));
    struct sock *sk = prot->cache ? kmem_cache_zalloc(prot->cache(net)) : kzalloc(prot->obj_size);

    *err = -ENOMEM;
    if (!sk)
        return NULL;
    sk->sk_net = net;
    sk->sk_prot = prot;
    sk->sk_type = (uint16_t)type;
    sk->sk_protocol = (uint8_t)protocol;
    sk->sk_family = AF_INET;
    sk_init_defaults(sk);
    net->sock_count++;
    *err = prot->init ? prot->init(sk) : 0;
    if (*err) {
        sock_put(sk);
        return NULL;
    }
    return sk;
}

static void sk_free(struct sock *sk)
{
    ASSERT(!waitqueue_active(&sk->sk_wq));
    if (sk->sk_prot->destroy)
        sk->sk_prot->destroy(sk);
    skb_queue_purge(&sk->sk_receive_queue, SKB_DROP_REASON_SOCKET_CLOSE);
    skb_queue_purge(&sk->sk_write_queue, SKB_NOT_DROPPED_YET);
    skb_queue_purge(&sk->sk_error_queue, SKB_NOT_DROPPED_YET);
    dst_release(sk->sk_dst_cache);
    bpf_prog_put(sk->sk_filter);
    ASSERT(sk->sk_rmem_alloc == 0 && sk->sk_wmem_alloc == 0);
    sk->sk_net->sock_count--;
    if (sk->sk_prot->cache)
        kmem_cache_free(sk->sk_prot->cache(sk->sk_net), sk);
    else
        kfree(sk);
}

void sock_put_last(struct sock *sk)
{
    ASSERT(sk->sk_common.refcount == 1);
    sk->sk_common.refcount = 0;
    sk_free(sk);
}

/* --- callbacks --- */

static void sock_def_data_ready(struct sock *sk)
{
    wake_up(&sk->sk_wq, POLLIN | POLLRDNORM);
}

static void sock_def_write_space(struct sock *sk)
{
    wake_up(&sk->sk_wq, POLLOUT | POLLWRNORM);
}

static void sock_def_state_change(struct sock *sk)
{
    wake_up(&sk->sk_wq, 0);
}

static void sock_def_error_report(struct sock *sk)
{
    wake_up(&sk->sk_wq, POLLERR);
}

void sock_init_callbacks(struct sock *sk)
{
    sk->sk_data_ready = sock_def_data_ready;
    sk->sk_write_space = sock_def_write_space;
    sk->sk_state_change = sock_def_state_change;
    sk->sk_error_report = sock_def_error_report;
}

int sock_error(struct sock *sk)
{
    int err = sk->sk_err;

    sk->sk_err = 0;
    return -err;
}

/* --- memory --- */

static void sock_rfree(struct sk_buff *skb)
{
    skb->sk->sk_rmem_alloc -= skb->truesize;
}

/* A packet has left the machine. It held a reference: its socket may have been closed meanwhile. */
static void sock_wfree(struct sk_buff *skb)
{
    struct sock *sk = skb->sk;

    sk->sk_wmem_alloc -= skb->truesize;
    /* Not for each packet: a writer is woken when half of its buffer is free again. */
    if (sk->sk_wmem_alloc <= sk->sk_sndbuf / 2)
        sk->sk_write_space(sk);
    sock_put(sk);
}

void skb_set_owner_r(struct sk_buff *skb, struct sock *sk)
{
    skb_orphan(skb);
    skb->sk = sk;
    skb->destructor = sock_rfree;
    sk->sk_rmem_alloc += skb->truesize;
}

void skb_set_owner_w(struct sk_buff *skb, struct sock *sk)
{
    skb_orphan(skb);
    skb->sk = sk;
    skb->destructor = sock_wfree;
    sk->sk_wmem_alloc += skb->truesize;
    sock_hold(sk);
}

void skb_orphan(struct sk_buff *skb)
{
    if (skb->destructor)
        skb->destructor(skb);
    skb->destructor = NULL;
    skb->sk = NULL;
}

int sock_queue_rcv_skb(struct sock *sk, struct sk_buff *skb)
{
    /* One packet always fits, however small the buffer was set. */
    if (sk->sk_rmem_alloc && sk->sk_rmem_alloc + skb->truesize > sk->sk_rcvbuf)
        return -ENOMEM;
    skb_dst_drop(skb);
    skb_set_owner_r(skb, sk);
    skb_queue_tail(&sk->sk_receive_queue, skb);
    sk->sk_data_ready(sk);
    return 0;
}

/* --- filter --- */

int sk_attach_filter(struct sock *sk, const struct sock_fprog *fprog)
{
    struct bpf_prog *prog = NULL;

    if (sk->sk_filter_locked)
        return -EPERM;
    if (!fprog && !sk->sk_filter)
        return -ENOENT;
    int err = fprog ? bpf_prog_create(fprog->filter, fprog->len, &prog, NULL) : 0;
    if (err)
        return err;
    bpf_prog_put(sk->sk_filter);
    sk->sk_filter = prog;
    return 0;
}

int sk_run_filter(struct sock *sk, struct sk_buff *skb, unsigned keep)
{
    uint32_t wanted = bpf_run_skb(sk->sk_filter, skb);

    if (!wanted)
        return -EPERM;
    wanted = max(wanted, (uint32_t)keep);
    return wanted < skb->len ? skb_trim(skb, wanted) : 0;
}

/* --- deadlines --- */

static uint64_t sock_deadline(uint64_t timeo_ms, int flags)
{
    if (flags & MSG_DONTWAIT)
        return 0;
    if (timeo_ms == WAIT_FOREVER)
        return WAIT_FOREVER;
    uint64_t now = ktime_get_ms();
    return timeo_ms < WAIT_FOREVER - now ? now + timeo_ms : WAIT_FOREVER;
}

uint64_t sock_rcv_deadline(const struct sock *sk, int flags)
{
    return sock_deadline(sk->sk_rcvtimeo_ms, flags);
}

uint64_t sock_snd_deadline(const struct sock *sk, int flags)
{
    return sock_deadline(sk->sk_sndtimeo_ms, flags);
}

/* --- route --- */

struct dst_entry *sk_dst_check(struct sock *sk)
{
    struct dst_entry *dst = sk->sk_dst_cache;

    if (likely(dst && dst_check(dst)))
        return dst;
    sk_dst_set(sk, NULL);
    return NULL;
}

void sk_dst_set(struct sock *sk, struct dst_entry *dst)
{
    struct dst_entry *old = sk->sk_dst_cache;

    sk->sk_dst_cache = dst;
    dst_release(old);
}
