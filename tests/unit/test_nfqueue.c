/*
 * test_nfqueue.c - packets that a program judges: -j NFQUEUE and what <skiff/nfqueue.h> gives.
 */
#include "tests/unit/xt_test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>

#include "kernel/task.h"
#include "libc/include/skiff/nfqueue.h"
#include "net/ipv4/route.h"
#include "net/netfilter/nf_conntrack.h"
#include "net/netfilter/nf_queue.h"
#include "net/socket/socket.h"

static const struct testnet_ip plain = {.saddr = 0};
static uint8_t answer[2000];
static struct files *files;

static union {
    struct skiff_nfqueue_packet head;
    uint8_t bytes[3000];
} packet;

static uint64_t drops(enum skb_drop_reason reason)
{
    return t->net->drops[reason];
}

static ssize_t give(int fd, size_t room)
{
    struct iovec iov = {.iov_base = &packet, .iov_len = room};

    return sys_readv(files, fd, &iov, 1);
}

static ssize_t judge(int fd, const struct skiff_nfqueue_verdict *verdicts, size_t count)
{
    struct iovec iov = {.iov_base = (void *)verdicts, .iov_len = count * sizeof(*verdicts)};

    return sys_writev(files, fd, &iov, 1);
}

/* The next packet is read and judged; whether that led to an answer on the wire. */
static bool judged(int fd, struct skiff_nfqueue_verdict v)
{
    assert_true(give(fd, sizeof(packet)) > 0);
    v.id = packet.head.id;
    testnet_drop_sent(t);
    assert_int_equal(judge(fd, &v, 1), sizeof(v));
    testnet_run(t);
    return testnet_pop(t, answer, sizeof(answer));
}

static const struct skiff_nfqueue_verdict accept_it = {.verdict = SKIFF_NFQUEUE_ACCEPT};
static const struct skiff_nfqueue_verdict drop_it = {.verdict = SKIFF_NFQUEUE_DROP};

static void ping(void)
{
    icmp_packet(&plain, 8, 0);
    testnet_inject(t, frame, frame_len);
}

static bool answered(void)
{
    testnet_drop_sent(t);
    ping();
    return testnet_pop(t, answer, sizeof(answer));
}

static int listen_on(uint16_t number)
{
    int fd = sys_nfqueue(files, number, 0, O_NONBLOCK);

    assert_true(fd >= 0);
    return fd;
}

static void rules(const char *text)
{
    if (restore(text))
        fail_msg("%s", said);
}

static int setup(void **state)
{
    xt_setup(state);
    files = files_create(t->net, NULL);
    return !files;
}

static int teardown(void **state)
{
    files_destroy(files);
    return xt_teardown(state);
}

TEST("without a program its packets are dropped by name, or pass if the rule says so")
{
    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 3"), 0);
    assert_false(answered());
    assert_int_equal(drops(SKB_DROP_REASON_NF_QUEUE_NONE), 1);
    assert_int_equal(ipt("-F"), 0);
    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 3 --queue-bypass"), 0);
    assert_true(answered());
    assert_int_equal(ipt("-A INPUT -j DROP"), 0); /* bypass goes on with the next table, not the next rule */
    assert_true(answered());
    assert_int_equal(ipt("-F"), 0);
    assert_int_equal(ipt("-A INPUT -j QUEUE"), 0); /* queue 0 */
    assert_false(answered());
    assert_int_equal(drops(SKB_DROP_REASON_NF_QUEUE_NONE), 2);
}

TEST("a program is given the datagram, and says what becomes of it")
{
    int fd = listen_on(3);

    assert_int_equal(ipt("-t mangle -A PREROUTING -j MARK --set-mark 9"), 0);
    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 3"), 0);
    assert_int_equal(give(fd, sizeof(packet)), -EAGAIN);
    assert_false(answered());
    assert_true(judged(fd, accept_it));
    assert_int_equal(packet.head.len, frame_len - TESTNET_IP);
    assert_int_equal(packet.head.mark, 9);
    assert_int_equal(packet.head.segments, 1);
    assert_int_equal(packet.head.flags, 0);
    assert_int_equal(packet.head.hook, SKIFF_NFQUEUE_INPUT);
    assert_string_equal(packet.head.in, "eth0");
    assert_string_equal(packet.head.out, "");
    assert_memory_equal(packet.bytes + sizeof(packet.head), frame + TESTNET_IP, packet.head.len);
    ping();
    assert_false(judged(fd, drop_it));
    assert_int_equal(drops(SKB_DROP_REASON_NETFILTER_DROP), 1);
    ping(); /* room for its header alone: the length still tells how much there is */
    assert_int_equal(give(fd, sizeof(packet.head) + 1), sizeof(packet.head) + 1);
    assert_int_equal(packet.head.len, frame_len - TESTNET_IP);
}

