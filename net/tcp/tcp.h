/*
 * tcp.h - TCP (RFC 9293): what the socket layer and statistics see of it.
 *
 * In:  ip_local_deliver -> tcp_v4_rcv -> lookup -> tcp_rcv_established or tcp_rcv_state_process
 *          -> sk_receive_queue -> sk_data_ready -> tcp_recvmsg
 * Out: tcp_sendmsg / tcp_sendpage -> sk_write_queue -> tcp_write_xmit -> tcp_transmit_skb ->
 * af_ops->queue_xmit
 *
 * The room, in reading order: tcp_ipv4.c (demultiplexing, checksum, replies without a socket), tcp_hash.c
 * (tables), tcp_input.c (the states), tcp_data.c and tcp_ofo.c (text, FIN, reassembly), tcp_ack.c and
 * tcp_cong.c (acknowledgements, loss, congestion), tcp_ecn.c (marks instead of losses), tcp_mem.c and
 * tcp_prune.c (memory), tcp_output.c (segments), tcp_tso.c (trains of them), tcp_pacing.c, tcp_mtu.c,
 * tcp_mtu_probe.c, tcp_rate.c, tcp_timer.c, tcp_minisocks.c (half-open and TIME_WAIT), tcp_syndata.c and
 * tcp_fastopen.c (text with a SYN), tcp_savesyn.c, tcp.c, tcp_send.c, tcp_recv.c, tcp_sockopt.c, tcp_info.c
 * (the application's side), tcp_farewell.c (the machine's end), tcp_sysctl.c (the settings).
 */
#ifndef NET_TCP_TCP_H
#define NET_TCP_TCP_H

#include "kernel/byteorder.h"
#include "kernel/rbtree.h"
#include "net/core/sock.h"
#include "net/tcp/tcp_states.h"

struct tcp_seg;
struct request_sock;
struct inet_bind_bucket;
struct tcp_fastopen_queue;
struct tcp_saved_syn;
struct tcp_congestion_ops;

struct tcphdr {
    be16 source, dest;
    be32 seq, ack_seq;
    uint8_t doff_res; /* header length in 32-bit words, in the upper four bits */
    uint8_t flags;    /* TCPHDR_* */
    be16 window;
    sum16 check;
    be16 urg_ptr;
} __packed __aligned(2);
_Static_assert(sizeof(struct tcphdr) == 20, "RFC 9293 3.1");

#define TCPHDR_FIN 0x01
#define TCPHDR_SYN 0x02
#define TCPHDR_RST 0x04
#define TCPHDR_PSH 0x08
#define TCPHDR_ACK 0x10
#define TCPHDR_URG 0x20
#define TCPHDR_ECE 0x40
#define TCPHDR_CWR 0x80

#define TCPOPT_EOL      0
#define TCPOPT_NOP      1
#define TCPOPT_MSS      2
#define TCPOPT_WINDOW   3
#define TCPOLEN_MSS     4
#define TCPOLEN_WINDOW  3
#define TCP_MAX_WSCALE  14  /* RFC 7323 2.3 */
#define TCP_MSS_DEFAULT 536 /* RFC 9293 3.7.1: when the peer names none */
#define TCP_MIN_SND_MSS 48  /* the smallest segments a peer can talk us into */

#define TCPOPT_SACK_PERM       4
#define TCPOPT_SACK            5
#define TCPOPT_TIMESTAMP       8
#define TCPOLEN_SACK_PERM      2
#define TCPOLEN_SACK_BASE      2 /* and 8 for each block */
#define TCPOLEN_SACK_BLOCK     8
#define TCPOLEN_TIMESTAMP      10
#define TCPOLEN_TSTAMP_ALIGNED 12 /* NOP NOP in front: as everybody sends it (RFC 7323 appendix A) */
#define TCP_MAX_SACKS          4  /* that is what 40 bytes of options hold */

#define TCPOPT_FASTOPEN         34
#define TCPOLEN_FASTOPEN_BASE   2
#define TCPOLEN_FASTOPEN_COOKIE 8   /* ours; RFC 7413 4.1.1 allows 4 to 16 */
#define TCPOPT_EXP              254 /* RFC 6994: two bytes behind the length tell whose it is */
#define TCPOPT_EXP_FASTOPEN     0xf989
#define TCPOLEN_EXP_BASE        4

