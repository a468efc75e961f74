/*
 * test_igmp.c - multicast groups and IGMP (net/ipv4/igmp.c), by sockets and frames. Filters by source are in
 * test_igmp_sources.c.
 */
#include "tests/unit/igmp_net.h"

static uint32_t sent_to(void)
{
    return testnet_u32(out + TESTNET_IP + 16);
}

/* The next message is a version 3 report with this one record. */
static void assert_record(unsigned type, const char *group)
{
    assert_int_equal(said(), 0x22);
    assert_int_equal(sent_to(), testnet_addr("224.0.0.22"));
    assert_int_equal(testnet_u16(message + 6), 1);
    assert_int_equal(message[8], type);
    assert_int_equal(testnet_u32(message + 12), testnet_addr(group));
}

/* --- reception --- */

TEST("a group is heard while somebody is in it, by the card and by the stack")
{
    int fd = udp_socket();

    datagram_to(GROUP, "before");
    assert_int_equal(receive(fd, 0), -EAGAIN);
    join(fd, GROUP);
    assert_true(card_hears(GROUP));
    datagram_to(GROUP, "during");
    assert_int_equal(receive(fd, 0), 6);
    datagram_to("239.1.2.4", "another");
    assert_int_equal(receive(fd, 0), -EAGAIN);
    leave(fd, GROUP);
    assert_false(card_hears(GROUP));
    datagram_to(GROUP, "after");
    assert_int_equal(receive(fd, 0), -EAGAIN);
}

TEST("two sockets in one group: the last one to go, even by close(), leaves it")
{
    int a = udp_socket(), b = udp_socket();

    join(a, GROUP);
    join(b, GROUP);
    datagram_to(GROUP, "x");
    assert_int_equal(receive(a, 0), 1);
    assert_int_equal(receive(b, 0), 1);
    leave(a, GROUP);
    assert_true(card_hears(GROUP));
    assert_int_equal(sys_close(files, b), 0);
    assert_false(card_hears(GROUP));
}

TEST("IP_MULTICAST_ALL decides whether a socket hears groups that only others joined")
{
    int member = udp_socket(), other = udp_socket(), off = 0;

    join(member, GROUP);
    datagram_to(GROUP, "x");
    assert_int_equal(receive(other, 0), 1);
    assert_int_equal(sys_setsockopt(files, other, SOL_IP, IP_MULTICAST_ALL, &off, sizeof(off)), 0);
    datagram_to(GROUP, "x");
    assert_int_equal(receive(other, 0), -EAGAIN);
    assert_int_equal(receive(member, 0), 1);
}

TEST("memberships have their errors: no group, no device, twice, too many, never joined, a stream")
{
    int fd = udp_socket(), tcp = sys_socket(files, AF_INET, SOCK_STREAM, 0);
    struct ip_mreqn mreqn = {.imr_multiaddr.s_addr = htonl(testnet_addr(GROUP)), .imr_ifindex = 99};

    assert_int_equal(membership(fd, IP_ADD_MEMBERSHIP, "10.0.0.9"), -EINVAL);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_ADD_MEMBERSHIP, &mreqn, sizeof(mreqn)), -ENODEV);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_ADD_MEMBERSHIP, &mreqn, 4), -EINVAL);
    join(fd, GROUP);
    assert_int_equal(membership(fd, IP_ADD_MEMBERSHIP, GROUP), -EADDRINUSE);
    assert_int_equal(membership(fd, IP_DROP_MEMBERSHIP, "239.9.9.9"), -EADDRNOTAVAIL);
    for (int i = 0; i < 19; i++) {
        char group[32];
        snprintf(group, sizeof(group), "239.2.0.%d", i);
        join(fd, group);
    }
    assert_int_equal(membership(fd, IP_ADD_MEMBERSHIP, "239.3.0.1"), -ENOBUFS);
    assert_int_equal(membership(tcp, IP_ADD_MEMBERSHIP, GROUP), -EPROTO);
    mreqn = (struct ip_mreqn){.imr_multiaddr.s_addr = htonl(testnet_addr(GROUP)),
                              .imr_address.s_addr = htonl(t->local)};
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_DROP_MEMBERSHIP, &mreqn, sizeof(mreqn)), 0);
}

/* --- sending --- */

static void send_to_group(int fd, const char *text)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(testnet_addr(GROUP))};

    assert_int_equal(sys_sendto(files, fd, text, strlen(text), 0, (void *)&a, sizeof(a)), strlen(text));
    testnet_run(t);
}

TEST("what is sent to a group is heard by members on the same host, unless IP_MULTICAST_LOOP says no")
{
    int fd = udp_socket(), off = 0;

    join(fd, GROUP);
    testnet_drop_sent(t);
    send_to_group(fd, "hello");
    assert_int_equal(receive(fd, 0), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), TESTNET_L4 + 8 + 5);
    assert_memory_equal(out, "\x01\0\x5e\x01\x02\x03", 6);
    assert_int_equal(out[TESTNET_IP + 8], 1); /* RFC 1112 6.1: TTL 1 by default */
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_MULTICAST_LOOP, &off, sizeof(off)), 0);
    send_to_group(fd, "again");
    assert_int_equal(receive(fd, 0), -EAGAIN);
    assert_true(testnet_pop(t, out, sizeof(out)) > 0);
}

