/*
 * tcp_hash.c - the tables that lead from an address to a connection, and from a port to its owners.
 *
 *     ehash  4-tuple -> struct sock, struct request_sock or struct inet_timewait_sock (sock_common.hash_node)
 *     lhash  local port -> listener (the same node: a socket is in one of the two)
 *     bhash  local port -> inet_bind_bucket -> everybody on that port (sock_common.bind_node)
 *
 * tcp_v4_rcv() looks up ehash, then lhash. The hash is keyed (netns.secret), so a stranger cannot aim at one
 * bucket. All operations on the packet's way are O(1); only an explicit bind() walks the owners of its port.
 */
#include <errno.h>

#include "net/ipv4/ip.h"
#include "net/tcp/tcp_internal.h"

#define TCP_EHASH_MIN 256u
#define TCP_EHASH_MAX 131072u

static uint32_t tcp_ehash_slots(void)
{
    struct page_stats stats;
    uint32_t slots = TCP_EHASH_MIN;

    page_get_stats(&stats);
    while (slots < TCP_EHASH_MAX && slots < stats.total / 2)
        slots *= 2;
    return slots;
}

int tcp_hash_init(struct netns_tcp *tn)
{
    tn->ehash_size = tcp_ehash_slots();
    tn->ehash = kcalloc(tn->ehash_size, sizeof(*tn->ehash));
    tn->bhash = kcalloc(TCP_BHASH_SIZE, sizeof(*tn->bhash));
    tn->bind_cache = kmem_cache_create("tcp_bind_bucket", sizeof(struct inet_bind_bucket), 0);
    if (tn->ehash && tn->bhash && tn->bind_cache)
        return 0;
    tcp_hash_exit(tn);
    return -ENOMEM;
}

void tcp_hash_exit(struct netns_tcp *tn)
{
    kfree(tn->ehash);
    kfree(tn->bhash);
    if (tn->bind_cache)
        kmem_cache_destroy(tn->bind_cache);
    tn->ehash = tn->bhash = NULL;
    tn->bind_cache = NULL;
}

/* --- connections and listeners --- */

uint32_t tcp_ehashfn(const struct net *net, be32 raddr, be16 rport, be32 laddr, be16 lport)
{
    uint32_t ports = (uint32_t)be16_to_cpu(rport) << 16 | be16_to_cpu(lport);

    return (uint32_t)hsiphash_3u32((__force uint32_t)raddr, (__force uint32_t)laddr, ports, &net->secret);
}

static struct hlist_head *tcp_ehash_head(const struct netns_tcp *tn, uint32_t hash)
{
    return &tn->ehash[hash & (tn->ehash_size - 1)];
}

static struct hlist_head *tcp_lhash_head(struct netns_tcp *tn, be16 port)
{
    return &tn->lhash[be16_to_cpu(port) % TCP_LHASH_SIZE];
}

void tcp_ehash_insert(struct netns_tcp *tn, struct sock_common *c)
{
    c->refcount++;
    hlist_add_head(&c->hash_node, tcp_ehash_head(tn, c->hash));
}

void tcp_lhash_insert(struct netns_tcp *tn, struct sock *sk)
{
    sock_hold(sk);
    hlist_add_head(&sk->sk_common.hash_node, tcp_lhash_head(tn, sk->sk_sport));
}

void tcp_unhash(struct sock_common *c)
{
    if (hlist_unhashed(&c->hash_node))
        return;
    hlist_del_init(&c->hash_node);
    if (c->state == TCP_TIME_WAIT || c->state == TCP_NEW_SYN_RECV)
        c->refcount--;
    else
        sock_put((struct sock *)c);
}

static bool tcp_dev_match(const struct sock_common *c, int dif)
{
    return !c->bound_dev_if || c->bound_dev_if == dif;
}

struct sock_common *tcp_lookup_hashed(const struct netns_tcp *tn, uint32_t hash, be32 raddr, be16 rport,
                                      be32 laddr, be16 lport, int dif)
{
    struct sock_common *c;

    hlist_for_each_entry (c, tcp_ehash_head(tn, hash), hash_node)
        if (c->dport == rport && c->sport == lport && c->daddr == raddr && c->rcv_saddr == laddr &&
            tcp_dev_match(c, dif))
            return c;
    return NULL;
}