/* Sequence numbers live on a circle (RFC 9293 3.4). */
static inline bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool after(uint32_t a, uint32_t b)
{
    return before(b, a);
}

/* Received beyond a hole: [start_seq, end_seq) (RFC 2018 3). */
struct tcp_sack_block {
    uint32_t start_seq, end_seq;
};

/* Our private data in skb->cb: of segments on our queues, and of received ones until they are read. */
struct tcp_skb_cb {
    uint32_t seq, end_seq; /* of the payload; end_seq also counts SYN and FIN */
    uint32_t tw_isn; /* received SYN that replaces a TIME_WAIT: the least initial number to use, else 0 */
    wsum csum;       /* sum of the linear payload, if csum_valid (write queue) */
    ktime_t sent_at; /* last transmission (write queue) */
    uint8_t flags;   /* TCPHDR_* to send / as received */
    uint8_t retrans; /* times retransmitted, saturating */
    uint16_t pcount; /* segments it counts for in packets_out once it has been sent (0: one) */
    bool csum_valid;
    bool eor;       /* a message ends here: nothing is put behind it (write queue) */
    bool own_pages; /* its pages hold a copy of what was written; else they are a file's (write queue) */
    uint8_t sacked; /* TCPCB_*: the scoreboard */
    union {
        struct rb_node ofo_node;      /* on out_of_order_queue: its place in ofo_root */
        struct {                      /* on sk_write_queue */
            struct list_head tsorted; /* tcp_sock.tsorted_sent; next NULL: not there */
            uint32_t delivered, delivered_us, first_sent_us; /* tcp_sock's when it was sent (tcp_rate.c) */
            bool app_limited;                                /* ... */
        };
    };
};
#define TCPCB_SACKED  1 /* the peer has it */
#define TCPCB_LOST    2 /* it does not, we think */
#define TCPCB_RETRANS 4 /* sent again, and that transmission is under way */
_Static_assert(sizeof(struct tcp_skb_cb) <= SKB_CB_SIZE, "fits skb->cb");

#define TCP_SKB_CB(skb) ((struct tcp_skb_cb *)(skb)->cb)

static inline uint32_t tcp_skb_pcount(const struct sk_buff *skb)
{
    return TCP_SKB_CB(skb)->pcount ? TCP_SKB_CB(skb)->pcount : 1;
}

/* What TCP needs of the address family below it. */
struct inet_connection_sock_af_ops {
    int (*queue_xmit)(struct sock *sk, struct sk_buff *skb); /* takes skb */
    /* Fills in the checksum of skb (at its TCP header, hdr_len bytes); `payload`: sum of the linear payload.
     */
    void (*send_check)(struct sock *sk, struct sk_buff *skb, unsigned hdr_len, wsum payload);
    int (*rebuild_header)(struct sock *sk); /* a fresh route: 0 or -E... */
    int (*connect)(struct sock *sk, be32 addr, uint16_t port);
    /* A listener got a SYN: takes skb. */
    void (*conn_request)(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg);
    int (*send_synack)(struct sock *listener, struct request_sock *req);
    /* Answers a received segment (borrowed) with RST, by the rules of RFC 9293 3.5.2. */
    void (*send_reset)(struct sk_buff *skb, const struct tcp_seg *seg);
    /* A listener got an ACK that may bring back a SYN cookie: true if it did (skb is taken). */
    bool (*cookie_ack)(struct sock *listener, struct sk_buff *skb, const struct tcp_seg *seg);
    void (*send_request_ack)(struct sk_buff *skb, const struct request_sock *req);
    unsigned net_header_len; /* without options */
};

#define TCP_CA_PRIV_WORDS 12

/* What a sender spends its time on (tcp_chrono.c). */
enum tcp_chrono {
    TCP_CHRONO_IDLE,
    TCP_CHRONO_BUSY,
    TCP_CHRONO_RWND_LIMITED,
    TCP_CHRONO_SNDBUF_LIMITED,
    TCP_CHRONO_COUNT
};

/* Which deadline the retransmit timer stands for. */
enum tcp_xmit_pending {
    TCP_TIME_NONE,
    TCP_TIME_RETRANS,
    TCP_TIME_PROBE0,
    TCP_TIME_LOSS_PROBE, /* TLP */
    TCP_TIME_REO,        /* RACK's reordering window */
};

struct tcp_sock {
    struct sock sk; /* must stay first */
    const struct inet_connection_sock_af_ops *af_ops;
    const struct tcp_congestion_ops *ca_ops;

