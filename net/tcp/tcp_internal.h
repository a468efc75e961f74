/*
 * tcp_internal.h - what the files of net/tcp share among themselves.
 */
#ifndef NET_TCP_TCP_INTERNAL_H
#define NET_TCP_TCP_INTERNAL_H

#include <linux/tcp.h>

#include "kernel/slab.h"
#include "net/core/checksum.h"
#include "net/core/page_frag.h"
#include "net/core/sysctl.h"
#include "net/tcp/tcp.h"

/* --- constants; times in ms --- */

#define TCP_RTO_MIN          200u
#define TCP_RTO_MAX          120000u
#define TCP_TIMEOUT_INIT     1000u /* RFC 6298 2.1 */
#define TCP_TIMEOUT_FALLBACK 3000u /* RFC 6298 5.7: after a SYN had to be sent again */
#define TCP_DELACK_MS        40u   /* RFC 9293 3.8.6.3: below 500 */
/*
 * In quick mode the ACK of a segment with PSH, which ends a message, waits this long for an answer to ride
 * on; a peer whose Nagle algorithm waits for the ACK loses next to nothing by it.
 */
#define TCP_QUICK_DELACK_MS 1u
#define TCP_MAX_QUICKACKS   16u
#define TCP_RETRY_MS        100u /* when memory was short */
#define TCP_TIMEWAIT_MS     60000u
#define TCP_INVALID_RATELIMIT_MS                                                                             \
    500u /* answers to what only an attacker or a confused peer sends (RFC 5961 7) */
#define TCP_TW_REUSE_MS        1000u /* a TIME_WAIT younger than this makes no room (RFC 6191) */
#define TCP_FIN_TIMEOUT_MAX    120   /* s: TCP_LINGER2 at most */
#define TCP_KEEP_MAX_S         32767 /* s: of the times of keep-alive */
#define TCP_MIN_MTU            552u  /* least path MTU we believe in (RFC 5927 7.2; Linux's min_pmtu) */
#define TCP_INIT_CWND          10u   /* segments (RFC 6928) */
#define TCP_FASTRETRANS_THRESH 3u
#define TCP_CWND_MAX           0x3fffffffu
#define TCP_HEADER_LEN         20u

/*
 * A segment with no more than this in pages is summed by us, also if the card could: it costs the CPU some
 * 100 ns, about what the card's extra descriptors cost (an emulated card sums slower than its guest).
 */
#define TCP_SOFT_CSUM_MAX 1460u

#define TCP_NAGLE_OFF  1 /* TCP_NODELAY */
#define TCP_NAGLE_CORK 2 /* TCP_CORK */

#define TCP_ACK_SCHED 1 /* an ACK is owed */
#define TCP_ACK_TIMER 2 /* ... and delack_timer watches over it */
#define TCP_ACK_NOW   4 /* ... and must not wait */

/* tcp_sock.ecn_flags (RFC 3168) */
#define TCP_ECN_OK         1  /* both ends have said so on their SYNs */
#define TCP_ECN_SILENT     2  /* ... but ours was taken back once: no ECT on what we send */
#define TCP_ECN_DEMAND_CWR 4  /* a CE has come: ECE on all we send until CWR comes */
#define TCP_ECN_QUEUE_CWR  8  /* the window was reduced: the next new data says CWR */
#define TCP_ECN_REDUCED    16 /* ... in the window of data that ends at cwr_end_seq */
#define TCP_ECN_SEEN       32 /* the peer sends ECT */

#define TCP_ECN_SYSCTL_ASK 1 /* net.ipv4.tcp_ecn: 0: never, 1: also on our own SYNs, 2: if the peer asks */

/* A received segment, taken apart once; host order. */
struct tcp_seg {
    uint32_t seq, end_seq; /* end_seq counts SYN and FIN */
    uint32_t ack;
    uint32_t wnd;  /* as in the header: not scaled */
    uint32_t len;  /* bytes of payload */
    uint32_t hash; /* tcp_ehashfn() of its ends */
    uint16_t urg;
    uint8_t flags, hdr_len;
    uint8_t ecn; /* INET_ECN_*: how the datagram was marked */
    bool saw_tstamp;
    uint8_t num_sacks;
    uint32_t tsval, tsecr; /* if saw_tstamp */
    struct tcp_sack_block sacks[TCP_MAX_SACKS];
};

/* What only a SYN may say. */
struct tcp_options_received {
    uint16_t mss; /* 0: none given */
    uint8_t wscale;
    bool wscale_ok, sack_ok;
    int8_t fastopen_len; /* of the cookie; 0: one is asked for; < 0: no such option */
    bool fastopen_exp;   /* by the option of before RFC 7413: answered by the same */
    const uint8_t *fastopen;
};

struct tcp_syn_options {
    uint16_t mss;
    int wscale; /* < 0: none */
    bool sack_ok, tstamp_ok;
    uint32_t tsval, tsecr;
    const uint8_t *fastopen_cookie; /* TCPOLEN_FASTOPEN_COOKIE bytes, or NULL */
    bool fastopen_exp;
};

/* Half open: a SYN has come, our SYN-ACK is out. Bounded per listener, the oldest makes room (RFC 4987 3.4).
 */
struct request_sock {
    struct sock_common rsk_common; /* must stay first; state TCP_NEW_SYN_RECV */
    struct sock *rsk_listener;     /* borrowed: its requests die before it does */
    struct list_head list;         /* tcp_sock.syn_queue */
    struct timer timer;            /* SYN-ACK again, or the end */
    struct dst_entry *dst;
    struct sk_buff *syn_data; /* came with the SYN; or NULL */
    struct tcp_saved_syn *saved_syn;
    uint32_t rcv_isn, snt_isn, rcv_wnd;
    uint16_t mss, advmss; /* the peer's (536 if it named none); ours */
    uint8_t snd_wscale, rcv_wscale;
    bool wscale_ok, sack_ok, tstamp_ok;
    bool ecn_ok;
    uint32_t ts_recent, ts_offset;
    bool fastopen_cookie; /* the first SYN-ACK brings one */
    bool fastopen_exp;    /* ... in the experimental option */
    bool is_cookie;       /* of no table: the SYN-ACK must say all */
    bool acked;           /* handshake done, but the accept queue was full or the listener waits for data */
    uint8_t num_timeout;
    ktime_t synack_at;
    uint64_t created_ms, last_oow_ack_ms;
};