struct sock_common *tcp_lookup_established(struct net *net, be32 raddr, be16 rport, be32 laddr, be16 lport,
                                           int dif)
{
    uint32_t hash = tcp_ehashfn(net, raddr, rport, laddr, lport);

    return tcp_lookup_hashed(net->tcp, hash, raddr, rport, laddr, lport, dif);
}

/* The listener that says most about itself wins: an address counts, so does a device. */
struct sock *tcp_lookup_listener(struct net *net, be32 laddr, be16 lport, int dif)
{
    struct sock_common *c;
    struct sock *best = NULL;
    int best_score = -1;

    hlist_for_each_entry (c, tcp_lhash_head(net->tcp, lport), hash_node) {
        if (c->sport != lport || (c->rcv_saddr && c->rcv_saddr != laddr) || !tcp_dev_match(c, dif))
            continue;
        int score = (c->rcv_saddr ? 2 : 0) + (c->bound_dev_if ? 1 : 0);
        if (score > best_score) {
            best_score = score;
            best = (struct sock *)c;
        }
    }
    return best;
}

/* --- ports --- */

static struct hlist_head *tcp_bhash_head(struct netns_tcp *tn, uint16_t port)
{
    return &tn->bhash[port % TCP_BHASH_SIZE];
}

static struct inet_bind_bucket *tcp_bind_find(struct netns_tcp *tn, uint16_t port)
{
    struct inet_bind_bucket *bucket;

    hlist_for_each_entry (bucket, tcp_bhash_head(tn, port), node)
        if (bucket->port == port)
            return bucket;
    return NULL;
}

/* The port's bucket, made if needed; NULL without memory. */
static struct inet_bind_bucket *tcp_bind_get(struct netns_tcp *tn, uint16_t port)
{
    struct inet_bind_bucket *bucket = tcp_bind_find(tn, port);

    if (bucket)
        return bucket;
    bucket = kmem_cache_zalloc(tn->bind_cache);
    if (!bucket)
        return NULL;
    bucket->port = port;
    hlist_add_head(&bucket->node, tcp_bhash_head(tn, port));
    return bucket;
}

static void tcp_bind_attach(struct sock *sk, struct inet_bind_bucket *bucket)
{
    tcp_sk(sk)->bind_bucket = bucket;
    hlist_add_head(&sk->sk_common.bind_node, &bucket->owners);
    bucket->explicit_owners += tcp_sk(sk)->bind_explicit;
    sk->sk_sport = cpu_to_be16(bucket->port);
}

void tcp_bind_release(struct netns_tcp *tn, struct sock_common *c, struct inet_bind_bucket **bucket,
                      bool was_explicit)
{
    if (!*bucket)
        return;
    hlist_del_init(&c->bind_node);
    (*bucket)->explicit_owners -= was_explicit;
    if (!(*bucket)->owners.first) {
        hlist_del_init(&(*bucket)->node);
        kmem_cache_free(tn->bind_cache, *bucket);
    }
    *bucket = NULL;
}

int tcp_bind_inherit(struct sock *child, const struct sock *parent)
{
    struct inet_bind_bucket *bucket = tcp_bind_get(tcp_net(child), be16_to_cpu(parent->sk_sport));

    if (!bucket)
        return -ENOMEM;
    tcp_bind_attach(child, bucket);
    return 0;
}

void tcp_bind_move(struct sock *from, struct inet_timewait_sock *to)
{
    struct tcp_sock *tp = tcp_sk(from);

    to->bind_bucket = tp->bind_bucket;
    if (to->bind_bucket)
        hlist_add_head(&to->tw_common.bind_node, &to->bind_bucket->owners);
}

static bool tcp_owner_reuse(const struct sock_common *c)
{
    if (c->state == TCP_TIME_WAIT)
        return ((const struct inet_timewait_sock *)c)->reuse;
    return ((const struct sock *)c)->sk_reuse && c->state != TCP_LISTEN;
}

