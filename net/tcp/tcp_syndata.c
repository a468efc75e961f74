/*
 * tcp_syndata.c - text that came with a SYN, until the connection stands (RFC 9293 3.10.7.2 and 3.10.7.3:
 * queued for processing later).
 *
 * It waits with the half-open connection, in struct request_sock or for a simultaneous open in the socket
 * itself, and is acknowledged when it is processed, not before: what there is no memory for the peer sends
 * again. A SYN cookie keeps none. What may be read at once is tcp_fastopen.c's.
 */
#include "net/tcp/tcp_internal.h"

/* Strangers send SYNs: together they may fill the receive buffer of the listener that is charged for them. */
struct sk_buff *tcp_syn_data_keep(struct sock *owner, struct sk_buff *skb)
{
    if (!skb->len) {
        consume_skb(skb);
        return NULL;
    }
    if (owner->sk_rmem_alloc + skb->truesize > tcp_rcv_limit(owner)) {
        NET_INC_STATS(sock_net(owner), TcpExtTCPRcvQDrop);
        kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_RCVBUFF);
        return NULL;
    }
    skb_dst_drop(skb);
    tcp_set_owner_r(skb, owner);
    return skb;
}

void tcp_syn_data_inherit(struct sock *child, struct sk_buff *skb)
{
    tcp_sk(child)->syn_data = skb;
    if (skb) /* the listener may close before the child has read it */
        tcp_set_owner_r(skb, child);
}

void tcp_syn_data_deliver(struct sock *sk, const struct tcp_seg *seg)
{
    struct sk_buff *skb = tcp_sk(sk)->syn_data;
    uint32_t first = TCP_SKB_CB(skb)->seq, end = first + skb->len;

    tcp_sk(sk)->syn_data = NULL;
    tcp_sk(sk)->data_segs_in++;
    skb_orphan(skb);
    /* Most peers, as they saw only the SYN acknowledged, send the text again with their ACK: once will do. */
    if (!after(seg->seq, first) && !before(seg->seq + seg->len, end))
        consume_skb(skb);
    else
        tcp_data_queue(sk, skb);
}

void tcp_syn_data_forget(struct tcp_sock *tp)
{
    if (tp->syn_data)
        kfree_skb_reason(tp->syn_data, SKB_DROP_REASON_SOCKET_CLOSE);
    tp->syn_data = NULL;
}