static inline struct request_sock *inet_reqsk(struct sock_common *c)
{
    return (struct request_sock *)c;
}

/* What is left of a connection we closed first (RFC 9293 3.6.1), also of an orphan in FIN_WAIT2. */
struct inet_timewait_sock {
    struct sock_common tw_common; /* must stay first; state TCP_TIME_WAIT */
    struct list_head list;        /* netns_tcp.tw_list or fin_wait2_list, in the order of expiry */
    uint64_t expires_ms, last_oow_ack_ms;
    uint32_t fin_wait2_ms; /* how long to wait for the FIN */
    struct inet_bind_bucket *bind_bucket;
    uint32_t rcv_nxt, snd_nxt, rcv_wnd;
    uint8_t substate; /* TCP_FIN_WAIT2 or TCP_TIME_WAIT */
    uint8_t rcv_wscale, tos, ttl;
    bool reuse, tstamp_ok;
    uint32_t ts_recent, ts_offset;
    uint64_t ts_recent_ms; /* when the peer was last heard */
};

static inline struct inet_timewait_sock *inet_twsk(struct sock_common *c)
{
    return (struct inet_timewait_sock *)c;
}

/* Beyond all that the old connection can have sent (RFC 6191 2); never 0. */
static inline uint32_t tcp_tw_next_isn(const struct inet_timewait_sock *tw)
{
    uint32_t isn = tw->snd_nxt + 65535 + 2;

    return isn ? isn : 1;
}

/* One local port in use. */
struct inet_bind_bucket {
    struct hlist_node node;
    struct hlist_head owners; /* sock_common.bind_node: sockets and TIME_WAITs */
    uint16_t port;
    uint32_t explicit_owners; /* of these, sockets whose application chose the port */
};

#define TCP_LHASH_SIZE 64
#define TCP_BHASH_SIZE 1024
#define TCP_SYSCTLS    56

struct tcp_fastopen_keys {
    struct siphash_key key[2]; /* the first makes cookies, the second may have made them */
    unsigned count;
};

struct netns_tcp {
    struct net *net;
    struct hlist_head *ehash; /* connections, half-open ones, TIME_WAITs by 4-tuple */
    uint32_t ehash_size;
    struct hlist_head *bhash;                /* inet_bind_bucket by port */
    struct hlist_head lhash[TCP_LHASH_SIZE]; /* listeners by port */
    struct kmem_cache *sock_cache, *req_cache, *tw_cache, *bind_cache;
    struct siphash_key isn_secret, cookie_secret;
    struct tcp_fastopen_keys fastopen_keys;

    struct list_head tw_list, fin_wait2_list;
    struct timer tw_timer;
    size_t tw_count, req_count, orphan_count;
    struct page_frag page_frag; /* what applications write is copied into */

    size_t mem_bytes; /* in the queues of all sockets: tcp_mem.c */
    size_t mem_reserve_pages;
    bool mem_pressure;
    uint64_t mem_pressure_ms; /* since when */

    uint64_t challenge_second; /* of the clock: challenge ACKs are counted by it */
    uint32_t challenges_left;

    int sysctl_mem[3] /* pages */, sysctl_rmem[3], sysctl_wmem[3];
    int sysctl_syn_retries, sysctl_synack_retries, sysctl_retries1, sysctl_retries2, sysctl_orphan_retries;
    int sysctl_fin_timeout, sysctl_keepalive_time, sysctl_keepalive_probes, sysctl_keepalive_intvl;
    int sysctl_max_syn_backlog, sysctl_max_tw_buckets, sysctl_max_orphans, sysctl_somaxconn;
    int sysctl_mtu_probing, sysctl_notsent_lowat, sysctl_syncookies, sysctl_moderate_rcvbuf,
        sysctl_window_scaling, sysctl_abort_on_overflow, sysctl_slow_start_after_idle, sysctl_min_snd_mss,
        sysctl_challenge_ack_limit, sysctl_invalid_ratelimit /* ms */, sysctl_rto_max_ms;
    int sysctl_ecn, sysctl_ecn_fallback;
    int sysctl_timestamps, sysctl_sack, sysctl_dsack, sysctl_recovery, sysctl_early_retrans, sysctl_frto;
    int sysctl_reordering, sysctl_max_reordering, sysctl_min_tso_segs; /* segments */
    int sysctl_base_mss, sysctl_mtu_probe_floor, sysctl_probe_threshold /* bytes */;
    int sysctl_probe_interval /* s */;
    int sysctl_rto_min_us, sysctl_thin_linear_timeouts;
    int sysctl_fastopen, sysctl_tw_reuse;
    int sysctl_tw_reuse_delay; /* ms: a TIME_WAIT younger than this makes no room (RFC 6191) */
    int sysctl_pacing, sysctl_pacing_ss_ratio, sysctl_pacing_ca_ratio; /* ratios in percent */
    const struct tcp_congestion_ops *default_ca;                       /* of new sockets */
    struct sysctl_entry sysctl_entries[TCP_SYSCTLS];
    struct sysctl_table sysctl;
};

static inline struct netns_tcp *tcp_net(const struct sock *sk)
{
    return sock_net(sk)->tcp;
}

/* Where the doubling of the RTO ends: at two minutes, or earlier if somebody asked for it (RFC 6298 5.5). */
static inline uint32_t tcp_rto_max(const struct tcp_sock *tp)
{
    return tp->rto_max_ms ? tp->rto_max_ms : (uint32_t)tcp_net(&tp->sk)->sysctl_rto_max_ms;
}

static inline struct tcphdr *tcp_hdr(const struct sk_buff *skb)
{
    return skb_transport_header(skb);
}

