/*
 * fuzz_tcp.c - connections between two stacks, in every state, while the fuzzer decides what the applications
 * do, what becomes of each frame, what a stranger sends in between, how much time passes and which allocation
 * fails.
 *
 * After every step both stacks are counted through (tests/host/tcp_check.c); what an application reads must
 * be what the other one wrote, unless somebody has changed bytes on the way; at the end nothing may be left
 * over.
 *
 * Input: SETTINGS_LEN bytes of settings, then records of an enum step and three bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/snmp.h"
#include "net/core/sysctl.h"
#include "net/ethernet/ethernet.h"
#include "net/socket/socket.h"
#include "net/tcp/tcp.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/host/tcp_check.h"
#include "tests/host/testnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MS           NSEC_PER_MSEC
#define NONBLOCK     0x800
#define DONTWAIT     0x40
#define NOSIGNAL     0x4000
#define PORT         80
#define SETTINGS_LEN 4
#define STEPS_MAX    400
#define SLOTS        4
#define HISTORY      16
#define FRAME_MAX    2048
#define IP_AT        14u
#define TCP_AT       34u

enum step {
    CONNECT,
    ACCEPT,
    WRITE,
    READ,
    SHUTDOWN,
    CLOSE,
    SET_OPTION,
    WAIT,
    WAIT_LONG,
    LOSE,
    TWICE,
    REPLAY,
    ALTER,
    FORGE,
    ICMP,
    STARVE,
    STEPS
};

/* An open descriptor: how much it has written and read of its streams; the port of the client's end. */
struct slot {
    int fd;
    uint16_t port;
    uint32_t written, read;
};

struct side {
    struct sim_host *host;
    struct tcp_check check;
    struct slot slots[SLOTS];
    unsigned lose, twice, alter; /* so many of its next frames */
    uint8_t alter_at, alter_by;
};

struct frame {
    struct side *from;
    size_t len;
    uint8_t data[FRAME_MAX];
};

static struct world {
    struct sim_link *link;
    struct side side[2]; /* client, server */
    int listener;
    struct frame history[HISTORY];
    unsigned history_count;
    bool tampered; /* bytes may have changed on the way */
} world;

static void fail(const char *why, const void *sk)
{
    fprintf(stderr, "fuzz_tcp: %s (socket %p)\n", why, sk);
    abort();
}

static struct side *other(const struct side *s)
{
    return &world.side[s == &world.side[0]];
}

/* --- the wire --- */

static bool is_tcp(const uint8_t *frame, size_t len)
{
    return len >= TCP_AT + 20 && testnet_u16(frame + 12) == 0x0800 && frame[IP_AT + 9] == IPPROTO_TCP;
}

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

static void fix_tcp_csum(uint8_t *frame)
{
    testnet_fix_csum(frame + TCP_AT, testnet_u16(frame + IP_AT + 2) - 20u, 16,
                     testnet_u32(frame + IP_AT + 12), testnet_u32(frame + IP_AT + 16), IPPROTO_TCP);
}

/* As from the wire, at once. */
static void inject(struct side *to, const uint8_t *frame, size_t len)
{
    struct net_device *dev = to->host->dev;
    struct sk_buff *skb = netdev_alloc_skb(dev, (unsigned)len);
    if (!skb)
        return;
    memcpy(skb_put(skb, (unsigned)len), frame, len);
    skb->protocol = eth_type_trans(skb, dev);
    netif_rx(skb);
}

static struct side *side_of(const struct net_device *dev)
{
    return &world.side[dev == world.side[1].host->dev];
}

static bool pass(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    struct side *s = side_of(from);
    if (!is_tcp(frame, len) || !s->lose)
        return true;
    s->lose--;
    return false;
}

static void rewrite(void *ctx, struct net_device *from, uint8_t *frame, size_t len)
{
    struct side *s = side_of(from);
    if (!is_tcp(frame, len) || len > FRAME_MAX)
        return;
    if (s->alter) {
        s->alter--;
        world.tampered = true;
        frame[TCP_AT + s->alter_at % (testnet_u16(frame + IP_AT + 2) - 20u)] ^= s->alter_by;
        fix_tcp_csum(frame);
    }
    struct frame *f = &world.history[world.history_count++ % HISTORY];
    f->from = s;
    f->len = len;
    memcpy(f->data, frame, len);
    if (s->twice) {
        s->twice--;
        inject(other(s), frame, len);
    }
}

/* --- applications --- */