TEST("ACCEPT goes on with the table behind, REPEAT asks the same table again")
{
    int fd = listen_on(0);

    rules("*mangle\n-A INPUT -m mark --mark 1 -j ACCEPT\n-A INPUT -j NFQUEUE\nCOMMIT\n"
          "*filter\n-A INPUT -m mark --mark 2 -j DROP\nCOMMIT\n");
    ping();
    assert_false(judged(fd, (struct skiff_nfqueue_verdict){.verdict = SKIFF_NFQUEUE_ACCEPT,
                                                           .flags = SKIFF_NFQUEUE_SET_MARK,
                                                           .mark = 2}));
    ping();
    assert_true(judged(fd, (struct skiff_nfqueue_verdict){
                               .verdict = SKIFF_NFQUEUE_REPEAT, .flags = SKIFF_NFQUEUE_SET_MARK, .mark = 1}));
    ping();
    assert_false(judged(fd, (struct skiff_nfqueue_verdict){.verdict = SKIFF_NFQUEUE_REPEAT}));
    assert_true(judged(fd, accept_it)); /* no rule let it pass: it is here again */
}

TEST("QUEUE moves a packet to another program, which sends it on from where it was")
{
    int one = listen_on(1), two = listen_on(2);

    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 1"), 0);
    ping();
    assert_false(judged(one, (struct skiff_nfqueue_verdict){.verdict = SKIFF_NFQUEUE_QUEUE, .queue = 2}));
    assert_int_equal(give(one, sizeof(packet)), -EAGAIN);
    assert_true(judged(two, accept_it));
    ping();
    assert_false(judged(one, (struct skiff_nfqueue_verdict){.verdict = SKIFF_NFQUEUE_QUEUE, .queue = 8}));
    assert_int_equal(drops(SKB_DROP_REASON_NF_QUEUE_NONE), 1);
}

TEST("a queue holds as many packets as its program said, and 4 MiB of them")
{
    int fd = sys_nfqueue(files, 5, 2, O_NONBLOCK);
    unsigned held = 0;

    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 5"), 0);
    for (unsigned i = 0; i < 3; i++)
        ping();
    assert_int_equal(drops(SKB_DROP_REASON_NF_QUEUE_FULL), 1);
    assert_true(judged(fd, accept_it)); /* what was read counts until it is judged */
    assert_true(give(fd, sizeof(packet)) > 0);
    ping();
    ping();
    assert_int_equal(drops(SKB_DROP_REASON_NF_QUEUE_FULL), 2);
    sys_close(files, fd);

    fd = sys_nfqueue(files, 5, 8192, O_NONBLOCK);
    udp_packet(&plain, 1, 2, 1400);
    while (drops(SKB_DROP_REASON_NF_QUEUE_FULL) == 2 && held++ < 8192)
        testnet_inject(t, frame, frame_len);
    assert_in_range(held, 500, (4 << 20) / 1400);
    assert_int_equal(sys_nfqueue(files, 6, 8193, 0), -EINVAL);
}

TEST("what waits is dropped when its program closes the queue, or a device of its way goes down")
{
    int fd = listen_on(1);
    struct skiff_nfqueue_verdict v = accept_it;

    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 1"), 0);
    ping();
    ping();
    assert_true(give(fd, sizeof(packet)) > 0);
    sys_close(files, fd);
    assert_int_equal(drops(SKB_DROP_REASON_NF_QUEUE_GONE), 2);

    fd = listen_on(1);
    ping();
    ping();
    assert_true(give(fd, sizeof(packet)) > 0);
    dev_close(t->dev);
    assert_int_equal(drops(SKB_DROP_REASON_NF_QUEUE_GONE), 4);
    assert_int_equal(give(fd, sizeof(packet)), -EAGAIN);
    v.id = packet.head.id;
    assert_int_equal(judge(fd, &v, 1), -ENOENT);
}

TEST("a packet on its way out by a device that is taken away goes with it; others stay")
{
    struct testnet *port = testnet_add_port(t, "10.1.0.1/24", 0);
    struct testnet_ip through = {.daddr = testnet_addr("10.1.0.2")};
    int fd = listen_on(1);

    assert_int_equal(sysctl_set(t->net, "net.ipv4.ip_forward", "1"), 0);
    assert_int_equal(ipt("-A FORWARD -j NFQUEUE --queue-num 1"), 0);
    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 1"), 0);
    udp_packet(&through, 1, 2, 10);
    testnet_inject(t, frame, frame_len);
    ping();
    testnet_remove_port(port);
    assert_int_equal(drops(SKB_DROP_REASON_NF_QUEUE_GONE), 1);
    assert_true(judged(fd, accept_it));
    assert_int_equal(packet.head.hook, SKIFF_NFQUEUE_INPUT);
}