/* The clock of our timestamps: 1 ms, as RFC 7323 5.4 asks for 1 ms to 1 s. */
static inline uint32_t tcp_time_stamp(uint32_t ts_offset)
{
    return (uint32_t)ktime_get_ms() + ts_offset;
}

/* Of a segment without SACK blocks, once the connection stands. */
static inline unsigned tcp_header_len(const struct tcp_sock *tp)
{
    return tp->tstamp_ok ? TCP_HEADER_LEN + TCPOLEN_TSTAMP_ALIGNED : TCP_HEADER_LEN;
}

bool tcp_rcv_full(const struct sock *sk);

/* Is there enough to read? With window or buffer full no more will come, whatever SO_RCVLOWAT waits for. */
static inline bool tcp_epollin_ready(const struct sock *sk)
{
    uint32_t unread = tcp_sk(sk)->rcv_nxt - tcp_sk(sk)->copied_seq;

    return unread && (likely(unread >= sk->sk_rcvlowat) || tcp_rcv_full(sk));
}

/* Is seq in [low, high]? */
static inline bool between(uint32_t seq, uint32_t low, uint32_t high)
{
    return high - low >= seq - low;
}

/* --- tcp_states.c --- */

/* The one way to change a state; asserts that the move is legal, keeps CurrEstab, leaves the tables on CLOSE.
 */
void tcp_set_state(struct sock *sk, enum tcp_state to);

/* --- tcp_hash.c --- */

int tcp_hash_init(struct netns_tcp *tn);
void tcp_hash_exit(struct netns_tcp *tn);
/* Keyed: which chain of ehash. Taken once for a segment, kept in sock_common.hash by what is made of it. */
uint32_t tcp_ehashfn(const struct net *net, be32 raddr, be16 rport, be32 laddr, be16 lport);
void tcp_ehash_insert(struct netns_tcp *tn, struct sock_common *c); /* by c->hash */
void tcp_lhash_insert(struct netns_tcp *tn, struct sock *sk);
void tcp_unhash(struct sock_common *c); /* harmless if it is in no table */
/* Remote end, local end, receiving device: borrowed, or NULL. */
struct sock_common *tcp_lookup_established(struct net *net, be32 raddr, be16 rport, be32 laddr, be16 lport,
                                           int dif);
struct sock_common *tcp_lookup_hashed(const struct netns_tcp *tn, uint32_t hash, be32 raddr, be16 rport,
                                      be32 laddr, be16 lport, int dif);
struct sock *tcp_lookup_listener(struct net *net, be32 laddr, be16 lport, int dif);
int tcp_bind_port(struct sock *sk, uint16_t port); /* 0: choose. 0, -EADDRINUSE or -ENOMEM */
bool tcp_bind_conflict(const struct sock *sk, const struct inet_bind_bucket *bucket);
int tcp_bind_inherit(struct sock *child, const struct sock *parent);
void tcp_bind_move(struct sock *from, struct inet_timewait_sock *to);
void tcp_bind_release(struct netns_tcp *tn, struct sock_common *c, struct inet_bind_bucket **bucket,
                      bool was_explicit);
/*
 * Puts an active opener into the tables, on a free port if it has none: 0, -EADDRNOTAVAIL, -ENOMEM.
 * *least_isn: if it takes the place of a TIME_WAIT the least initial number to use, else 0.
 */
int tcp_hash_connect(struct sock *sk, uint32_t *least_isn);
/* The initial number, and how far our timestamps are ahead of the clock. */
uint32_t tcp_secure_isn(struct net *net, be32 saddr, be32 daddr, be16 sport, be16 dport, uint32_t *ts_offset);

/* --- tcp_ipv4.c --- */

extern const struct inet_connection_sock_af_ops tcp_ipv4_af_ops;
int tcp_v4_init(struct net *net);
void tcp_v4_exit(struct net *net);

/* --- tcp_options.c --- */

/* skb with the TCP header at transport_header, linear. Stops at the first malformed option. */
void tcp_parse_options(const struct sk_buff *skb, const struct tcp_seg *seg,
                       struct tcp_options_received *opt);
/* Timestamps and SACK blocks of any segment into seg, whose hdr_len is set; th linear. */
void tcp_parse_segment_options(const struct tcphdr *th, struct tcp_seg *seg);
/* These write options: the number of bytes, a multiple of 4. */
unsigned tcp_write_syn_options(uint8_t *p, const struct tcp_syn_options *opt);
unsigned tcp_write_timestamp(uint8_t *p, uint32_t tsval, uint32_t tsecr);
unsigned tcp_write_sacks(uint8_t *p, const struct tcp_sack_block *blocks, unsigned count);
#define TCP_OPTIONS_MAX 40u

/* --- tcp_paws.c --- */

bool tcp_paws_reject(const struct tcp_sock *tp, const struct tcp_seg *seg);
/* As above for what is no full socket; `since_ms`: when the peer was last heard. */
bool tcp_paws_check(uint32_t ts_recent, uint64_t since_ms, const struct tcp_seg *seg);
void tcp_replace_ts_recent(struct tcp_sock *tp, const struct tcp_seg *seg);
/* The round trip that seg's echo tells, in us: true if it makes sense. */
bool tcp_tstamp_rtt(const struct tcp_sock *tp, const struct tcp_seg *seg, uint64_t *rtt_us);

/* --- tcp_sack.c: what we tell the peer about our out-of-order queue --- */

void tcp_sack_new(struct tcp_sock *tp, uint32_t seq, uint32_t end_seq); /* was queued beyond a hole */
void tcp_sack_advance(struct tcp_sock *tp);                             /* rcv_nxt has moved */
void tcp_sack_cut(struct tcp_sock *tp, uint32_t seq);                   /* all from seq on was thrown away */
void tcp_dsack_set(struct sock *sk, uint32_t seq, uint32_t end_seq);    /* came although we had it */
/* Does the next ACK have more to say than its number? */
bool tcp_sack_due(const struct tcp_sock *tp);
/* Writes the option, `room` bytes at most; 0 if no block fits. */
unsigned tcp_sack_write(const struct tcp_sock *tp, uint8_t *p, unsigned room);