/* The byte at `offset` of a stream. */
static uint8_t byte_at(uint32_t offset, uint16_t port, bool down)
{
    return (uint8_t)(offset * 31 + (offset >> 8) * 7 + port + down * 101);
}

static struct slot *free_slot(struct side *s)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (s->slots[i].fd < 0)
            return &s->slots[i];
    return NULL;
}

static struct slot *used_slot(struct side *s, uint8_t which)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (s->slots[(which + i) % SLOTS].fd >= 0)
            return &s->slots[(which + i) % SLOTS];
    return NULL;
}

static void start_slot(struct slot *slot, int fd, const struct sockaddr_in *client)
{
    *slot = (struct slot){.fd = fd, .port = client->sin_port};
}

static void do_connect(struct side *s)
{
    struct slot *slot = free_slot(s);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)}, own;
    socklen_t len = sizeof(own);
    int fd = slot ? sys_socket(s->host->files, AF_INET, SOCK_STREAM | NONBLOCK, 0) : -1;
    if (fd < 0)
        return;
    inet_pton(AF_INET, "10.0.0.2", &to.sin_addr);
    if (sys_connect(s->host->files, fd, (void *)&to, sizeof(to)) != -EINPROGRESS ||
        sys_getsockname(s->host->files, fd, (void *)&own, &len)) {
        sys_close(s->host->files, fd);
        return;
    }
    start_slot(slot, fd, &own);
}

static void do_accept(struct side *s)
{
    struct slot *slot = free_slot(s);
    struct sockaddr_in client = {0};
    socklen_t len = sizeof(client);
    int fd = slot ? sys_accept4(s->host->files, world.listener, (void *)&client, &len, NONBLOCK) : -EAGAIN;
    if (fd >= 0)
        start_slot(slot, fd, &client);
}

static void do_write(struct side *s, struct slot *slot, uint8_t amount, uint8_t how)
{
    static uint8_t buf[32768];
    size_t len = amount < 128 ? amount + 1u : (amount - 127u) * 256u;
    for (size_t i = 0; i < len; i++)
        buf[i] = byte_at(slot->written + (uint32_t)i, slot->port, s == &world.side[1]);
    int flags = DONTWAIT | NOSIGNAL | (how & 1 ? 0x8000 /* MSG_MORE */ : 0);
    if (how == 0xfe)
        flags |= MSG_OOB; /* in line, as everything */
    ssize_t n = sys_sendto(s->host->files, slot->fd, buf, len, flags, NULL, 0);
    if (n > 0)
        slot->written += (uint32_t)n;
}

static void do_read(struct side *s, struct slot *slot, uint8_t amount, uint8_t how)
{
    static uint8_t buf[65536];
    size_t len = amount == 255 ? sizeof(buf) : amount * 16u + 1;
    int flags = DONTWAIT | (how & 1 ? MSG_PEEK : 0) | (how == 0xfe ? MSG_TRUNC : 0);
    ssize_t n = sys_recvfrom(s->host->files, slot->fd, buf, len, flags, NULL, NULL);
    if (n > (ssize_t)len)
        fail("more was read than asked for", NULL);
    if (n <= 0)
        return;
    for (ssize_t i = 0; i < n && !world.tampered && !(flags & MSG_TRUNC); i++)
        if (buf[i] != byte_at(slot->read + (uint32_t)i, slot->port, s == &world.side[0]))
            fail("wrong bytes", NULL);
    if (!(flags & MSG_PEEK))
        slot->read += (uint32_t)n;
}

static void do_close(struct side *s, struct slot *slot)
{
    sys_close(s->host->files, slot->fd);
    slot->fd = -1;
}