TEST("rules and tracking that go while a packet waits do not hold it back")
{
    int fd = listen_on(1);

    rules("*raw\n-A PREROUTING -j NFQUEUE --queue-num 1\nCOMMIT\n"
          "*filter\n-A INPUT -m conntrack --ctstate NEW -j NFQUEUE --queue-num 1\nCOMMIT\n");
    ping();
    assert_int_equal(ipt("-t raw -F"), 0);
    assert_false(judged(fd, accept_it));
    assert_int_equal(packet.head.hook, SKIFF_NFQUEUE_PREROUTING);
    assert_int_equal(t->net->ct->count, 1);
    assert_int_equal(ipt("-F"), 0); /* with the last rule that asks for it, tracking ends */
    assert_true(judged(fd, accept_it));
    assert_int_equal(packet.head.hook, SKIFF_NFQUEUE_INPUT);
    assert_int_equal(t->net->ct->count, 0);
}

TEST("a connection is in the table once its program has let the first packet pass")
{
    int fd = listen_on(1);

    rules("*filter\n-A INPUT -m conntrack --ctstate NEW -j NFQUEUE --queue-num 1\nCOMMIT\n");
    ping();
    assert_true(judged(fd, accept_it));
    assert_true(answered()); /* ESTABLISHED: nobody is asked */
    assert_int_equal(t->net->ct->count, 1);
}

TEST("the mark a program gives to a packet of ours takes it where its route leads now")
{
    struct testnet *port = testnet_add_port(t, "10.1.0.1/24", 0);
    struct testnet_ip far = {.saddr = testnet_addr("10.9.9.9")};
    struct fib_config route = {.dst = cpu_to_be32(testnet_addr("10.9.9.9")),
                               .prefix_len = 32,
                               .gateway = cpu_to_be32(port->peer),
                               .type = RTN_UNICAST};
    int fd = listen_on(1);

    assert_int_equal(ipt("-A OUTPUT -j NFQUEUE --queue-num 1"), 0);
    for (uint32_t mark = 0; mark < 2; mark++) {
        icmp_packet(&far, 8, 0);
        testnet_inject(t, frame, frame_len);
        assert_int_equal(fib_add(t->net, &route), 0);
        testnet_drop_sent(port);
        assert_int_equal(judged(fd, (struct skiff_nfqueue_verdict){.verdict = SKIFF_NFQUEUE_ACCEPT,
                                                                   .flags = SKIFF_NFQUEUE_SET_MARK,
                                                                   .mark = mark}),
                         !mark);
        assert_string_equal(packet.head.out, "eth0");
        assert_int_equal(testnet_pop(port, answer, sizeof(answer)) != 0, mark);
        assert_int_equal(fib_del(t->net, &route), 0);
    }
    testnet_remove_port(port);
}

TEST("several verdicts in one write; half a verdict, an unknown one and an unknown packet are refused")
{
    int fd = listen_on(1);
    struct skiff_nfqueue_verdict v[3] = {accept_it, accept_it, accept_it};
    struct iovec half = {.iov_base = v, .iov_len = sizeof(v[0]) - 1};

    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 1"), 0);
    for (unsigned i = 0; i < 2; i++) {
        ping();
        give(fd, sizeof(packet));
        v[1 - i].id = packet.head.id; /* the newer one first */
    }
    v[2].id = 12345;
    testnet_drop_sent(t);
    assert_int_equal(judge(fd, v, 3), 2 * sizeof(v[0]));
    assert_int_equal(t->sent_count, 2);
    assert_int_equal(judge(fd, v, 1), -ENOENT);
    assert_int_equal(sys_writev(files, fd, &half, 1), -EINVAL);
    ping();
    assert_int_equal(give(fd, sizeof(packet.head) - 1), -EINVAL);
    give(fd, sizeof(packet));
    v[0].id = packet.head.id;
    for (uint8_t wrong = 2; wrong != 0; wrong = wrong == 2 ? 5 : 0) {
        v[0].verdict = wrong;
        assert_int_equal(judge(fd, v, 1), -EINVAL);
    }
    v[0] = (struct skiff_nfqueue_verdict){.id = packet.head.id, .verdict = 1, .flags = 2};
    assert_int_equal(judge(fd, v, 1), -EINVAL);
}