/* --- tcp_input.c --- */

int tcp_parse_segment(struct sk_buff *skb, struct tcp_seg *seg, enum skb_drop_reason *reason);
/* A segment for a full socket (borrowed): takes skb. */
void tcp_rcv_established(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg);
void tcp_rcv_state_process(struct sock *sk, struct sk_buff *skb, const struct tcp_seg *seg);
/* The peer has reset the connection. */
void tcp_reset(struct sock *sk);
/* Turns header prediction on if nothing stands against it. */
void tcp_fast_path_check(struct tcp_sock *tp);
/* An ACK that tells the peer where we are, at most every tcp_invalid_ratelimit (RFC 5961 7). */
void tcp_send_challenge_ack(struct sock *sk);
/* `skipped` counts those that are held back. */
bool tcp_oow_rate_limited(struct net *net, uint64_t *last_ms, enum mib_counter skipped);
bool tcp_challenge_limited(struct net *net, uint64_t *last_ms);
void tcp_finish_connect(struct sock *sk);

/* --- tcp_data.c --- */

void tcp_data_queue(struct sock *sk, struct sk_buff *skb); /* takes skb, pulled to its payload */
void tcp_queue_rcv(struct sock *sk, struct sk_buff *skb);  /* in order, trimmed: takes skb */
/* A short text goes into the buffer `tail` (may be NULL) in front of it: true if it did (skb is consumed). */
bool tcp_try_coalesce(struct sock *sk, struct sk_buff *tail, struct sk_buff *skb);
/* skb, or with short text in a crowded receive buffer what takes its place, with room for more. */
struct sk_buff *tcp_repack_short(struct sock *sk, struct sk_buff *skb);
void tcp_fin(struct sock *sk);
void tcp_data_ready(struct sock *sk);
void tcp_event_data_recv(struct sock *sk, unsigned len);
void tcp_ack_snd_check(struct sock *sk, bool message_ends /* PSH or FIN was seen */);
void tcp_enter_quickack(struct tcp_sock *tp, unsigned max);
void tcp_initialize_rcv_mss(struct tcp_sock *tp);
void tcp_cleanup_rbuf(struct sock *sk, size_t copied);
uint32_t tcp_receive_window(const struct tcp_sock *tp); /* what the peer may still send */

/* --- tcp_rcvbuf.c --- */

static inline uint32_t tcp_rcv_rtt_us(const struct tcp_sock *tp)
{
    return tp->rcv_rtt_us ? tp->rcv_rtt_us : tp->srtt_us;
}

void tcp_rcv_rtt_measure(struct tcp_sock *tp, const struct tcp_seg *seg);

/* Of every segment of data in order: does it tell the round trip? Small ones tell how the peer dawdles. */
static inline void tcp_rcv_rtt_check(struct tcp_sock *tp, const struct tcp_seg *seg)
{
    if (seg->len >= tp->rcv_mss &&
        (tp->tstamp_ok ? seg->tsecr != tp->rcv_rtt_tsecr : !before(tp->rcv_nxt, tp->rcv_rtt_seq)))
        tcp_rcv_rtt_measure(tp, seg);
}

void tcp_rcv_space_init(struct tcp_sock *tp);
void tcp_rcv_space_adjust(struct sock *sk); /* the application has read */

/* --- tcp_mem.c --- */

void tcp_mem_init(struct netns_tcp *tn);
void tcp_mem_set_pressure(struct netns_tcp *tn, bool pressure);
bool tcp_pages_short(const struct netns_tcp *tn);

/* Above the middle mark, until the low one is reached again. */
static inline bool tcp_under_memory_pressure(struct netns_tcp *tn)
{
    bool now = tn->mem_bytes >> PAGE_SHIFT > (size_t)tn->sysctl_mem[tn->mem_pressure ? 0 : 1];

    if (unlikely(now != tn->mem_pressure))
        tcp_mem_set_pressure(tn, now);
    return now;
}

static inline bool tcp_mem_exhausted(const struct netns_tcp *tn)
{
    return tn->mem_bytes >> PAGE_SHIFT >= (size_t)tn->sysctl_mem[2];
}

/* What skb adds to netns_tcp.mem_bytes while it is on a write queue: pages of a file are their file's. */
static inline uint32_t tcp_wmem_cost(const struct sk_buff *skb)
{
    return TCP_SKB_CB(skb)->own_pages ? skb->truesize : skb->truesize - skb->data_len;
}

/* skb joins or leaves sk_write_queue, or is about to change and has. */
static inline void tcp_wmem_charge(struct sock *sk, const struct sk_buff *skb)
{
    sk->sk_wmem_queued += skb->truesize;
    tcp_net(sk)->mem_bytes += tcp_wmem_cost(skb);
}

static inline void tcp_wmem_uncharge(struct sock *sk, const struct sk_buff *skb)
{
    sk->sk_wmem_queued -= skb->truesize;
    tcp_net(sk)->mem_bytes -= tcp_wmem_cost(skb);
}

/* What the write queue may hold now. */
static inline uint32_t tcp_snd_limit(const struct sock *sk)
{
    const struct netns_tcp *tn = tcp_net(sk);

    return unlikely(tcp_mem_exhausted(tn)) ? min(sk->sk_sndbuf, (uint32_t)tn->sysctl_wmem[0]) : sk->sk_sndbuf;
}

void tcp_set_owner_r(struct sk_buff *skb, struct sock *sk);        /* onto a queue of received text */
uint32_t tcp_rcv_limit(const struct sock *sk);                     /* what these queues may hold now */
uint32_t tcp_pressed_space(const struct sock *sk, uint32_t space); /* what of it to offer, under pressure */
bool tcp_out_of_orphans(struct sock *sk);
bool tcp_end_orphan_under_pressure(struct sock *sk);

/* --- tcp_prune.c --- */

/* Makes room for `need` bytes, at the cost of text that begins beyond `seq`: false if there is none. */
bool tcp_rmem_schedule(struct sock *sk, uint32_t seq, uint32_t need);

/* --- tcp_ofo.c --- */