static void do_set_option(struct side *s, struct slot *slot, uint8_t which, uint8_t value)
{
    static const struct {
        int level, name, scale;
    } options[] = {{6, 1 /* TCP_NODELAY */, 0},        {6, 3 /* TCP_CORK */, 0},
                   {1, 8 /* SO_RCVBUF */, 64},         {1, 7 /* SO_SNDBUF */, 64},
                   {1, 9 /* SO_KEEPALIVE */, 1},       {6, 4 /* TCP_KEEPIDLE */, 1},
                   {6, 5 /* TCP_KEEPINTVL */, 1},      {6, 6 /* TCP_KEEPCNT */, 1},
                   {6, 2 /* TCP_MAXSEG */, 6},         {6, 12 /* TCP_QUICKACK */, 0},
                   {6, 18 /* TCP_USER_TIMEOUT */, 50}, {6, 25 /* TCP_NOTSENT_LOWAT */, 16},
                   {1, 18 /* SO_RCVLOWAT */, 32},      {6, 8 /* TCP_LINGER2 */, 1},
                   {6, 10 /* TCP_WINDOW_CLAMP */, 32}, {1, 47 /* SO_MAX_PACING_RATE */, 4096}};
    unsigned i = which % (sizeof(options) / sizeof(options[0]) + 2);
    if (i == sizeof(options) / sizeof(options[0])) {
        int linger[2] = {1, 0};
        sys_setsockopt(s->host->files, slot->fd, 1, 13 /* SO_LINGER */, linger, sizeof(linger));
    } else if (i > sizeof(options) / sizeof(options[0])) {
        const char *name = value & 1 ? "reno" : "cubic";
        sys_setsockopt(s->host->files, slot->fd, 6, 13 /* TCP_CONGESTION */, name, (socklen_t)strlen(name));
    } else {
        int v = options[i].scale ? value * options[i].scale : value & 1;
        sys_setsockopt(s->host->files, slot->fd, options[i].level, options[i].name, &v, sizeof(v));
    }
}

/* --- strangers --- */

/* The n-th full socket of a side, or NULL. */
static struct tcp_sock *find_sock(const struct side *s, uint8_t n)
{
    struct tcp_sock *found = NULL;
    for (struct sock_common *c = tcp_next_conn(s->host->net, NULL); c; c = tcp_next_conn(s->host->net, c)) {
        if (c->state == TCP_LISTEN || c->state == TCP_TIME_WAIT || c->state == TCP_NEW_SYN_RECV)
            continue;
        found = tcp_sk((struct sock *)c);
        if (!n--)
            break;
    }
    return found;
}

/* SACK blocks in what is under way, or beside it. */
static unsigned forge_sacks(uint8_t *p, const struct tcp_sock *tp, uint8_t seed)
{
    unsigned count = 1 + seed % 3;
    p[0] = p[1] = TCPOPT_NOP;
    p[2] = TCPOPT_SACK;
    p[3] = (uint8_t)(2 + 8 * count);
    for (unsigned i = 0; i < count; i++) {
        uint32_t start = tp->snd_una + (seed >> 2) * 97u * (i + 1) - (seed & 0x40 ? 3000 : 0);
        put_u32(p + 4 + 8 * i, start);
        put_u32(p + 8 + 8 * i, start + 1 + (seed >> i & 7) * 700u);
    }
    return 4 + 8 * count;
}

static unsigned forge_options(uint8_t *p, const struct tcp_sock *tp, uint8_t kind)
{
    unsigned len = 0;
    if (tp->tstamp_ok && !(kind & 0x80)) {
        p[0] = p[1] = TCPOPT_NOP;
        p[2] = TCPOPT_TIMESTAMP;
        p[3] = TCPOLEN_TIMESTAMP;
        put_u32(p + 4, tp->ts_recent + (kind & 3));
        put_u32(p + 8, (uint32_t)(host_now_ns() / MS) + tp->ts_offset - (kind >> 2 & 7));
        len = 12;
    }
    if (tp->sack_ok && kind & 0x20)
        len += forge_sacks(p + len, tp, kind);
    return len;
}

/* A segment for `tp` from its peer, near to what it expects: `where` places it, `what` is flags and length.
 */
static void do_forge(struct side *s, const struct tcp_sock *tp, uint8_t what, uint8_t where, uint8_t kind)
{
    static const uint8_t flags[] = {0x10, 0x18, 0x11, 0x04, 0x14, 0x02, 0x12, 0x30,
                                    0x50, 0x90, 0x01, 0x29, 0,    0x19, 0x31, 0xd0};
    static const int32_t around[] = {0, -1, 1, -1448, 1448, 100, 30000, -70000};
    static const uint16_t lens[] = {0, 0, 1, 10, 536, 1448, 3, 1000};
    uint8_t frame[FRAME_MAX] = {0}, *ip = frame + IP_AT, *tcp = frame + TCP_AT;
    const struct sock *sk = &tp->sk;
    memcpy(frame, s->host->dev->dev_addr, 6);
    memcpy(frame + 6, other(s)->host->dev->dev_addr, 6);
    frame[12] = 8;
    memcpy(ip + 12, &sk->sk_daddr, 4);
    memcpy(ip + 16, &sk->sk_rcv_saddr, 4);
    memcpy(tcp, &sk->sk_dport, 2);
    memcpy(tcp + 2, &sk->sk_sport, 2);
    put_u32(tcp + 4, tp->rcv_nxt + (uint32_t)around[where & 7]);
    put_u32(tcp + 8, (where & 0x40 ? tp->snd_una : tp->snd_nxt) + (uint32_t)around[where >> 3 & 7]);
    unsigned options = forge_options(tcp + 20, tp, kind), len = lens[what >> 4 & 7];
    tcp[12] = (uint8_t)((20 + options) << 2);
    tcp[13] = flags[what & 15];
    tcp[14] = where & 0x80 ? 0 : kind;
    tcp[18] = kind;
    size_t total = 40 + options + len;
    ip[0] = 0x45;
    ip[1] = kind & 3;
    ip[2] = (uint8_t)(total >> 8);
    ip[3] = (uint8_t)total;
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    testnet_fix_ip_csum(frame);
    fix_tcp_csum(frame);
    world.tampered = true;
    inject(s, frame, IP_AT + total);
}