TEST("a number has one program, and there are 64 of them")
{
    int first = listen_on(0);

    assert_int_equal(sys_nfqueue(files, 0, 0, 0), -EBUSY);
    assert_int_equal(sys_nfqueue(files, 1, 0, O_RDWR), -EINVAL);
    for (uint16_t i = 1; i < NF_QUEUES_MAX; i++)
        listen_on((uint16_t)(i * 1000));
    assert_int_equal(sys_nfqueue(files, 1, 0, 0), -ENFILE);
    sys_close(files, first);
    listen_on(1);
}

static void be_program(void *done)
{
    int fd = sys_nfqueue(files, 4, 0, 0);

    for (unsigned i = 0; i < 3; i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (i == 1)
            assert_int_equal(sys_poll(files, &p, 1, -1), 1);
        assert_true(give(fd, sizeof(packet)) > 0);
        struct skiff_nfqueue_verdict v = {.id = packet.head.id, .verdict = SKIFF_NFQUEUE_ACCEPT};
        assert_int_equal(judge(fd, &v, 1), sizeof(v));
        ++*(unsigned *)done;
    }
    sys_close(files, fd);
}

TEST("a program sleeps in read() and poll() until there is a packet")
{
    unsigned done = 0;

    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 4 --queue-bypass"), 0);
    assert_non_null(task_create("judge", be_program, &done, files));
    host_run();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(done, i);
        testnet_drop_sent(t);
        ping();
        host_run();
        assert_int_not_equal(testnet_pop(t, answer, sizeof(answer)), 0);
    }
    assert_int_equal(done, 3);
}

TEST("what we send ourselves may have its checksum still to come, and leaves with a right one")
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(t->peer)};
    int fd = listen_on(1), sock = sys_socket(files, AF_INET, SOCK_DGRAM, 0);

    t->dev->features |= NETIF_F_HW_CSUM;
    assert_int_equal(ipt("-A OUTPUT -p udp -j NFQUEUE --queue-num 1"), 0);
    assert_int_equal(sys_sendto(files, sock, "question", 8, 0, (struct sockaddr *)&sin, sizeof(sin)), 8);
    sys_close(files, sock);
    assert_true(judged(fd, accept_it)); /* although its socket is closed by now */
    assert_int_equal(packet.head.flags, SKIFF_NFQUEUE_CSUM_LATER);
    assert_int_equal(packet.head.hook, SKIFF_NFQUEUE_OUTPUT);
    assert_string_equal(packet.head.in, "");
    assert_string_equal(packet.head.out, "eth0");
    assert_memory_equal(answer + TESTNET_L4 + 8, "question", 8);
    assert_true(testnet_frame_ok(answer, TESTNET_IP + packet.head.len));
}

TEST("a queue survives each allocation that fails")
{
    for (unsigned n = 1; n < 12; n++) {
        host_fail_allocation(n);
        int fd = sys_nfqueue(files, 1, 0, O_NONBLOCK);
        host_fail_allocation(0);
        if (fd < 0)
            assert_int_equal(fd, -ENOMEM);
        else
            sys_close(files, fd);
    }
    int fd = listen_on(1);
    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-num 1"), 0);
    for (unsigned n = 1; n < 12; n++) {
        host_fail_allocation(n);
        ping();
        host_fail_allocation(0);
    }
    while (give(fd, sizeof(packet)) > 0)
        ;
}

TEST("NFQUEUE is written as it is read; wrong words get line and column")
{
    static const char *const right = "-A INPUT -j NFQUEUE --queue-num 65535 --queue-bypass";

    assert_int_equal(ipt("%s", right), 0);
    assert_non_null(strstr(save(false), right));
    assert_int_equal(ipt("-L"), 0);
    assert_non_null(strstr(said, "NFQUEUE num 65535 bypass"));
    assert_int_equal(restore("*filter\n-A INPUT -j NFQUEUE --queue-num 65536\nCOMMIT\n"), -EINVAL);
    assert_string_equal(said, "line 2, column 33: \"65536\" does not fit; write a number from 0 to 65535.\n");
    assert_int_equal(restore("*filter\n-A INPUT -j NFQUEUE --queue-num 1 --queue-num 2\nCOMMIT\n"), -EINVAL);
    assert_non_null(strstr(said, "line 2, column 35: --queue-num stands here twice"));
    assert_int_equal(ipt("-A INPUT -j NFQUEUE ! --queue-bypass"), -EINVAL);
    assert_int_equal(ipt("-A INPUT -j NFQUEUE --queue-balance 0:3"), -EINVAL);
    assert_int_equal(ipt("-t nat -A PREROUTING -j NFQUEUE"), -EINVAL);
}

TEST_FIXTURE(setup, teardown)
