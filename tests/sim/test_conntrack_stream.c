/*
 * test_conntrack_stream.c - two stacks talk TCP over a bad link past a third one that tracks: nothing legal
 * may be called invalid, nothing forged beyond the windows valid.
 *
 * The tracker sees each frame as it is sent, by its own hooks; what it calls invalid is dropped, as a
 * firewall would. Between true segments a stranger, who knows addresses and ports but no numbers, throws in
 * his own.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/task.h"
#include "net/core/sysctl.h"
#include "net/ipv4/ip.h"
#include "net/netfilter/nf_conntrack.h"
#include "net/socket/socket.h"
#include "tests/host/host.h"
#include "tests/host/sim.h"
#include "tests/host/testnet.h"
#include "tests/unit/test.h"

#define PORT 5001

static struct tracker {
    struct testnet *t;
    bool valid; /* the last packet */
    uint64_t frames, invalid, forged, forged_valid;
    double forge; /* so many forged segments per true one */
    uint8_t first_invalid[200];
} tracker;

static int tracker_end(struct sk_buff *skb)
{
    consume_skb(skb);
    return 0;
}

static int tracker_after_pre(struct sk_buff *skb)
{
    enum ip_conntrack_info info;

    tracker.valid = nf_ct_get(skb, &info) != NULL;
    return nf_hook(NF_INET_POST_ROUTING, tracker.t->net, skb, NULL, tracker.t->dev, tracker_end);
}

/* What the tracker says of a datagram. */
static bool judged_valid(const uint8_t *ip, size_t len)
{
    struct net *net = tracker.t->net;
    struct sk_buff *skb = alloc_skb(net, (unsigned)len);

    assert_non_null(skb);
    skb_put_data(skb, ip, (unsigned)len);
    skb_reset_network_header(skb);
    skb->dev = tracker.t->dev;
    skb->ip_summed = CHECKSUM_UNNECESSARY;
    tracker.valid = false;
    nf_hook(NF_INET_PRE_ROUTING, net, skb, tracker.t->dev, NULL, tracker_after_pre);
    return tracker.valid;
}

/* A segment with the addresses of a true one and numbers far outside of both windows, which are below 8 MB.
 */
static void forge(const uint8_t *ip, size_t len)
{
    uint8_t fake[64];
    uint32_t away = 0x10000000u + (uint32_t)(host_random() % 0xe0000000u);

    if (len < 40 || (ip[33] & 6)) /* not of a SYN: he has not seen it; a reset may have ended it */
        return;
    memcpy(fake, ip, 40);
    fake[32] = 5 << 4;
    fake[33] = (uint8_t[]){16, 16, 4, 24, 17, 20}[host_random() % 6];
    put_unaligned_be16(40, fake + 2);
    put_unaligned_be32(get_unaligned_be32(ip + 24) + away, fake + 24);
    tracker.forged++;
    if (judged_valid(fake, 40))
        tracker.forged_valid++;
}

static bool watch(void *ctx, struct net_device *from, const uint8_t *frame, size_t len)
{
    if (len < 34 || frame[12] != 8 || frame[13] != 0)
        return true;
    size_t ip_len = testnet_u16(frame + 16);
    tracker.frames++;
    if (!judged_valid(frame + 14, ip_len)) {
        if (!tracker.invalid++)
            memcpy(tracker.first_invalid, host_last_log(), sizeof(tracker.first_invalid) - 1);
        return false;
    }
    if (host_random_unit() < tracker.forge)
        forge(frame + 14, ip_len);
    return true;
}

struct talk {
    struct sim_host *client, *server;
    int unfinished;
    uint64_t done; /* conversations that came to their end */
};

static void server_task(void *arg)
{
    struct talk *t = arg;
    struct files *files = t->server->files;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = sys_socket(files, AF_INET, SOCK_STREAM, 0);
    char buf[4000];

    sys_bind(files, listener, (void *)&addr, sizeof(addr));
    sys_listen(files, listener, 4);
    while (t->unfinished > 0) {
        int fd = sys_accept4(files, listener, NULL, NULL, 0);
        ssize_t n;

        if (fd < 0)
            break;
        struct timeval patience = {.tv_sec = 60}; /* a reset may be lost */
        sys_setsockopt(files, fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        while ((n = sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL)) > 0)
            if (sys_sendto(files, fd, buf, (size_t)n, 0, NULL, 0) < 0)
                break;
        sys_close(files, fd);
    }
    sys_close(files, listener);
}

