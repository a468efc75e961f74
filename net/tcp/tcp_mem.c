/*
 * tcp_mem.c - how much memory all connections together may hold, and what changes when it gets short.
 *
 * netns_tcp.mem_bytes is the sum of what the sockets' receive, out-of-order and write queues cost (copies of
 * what was written count, in buffers and in pages; pages that sendfile() hangs on the write queue are their
 * file's and do not). net.ipv4.tcp_mem puts three marks on it, in pages:
 *
 *      0 ........ low ........ pressure ........ high
 *                  |<- calm again  |<- windows      |<- nothing new is queued: a peer's segment is dropped,
 *                                      and buffers      a writer waits, an orphan is reset
 *                                      stop growing
 *
 * A socket may always hold tcp_rmem[0] and tcp_wmem[0], so that each connection makes progress. The last
 * pages of the machine are not TCP's at all: they are left to the card, to ARP, ICMP and DHCP.
 */
#include <errno.h>

#include "net/tcp/tcp_internal.h"

#define TCP_MEM_MIN_PAGES     64u /* of tcp_mem[1] */
#define TCP_RESERVE_MIN_PAGES 8u
#define TCP_RESERVE_MAX_PAGES 256u

/* An eighth of the memory that is free at start under pressure, a quarter at most. */
void tcp_mem_init(struct netns_tcp *tn)
{
    struct page_stats stats;

    page_get_stats(&stats);
    size_t pressure = clamp(stats.free / 8, (size_t)TCP_MEM_MIN_PAGES, (size_t)(1u << 20));
    tn->sysctl_mem[0] = (int)(pressure / 4 * 3);
    tn->sysctl_mem[1] = (int)pressure;
    tn->sysctl_mem[2] = (int)(pressure * 2);
    tn->mem_reserve_pages =
        clamp(stats.free / 16, (size_t)TCP_RESERVE_MIN_PAGES, (size_t)TCP_RESERVE_MAX_PAGES);
}

void tcp_mem_set_pressure(struct netns_tcp *tn, bool pressure)
{
    uint64_t now = ktime_get_ms();

    if (pressure) {
        NET_INC_STATS(tn->net, TcpExtTCPMemoryPressures);
        tn->mem_pressure_ms = now;
    } else {
        NET_ADD_STATS(tn->net, TcpExtTCPMemoryPressuresChrono, now - tn->mem_pressure_ms);
    }
    tn->mem_pressure = pressure;
}

/* Is all that is left of the machine's memory the part that is not TCP's? */
bool tcp_pages_short(const struct netns_tcp *tn)
{
    struct page_stats stats;

    page_get_stats(&stats);
    if (likely(stats.free >= tn->mem_reserve_pages))
        return false;
    slab_shrink(); /* what caches hold for speed is free too */
    page_get_stats(&stats);
    return stats.free < tn->mem_reserve_pages;
}

/* --- receiving --- */

static void tcp_rfree(struct sk_buff *skb)
{
    skb->sk->sk_rmem_alloc -= skb->truesize;
    tcp_net(skb->sk)->mem_bytes -= skb->truesize;
}

void tcp_set_owner_r(struct sk_buff *skb, struct sock *sk)
{
    skb_orphan(skb);
    skb->sk = sk;
    skb->destructor = tcp_rfree;
    sk->sk_rmem_alloc += skb->truesize;
    tcp_net(sk)->mem_bytes += skb->truesize;
}

uint32_t tcp_rcv_limit(const struct sock *sk)
{
    struct netns_tcp *tn = tcp_net(sk);

    if (likely(!tcp_under_memory_pressure(tn)))
        return sk->sk_rcvbuf;
    if (tcp_pages_short(tn))
        return 0;
    return tcp_mem_exhausted(tn) ? min(sk->sk_rcvbuf, (uint32_t)tn->sysctl_rmem[0]) : sk->sk_rcvbuf;
}

/* Under pressure: at most four segments more; above the high mark what the least buffer has left. */
uint32_t tcp_pressed_space(const struct sock *sk, uint32_t space)
{
    struct netns_tcp *tn = tcp_net(sk);
    uint32_t least = (uint32_t)tn->sysctl_rmem[0], used = sk->sk_rmem_alloc;

    if (tcp_mem_exhausted(tn))
        return min(space, used < least ? tcp_win_from_space(least - used) : 0);
    return min(space, 4u * tcp_sk(sk)->advmss);
}

/* --- orphans --- */

/* Between connections and their ends nobody owns any more there is a bound (netkill, CVE-2008-4609). */
bool tcp_out_of_orphans(struct sock *sk)
{
    const struct netns_tcp *tn = tcp_net(sk);

    return tn->orphan_count > (size_t)tn->sysctl_max_orphans ||
           (tcp_mem_exhausted(tn) && sk->sk_wmem_queued > SOCK_MIN_SNDBUF);
}

/* A timer of an orphan has fired: true if it was reset, because its memory is needed. */
bool tcp_end_orphan_under_pressure(struct sock *sk)
{
    if (!sk->sk_dead || likely(!tcp_out_of_orphans(sk)))
        return false;
    NET_INC_STATS(sock_net(sk), TcpExtTCPAbortOnMemory);
    tcp_abort(sk, ECONNRESET);
    return true;
}