void tcp_ofo_insert(struct sock *sk, struct sk_buff *skb); /* takes skb */
void tcp_ofo_drain(struct sock *sk); /* moves what has become in order; may process a FIN */
void tcp_ofo_purge(struct sock *sk, enum skb_drop_reason reason);
bool tcp_ofo_prune(struct sock *sk, uint32_t seq); /* frees the newest beyond seq: true if it did */

/* --- tcp_ack.c --- */

/* The ACK field of a segment: SKB_NOT_DROPPED_YET to go on, else why the segment must be dropped. */
enum skb_drop_reason __must_check tcp_ack(struct sock *sk, const struct tcp_seg *seg);
void tcp_rearm_rto(struct sock *sk);
void tcp_rtt_sample(struct tcp_sock *tp, uint64_t rtt_us);
void tcp_set_rto(struct tcp_sock *tp); /* from what was measured, without back-off */
uint32_t tcp_in_flight(const struct tcp_sock *tp);
void tcp_enter_loss(struct sock *sk);
void tcp_xmit_loss(struct sock *sk);
void tcp_write_queue_purge(struct sock *sk);

/* --- with SACK --- */

/* What one ACK tells, gathered on its way. */
struct tcp_ack_state {
    const struct tcp_seg *seg;
    ktime_t now;
    uint32_t fack; /* what tcp_sock.fack will be; what one ACK tells is in no order */
    uint32_t prior_una, prior_in_flight;
    uint32_t delivered; /* sequence numbers that arrived, newly acknowledged or SACKed */
    uint32_t reordered; /* how far, in sequence numbers, something arrived behind what was sent later */
    uint32_t rtt_us;    /* least round trip of what was sent once; 0: none arrived */
    bool resent_delivered;
    bool newly_sacked, rack_advanced;
    bool dsack, tlp_dsack; /* a duplicate was told; that of our probe */
    bool newly_lost;       /* this ACK told of losses */
    struct {
        ktime_t sent_at; /* 0: nothing was delivered */
        uint32_t delivered, delivered_us, first_sent_us;
        bool app_limited;
    } rate;        /* tcp_rate.c: as in the control block of what was sent last */
    bool original; /* something sent once, before high_seq, arrived */
};

/* --- tcp_sacktag.c: the scoreboard --- */

void tcp_sacktag(struct sock *sk, const struct tcp_seg *seg, struct tcp_ack_state *st);
void tcp_note_delivered(struct tcp_sock *tp, const struct sk_buff *skb, uint32_t end_seq,
                        struct tcp_ack_state *st);
void tcp_scoreboard_forget(struct tcp_sock *tp, struct sk_buff *skb); /* skb leaves the queue */
void tcp_scoreboard_trim(struct tcp_sock *tp, const struct sk_buff *skb, uint32_t len,
                         struct tcp_ack_state *st);
void tcp_mark_lost(struct sock *sk, struct sk_buff *skb);
void tcp_tsorted_sent(struct tcp_sock *tp,
                      struct sk_buff *skb); /* has gone out, for the first time or again */
void tcp_tsorted_split(struct sk_buff *skb, struct sk_buff *rest);

static inline void tcp_tsorted_forget(struct sk_buff *skb)
{
    struct list_head *node = &TCP_SKB_CB(skb)->tsorted;

    if (!node->next)
        return;
    node->next->prev = node->prev;
    node->prev->next = node->next;
    node->next = NULL;
}

void tcp_mark_retransmitted(struct tcp_sock *tp, struct sk_buff *skb);
void tcp_unmark_lost(struct sock *sk);
void tcp_timeout_mark_lost(struct sock *sk);

/* Segments that one ACK may have us pass by without delivering them, in each of its walks. */
#define TCP_ACK_STEPS 1024u
uint32_t tcp_pipe(const struct tcp_sock *tp); /* RFC 6675 4 */

/* --- tcp_rack.c --- */

void tcp_rack_advance(struct tcp_sock *tp, const struct tcp_skb_cb *cb, uint32_t end_seq,
                      struct tcp_ack_state *st);
void tcp_rack_min_rtt(struct tcp_sock *tp, const struct tcp_ack_state *st);
void tcp_rack_dsack(struct tcp_sock *tp);
void tcp_rack_recovered(struct tcp_sock *tp);
uint32_t tcp_find_lost(struct sock *sk, ktime_t now);
bool tcp_rack_is_recent(const struct sock *sk, const struct tcp_skb_cb *cb, ktime_t now);
/* In place of the retransmission timer: false if there is nothing to probe or that timer is nearer. */
bool tcp_schedule_loss_probe(struct sock *sk, uint64_t now_ms);
void tcp_send_loss_probe(struct sock *sk);
void tcp_tlp_ack(struct sock *sk, const struct tcp_ack_state *st);

/* --- tcp_recovery.c --- */

void tcp_sack_process(struct sock *sk, struct tcp_ack_state *st);
void tcp_enter_sack_loss(struct sock *sk);
void tcp_rack_reo_timeout(struct sock *sk);
void tcp_undo_count_retrans(struct tcp_sock *tp);
void tcp_xmit_paced(struct sock *sk);
void tcp_prr(struct tcp_sock *tp, const struct tcp_ack_state *st);

/* --- tcp_ecn.c: marks instead of losses (RFC 3168) --- */

void tcp_ecn_send_syn(struct sock *sk, struct tcp_skb_cb *cb);
void tcp_ecn_resend_syn(struct sock *sk, struct tcp_skb_cb *cb);
void tcp_ecn_rcv_crossed_syn(struct tcp_sock *tp, const struct tcp_seg *seg, struct tcp_skb_cb *cb);
void tcp_ecn_rcv_synack(struct tcp_sock *tp, const struct tcp_seg *seg);
void tcp_ecn_rcv_syn(const struct netns_tcp *tn, struct request_sock *req, const struct tcp_seg *seg);
void tcp_ecn_send(struct sock *sk, const struct tcp_skb_cb *cb, struct tcphdr *th, unsigned len);
void tcp_ecn_rcv_data(struct tcp_sock *tp, const struct tcp_seg *seg);
void tcp_ecn_rcv_ack(struct sock *sk, const struct tcp_seg *seg);
void tcp_ecn_reduced(struct tcp_sock *tp); /* after every reduction of the window */
void tcp_ecn_undo(struct tcp_sock *tp);
void tcp_ecn_count_delivered(struct sock *sk, uint32_t segs);
void tcp_cwr_ack(struct tcp_sock *tp, const struct tcp_ack_state *st);