/* Says something, hears it back, and takes its leave in one of several ways. */
static void converse(struct talk *t)
{
    struct files *files = t->client->files;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    size_t left = 1 + (size_t)(host_random() % 200000);
    char buf[9000] = "";
    int fd = sys_socket(files, AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, "10.0.0.2", &addr.sin_addr);
    if (sys_connect(files, fd, (void *)&addr, sizeof(addr)) == 0) {
        while (left) {
            size_t n = left < sizeof(buf) ? left : 1 + (size_t)(host_random() % sizeof(buf));
            ssize_t ret = sys_sendto(files, fd, buf, n, 0, NULL, 0);

            if (ret <= 0)
                break;
            left -= (size_t)ret;
            for (ssize_t got = 0; got < ret;) {
                ssize_t back = sys_recvfrom(files, fd, buf, (size_t)(ret - got), 0, NULL, NULL);
                if (back <= 0)
                    goto out;
                got += back;
            }
        }
        t->done += !left;
        if (host_random() % 3 == 0) {
            struct linger hard = {.l_onoff = 1};
            sys_setsockopt(files, fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        } else if (host_random() % 2) {
            sys_shutdown(files, fd, SHUT_WR);
            while (sys_recvfrom(files, fd, buf, sizeof(buf), 0, NULL, NULL) > 0)
                ;
        }
    }
out:
    sys_close(files, fd);
}

static void client_task(void *arg)
{
    struct talk *t = arg;

    for (int i = 0; i < 12; i++)
        converse(t);
    t->unfinished = 0;
    converse(t); /* lets the server see that it is over */
    t->unfinished = -1;
}

static bool over(void *arg)
{
    return ((struct talk *)arg)->unfinished < 0;
}

static void run(const struct sim_conditions *conditions, uint64_t seed, double forge_rate)
{
    host_random_seed(seed);
    tracker = (struct tracker){.t = testnet_create("192.168.0.1/24"), .forge = forge_rate};
    assert_int_equal(nf_ct_get_use(tracker.t->net), 0);
    sysctl_set(tracker.t->net, "net.netfilter.nf_conntrack_log_invalid", "255");
    /* A reset may be lost behind us; its connection is remembered until the other end has given up. */
    sysctl_set(tracker.t->net, "net.netfilter.nf_conntrack_tcp_timeout_close", "300");
    if (forge_rate > 0) /* nobody is picked up in the middle */
        sysctl_set(tracker.t->net, "net.netfilter.nf_conntrack_tcp_loose", "0");
    struct sim_link *link = sim_link_create();
    struct talk t = {.unfinished = 1};
    t.client = sim_host_create("client", link, "10.0.0.1/24");
    t.server = sim_host_create("server", link, "10.0.0.2/24");
    host_run();
    sim_link_set(link, conditions);
    sim_link_set_filter(link, watch, NULL);
    assert_non_null(task_create("server", server_task, &t, t.server->files));
    host_run();
    assert_non_null(task_create("client", client_task, &t, t.client->files));
    bool done = host_run_until(over, &t, 71200 * NSEC_PER_SEC);
    if (!done || t.done < 12 || tracker.invalid || tracker.forged_valid)
        fail_msg(
            "loss %.2f reorder %.2f seed %llu: %s, %llu conversations, %llu of %llu frames invalid, %llu of "
            "%llu forged ones valid; first: %s",
            conditions->loss, conditions->reorder, (unsigned long long)seed, done ? "over" : "stuck",
            (unsigned long long)t.done, (unsigned long long)tracker.invalid,
            (unsigned long long)tracker.frames, (unsigned long long)tracker.forged_valid,
            (unsigned long long)tracker.forged, tracker.first_invalid);
    host_advance_ns(1200 * NSEC_PER_SEC);
    assert_int_equal(tracker.t->net->ct->count, 0);
    sim_host_destroy(t.client);
    sim_host_destroy(t.server);
    sim_link_destroy(link);
    nf_ct_put_use(tracker.t->net);
    assert_int_equal(testnet_destroy(tracker.t), 0);
}

#define MS NSEC_PER_MSEC

TEST("nothing two stacks say to one another over a perfect link is invalid")
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        run(&(struct sim_conditions){.delay_ns = 5 * MS}, seed, 0);
}

TEST("nor over one that loses, reorders and duplicates")
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run(&(struct sim_conditions){.loss = 0.05, .delay_ns = 20 * MS, .jitter_ns = 5 * MS}, seed, 0);
        run(
            &(struct sim_conditions){
                .reorder = 0.2, .duplicate = 0.1, .delay_ns = 10 * MS, .jitter_ns = 5 * MS},
            seed, 0);
        run(
            &(struct sim_conditions){
                .loss = 0.15, .reorder = 0.1, .duplicate = 0.05, .delay_ns = 10 * MS, .jitter_ns = 3 * MS},
            seed, 0);
    }
}

TEST("segments forged outside of the windows are invalid, and disturb no conversation")
{
    for (uint64_t seed = 10; seed <= 13; seed++)
        run(&(struct sim_conditions){.loss = 0.03, .reorder = 0.05, .delay_ns = 10 * MS, .jitter_ns = 3 * MS},
            seed, 0.5);
}

TEST_MAIN()