/* May `sk` not have this port? SO_REUSEADDR lets all share it but two listeners on one address. */
bool tcp_bind_conflict(const struct sock *sk, const struct inet_bind_bucket *bucket)
{
    const struct sock_common *c;

    hlist_for_each_entry (c, &bucket->owners, bind_node) {
        if (c == &sk->sk_common)
            continue;
        if (c->bound_dev_if && sk->sk_bound_dev_if && c->bound_dev_if != sk->sk_bound_dev_if)
            continue;
        if (c->rcv_saddr && sk->sk_rcv_saddr && c->rcv_saddr != sk->sk_rcv_saddr)
            continue;
        if (!(sk->sk_reuse && tcp_owner_reuse(c)))
            return true;
    }
    return false;
}

static void tcp_port_range(const struct net *net, uint32_t *low, uint32_t *count)
{
    const int *range = net->ipv4->sysctl_ip_local_port_range;

    *low = (uint32_t)range[0];
    *count = range[1] >= range[0] ? (uint32_t)(range[1] - range[0]) + 1 : 1;
}

/* A port nobody uses, from a random place on (RFC 6056 3.3.1); 0 if all are taken. */
static uint16_t tcp_free_port(struct netns_tcp *tn)
{
    uint32_t low, count;

    tcp_port_range(tn->net, &low, &count);
    uint32_t start = get_random_u32_below(count);
    for (uint32_t i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(low + (start + i) % count);
        if (!tcp_bind_find(tn, port))
            return port;
    }
    return 0;
}

int tcp_bind_port(struct sock *sk, uint16_t port)
{
    struct netns_tcp *tn = tcp_net(sk);

    if (!port)
        port = tcp_free_port(tn);
    if (!port)
        return -EADDRINUSE;
    struct inet_bind_bucket *bucket = tcp_bind_get(tn, port);
    if (!bucket)
        return -ENOMEM;
    if (tcp_bind_conflict(sk, bucket))
        return -EADDRINUSE;
    tcp_sk(sk)->bind_explicit = true; /* also if we picked it: it was asked for before there is a peer */
    tcp_bind_attach(sk, bucket);
    return 0;
}

/* --- active opens --- */

/*
 * RFC 6191, from the side that opens: a TIME_WAIT may make room for a new connection between the same ends
 * once the clock of the timestamps has ticked often enough to tell the two apart.
 */
static bool tcp_tw_reusable(const struct sock *sk, const struct inet_timewait_sock *tw)
{
    const struct netns_tcp *tn = tcp_net(sk);

    if (!tn->sysctl_tw_reuse || (tn->sysctl_tw_reuse == 2 && !ipv4_is_loopback(sk->sk_daddr)))
        return false;
    return tw->substate == TCP_TIME_WAIT && tw->tstamp_ok && tn->sysctl_timestamps &&
           ktime_get_ms() - tw->ts_recent_ms >= (uint64_t)tn->sysctl_tw_reuse_delay;
}

/* Are sk's ends in use, with this port of ours? *tw: by this one, which would make room; else NULL. */
static bool tcp_tuple_taken(const struct sock *sk, uint16_t port, struct inet_timewait_sock **tw)
{
    be16 lport = cpu_to_be16(port);

    *tw = NULL;
    /* To our own address and port we would be talking to ourselves: LAND by our own hand. */
    if (sk->sk_daddr == sk->sk_rcv_saddr && sk->sk_dport == lport)
        return true;
    struct sock_common *c = tcp_lookup_established(sock_net(sk), sk->sk_daddr, sk->sk_dport, sk->sk_rcv_saddr,
                                                   lport, sk->sk_bound_dev_if);
    if (c && c->state == TCP_TIME_WAIT && tcp_tw_reusable(sk, inet_twsk(c)))
        *tw = inet_twsk(c);
    return c != NULL;
}

static int tcp_bind_connect(struct sock *sk, uint16_t port)
{
    struct inet_bind_bucket *bucket = tcp_bind_get(tcp_net(sk), port);

    if (!bucket)
        return -ENOMEM;
    tcp_bind_attach(sk, bucket);
    return 0;
}

/*
 * A port whose 4-tuple is free, or if there is none one that a TIME_WAIT can spare; ports that an application
 * has chosen for itself are left alone. The start is random, so that a stranger cannot guess the port (RFC
 * 6056 3.3.1).
 */