/* An error about a frame that side `s` has sent. */
static void do_icmp(struct side *s, const struct frame *f, uint8_t code, uint8_t mtu)
{
    uint8_t frame[IP_AT + 20 + 8 + 28] = {0}, *ip = frame + IP_AT, *icmp = ip + 20;
    if (!f->from || f->from != s || !is_tcp(f->data, f->len))
        return;
    memcpy(frame, s->host->dev->dev_addr, 6);
    memcpy(frame + 6, other(s)->host->dev->dev_addr, 6);
    frame[12] = 8;
    ip[0] = 0x45;
    ip[3] = 56;
    ip[8] = 64;
    ip[9] = IPPROTO_ICMP;
    memcpy(ip + 12, f->data + IP_AT + 16, 4);
    memcpy(ip + 16, f->data + IP_AT + 12, 4);
    testnet_fix_ip_csum(frame);
    icmp[0] = code & 0x40 ? 11 : code & 0x80 ? 12 : 3;
    icmp[1] = code & 15;
    icmp[6] = mtu >> 5;
    icmp[7] = (uint8_t)(mtu << 3);
    memcpy(icmp + 8, f->data + IP_AT, 28);
    put_unaligned_be16(testnet_csum(icmp, 36, 0), icmp + 2);
    inject(s, frame, sizeof(frame));
}

/* --- a run --- */

static void check_all(void)
{
    for (unsigned i = 0; i < 2; i++) {
        const void *sk = NULL;
        const char *broken = tcp_check(world.side[i].host->net, &world.side[i].check, &sk);
        if (broken)
            fail(broken, sk);
    }
}

static void set(struct side *s, const char *name, const char *value)
{
    if (sysctl_set(s->host->net, name, value))
        fail(name, NULL);
}

static void apply_settings(struct side *s, uint8_t on, uint8_t more)
{
    static const char *const names[] = {"net.ipv4.tcp_sack",           "net.ipv4.tcp_timestamps",
                                        "net.ipv4.tcp_window_scaling", "net.ipv4.tcp_recovery",
                                        "net.ipv4.tcp_early_retrans",  "net.ipv4.tcp_frto",
                                        "net.ipv4.tcp_dsack",          "net.ipv4.tcp_pacing"};
    for (unsigned i = 0; i < 8; i++)
        if (on & 1u << i)
            set(s, names[i], "0");
    if (more & 1)
        set(s, "net.ipv4.tcp_ecn", "1");
    if (more & 2)
        set(s, "net.ipv4.tcp_mtu_probing", "0");
    if (more & 4)
        set(s, "net.ipv4.tcp_mem", "16 24 32"); /* pages */
    if (more & 8)
        dev_set_mtu(s->host->dev, 576);
    if (more & 16)
        set(s, "net.ipv4.tcp_max_syn_backlog", "1");
    if (more & 32)
        set(s, "net.ipv4.tcp_max_orphans", "1");
    if (more & 64)
        set(s, "net.ipv4.tcp_congestion_control", "reno");
    if (more & 128)
        set(s, "net.ipv4.tcp_rmem", "4096 6000 40000");
}

static void open_world(const uint8_t *settings)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    memset(&world, 0, sizeof(world));
    host_random_seed(1);
    host_tell_total_pages(512); /* small tables: they are walked at every step */
    world.link = sim_link_create();
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &world.side[i];
        s->host = sim_host_create(i ? "server" : "client", world.link, i ? "10.0.0.2/24" : "10.0.0.1/24");
        apply_settings(s, settings[2 * i], settings[2 * i + 1]);
        for (unsigned k = 0; k < SLOTS; k++)
            s->slots[k].fd = -1;
    }
    sim_link_set(world.link, &(struct sim_conditions){.delay_ns = MS});
    sim_link_set_filter(world.link, pass, NULL);
    sim_link_set_rewrite(world.link, rewrite, NULL);
    struct sim_host *server = world.side[1].host;
    world.listener = sys_socket(server->files, AF_INET, SOCK_STREAM | NONBLOCK, 0);
    if (sys_bind(server->files, world.listener, (void *)&any, sizeof(any)) ||
        sys_listen(server->files, world.listener, 2))
        fail("no listener", NULL);
    host_advance_ms(1000);
}