/* Has a mark cut the window already, in the window of data that is under way? No loss cuts it again. */
static inline bool tcp_in_cwr(const struct tcp_sock *tp)
{
    return tp->ca_state == TCP_CA_CWR && before(tp->snd_una, tp->cwr_end_seq);
}

/* Of every data segment that is about to be queued. */
static inline void tcp_ecn_check(struct tcp_sock *tp, const struct tcp_seg *seg)
{
    if (unlikely(tp->ecn_flags & TCP_ECN_OK) && seg->len)
        tcp_ecn_rcv_data(tp, seg);
}
void tcp_xmit_lost(struct sock *sk); /* sends again what is marked, as far as cwnd allows */

/* --- tcp_rate.c: how fast data arrives --- */

void tcp_rate_init(struct tcp_sock *tp);
void tcp_rate_sent(struct tcp_sock *tp, struct tcp_skb_cb *cb); /* cb->sent_at is set */
void tcp_rate_ack(struct tcp_sock *tp,
                  const struct tcp_ack_state *st);     /* at the end of an ACK that delivers */
uint64_t tcp_delivery_rate(const struct tcp_sock *tp); /* bytes per second; 0: none yet */

/* A segment has arrived: of those that one ACK tells, the one sent last makes the sample. */
static inline void tcp_rate_delivered(const struct tcp_skb_cb *cb, struct tcp_ack_state *st)
{
    if (cb->sent_at < st->rate.sent_at)
        return;
    st->rate.sent_at = cb->sent_at;
    st->rate.delivered = cb->delivered;
    st->rate.delivered_us = cb->delivered_us;
    st->rate.first_sent_us = cb->first_sent_us;
    st->rate.app_limited = cb->app_limited;
}

/* --- tcp_mtu.c --- */

void tcp_simple_retransmit(struct sock *sk);

/* --- tcp_mtu_probe.c: RFC 4821; all but the first two only while probe_low, or probe_size, is set --- */

enum tcp_mtu_probe { TCP_PROBE_NONE, TCP_PROBE_SENT, TCP_PROBE_WAIT };

void tcp_mtu_probe_init(struct sock *sk);
void tcp_mtu_black_hole(struct sock *sk, uint32_t len);
enum tcp_mtu_probe tcp_mtu_probe(struct sock *sk, uint32_t mss);
void tcp_mtu_probe_acked(struct sock *sk);
void tcp_mtu_probe_timeout(struct sock *sk);
bool tcp_mtu_probe_lost(struct sock *sk);

/* --- tcp_chrono.c --- */

static inline void tcp_chrono_set(struct tcp_sock *tp, enum tcp_chrono what, ktime_t now)
{
    tp->chrono_ns[tp->chrono] += now - tp->chrono_since;
    tp->chrono_since = now;
    tp->chrono = (uint8_t)what;
}

void tcp_chrono_update(struct tcp_sock *tp);
uint64_t tcp_chrono_us(const struct tcp_sock *tp, enum tcp_chrono what);

/* --- tcp_cong.c: congestion control behind an ops table; windows in bytes --- */

enum tcp_ca_event {
    CA_EVENT_TX_START, /* data goes out while nothing is under way */
    CA_EVENT_LOSS,     /* the retransmission timer has fired; ssthresh() has been called */
    CA_EVENT_UNDO,     /* the last ssthresh() was a mistake, windows are back where they were */
};

/* An algorithm keeps its state in tcp_sock.ca_priv. All but ssthresh and cong_avoid may be NULL. */
struct tcp_congestion_ops {
    const char *name;
    void (*init)(struct sock *sk);         /* ca_priv is zeroed */
    uint32_t (*ssthresh)(struct sock *sk); /* a loss was found: the new threshold */
    /* `acked` new bytes were acknowledged, `prior_in_flight` were under way before. */
    void (*cong_avoid)(struct sock *sk, uint32_t acked, uint32_t prior_in_flight);
    void (*rtt_sample)(struct sock *sk, uint32_t rtt_us); /* before cong_avoid for the same ACK */
    void (*cwnd_event)(struct sock *sk, enum tcp_ca_event event);
};
extern const struct tcp_congestion_ops tcp_reno, tcp_cubic;

static inline void tcp_ca_event(struct sock *sk, enum tcp_ca_event event)
{
    if (tcp_sk(sk)->ca_ops->cwnd_event)
        tcp_sk(sk)->ca_ops->cwnd_event(sk, event);
}

uint32_t tcp_init_cwnd(const struct tcp_sock *tp); /* RFC 6928 */
void tcp_cwnd_restart(struct sock *sk);            /* after idleness, RFC 5681 4.1 */
/* After sending: was the congestion window what ended it? Only then may it grow. */
void tcp_cwnd_validate(struct sock *sk);
bool tcp_is_cwnd_limited(const struct tcp_sock *tp);
/* Slow start: `limit` bytes of growth per ACK at most. */
void tcp_slow_start(struct tcp_sock *tp, uint32_t acked, uint32_t limit);
uint32_t tcp_loss_flight(const struct tcp_sock *tp); /* FlightSize, as a reduction counts it */
void tcp_init_congestion_control(struct sock *sk);
int tcp_set_congestion_control(struct sock *sk, const char *name, size_t len); /* 0 or -ENOENT */
#define TCP_CA_NAME_MAX 16                                                     /* with its NUL */
extern const struct sysctl_text tcp_sysctl_congestion_control, tcp_sysctl_available_congestion_control;

/* --- tcp_hystart.c: leaving slow start before the queue overflows (RFC 9406) --- */

