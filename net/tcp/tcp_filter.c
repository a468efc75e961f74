/*
 * tcp_filter.c - SO_ATTACH_FILTER on TCP, and the segment that made a connection, for IP_PKTOPTIONS.
 *
 * tcp_v4_rcv() asks tcp_filter_drops() once the segment's socket is known and before the socket sees it; the
 * program sees it from the TCP header on. A segment that is dropped was never received: the peer sends it
 * again, until it gives up.
 */
#include "net/ipv4/ip.h"
#include "net/tcp/tcp_internal.h"

/* What the program does not keep of the data has not come yet, nor has a FIN behind it; the header stays. */
static void tcp_filter_cut(struct sk_buff *skb, struct tcp_seg *seg, unsigned cut)
{
    seg->len -= cut;
    seg->end_seq -= cut;
    if (seg->flags & TCPHDR_FIN) {
        seg->flags &= (uint8_t)~TCPHDR_FIN;
        seg->end_seq--;
    }
    TCP_SKB_CB(skb)->end_seq = seg->end_seq;
    TCP_SKB_CB(skb)->flags = seg->flags;
}

bool tcp_run_filter(struct sock *sk, struct sk_buff *skb, struct tcp_seg *seg)
{
    unsigned len = skb->len;
    int err;

    skb_push(skb, seg->hdr_len); /* tcp_parse_segment() has gone past it */
    err = sk_run_filter(sk, skb, seg->hdr_len);
    if (err) {
        kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_FILTER);
        return true;
    }
    skb_pull(skb, seg->hdr_len);
    if (skb->len < len)
        tcp_filter_cut(skb, seg, len - skb->len);
    return false;
}

void tcp_note_way(struct sock *sk, const struct sk_buff *skb)
{
    sk->inet_rcv_index = skb->dev ? skb->dev->ifindex : 0;
    sk->inet_rcv_ttl = ip_hdr(skb)->ttl;
    sk->inet_rcv_tos = ip_hdr(skb)->tos;
}