/* All is closed and every timer runs out. */
static void close_world(void)
{
    host_fail_allocation(0);
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &world.side[i];
        s->lose = s->twice = s->alter = 0;
        for (unsigned k = 0; k < SLOTS; k++)
            if (s->slots[k].fd >= 0)
                do_close(s, &s->slots[k]);
    }
    sys_close(world.side[1].host->files, world.listener);
    host_advance_ms(1000);
    check_all();
    host_advance_ms(2000000);
    for (unsigned i = 0; i < 2; i++) {
        struct net *net = world.side[i].host->net;
        if (net->sock_count || net->skb_count)
            fail("sockets or buffers are left over", NULL);
        sim_host_destroy(world.side[i].host);
    }
    sim_link_destroy(world.link);
}

static void wait_ms(unsigned ms)
{
    for (unsigned left = ms; left; left -= left < 16 ? left : 16) {
        host_advance_ms(left < 16 ? left : 16);
        if (ms < 300)
            check_all();
    }
}

static void do_to_slot(enum step step, struct side *s, const uint8_t *a)
{
    struct slot *slot = used_slot(s, a[0] >> 1);
    if (!slot)
        return;
    switch (step) {
    case WRITE:
        do_write(s, slot, a[1], a[2]);
        break;
    case READ:
        do_read(s, slot, a[1], a[2]);
        break;
    case SHUTDOWN:
        sys_shutdown(s->host->files, slot->fd, a[1] % 3);
        break;
    case CLOSE:
        do_close(s, slot);
        break;
    default:
        do_set_option(s, slot, a[1], a[2]);
    }
}

static void do_to_wire(enum step step, struct side *s, const uint8_t *a)
{
    const struct frame *f = &world.history[a[1] % HISTORY];
    struct tcp_sock *tp;
    switch (step) {
    case LOSE:
        s->lose += a[1] & 15;
        break;
    case TWICE:
        s->twice += a[1] & 15;
        break;
    case REPLAY:
        if (f->from)
            inject(other(f->from), f->data, f->len);
        break;
    case ALTER:
        s->alter = 1 + (a[0] >> 6);
        s->alter_at = a[1];
        s->alter_by = a[2];
        break;
    case FORGE:
        if ((tp = find_sock(s, a[0] >> 6)))
            do_forge(s, tp, a[0] >> 1, a[1], a[2]);
        break;
    default:
        do_icmp(s, f, a[0] & 0xce ? a[0] >> 1 : 4, a[2]);
    }
}

static void do_step(const uint8_t *record)
{
    enum step step = record[0] % STEPS;
    const uint8_t *a = record + 1;
    struct side *s = &world.side[a[0] & 1];
    switch (step) {
    case CONNECT:
        do_connect(&world.side[0]);
        break;
    case ACCEPT:
        do_accept(&world.side[1]);
        break;
    case WRITE:
    case READ:
    case SHUTDOWN:
    case CLOSE:
    case SET_OPTION:
        do_to_slot(step, s, a);
        break;
    case WAIT:
        wait_ms(1 + a[1]);
        break;
    case WAIT_LONG:
        wait_ms(250u << a[1] % 10);
        break;
    case STARVE:
        host_fail_allocation(1 + a[1] % 64);
        break;
    default:
        do_to_wire(step, s, a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SETTINGS_LEN)
        return 0;
    size_t objects = host_objects_alive(), pages = host_pages_alive();
    open_world(data);
    do_connect(&world.side[0]); /* one stands at the start, the others are the fuzzer's */
    host_advance_ms(5);
    do_accept(&world.side[1]);
    data += SETTINGS_LEN;
    size -= SETTINGS_LEN;
    for (unsigned n = 0; size >= 4 && n < STEPS_MAX; n++) {
        do_step(data);
        host_run();
        check_all();
        data += 4;
        size -= 4;
    }
    close_world();
    if (host_pages_alive() != pages || host_objects_alive() != objects)
        fail("memory is left over", NULL);
    return 0;
}