static int tcp_autobind_connect(struct sock *sk)
{
    struct netns_tcp *tn = tcp_net(sk);
    uint32_t low, count;

    tcp_port_range(tn->net, &low, &count);
    uint32_t start = get_random_u32_below(count);
    uint16_t spare = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(low + (start + i) % count);
        const struct inet_bind_bucket *bucket = tcp_bind_find(tn, port);
        struct inet_timewait_sock *tw;
        if (bucket && bucket->explicit_owners)
            continue;
        if (!tcp_tuple_taken(sk, port, &tw))
            return tcp_bind_connect(sk, port);
        if (tw && !spare)
            spare = port;
    }
    return spare ? tcp_bind_connect(sk, spare) : -EADDRNOTAVAIL;
}

int tcp_hash_connect(struct sock *sk, uint32_t *least_isn)
{
    struct inet_timewait_sock *tw;

    *least_isn = 0;
    if (!sk->sk_sport) {
        int err = tcp_autobind_connect(sk);
        if (err)
            return err;
    }
    if (tcp_tuple_taken(sk, be16_to_cpu(sk->sk_sport), &tw)) {
        if (!tw)
            return -EADDRNOTAVAIL;
        *least_isn = tcp_tw_next_isn(tw);
        NET_INC_STATS(sock_net(sk), TcpExtTWRecycled);
        tcp_tw_kill(tw);
    }
    sk->sk_common.hash =
        tcp_ehashfn(sock_net(sk), sk->sk_daddr, sk->sk_dport, sk->sk_rcv_saddr, sk->sk_sport);
    tcp_ehash_insert(tcp_net(sk), &sk->sk_common);
    return 0;
}

/* --- numbers nobody may guess --- */

/*
 * RFC 6528 3: a clock plus a keyed hash of the 4-tuple. The clock ticks every 64 ns, faster than the 4 us of
 * RFC 9293 3.4.1, so that it outruns what a fast connection can send; it wraps after 274 s, beyond 2 MSL as
 * we keep it.
 *
 * The other half of the hash is where the timestamp clock starts (RFC 7323 5.4): elsewhere for each pair of
 * ends, so that it does not tell how long the machine has been up, but at the same place for the same pair,
 * whose next connection so sends newer timestamps than the last (RFC 6191).
 */
uint32_t tcp_secure_isn(struct net *net, be32 saddr, be32 daddr, be16 sport, be16 dport, uint32_t *ts_offset)
{
    uint32_t ports = (uint32_t)be16_to_cpu(sport) << 16 | be16_to_cpu(dport);
    uint64_t hash =
        siphash_3u32((__force uint32_t)saddr, (__force uint32_t)daddr, ports, &net->tcp->isn_secret);

    *ts_offset = (uint32_t)(hash >> 32);
    return (uint32_t)hash + (uint32_t)(ktime_get() >> 6);
}

/* --- statistics --- */

static struct sock_common *tcp_first_conn(struct netns_tcp *tn, uint32_t slot)
{
    for (; slot < TCP_LHASH_SIZE + tn->ehash_size; slot++) {
        struct hlist_head *head =
            slot < TCP_LHASH_SIZE ? &tn->lhash[slot] : &tn->ehash[slot - TCP_LHASH_SIZE];
        if (head->first)
            return container_of(head->first, struct sock_common, hash_node);
    }
    return NULL;
}

struct sock_common *tcp_next_conn(struct net *net, struct sock_common *prev)
{
    struct netns_tcp *tn = net->tcp;

    if (!prev)
        return tcp_first_conn(tn, 0);
    if (prev->hash_node.next)
        return container_of(prev->hash_node.next, struct sock_common, hash_node);
    if (prev->state == TCP_LISTEN)
        return tcp_first_conn(tn, be16_to_cpu(prev->sport) % TCP_LHASH_SIZE + 1);
    return tcp_first_conn(tn, TCP_LHASH_SIZE + (prev->hash & (tn->ehash_size - 1)) + 1);
}

void tcp_get_counts(struct net *net, struct tcp_counts *counts)
{
    *counts = (struct tcp_counts){
        .established = net->mib[MIB_TcpCurrEstab],
        .half_open = net->tcp->req_count,
        .time_wait = net->tcp->tw_count,
        .orphans = net->tcp->orphan_count,
        .memory = net->tcp->mem_bytes,
        .memory_pressure = net->tcp->mem_pressure,
    };
    for (unsigned i = 0; i < TCP_LHASH_SIZE; i++)
        for (struct hlist_node *n = net->tcp->lhash[i].first; n; n = n->next)
            counts->listening++;
}
