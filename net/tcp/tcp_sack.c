/*
 * tcp_sack.c - selective acknowledgements, receiving side (RFC 2018, RFC 2883).
 *
 * tcp_ofo.c tells what it has queued; tcp_output.c puts it into ACKs. selective_acks[] holds up to four runs
 * of the out-of-order queue, the one that the last segment belongs to first, so that each run is told in
 * several ACKs and the loss of some does not matter. A segment that came twice is told once, in front of
 * them.
 */
#include "net/tcp/tcp_internal.h"

static void tcp_sack_remove(struct tcp_sock *tp, unsigned i)
{
    tp->num_sacks--;
    for (; i < tp->num_sacks; i++)
        tp->selective_acks[i] = tp->selective_acks[i + 1];
}

/* RFC 2018 4: the run with the latest segment comes first; the run told longest ago falls off the end. */
void tcp_sack_new(struct tcp_sock *tp, uint32_t seq, uint32_t end_seq)
{
    struct tcp_sack_block *blocks = tp->selective_acks;

    for (unsigned i = 0; i < tp->num_sacks;) {
        if (after(blocks[i].start_seq, end_seq) || before(blocks[i].end_seq, seq)) {
            i++;
            continue;
        }
        seq = before(blocks[i].start_seq, seq) ? blocks[i].start_seq : seq;
        end_seq = after(blocks[i].end_seq, end_seq) ? blocks[i].end_seq : end_seq;
        tcp_sack_remove(tp, i);
    }
    if (tp->num_sacks < TCP_MAX_SACKS)
        tp->num_sacks++;
    for (unsigned i = tp->num_sacks - 1; i; i--)
        blocks[i] = blocks[i - 1];
    blocks[0] = (struct tcp_sack_block){seq, end_seq};
}

void tcp_sack_advance(struct tcp_sock *tp)
{
    for (unsigned i = 0; i < tp->num_sacks;) {
        if (!after(tp->selective_acks[i].end_seq, tp->rcv_nxt))
            tcp_sack_remove(tp, i);
        else
            i++;
    }
}

void tcp_sack_cut(struct tcp_sock *tp, uint32_t seq)
{
    for (unsigned i = 0; i < tp->num_sacks;) {
        struct tcp_sack_block *block = &tp->selective_acks[i];
        if (!before(block->start_seq, seq)) {
            tcp_sack_remove(tp, i);
            continue;
        }
        if (after(block->end_seq, seq))
            block->end_seq = seq;
        i++;
    }
}

void tcp_dsack_set(struct sock *sk, uint32_t seq, uint32_t end_seq)
{
    struct tcp_sock *tp = tcp_sk(sk);

    if (!tp->sack_ok || !tcp_net(sk)->sysctl_dsack || !before(seq, end_seq))
        return;
    if (before(seq, tp->rcv_nxt))
        NET_INC_STATS(sock_net(sk), TcpExtTCPDSACKOldSent);
    else
        NET_INC_STATS(sock_net(sk), TcpExtTCPDSACKOfoSent);
    tp->dsack_pending = true;
    tp->duplicate_sack = (struct tcp_sack_block){seq, end_seq};
}

bool tcp_sack_due(const struct tcp_sock *tp)
{
    return tp->sack_ok && (tp->num_sacks || tp->dsack_pending);
}

unsigned tcp_sack_write(const struct tcp_sock *tp, uint8_t *p, unsigned room)
{
    struct tcp_sack_block blocks[TCP_MAX_SACKS];
    unsigned count = 0, fit = room < 4 ? 0 : min((room - 4) / TCPOLEN_SACK_BLOCK, (unsigned)TCP_MAX_SACKS);

    if (tp->dsack_pending && fit)
        blocks[count++] = tp->duplicate_sack; /* RFC 2883 4: in front */
    for (unsigned i = 0; i < tp->num_sacks && count < fit; i++)
        blocks[count++] = tp->selective_acks[i];
    return count ? tcp_write_sacks(p, blocks, count) : 0;
}