TEST("IP_MULTICAST_TTL 0 stays on the host; IP_MULTICAST_IF chooses device and source")
{
    int fd = udp_socket(), ttl = 0;
    struct ip_mreqn mreqn = {.imr_ifindex = t->dev->ifindex, .imr_address.s_addr = htonl(t->local)};
    struct in_addr nowhere = {htonl(testnet_addr("10.9.9.9"))}, read;
    socklen_t len = sizeof(read);

    join(fd, GROUP);
    testnet_drop_sent(t);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)), 0);
    send_to_group(fd, "here");
    assert_int_equal(receive(fd, 0), 4);
    assert_int_equal(testnet_pop(t, out, sizeof(out)), 0);
    ttl = 7;
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)), 0);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_MULTICAST_IF, &mreqn, sizeof(mreqn)), 0);
    assert_int_equal(sys_getsockopt(files, fd, SOL_IP, IP_MULTICAST_IF, &read, &len), 0);
    assert_int_equal(ntohl(read.s_addr), t->local);
    send_to_group(fd, "out");
    assert_true(testnet_pop(t, out, sizeof(out)) > 0);
    assert_int_equal(out[TESTNET_IP + 8], 7);
    assert_int_equal(testnet_u32(out + TESTNET_IP + 12), t->local);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_MULTICAST_IF, &nowhere, sizeof(nowhere)),
                     -EADDRNOTAVAIL);
}

/* --- IGMPv3 --- */

TEST("RFC 3376 5.1: joining and leaving are reported at once and again within a second")
{
    int fd = udp_socket();

    join(fd, GROUP);
    assert_record(4, GROUP); /* CHANGE_TO_EXCLUDE nothing */
    assert_silence();
    testnet_advance_ms(t, 1001);
    assert_record(4, GROUP);
    testnet_advance_ms(t, 20000);
    assert_silence();
    leave(fd, GROUP);
    assert_record(3, GROUP); /* CHANGE_TO_INCLUDE nothing */
    testnet_advance_ms(t, 1001);
    assert_record(3, GROUP);
    testnet_advance_ms(t, 20000);
    assert_silence();
}

TEST("a group that is left and joined again in between is reported as joined")
{
    int fd = udp_socket();

    join(fd, GROUP);
    testnet_advance_ms(t, 5000);
    testnet_drop_sent(t);
    leave(fd, GROUP);
    assert_record(3, GROUP);
    join(fd, GROUP);
    assert_record(4, GROUP);
    testnet_advance_ms(t, 5000);
    assert_record(4, GROUP);
    assert_silence();
}

TEST("RFC 3376 5.2: a general query is answered once, with all groups, within the time it gives")
{
    int fd = udp_socket();

    join(fd, GROUP);
    join(fd, "239.1.2.4");
    join(fd, "224.0.0.1"); /* never reported */
    testnet_advance_ms(t, 5000);
    testnet_drop_sent(t);
    query_v3(NULL, 50, 2);
    query_v3(NULL, 50, 2);
    assert_silence();
    testnet_advance_ms(t, 5001);
    assert_int_equal(said(), 0x22);
    assert_int_equal(testnet_u16(message + 6), 2);
    assert_int_equal(message[8], 2); /* MODE_IS_EXCLUDE */
    assert_int_equal(message_len, 8 + 16);
    assert_silence();
}

TEST("queries about one group are answered by its members only; about sources, with those sources")
{
    int fd = udp_socket();
    uint8_t sources[20] = {0x11, 10, 0, 0, 239, 1, 2, 3, 2, 0, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2};

    join(fd, GROUP);
    testnet_advance_ms(t, 5000);
    testnet_drop_sent(t);
    query_v3(GROUP, 10, 2);
    testnet_advance_ms(t, 1001);
    assert_record(2, GROUP);
    query_v3("224.0.0.1", 10, 2);
    testnet_advance_ms(t, 1001);
    assert_silence();
    query_with(sources, sizeof(sources), GROUP, 1);
    testnet_advance_ms(t, 1001);
    assert_record(1, GROUP); /* MODE_IS_INCLUDE */
    assert_int_equal(testnet_u16(message + 10), 2);
    assert_memory_equal(message + 16, sources + 12, 8);
    /* more than are remembered: the answer is for the group; so is one to a list that is cut short */
    uint8_t many[12 + 17 * 4] = {0x11, 10, 0, 0, 239, 1, 2, 3, 2, 0, 0, 17};
    query_with(many, sizeof(many), GROUP, 1);
    testnet_advance_ms(t, 1001);
    assert_record(2, GROUP);
    query_with(sources, 16, GROUP, 1);
    testnet_advance_ms(t, 1001);
    assert_record(2, GROUP);
}