struct tcp_hystart {
    uint32_t window_end;                  /* the round ends when this is acknowledged */
    uint32_t last_min_rtt_us, min_rtt_us; /* of the last round, of this one; UINT32_MAX: none */
    uint32_t css_baseline_us;             /* in CSS: the RTT that made us careful, else UINT32_MAX */
    uint8_t samples, css_rounds;
};
void tcp_hystart_init(struct tcp_hystart *hs, uint32_t snd_nxt);
void tcp_hystart_rtt(struct tcp_hystart *hs, uint32_t rtt_us);
/* An ACK in the first slow start: by how many of `acked` bytes the window may grow. May set snd_ssthresh. */
uint32_t tcp_hystart_ack(struct tcp_hystart *hs, struct tcp_sock *tp, uint32_t acked);

/* --- tcp_output.c --- */

uint32_t tcp_current_mss(struct sock *sk);
/* What our link takes (RFC 9293 MUST-67): a narrow path to the peer says nothing of the one back. */
uint16_t tcp_advertise_mss(const struct sock *sk, const struct dst_entry *dst);
uint32_t tcp_sync_mss(struct sock *sk, uint32_t pmtu);
uint16_t tcp_mtu_to_mss(const struct sock *sk, uint32_t mtu);
/* What our SYN or SYN-ACK offers. sk: the listener of a half-open connection, or who opens one. */
void tcp_select_initial_window(const struct sock *sk, bool wscale_ok, uint32_t mss, uint32_t *rcv_wnd,
                               uint8_t *wscale);
uint32_t tcp_win_from_space(uint32_t space);
uint32_t tcp_select_window(struct sock *sk, bool commit);
void tcp_write_queue_append(struct sock *sk, struct sk_buff *skb);
/* Sends what windows and Nagle allow. */
void tcp_push_pending_frames(struct sock *sk);
void tcp_push(struct sock *sk, int flags);
int tcp_retransmit_skb(struct sock *sk, struct sk_buff *skb);
int tcp_fragment(struct sock *sk, struct sk_buff *skb, uint32_t len);
bool tcp_send_new_probe(
    struct sock *sk); /* one segment of new data whatever cwnd says: true if it went out */
bool tcp_send_segment(struct sock *sk, uint32_t len); /* new data, `len` bytes at most: true if it went out */
bool tcp_retransmit_tail(struct sock *sk);            /* the last segment sent, again: true if it went out */
void tcp_send_ack(struct sock *sk);
void tcp_send_fin(struct sock *sk);
void tcp_send_active_reset(struct sock *sk);
int tcp_send_syn(struct sock *sk);     /* queues and sends the SYN: 0 or -ENOBUFS */
int tcp_write_wakeup(struct sock *sk); /* a probe: 0 if something went out */
void tcp_send_keepalive_probe(struct sock *sk);
struct sk_buff *tcp_make_synack(struct sock *listener, const struct request_sock *req);

/* --- tcp_pacing.c --- */

#define TCP_PACING_UNLIMITED  UINT64_MAX
#define TCP_PACING_MIN_RTT_US 5000u /* what is shorter is not worth the timer's turns */

static inline bool tcp_needs_pacing(const struct tcp_sock *tp)
{
    return tp->srtt_us >= TCP_PACING_MIN_RTT_US || tp->sk.sk_max_pacing_rate != TCP_PACING_UNLIMITED;
}

bool tcp_is_paced(const struct tcp_sock *tp);
uint64_t tcp_pacing_rate(const struct tcp_sock *tp);
uint32_t tcp_pacing_quota(struct sock *sk, uint32_t mss);
void tcp_pacing_sent(struct tcp_sock *tp, uint32_t len);
void tcp_pacing_init(struct tcp_sock *tp);

/* --- tcp_tso.c --- */

uint32_t tcp_size_goal(const struct sock *sk, uint32_t mss, size_t wanted);
void tcp_skb_set_pcount(struct sk_buff *skb, uint32_t mss);
uint32_t tcp_train_len(const struct sock *sk, const struct sk_buff *skb, uint32_t room, uint32_t quota,
                       uint32_t mss, bool tail_waits);
void tcp_trim_head(struct sock *sk, struct sk_buff *skb, struct tcp_ack_state *st);

/* --- tcp_timer.c --- */

void tcp_init_xmit_timers(struct sock *sk);
void tcp_clear_xmit_timers(struct sock *sk);
void tcp_reset_xmit_timer(struct sock *sk, enum tcp_xmit_pending what, uint32_t when_ms);
void tcp_reset_xmit_timer_at(struct sock *sk, enum tcp_xmit_pending what, uint64_t deadline_ms);
void tcp_stop_xmit_timer(struct tcp_sock *tp);
void tcp_check_probe_timer(struct sock *sk);
void tcp_schedule_delack(struct sock *sk, uint32_t when_ms);
void tcp_reset_keepalive_timer(struct sock *sk);
void tcp_set_keepalive(struct sock *sk, bool on);
uint32_t tcp_keepalive_time(const struct sock *sk);
uint32_t tcp_keepalive_intvl(const struct sock *sk);
unsigned tcp_keepalive_probes(const struct sock *sk);

/* --- tcp_syncookies.c --- */

bool tcp_syncookie_wanted(const struct sock *listener);
/* Makes req->snt_isn a cookie for req's ends, the peer's ISN and MSS. */
void tcp_syncookie_init(struct sock *listener, struct request_sock *req);
/* The timestamp of a SYN-ACK that is a cookie: it carries req's options. */
uint32_t tcp_syncookie_tsval(const struct request_sock *req);
/* Fills in req's options, as the echo in the ACK tells them; req->ts_offset is set, the rest zero. */
void tcp_syncookie_options(struct request_sock *req, const struct tcp_seg *seg);
/* Is req->snt_isn, brought back, one of ours? The MSS in it, or 0. */
uint16_t tcp_syncookie_check(const struct sock *listener, const struct request_sock *req);

/* --- tcp_syndata.c --- */