    /* --- sequence space, names of RFC 9293 3.3.1 --- */
    uint32_t pred_flags; /* header length, flags and window of the segment expected next; 0: no prediction */
    uint32_t rcv_nxt;
    uint32_t copied_seq; /* next byte the application reads */
    uint32_t rcv_wup;    /* rcv_nxt when we last sent an ACK: where rcv_wnd counts from */
    uint32_t rcv_wnd;
    uint32_t snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2;
    uint32_t write_seq;  /* end of what is queued to be sent, FIN included */
    uint32_t max_window; /* largest window the peer has ever offered */
    uint32_t snd_sml;    /* end of the last small segment sent (Nagle, Minshall's variant) */
    uint32_t iss, irs;
    uint32_t snd_up, rcv_up; /* ends of urgent data, if snd_urg / rcv_urg */
    uint8_t snd_wscale, rcv_wscale;
    uint8_t ecn_flags; /* TCP_ECN_* */
    bool snd_urg, rcv_urg, fin_pending /* FIN could not be queued for want of memory */;
    bool nospace; /* somebody waits for room in the write queue */

    /* --- output --- */
    struct sk_buff
        *send_head;       /* first never-sent segment of sk_write_queue; before it: sent, not yet acked */
    uint32_t packets_out; /* segments before send_head */
    uint32_t mss_cache;   /* payload bytes per segment for the path MTU pmtu_cookie */
    uint32_t pmtu_cookie;
    uint16_t probe_low;  /* tcp_mtu_probe.c: no segment is longer than this; 0: no search for the path MTU */
    uint16_t probe_high; /* longer ones have been lost; 0: none yet */
    uint16_t probe_size; /* of the probe under way, [probe_start, probe_end); 0: none */
    uint32_t probe_start, probe_end;
    uint64_t probe_search_ms;             /* when the search began */
    uint16_t advmss, mss_clamp, user_mss; /* sent; the peer's; TCP_MAXSEG or 0 */
    uint8_t nonagle;                      /* TCP_NAGLE_* */
    uint8_t ack_pending;                  /* an ACK is owed: TCP_ACK_* */
    bool ack_pingpong;                    /* a dialogue: our data will carry the ACK */
    bool recvmsg_inq;                     /* TCP_INQ: recvmsg() tells how much is left to read */
    uint8_t ack_quick;                    /* this many ACKs go out without delay */
    uint16_t rcv_mss;                     /* guess at the peer's segment size */
    uint64_t ack_timeout_ms;

    /* --- round-trip time and timers (RFC 6298) --- */
    uint32_t srtt_us, rttvar_us; /* 0: no sample yet */
    uint32_t rto_ms;
    uint32_t rto_max_ms; /* 0: the sysctl's */
    uint8_t backoff, retransmits, probes_out, ka_probes_out;
    uint8_t xmit_pending; /* enum tcp_xmit_pending */
    uint64_t xmit_timeout_ms;
    uint64_t retrans_stamp_ms; /* when the segment that is being retransmitted was first sent */
    uint64_t probe_stamp_ms;   /* since when zero-window probes go unanswered */
    struct timer xmit_timer, delack_timer, keepalive_timer, pacing_timer;
    uint64_t last_snd_ms, last_ack_ms, last_rcv_ms, last_oow_ack_ms;

    /* --- congestion control, bytes (RFC 5681, 6582) --- */
    uint64_t ca_priv[TCP_CA_PRIV_WORDS]; /* of ca_ops */
    bool ca_chosen;                      /* by TCP_CONGESTION, not by the sysctl */
    bool is_cwnd_limited;                /* of this window of data, the last one sent under it */
    uint32_t cwnd_usage_seq;             /* the window of data ends here */
    uint32_t max_bytes_out;              /* most bytes under way in it */
    uint32_t cwnd_used;                  /* most bytes under way since cwnd_used_ms */
    uint64_t cwnd_used_ms;               /* when the whole window was last in use, or part of it was taken */
    uint32_t snd_cwnd, snd_ssthresh;
    uint32_t acks_in;             /* ACKs that the segment being processed stands for (GRO) */
    uint32_t snd_cwnd_cnt;        /* bytes acknowledged towards the next increase */
    uint32_t high_seq;            /* recover of RFC 6582: snd_nxt when loss was last detected */
    uint32_t retrans_high;        /* in Loss: up to here has been sent again */
    struct sk_buff *retrans_hint; /* before it nothing has to be sent again; NULL: look from the head */
    uint32_t dupacks, dupacks_max;
    ktime_t pacing_next;   /* new data may go from then on */
    uint32_t pacing_burst; /* bytes of it that go at any time */
    uint8_t ca_state;      /* enum tcp_ca_state */
    bool partial_acked;    /* in Recovery: the first partial ACK has been seen */