TEST("RFC 3376 4.1.6: the querier's robustness says how often changes are reported")
{
    int fd = udp_socket();
    unsigned reports = 0;

    join(fd, "239.1.2.4");
    testnet_advance_ms(t, 5000);
    query_v3(NULL, 1, 5);
    testnet_advance_ms(t, 5000);
    testnet_drop_sent(t);
    join(fd, GROUP);
    testnet_advance_ms(t, 10000);
    while (said())
        reports++;
    assert_int_equal(reports, 5);
}

TEST("queries from beyond the link, damaged or of no known length are not answered")
{
    static const uint8_t general[12] = {0x11, 10};
    int fd = udp_socket();

    join(fd, GROUP);
    testnet_advance_ms(t, 5000);
    testnet_drop_sent(t);
    query_with(general, 12, "224.0.0.1", 64);
    query_with(general, 7, "224.0.0.1", 1);
    query_with(general, 11, "224.0.0.1", 1);
    assert_int_equal(t->net->drops[SKB_DROP_REASON_IGMP_INVALID], 2);
    testnet_advance_ms(t, 20000);
    assert_silence();
}

/* --- IGMPv2 and v1 --- */

TEST("RFC 2236: with a version 2 querier, reports go to the group and a leave to all routers")
{
    int fd = udp_socket();

    join(fd, "239.1.2.4");
    testnet_advance_ms(t, 5000);
    query_old(NULL, 10);
    testnet_advance_ms(t, 1001);
    testnet_drop_sent(t);
    join(fd, GROUP);
    assert_int_equal(said(), 0x16);
    assert_int_equal(sent_to(), testnet_addr(GROUP));
    assert_int_equal(testnet_u32(message + 4), testnet_addr(GROUP));
    testnet_advance_ms(t, 10001);
    assert_int_equal(said(), 0x16);
    query_old(GROUP, 10);
    testnet_advance_ms(t, 1001);
    assert_int_equal(said(), 0x16);
    leave(fd, GROUP);
    assert_int_equal(said(), 0x17);
    assert_int_equal(sent_to(), testnet_addr("224.0.0.2"));
    testnet_advance_ms(t, 20000);
    assert_silence();
}

TEST("RFC 2236 3: a report of another member saves ours, and the leave")
{
    uint8_t report[8] = {0x16, 0, 0, 0, 239, 1, 2, 3};
    int fd = udp_socket();

    join(fd, GROUP);
    testnet_advance_ms(t, 5000);
    query_old(NULL, 100);
    testnet_drop_sent(t);
    query_with(report, sizeof(report), GROUP, 1);
    testnet_advance_ms(t, 10001);
    assert_silence();
    leave(fd, GROUP);
    assert_silence();
}

TEST("RFC 3376 7.2.1: older queriers are spoken to in their language, for 260 s after the last was heard")
{
    int fd = udp_socket();

    join(fd, GROUP);
    testnet_advance_ms(t, 5000);
    query_old(NULL, 0); /* version 1 */
    testnet_drop_sent(t);
    testnet_advance_ms(t, 10001);
    assert_int_equal(said(), 0x12);
    leave(fd, GROUP); /* version 1 has no leave */
    assert_silence();
    join(fd, GROUP);
    assert_int_equal(said(), 0x12);
    testnet_advance_ms(t, 260000);
    testnet_drop_sent(t);
    query_v3(NULL, 10, 2);
    testnet_advance_ms(t, 1001);
    assert_record(2, GROUP);
}

/* --- devices, memory --- */

TEST("a link that comes up is told of the groups again; 224.0.0.1 is heard while it is up")
{
    int fd = udp_socket();

    assert_true(card_hears("224.0.0.1"));
    join(fd, GROUP);
    testnet_advance_ms(t, 5000);
    dev_close(t->dev);
    assert_false(card_hears("224.0.0.1"));
    assert_int_equal(dev_open(t->dev), 0);
    testnet_drop_sent(t);
    testnet_advance_ms(t, 5000);
    assert_record(4, GROUP);
    assert_true(card_hears("224.0.0.1"));
}

TEST("each allocation may fail while a group is joined: an error, and no half membership")
{
    int fd = udp_socket();

    for (unsigned n = 1; n < 20; n++) {
        host_fail_allocation(n);
        int err = membership(fd, IP_ADD_MEMBERSHIP, GROUP);
        host_fail_allocation(0);
        assert_int_equal(card_hears(GROUP), err == 0);
        assert_int_equal(membership(fd, IP_DROP_MEMBERSHIP, GROUP), err ? -EADDRNOTAVAIL : 0);
        testnet_advance_ms(t, 3000);
        testnet_drop_sent(t);
    }
}

TEST_FIXTURE(setup, teardown)