/* Takes the SYN's skb, at its payload, on owner's account: what to keep of it, or NULL. */
struct sk_buff *tcp_syn_data_keep(struct sock *owner, struct sk_buff *skb);
void tcp_syn_data_inherit(struct sock *child, struct sk_buff *skb); /* takes skb; it may be NULL */
/* The connection stands, by `seg`, whose own text comes next: tp->syn_data, not NULL, is received. */
void tcp_syn_data_deliver(struct sock *sk, const struct tcp_seg *seg);
void tcp_syn_data_forget(struct tcp_sock *tp);

/* --- tcp_fastopen.c --- */

/* Takes skb if this SYN opened a child at once; then req is gone. */
bool tcp_fastopen_try(struct sock *listener, struct request_sock *req, struct sk_buff *skb,
                      const struct tcp_seg *seg, const struct tcp_options_received *opt);
/* The child's SYN is here again, or false. Only while tp->fastopen_rsk. */
bool tcp_fastopen_syn_again(struct sock *sk, const struct tcp_seg *seg);
void tcp_fastopen_end(struct tcp_sock *tp, bool reset); /* the child's handshake is over, or the child */
/* The handshake is over, and data we sent before is still under way. */
void tcp_fastopen_resend(struct sock *sk);
void tcp_fastopen_destroy(struct tcp_sock *tp);
void tcp_fastopen_req_cookie(const struct request_sock *req, uint8_t *cookie);
void tcp_fastopen_child_cookie(const struct sock *child, uint8_t *cookie);
void tcp_fastopen_listen(struct sock *sk);
int tcp_fastopen_set_qlen(struct sock *sk, int qlen); /* 0 or -E... */
int tcp_fastopen_get_qlen(const struct sock *sk);
int tcp_fastopen_set_key(struct sock *sk, const void *val, size_t len);
const struct tcp_fastopen_keys *tcp_fastopen_get_keys(const struct sock *sk);
extern const struct sysctl_text tcp_sysctl_fastopen_key;

/* --- tcp_minisocks.c --- */

int tcp_minisocks_init(struct netns_tcp *tn);
void tcp_minisocks_exit(struct netns_tcp *tn);
struct request_sock *tcp_reqsk_alloc(struct sock *listener, struct net *net);
void tcp_reqsk_queue(struct sock *listener, struct request_sock *req); /* into the tables, timer on */
void tcp_reqsk_drop(struct request_sock *req);
void tcp_listener_flush(struct sock *listener); /* ends its half-open and unaccepted connections */
/* A segment for a half-open connection (skb borrowed): a new full socket (borrowed) to process it, or NULL.
 */
struct sock *tcp_check_req(struct sk_buff *skb, const struct tcp_seg *seg, struct request_sock *req,
                           enum skb_drop_reason *reason);
/* The child that replaces a queued request (gone then), in SYN-RECEIVED, in the tables; NULL without memory.
 */
struct sock *tcp_create_openreq_child(struct sock *listener, struct request_sock *req);
void tcp_accept_queue_add(struct sock *listener, struct sock *child);

/* The connection goes on as a TIME_WAIT object in `substate`; sk becomes CLOSE. */
void tcp_time_wait(struct sock *sk, enum tcp_state substate);
enum tcp_tw_status { TCP_TW_DROP, TCP_TW_ACK, TCP_TW_RST, TCP_TW_SYN };
/* What to do about a segment for a TIME_WAIT; RST and SYN mean that tw is to be ended with tcp_tw_kill(). */
enum tcp_tw_status tcp_timewait_state_process(struct inet_timewait_sock *tw, const struct tcp_seg *seg);
void tcp_tw_kill(struct inet_timewait_sock *tw);

/* --- tcp.c --- */

void tcp_done(struct sock *sk);           /* to CLOSE, out of the tables, owner told */
void tcp_abort(struct sock *sk, int err); /* RST to the peer where that is right, then tcp_done */
bool tcp_stream_memory_free(const struct sock *sk);
void tcp_check_space(struct sock *sk);

/* --- tcp_info.c --- */

void tcp_get_info(const struct sock *sk, struct tcp_info *info);
/* The largest window that this buffer can offer. */
uint32_t tcp_window_bound(const struct sock *sk);

/* --- tcp_send.c, tcp_recv.c, tcp_sockopt.c --- */

ssize_t tcp_sendmsg(struct sock *sk, struct msg *msg, size_t len);
ssize_t tcp_sendpage(struct sock *sk, struct page *page, size_t offset, size_t len, int flags);
ssize_t tcp_recvmsg(struct sock *sk, struct msg *msg, size_t len, int flags);
int tcp_setsockopt(struct sock *sk, int level, int name, const void *val, socklen_t len);
int tcp_getsockopt(struct sock *sk, int level, int name, void *val, socklen_t *len);
void tcp_set_rcvlowat(struct sock *sk, uint32_t bytes);
int tcp_ioctl(struct sock *sk, unsigned long cmd, int *arg);
void tcp_register_sysctls(struct netns_tcp *tn);

/* --- tcp_savesyn.c: the headers of a SYN, kept for the application --- */

void tcp_save_syn(const struct sock *listener, struct request_sock *req, const struct sk_buff *skb);
int tcp_get_saved_syn(struct sock *sk, void *val, socklen_t *len); /* once: it is gone then. 0 or -EINVAL */
int tcp_set_save_syn(struct sock *sk, int mode);                   /* 0 or -EINVAL */
void tcp_saved_syn_move(struct sock *child, struct request_sock *req);
void tcp_saved_syn_free(struct tcp_saved_syn **saved);

/* --- tcp_filter.c --- */

/* Asks the socket's program: true - the segment is dropped (taken); else skb and *seg may have been cut. */
bool tcp_run_filter(struct sock *sk, struct sk_buff *skb, struct tcp_seg *seg);

static inline bool tcp_filter_drops(struct sock *sk, struct sk_buff *skb, struct tcp_seg *seg)
{
    return unlikely(sk->sk_filter) && tcp_run_filter(sk, skb, seg);
}

/* Remembers how the segment came that made the connection. */
void tcp_note_way(struct sock *sk, const struct sk_buff *skb);

#endif
