/*
 * nf_conntrack_tcp.c - TCP as somebody in the middle sees it: in which state a connection is, and whether a
 * segment can be one of it.
 *
 * The states are those of RFC 9293 3.3.2, seen from outside: both ends' moves are followed by the segments
 * that pass. A segment is valid if its numbers are ones its sender may use now, by what the other side has
 * acknowledged and offered (the four bounds of "Real Stateful TCP Packet Filtering in IP Filter", G. van
 * Rooij, 2000), with window scaling (RFC 7323) and selective acknowledgements (RFC 2018). What is lost behind
 * us we do not know: bounds are kept loose enough that nothing legal is ever called invalid, and a reset only
 * closes a connection if its receiver must believe it (RFC 5961 3.2).
 */
#include "net/netfilter/nf_conntrack_internal.h"

#include <string.h>

#include "net/netfilter/nf_ct_charge.h"
#include "net/tcp/tcp.h"

/* Acknowledgements may lie so far behind at least: a window's worth may be under way both ways. */
#define NF_CT_ACK_WINDOW 66000u

const char *nf_ct_tcp_state_name(enum tcp_conntrack state)
{
    static const char *const names[] = {"NONE",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
                                        "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};

    _Static_assert(ARRAY_SIZE(names) == TCP_CONNTRACK_MAX, "one each");
    return state < TCP_CONNTRACK_MAX ? names[state] : "?";
}

/* --- the segment --- */

/* One segment, in host order. */
struct nf_ct_seg {
    uint32_t seq, ack, end; /* end: one past the last number it takes, SYN and FIN included */
    uint32_t sack;          /* the highest number it acknowledges in any way */
    uint16_t win;
    uint8_t flags;
    const uint8_t *options;
    unsigned options_len;
};

enum nf_ct_seg_kind { SEG_SYN, SEG_SYNACK, SEG_FIN, SEG_ACK, SEG_RST };

static enum nf_ct_seg_kind seg_kind(const struct nf_ct_seg *seg)
{
    if (seg->flags & TCPHDR_RST)
        return SEG_RST;
    if (seg->flags & TCPHDR_SYN)
        return seg->flags & TCPHDR_ACK ? SEG_SYNACK : SEG_SYN;
    return seg->flags & TCPHDR_FIN ? SEG_FIN : SEG_ACK;
}

struct tcphdr *nf_ct_tcp_header(const struct nf_ct_packet *p)
{
    const struct tcphdr *th;
    unsigned hdr_len;

    if (p->skb->len < p->thoff || !pskb_may_pull(p->skb, p->thoff + (unsigned)sizeof(*th)))
        return NULL;
    th = (const struct tcphdr *)(p->skb->data + p->thoff);
    hdr_len = (th->doff_res >> 4) * 4u;
    if (hdr_len < sizeof(*th) || !pskb_may_pull(p->skb, p->thoff + hdr_len))
        return NULL;
    return (struct tcphdr *)(p->skb->data + p->thoff);
}

/* The combinations that RFC 9293 knows; PSH, URG and the ECN bits may stand with any. */
bool nf_ct_tcp_ok(struct nf_ct_packet *p)
{
    const struct tcphdr *th = (const struct tcphdr *)(p->skb->data + p->thoff);

    switch (th->flags & (TCPHDR_SYN | TCPHDR_ACK | TCPHDR_FIN | TCPHDR_RST)) {
    case TCPHDR_SYN:
    case TCPHDR_SYN | TCPHDR_ACK:
    case TCPHDR_RST:
    case TCPHDR_RST | TCPHDR_ACK:
    case TCPHDR_FIN | TCPHDR_ACK:
    case TCPHDR_ACK:
        return true;
    default:
        nf_ct_log_invalid(p, "TCP flags that make no sense together");
        return false;
    }
}

/* The header has been checked and is linear. */
static void seg_read(const struct nf_ct_packet *p, struct nf_ct_seg *seg)
{
    const struct tcphdr *th = (const struct tcphdr *)(p->skb->data + p->thoff);
    unsigned hdr_len = (th->doff_res >> 4) * 4u;

    seg->flags = th->flags;
    seg->seq = be32_to_cpu(th->seq);
    seg->ack = seg->sack = be32_to_cpu(th->ack_seq);
    seg->win = be16_to_cpu(th->window);
    seg->end = seg->seq + (p->skb->len - p->thoff - hdr_len) + !!(th->flags & TCPHDR_SYN) +
               !!(th->flags & TCPHDR_FIN);
    seg->options = (const uint8_t *)(th + 1);
    seg->options_len = hdr_len - (unsigned)sizeof(*th);
}

/* The option of this kind: its first byte, with *len bytes in all; NULL if it is not there. */
static const uint8_t *seg_option(const struct nf_ct_seg *seg, uint8_t kind, unsigned *len)
{
    const uint8_t *p = seg->options;
    unsigned room = seg->options_len;

    while (room && *p != TCPOPT_EOL) {
        unsigned n = 1;

        if (*p != TCPOPT_NOP) {
            if (room < 2 || p[1] < 2 || p[1] > room)
                return NULL;
            n = p[1];
            if (*p == kind) {
                *len = n;
                return p;
            }
        }
        p += n;
        room -= n;
    }
    return NULL;
}

/* RFC 2018 3: the right edge furthest out. */
static void seg_read_sack(struct nf_ct_seg *seg)
{
    unsigned len;
    const uint8_t *p = seg_option(seg, TCPOPT_SACK, &len);

    for (unsigned i = TCPOLEN_SACK_BASE; p && i + TCPOLEN_SACK_BLOCK <= len; i += TCPOLEN_SACK_BLOCK) {
        uint32_t edge = get_unaligned_be32(p + i + 4);
        if (after(edge, seg->sack))
            seg->sack = edge;
    }
}

/* --- one side --- */

/* What a SYN says of its sender. */
static void side_from_syn(struct nf_ct_tcp_side *side, const struct nf_ct_seg *seg)
{
    unsigned len;
    const uint8_t *scale = seg_option(seg, TCPOPT_WINDOW, &len);

    *side = (struct nf_ct_tcp_side){
        .iss = seg->seq, .end = seg->end, .max_end = seg->end, .max_win = max((uint32_t)seg->win, 1u)};
    if (scale && len == TCPOLEN_WINDOW) {
        side->flags |= NF_CT_TCP_SCALE;
        side->scale = min(scale[2], (uint8_t)TCP_MAX_WSCALE); /* RFC 7323 2.3 */
    }
    if (seg_option(seg, TCPOPT_SACK_PERM, &len))
        side->flags |= NF_CT_TCP_SACK_PERM;
}

/* RFC 7323 2.2: windows are scaled only if both have said so. */
static uint32_t side_window(const struct nf_ct_tcp_side *sender, const struct nf_ct_tcp_side *receiver,
                            const struct nf_ct_seg *seg)
{
    if ((seg->flags & TCPHDR_SYN) || !(sender->flags & receiver->flags & NF_CT_TCP_SCALE))
        return seg->win; /* a SYN's own window is never scaled */
    return (uint32_t)seg->win << sender->scale;
}

/* Picked up in the middle: what it sends now is taken as right, and its scale is not known, so neither is how
 * far its windows really reach. */
static void side_from_middle(struct nf_ct_tcp_side *side, const struct nf_ct_seg *seg)
{
    *side = (struct nf_ct_tcp_side){.end = seg->end,
                                    .max_win = max((uint32_t)seg->win, 1u),
                                    .scale = TCP_MAX_WSCALE,
                                    .flags = NF_CT_TCP_SCALE | NF_CT_TCP_SACK_PERM | NF_CT_TCP_LIBERAL};
    side->max_end = side->end + (side->max_win << side->scale);
}

bool nf_ct_tcp_opens(const struct nf_ct_packet *p)
{
    struct nf_ct_seg seg;

    seg_read(p, &seg);
    switch (seg_kind(&seg)) {
    case SEG_SYN:
        return true;
    case SEG_ACK:
        if (p->net->ct->sysctl_tcp_loose)
            return true;
        break;
    case SEG_SYNACK:
    case SEG_FIN:
    case SEG_RST:
        break;
    }
    nf_ct_log_invalid(p, "TCP segment of no connection that is known");
    return false;
}

/* --- windows --- */

/* Initial numbers of a side of which nothing was seen, or whose SYN is sent again. */
static void window_start(struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    struct nf_ct_tcp_side *sender = &tcp->side[dir], *receiver = &tcp->side[!dir];

    if (seg->flags & TCPHDR_SYN) {
        side_from_syn(sender, seg);
        return;
    }
    side_from_middle(sender, seg);
    if (!receiver->max_win) {
        receiver->end = receiver->max_end = seg->sack;
    } else if (seg->sack == receiver->end + 1) {
        receiver->end++; /* the first we saw of it was a keep-alive */
    }
}

/* A SYN or SYN-ACK where the numbers still begin: of a first attempt, or of another one that replaces it. */
static bool window_restarts(const struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir,
                            const struct nf_ct_seg *seg)
{
    if (!(seg->flags & TCPHDR_SYN))
        return false;
    return tcp->state == TCP_CONNTRACK_SYN_SENT || tcp->state == TCP_CONNTRACK_SYN_SENT2 ||
           (tcp->state == TCP_CONNTRACK_SYN_RECV && dir == IP_CT_DIR_REPLY);
}

/*
 * The bounds. With S the sender and R the receiver of the segment:
 *     it begins before the end of R's window              seq <= S.max_end
 *     it ends not further back than R's window can reach  end >= S.end - R.max_win
 *     it acknowledges nothing that was not sent           sack <= R.end
 *     nor what was acknowledged long ago                  sack >= R.end - S.max_win (66,000 at least)
 */
static const char *window_verdict(const struct nf_ct_tcp_side *sender, const struct nf_ct_tcp_side *receiver,
                                  const struct nf_ct_seg *seg)
{
    uint32_t back = max(sender->max_win, NF_CT_ACK_WINDOW);

    if (after(seg->seq, sender->max_end))
        return "begins beyond the receiver's window";
    if (receiver->max_win && before(seg->end, sender->end - receiver->max_win))
        return "ends before the receiver's window";
    if (after(seg->sack, receiver->end))
        return "acknowledges what was never sent";
    if (before(seg->sack, receiver->end - back))
        return "acknowledges what was acknowledged long ago";
    return NULL;
}

/* What a valid segment tells of both sides. */
static void window_learn(struct nf_ct_tcp_side *sender, struct nf_ct_tcp_side *receiver,
                         const struct nf_ct_seg *seg)
{
    uint32_t win = side_window(sender, receiver, seg);

    sender->max_win = max(sender->max_win, win + (seg->sack - seg->ack));
    if (after(seg->end, sender->end)) {
        sender->end = seg->end;
        sender->flags |= NF_CT_TCP_UNACKED;
    }
    if (after(seg->end, sender->max_end)) { /* the receiver's window was wider than we knew */
        receiver->max_win += seg->end - sender->max_end;
        sender->max_end = seg->end;
    }
    if (!(seg->flags & TCPHDR_ACK))
        return;
    if (!(sender->flags & NF_CT_TCP_ACKED) || after(seg->ack, sender->max_ack))
        sender->max_ack = seg->ack;
    sender->flags |= NF_CT_TCP_ACKED;
    /* A closed window may be probed with the byte behind it (RFC 9293 3.8.6.1). */
    if (!before(seg->sack + win, receiver->max_end))
        receiver->max_end = seg->sack + win + (win == 0);
    if (seg->ack == receiver->end)
        receiver->flags &= (uint8_t)~NF_CT_TCP_UNACKED;
}

/* RFC 9293 3.10.7.3: ISS < SEG.ACK =< SND.NXT */
static bool acknowledges_syn(const struct nf_ct_tcp_side *syn_sender, const struct nf_ct_seg *seg)
{
    return (seg->flags & TCPHDR_ACK) && syn_sender->max_win && after(seg->ack, syn_sender->iss) &&
           !after(seg->ack, syn_sender->end);
}

static const char *window_check(const struct nf_ct_packet *p, struct nf_ct_tcp *tcp,
                                enum ip_conntrack_dir dir, struct nf_ct_seg *seg)
{
    struct nf_ct_tcp_side *sender = &tcp->side[dir], *receiver = &tcp->side[!dir];
    const char *wrong;

    if (receiver->flags & NF_CT_TCP_SACK_PERM)
        seg_read_sack(seg);
    if ((seg->flags & TCPHDR_SYN) && (seg->flags & TCPHDR_ACK) && !acknowledges_syn(receiver, seg))
        return "acknowledges another SYN"; /* nothing is learnt from it */
    if (!sender->max_win || window_restarts(tcp, dir, seg)) {
        window_start(tcp, dir, seg);
        if (!(seg->flags & TCPHDR_ACK)) /* both open at once */
            return NULL;
    }
    /* Without an acknowledgement, or with the zero of a sloppy reset: judge by the rest. */
    if (!(seg->flags & TCPHDR_ACK) || ((seg->flags & TCPHDR_RST) && !seg->ack))
        seg->ack = seg->sack = receiver->end;
    wrong = window_verdict(sender, receiver, seg);
    if (wrong && ((sender->flags | receiver->flags) & NF_CT_TCP_LIBERAL || p->net->ct->sysctl_tcp_be_liberal))
        wrong = NULL;
    if (!wrong && !(seg->flags & TCPHDR_RST))
        window_learn(sender, receiver, seg);
    return wrong;
}

/* --- states --- */

#define IGNORE  TCP_CONNTRACK_MAX       /* let through: its receiver will answer it */
#define INVALID (TCP_CONNTRACK_MAX + 1) /* cannot be in this state */

static int next_after_syn(enum tcp_conntrack state, enum ip_conntrack_dir dir)
{
    switch (state) {
    case TCP_CONNTRACK_NONE:
        return TCP_CONNTRACK_SYN_SENT;
    case TCP_CONNTRACK_SYN_SENT:
        return dir == IP_CT_DIR_ORIGINAL ? TCP_CONNTRACK_SYN_SENT : TCP_CONNTRACK_SYN_SENT2;
    case TCP_CONNTRACK_SYN_SENT2:
        return TCP_CONNTRACK_SYN_SENT2;
    case TCP_CONNTRACK_SYN_RECV:
    case TCP_CONNTRACK_ESTABLISHED:
    case TCP_CONNTRACK_FIN_WAIT:
    case TCP_CONNTRACK_CLOSE_WAIT:
    case TCP_CONNTRACK_LAST_ACK:
        return IGNORE; /* RFC 5961 4: it draws a challenge ACK, unless its receiver knows nothing any more */
    case TCP_CONNTRACK_TIME_WAIT:
    case TCP_CONNTRACK_CLOSE:
        return TCP_CONNTRACK_SYN_SENT; /* RFC 9293 3.10.7.4: the old one is over */
    case TCP_CONNTRACK_MAX:
        break;
    }
    return INVALID;
}

static int next_after_synack(enum tcp_conntrack state, enum ip_conntrack_dir dir)
{
    switch (state) {
    case TCP_CONNTRACK_SYN_SENT:
        return dir == IP_CT_DIR_REPLY ? TCP_CONNTRACK_SYN_RECV : INVALID;
    case TCP_CONNTRACK_SYN_SENT2:
    case TCP_CONNTRACK_SYN_RECV:
        return TCP_CONNTRACK_SYN_RECV;
    case TCP_CONNTRACK_ESTABLISHED:
    case TCP_CONNTRACK_FIN_WAIT:
    case TCP_CONNTRACK_CLOSE_WAIT:
    case TCP_CONNTRACK_LAST_ACK:
    case TCP_CONNTRACK_TIME_WAIT:
        return IGNORE; /* sent again: the ACK for it was lost */
    case TCP_CONNTRACK_NONE:
    case TCP_CONNTRACK_CLOSE:
    case TCP_CONNTRACK_MAX:
        break;
    }
    return INVALID;
}

/* FIN_WAIT: one side has finished; CLOSE_WAIT: and the other has acknowledged that; LAST_ACK: both have. */
static int next_after_fin(enum tcp_conntrack state, bool other_closing)
{
    switch (state) {
    case TCP_CONNTRACK_SYN_RECV:
    case TCP_CONNTRACK_ESTABLISHED:
        return TCP_CONNTRACK_FIN_WAIT;
    case TCP_CONNTRACK_FIN_WAIT:
    case TCP_CONNTRACK_CLOSE_WAIT:
        return other_closing ? TCP_CONNTRACK_LAST_ACK : (int)state; /* else the same FIN again */
    case TCP_CONNTRACK_LAST_ACK:
    case TCP_CONNTRACK_TIME_WAIT:
    case TCP_CONNTRACK_CLOSE:
        return state;
    case TCP_CONNTRACK_NONE:
    case TCP_CONNTRACK_SYN_SENT:
    case TCP_CONNTRACK_SYN_SENT2:
    case TCP_CONNTRACK_MAX:
        break;
    }
    return INVALID;
}

/* `covers`: it acknowledges all that the other side has sent, its FIN included. */
static int next_after_ack(enum tcp_conntrack state, enum ip_conntrack_dir dir, bool covers,
                          bool other_closing)
{
    switch (state) {
    case TCP_CONNTRACK_NONE: /* picked up in the middle */
        return TCP_CONNTRACK_ESTABLISHED;
    case TCP_CONNTRACK_SYN_SENT:
    case TCP_CONNTRACK_SYN_SENT2: /* an old connection's: its receiver resets it (RFC 9293 3.5, figure 9) */
        return dir == IP_CT_DIR_REPLY ? IGNORE : INVALID;
    case TCP_CONNTRACK_SYN_RECV:
        return dir == IP_CT_DIR_ORIGINAL ? TCP_CONNTRACK_ESTABLISHED : TCP_CONNTRACK_SYN_RECV;
    case TCP_CONNTRACK_FIN_WAIT:
        return covers && other_closing ? TCP_CONNTRACK_CLOSE_WAIT : TCP_CONNTRACK_FIN_WAIT;
    case TCP_CONNTRACK_LAST_ACK:
        return covers ? TCP_CONNTRACK_TIME_WAIT : TCP_CONNTRACK_LAST_ACK;
    case TCP_CONNTRACK_ESTABLISHED:
    case TCP_CONNTRACK_CLOSE_WAIT:
    case TCP_CONNTRACK_TIME_WAIT:
    case TCP_CONNTRACK_CLOSE:
        return state;
    case TCP_CONNTRACK_MAX:
        break;
    }
    return INVALID;
}

static int next_state(const struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    enum tcp_conntrack state = (enum tcp_conntrack)tcp->state;
    const struct nf_ct_tcp_side *receiver = &tcp->side[!dir];
    bool other_closing = receiver->flags & NF_CT_TCP_CLOSING;

    switch (seg_kind(seg)) {
    case SEG_SYN:
        return next_after_syn(state, dir);
    case SEG_SYNACK:
        return next_after_synack(state, dir);
    case SEG_FIN:
        return next_after_fin(state, other_closing);
    case SEG_ACK:
        /* The receiver's end moves with what it sends: its last number is known by now. */
        return next_after_ack(state, dir, !before(seg->ack, receiver->end), other_closing);
    case SEG_RST:
        return state == TCP_CONNTRACK_NONE ? INVALID : TCP_CONNTRACK_CLOSE;
    }
    return INVALID;
}

/* --- SYNs out of turn --- */

/*
 * One end has lost its memory and begins anew, and we do not know what the other makes of it. The SYN passes;
 * the connection stays as it is until the other end answers: with a SYN-ACK or a reset for exactly this SYN,
 * or with a challenge ACK, which is a segment like any other.
 */
static void remember_syn(struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    if (seg->seq == tcp->side[dir].iss)
        return; /* the connection's own, sent again or late */
    side_from_syn(&tcp->syn, seg);
    tcp->syn_pending = true;
    tcp->syn_dir = dir;
}

static bool answers_syn(const struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    return tcp->syn_pending && tcp->syn_dir != dir && (seg->flags & TCPHDR_ACK) && seg->ack == tcp->syn.end;
}

/* The SYN-ACK to it: the connection was open once more already, from that SYN on. */
static void adopt_syn(struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir)
{
    tcp->syn_pending = false;
    tcp->side[!dir] = tcp->syn;
    tcp->side[dir] = (struct nf_ct_tcp_side){0};
    tcp->state = dir == IP_CT_DIR_REPLY ? TCP_CONNTRACK_SYN_SENT : TCP_CONNTRACK_SYN_SENT2;
}

/* --- act --- */

static void set_state(struct nf_conn *ct, enum tcp_conntrack state)
{
    enum tcp_conntrack old = (enum tcp_conntrack)ct->tcp.state;

    ct->tcp.state = state;
    if (old == state)
        return;
    if (state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE) {
        nf_ct_release_charges(ct);
        nf_ct_set_evictable(ct);
    }
}

/* The same segment once more, and once more: nobody answers. */
static void count_retransmissions(struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir,
                                  const struct nf_ct_seg *seg)
{
    if (seg_kind(seg) == SEG_ACK && tcp->last_dir == dir && tcp->last_seq == seg->seq &&
        tcp->last_ack == seg->ack && tcp->last_end == seg->end && tcp->last_win == seg->win) {
        tcp->retrans += tcp->retrans < 255;
        return;
    }
    tcp->last_dir = dir;
    tcp->last_seq = seg->seq;
    tcp->last_ack = seg->ack;
    tcp->last_end = seg->end;
    tcp->last_win = seg->win;
    tcp->retrans = 0;
}

static uint64_t timeout_ms(const struct netns_ct *n, const struct nf_conn *ct)
{
    const struct nf_ct_tcp *tcp = &ct->tcp;
    int timeout = n->timeout_tcp[tcp->state];

    if (tcp->retrans >= n->sysctl_tcp_max_retrans)
        timeout = min(timeout, n->timeout_tcp_max_retrans);
    else if ((tcp->side[0].flags | tcp->side[1].flags) & NF_CT_TCP_UNACKED)
        timeout = min(timeout, n->timeout_tcp_unacked);
    /* Half of it was never seen: it may be a guess of somebody's. */
    if (!(ct->status & IPS_SEEN_REPLY) && tcp->state == TCP_CONNTRACK_ESTABLISHED)
        timeout = min(timeout, n->timeout_tcp_unacked);
    return NF_CT_MS(timeout);
}

/*
 * RFC 5961 3.2: the receiver closes on the number it expects next and on no other, but challenges one in its
 * window. It expects what it has acknowledged, or, if its last words were lost or are on their way, all that
 * its peer has sent.
 */
static bool reset_is_exact(const struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir,
                           const struct nf_ct_seg *seg)
{
    const struct nf_ct_tcp_side *sender = &tcp->side[dir], *receiver = &tcp->side[!dir];

    return !(receiver->flags & NF_CT_TCP_ACKED) || seg->seq == receiver->max_ack || seg->seq == sender->end;
}

/* In answer to a segment of this connection that came late, perhaps very late: its receiver takes no notice
 * of it (RFC 5961 3.2), nor do we. */
static bool reset_is_late(const struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    const struct nf_ct_tcp_side *sender = &tcp->side[dir], *receiver = &tcp->side[!dir];

    if (seg_kind(seg) != SEG_RST || !(receiver->flags & NF_CT_TCP_ACKED) ||
        !before(seg->seq, receiver->max_ack))
        return false;
    return (sender->flags & NF_CT_TCP_LIBERAL) || !before(seg->seq, sender->iss);
}

static enum nf_ct_judgement judge_reset(struct nf_ct_packet *p, struct nf_conn *ct, enum ip_conntrack_dir dir,
                                        const struct nf_ct_seg *seg)
{
    const struct netns_ct *n = p->net->ct;

    if (!reset_is_exact(&ct->tcp, dir, seg)) {
        /* The receiver will challenge it. If the sender means it, no more will be heard of either soon. */
        nf_ct_refresh(ct, min(nf_ct_expires_in_ms(ct), NF_CT_MS(n->timeout_tcp_unacked)));
        return NF_CT_VALID;
    }
    set_state(ct, TCP_CONNTRACK_CLOSE);
    nf_ct_refresh(ct, NF_CT_MS(n->timeout_tcp[TCP_CONNTRACK_CLOSE]));
    return NF_CT_VALID;
}

/*
 * A reset from a side that has shown nothing else. An answer to a SYN must acknowledge it (RFC
 * 9293 3.10.7.3), which nobody can guess. Where we came in the middle there was no SYN: each segment draws a
 * reset of its own, also those behind the first reset or a FIN.
 */
static enum nf_ct_judgement judge_refusal(struct nf_ct_packet *p, struct nf_conn *ct,
                                          enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    if (ct->tcp.side[!dir].flags & NF_CT_TCP_LIBERAL)
        return judge_reset(p, ct, dir, seg);
    if (acknowledges_syn(&ct->tcp.side[!dir], seg)) {
        nf_ct_kill(ct); /* there is nothing to wait for */
        return NF_CT_VALID;
    }
    nf_ct_log_invalid(p, "TCP reset that does not acknowledge the SYN");
    return NF_CT_INVALID;
}

/* The SYN-ACK was lost behind us, and whoever sent it is gone: the SYN, sent again, is refused. */
static bool refuses_late(const struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    return tcp->state == TCP_CONNTRACK_SYN_RECV && dir == IP_CT_DIR_REPLY && !seg->seq &&
           acknowledges_syn(&tcp->side[!dir], seg);
}

/*
 * Segments that follow no state but may pass. One of an older connection, in answer to a SYN, draws a reset
 * at the number it acknowledges (RFC 9293 3.5, figure 9), which is in no window of ours.
 */
static bool may_ignore(const struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    const struct nf_ct_tcp_side *receiver = &tcp->side[!dir];

    /* A SYN-ACK must be for a SYN that was sent, however long ago; of what began before us we do not know. */
    return seg_kind(seg) != SEG_SYNACK || (receiver->flags & NF_CT_TCP_LIBERAL) ||
           acknowledges_syn(receiver, seg);
}

static void note_ignored(struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    if (seg_kind(seg) == SEG_SYN)
        remember_syn(tcp, dir, seg);
    if (seg_kind(seg) == SEG_ACK) {
        tcp->old_ack = seg->ack;
        tcp->old_pending = true;
    }
}

static bool resets_old(const struct nf_ct_tcp *tcp, enum ip_conntrack_dir dir, const struct nf_ct_seg *seg)
{
    return tcp->old_pending && dir == IP_CT_DIR_ORIGINAL && seg_kind(seg) == SEG_RST &&
           seg->seq == tcp->old_ack;
}

static void follow(const struct netns_ct *n, struct nf_conn *ct, enum ip_conntrack_dir dir,
                   const struct nf_ct_seg *seg, enum tcp_conntrack next)
{
    struct nf_ct_tcp *tcp = &ct->tcp;
    bool opened = tcp->state == TCP_CONNTRACK_SYN_RECV || tcp->state == TCP_CONNTRACK_ESTABLISHED;
    bool answered = dir == IP_CT_DIR_REPLY || (ct->status & IPS_SEEN_REPLY);

    if (seg_kind(seg) == SEG_FIN)
        tcp->side[dir].flags |= NF_CT_TCP_CLOSING;
    count_retransmissions(tcp, dir, seg);
    set_state(ct, next);
    nf_ct_refresh(ct, timeout_ms(n, ct));
    if (opened && answered && next == TCP_CONNTRACK_ESTABLISHED)
        nf_ct_set_assured(ct);
}

static enum nf_ct_judgement judge_in_state(struct nf_ct_packet *p, struct nf_conn *ct,
                                           enum ip_conntrack_dir dir, struct nf_ct_seg *seg)
{
    struct nf_ct_tcp *tcp = &ct->tcp;
    const char *wrong;
    int next = next_state(tcp, dir, seg);

    if (next == INVALID || (next == IGNORE && !may_ignore(tcp, dir, seg))) {
        nf_ct_log_invalid(p, "TCP segment that has no place in the connection's state");
        return NF_CT_INVALID;
    }
    if (next == IGNORE) {
        note_ignored(tcp, dir, seg);
        return NF_CT_VALID;
    }
    if (next == TCP_CONNTRACK_SYN_SENT && tcp->state >= TCP_CONNTRACK_TIME_WAIT &&
        tcp->state <= TCP_CONNTRACK_CLOSE)
        return NF_CT_REOPEN;
    if (seg_kind(seg) == SEG_RST && (!tcp->side[dir].max_win || refuses_late(tcp, dir, seg)))
        return judge_refusal(p, ct, dir, seg);
    if (reset_is_late(tcp, dir, seg))
        return NF_CT_VALID;
    wrong = window_check(p, tcp, dir, seg);
    if (wrong) {
        nf_ct_log_invalid(p, wrong);
        return NF_CT_INVALID;
    }
    if (seg_kind(seg) == SEG_RST)
        return judge_reset(p, ct, dir, seg);
    follow(p->net->ct, ct, dir, seg, (enum tcp_conntrack)next);
    return NF_CT_VALID;
}

enum nf_ct_judgement nf_ct_tcp_judge(struct nf_ct_packet *p, struct nf_conn *ct, enum ip_conntrack_dir dir)
{
    struct nf_ct_tcp *tcp = &ct->tcp;
    struct nf_ct_seg seg;

    seg_read(p, &seg);
    if (unlikely(answers_syn(tcp, dir, &seg))) {
        if (seg_kind(&seg) == SEG_SYNACK) {
            adopt_syn(tcp, dir);
        } else if (seg_kind(&seg) ==
                   SEG_RST) { /* RFC 9293 3.10.7.1: there is nobody; then nor is our connection */
            nf_ct_kill(ct);
            return NF_CT_VALID;
        }
    }
    if (unlikely(resets_old(tcp, dir, &seg)))
        return NF_CT_VALID;
    return judge_in_state(p, ct, dir, &seg);
}