    /* --- scoreboard and recovery with SACK; sums in sequence numbers (tcp_sacktag.c, tcp_recovery.c) --- */
    uint32_t sacked_out, lost_out, retrans_out;
    uint32_t to_resend; /* of lost_out, what has not been sent again */
    uint32_t ack_steps; /* segments that ACKs have had us look at without delivering them: what they cost */
    uint32_t sacked_segs;
    uint32_t reordering; /* segments by which the network has been seen to change the order, 3 at least */
    struct list_head tsorted_sent; /* tcp_skb_cb.tsorted: what may get lost yet, by the time it was sent */
    struct sk_buff *sack_hint;     /* where the last block was looked for, or NULL */
    struct tcp_sack_block known_sacks[TCP_MAX_SACKS]; /* the last ACK's, by start: they are all marked */
    uint8_t num_known_sacks;
    uint32_t fack;                               /* end of the highest SACKed segment */
    uint32_t prr_delivered, prr_out, prr_flight; /* since recovery began; FlightSize then (RFC 6937) */
    uint32_t prior_cwnd, prior_ssthresh;         /* to go back to */
    uint32_t undo_marker;                        /* snd_una when the episode began, if undo_active */
    int32_t undo_retrans; /* retransmissions not yet told to be needless; -1: none sent */
    uint32_t retrans_ts;  /* our timestamp when the first one went out */
    uint32_t dsack_dups;  /* D-SACKs believed */
    uint32_t cwr_end_seq; /* snd_nxt at the last reduction, while TCP_ECN_REDUCED (tcp_ecn.c) */
    uint32_t cwr_limit;   /* snd_cwnd before it */
    bool undo_active, frto;

    /* --- RACK-TLP (RFC 8985) --- */
    ktime_t rack_sent_at; /* of all delivered segments the one sent last */
    uint64_t min_rtt_ms;  /* when min_rtt_us was measured */
    uint32_t rack_end_seq, rack_rtt_us, min_rtt_us;
    uint32_t rack_dsack_round; /* snd_nxt when the reordering window last grew */
    uint32_t tlp_end_seq;      /* snd_nxt at the probe, if tlp_pending */
    uint8_t rack_reo_steps, rack_reo_persist;
    bool rack_reord_seen, tlp_pending, tlp_retrans;
    bool tlp_needless; /* a lone segment's probe was: the peer is slow to acknowledge */

    /* --- reassembly --- */
    struct sk_buff_head out_of_order_queue; /* ordered by seq, no overlaps */
    struct rb_root ofo_root;                /* the same, for look-up */
    uint32_t ofo_fresh;                     /* bytes it was charged since it was last collapsed */
    uint32_t rcvq_collapsed;                /* sk_receive_queue has been collapsed up to here */
    struct tcp_sack_block selective_acks[TCP_MAX_SACKS]; /* its runs, the one that grew last first */
    struct tcp_sack_block duplicate_sack;                /* came twice (RFC 2883), if dsack_pending */
    uint8_t num_sacks;
    bool dsack_pending;

    /* --- negotiated on the SYN (RFC 7323 1.3, RFC 2018 2) --- */
    bool tstamp_ok, sack_ok, wscale_ok;
    uint32_t ts_recent; /* TS.Recent, which we echo */
    uint32_t ts_offset; /* our timestamps are ktime_get_ms() plus this */

    /* --- receive buffer tuning --- */
    uint32_t rcvq_seq, rcvq_space; /* read up to here when a round trip began; read in the last */
    uint64_t rcvq_time_us;         /* when it began */
    uint32_t rcv_rtt_us;           /* round trip, as a receiver of data sees it; 0: not yet */
    uint32_t rcv_rtt_tsecr;        /* ... by the first echo of a timestamp: this one was looked at */
    uint32_t rcv_rtt_seq;          /* ... without timestamps by the time that a window takes: its end */
    uint64_t rcv_rtt_time_us;      /* ... and when it was told */

