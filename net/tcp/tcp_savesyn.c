/*
 * tcp_savesyn.c - the headers of a SYN as they came, kept for the application (TCP_SAVE_SYN, TCP_SAVED_SYN).
 *
 * tcp_v4_conn_request() has them copied where the listener asks for it; they wait with the half-open
 * connection, go on to the socket it becomes, and are gone once they were read. A SYN that is answered with a
 * cookie leaves nothing behind, these neither. So their number is that of half-open connections and of
 * sockets, and their size that of the longest headers.
 */
#include <errno.h>
#include <string.h>

#include "net/ipv4/ip.h"
#include "net/tcp/tcp_internal.h"

struct tcp_saved_syn {
    uint32_t len;
    uint8_t bytes[];
};

#define TCP_SAVE_SYN_OFF  0
#define TCP_SAVE_SYN_LINK 2 /* from the link's header on, where there is one; 1: from the IP header on */

/* skb (borrowed) stands at its payload. Without memory the application will find nothing. */
void tcp_save_syn(const struct sock *listener, struct request_sock *req, const struct sk_buff *skb)
{
    const uint8_t *from = skb_network_header(skb);
    const struct tcphdr *th = tcp_hdr(skb);
    const uint8_t *end = (const uint8_t *)th + (th->doff_res >> 4 << 2);

    if (tcp_sk(listener)->save_syn == TCP_SAVE_SYN_LINK && skb->mac_header &&
        skb->mac_header < skb->network_header)
        from = skb_mac_header(skb);
    uint32_t len = (uint32_t)(end - from);
    req->saved_syn = kmalloc(sizeof(*req->saved_syn) + len);
    if (!req->saved_syn)
        return;
    req->saved_syn->len = len;
    memcpy(req->saved_syn->bytes, from, len);
}

void tcp_saved_syn_move(struct sock *child, struct request_sock *req)
{
    tcp_sk(child)->saved_syn = req->saved_syn;
    req->saved_syn = NULL;
}

void tcp_saved_syn_free(struct tcp_saved_syn **saved)
{
    kfree(*saved);
    *saved = NULL;
}

int tcp_set_save_syn(struct sock *sk, int mode)
{
    if (mode < TCP_SAVE_SYN_OFF || mode > TCP_SAVE_SYN_LINK)
        return -EINVAL;
    tcp_sk(sk)->save_syn = (uint8_t)mode;
    return 0;
}

int tcp_get_saved_syn(struct sock *sk, void *val, socklen_t *len)
{
    struct tcp_sock *tp = tcp_sk(sk);
    socklen_t room = *len;

    *len = tp->saved_syn ? tp->saved_syn->len : 0;
    if (!tp->saved_syn)
        return 0;
    if (room < *len) /* it stays, and *len says what room it needs */
        return -EINVAL;
    memcpy(val, tp->saved_syn->bytes, *len);
    tcp_saved_syn_free(&tp->saved_syn);
    return 0;
}