    /* --- options --- */
    uint32_t keepalive_time_ms, keepalive_intvl_ms, user_timeout_ms, defer_accept_ms; /* 0: the sysctl's */
    uint32_t notsent_lowat;                                                           /* 0: the sysctl's */
    uint32_t window_clamp;                 /* TCP_WINDOW_CLAMP: largest window to offer, 0: no bound */
    int32_t linger2_s;                     /* FIN_WAIT2 of an orphan: 0: the sysctl's, below: none at all */
    uint8_t keepalive_probes, syn_retries; /* 0: the sysctl's */

    /* --- tables and listening --- */
    struct inet_bind_bucket *bind_bucket;
    struct list_head syn_queue;    /* listener: request_sock.list, oldest first */
    struct list_head accept_queue; /* listener: tcp_sock.accept_node */
    struct list_head accept_node;
    struct sock *listener; /* while on its accept_queue */
    uint32_t syn_queue_len, accept_queue_len, max_backlog;
    uint64_t cookie_sent_ms; /* listener: last SYN cookie, 0: none */
    be32 bound_addr;         /* what bind() said */
    bool bind_explicit;      /* the application chose the port */
    bool orphan_counted, syn_retransmitted;

    /* --- text with a SYN --- */
    struct sk_buff *syn_data;             /* until the connection stands (tcp_syndata.c); or NULL */
    struct tcp_fastopen_queue *fastopenq; /* of a listener with Fast Open; or NULL */
    struct tcp_fastopen_queue
        *fastopen_rsk;   /* of a child by it, until its handshake is over: the listener's */
    bool fastopen_renew; /* ... and its SYN-ACK brings a new cookie */
    bool syn_data_acked; /* Fast Open it was, with text */

    uint8_t save_syn;                /* TCP_SAVE_SYN: 0, 1 or 2 */
    struct tcp_saved_syn *saved_syn; /* of an accepted connection: for TCP_SAVED_SYN, or NULL */

    /* --- struct tcp_info --- */
    uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
    uint32_t segs_in, segs_out, data_segs_in, data_segs_out, total_retrans;
    uint32_t reord_seen, rcv_ooopack; /* reorderings of ours, segments of the peer's beyond a hole */
    uint64_t opened_ms;               /* when the connection stood */
    ktime_t chrono_since, chrono_ns[TCP_CHRONO_COUNT];
    uint8_t chrono;                   /* enum tcp_chrono: since chrono_since */
    uint32_t delivered, delivered_ce; /* segments that arrived; of these, told by an ACK with ECE */

    /* --- delivery rate (tcp_rate.c); bytes and microseconds, both wrap --- */
    uint32_t delivered_bytes, delivered_us; /* that have arrived, and when the last of them was told */
    uint32_t first_sent_us;                 /* when what was delivered last had been sent */
    uint32_t app_limited_until; /* delivered_bytes up to which samples count as idle, if app_limited */
    uint32_t rate_bytes, rate_interval_us; /* the sample that stands */
    bool app_limited, rate_app_limited;    /* now; when that sample was taken */
};

static inline struct tcp_sock *tcp_sk(const struct sock *sk)
{
    return (struct tcp_sock *)sk;
}

extern const struct proto tcp_prot;

int __must_check tcp_init(struct net *net);
void tcp_exit(
    struct net *net); /* ends what is left of connections, half-open ones and TIME_WAITs, silently */

/*
 * Walks listeners, connections, half-open ones and TIME_WAITs for statistics; start with NULL. Full sockets
 * are those whose state is neither TCP_TIME_WAIT nor TCP_NEW_SYN_RECV.
 */
struct sock_common *tcp_next_conn(struct net *net, struct sock_common *prev);

/*
 * The end of the machine (tcp_farewell.c): closes all listeners and sends a FIN behind what each connection
 * has queued; has every peer acknowledged it; a RST to those that have not.
 */
void tcp_end_in_order(struct net *net);
bool tcp_ended_in_order(struct net *net);
void tcp_end_at_once(struct net *net);

struct tcp_counts {
    size_t established, listening, half_open, time_wait, orphans;
    size_t memory; /* bytes in the queues of all sockets (net.ipv4.tcp_mem) */
    bool memory_pressure;
};
void tcp_get_counts(struct net *net, struct tcp_counts *counts);

#endif
