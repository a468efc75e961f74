/*
 * test_igmp_sources.c - multicast groups of which a socket wants some sources only (RFC 3376, RFC 3678), and
 * all of IGMP against routers that believe it.
 */
#include "tests/unit/igmp_net.h"

/* --- source filters --- */

#define S1 "10.0.0.2"
#define S2 "10.0.0.3"
#define S3 "10.0.0.4"

static int source_option(int fd, int option, const char *group, const char *source)
{
    struct ip_mreq_source mreqs = {.imr_multiaddr.s_addr = htonl(testnet_addr(group)),
                                   .imr_sourceaddr.s_addr = htonl(testnet_addr(source))};

    return sys_setsockopt(files, fd, SOL_IP, option, &mreqs, sizeof(mreqs));
}

static void change_source(int fd, int option, const char *source)
{
    assert_int_equal(source_option(fd, option, GROUP, source), 0);
}

/* The next record of the report that said() has read: type, group, and its sources, in this order. */
static void assert_sources(size_t *at, unsigned type, const char *const *sources)
{
    unsigned n = 0;

    assert_int_equal(message[*at], type);
    assert_int_equal(testnet_u32(message + *at + 4), testnet_addr(GROUP));
    for (; sources[n]; n++)
        assert_int_equal(testnet_u32(message + *at + 8 + 4 * n), testnet_addr(sources[n]));
    assert_int_equal(testnet_u16(message + *at + 2), n);
    *at += 8 + 4 * n;
}

/* The next message is a report about GROUP with these one or two records. */
#define assert_report(...)  assert_records(1, __VA_ARGS__, 0, (const char *[]){NULL})
#define assert_report2(...) assert_records(2, __VA_ARGS__)
#define SOURCES(...)        ((const char *[]){__VA_ARGS__, NULL})
#define NO_SOURCES          ((const char *[]){NULL})

static void assert_records(unsigned count, unsigned type, const char *const *sources, unsigned type2,
                           const char *const *sources2)
{
    size_t at = 8;

    assert_int_equal(said(), 0x22);
    assert_int_equal(testnet_u16(message + 6), count);
    assert_sources(&at, type, sources);
    if (count == 2)
        assert_sources(&at, type2, sources2);
    assert_int_equal(message_len, at);
}

/* Lets what is due be said twice, as the robustness variable wants, and no more often. */
static void settle(void)
{
    testnet_advance_ms(t, 5000);
    testnet_drop_sent(t);
}

static void datagram_from(const char *source, const char *text)
{
    uint32_t g = testnet_addr(GROUP);
    uint8_t mac[6] = {1, 0, 0x5e, g >> 16 & 0x7f, (uint8_t)(g >> 8), (uint8_t)g};
    struct testnet_ip ip = {.saddr = testnet_addr(source), .daddr = g, .dst_mac = mac};

    testnet_inject(t, in, testnet_build_udp(t, in, &ip, 9, PORT, text, strlen(text)));
}

static bool hears(int fd, const char *source)
{
    datagram_from(source, "x");
    return receive(fd, 0) == 1;
}

struct filter {
    struct ip_msfilter msf;
    struct in_addr more[16];
};

static struct filter filter_of(unsigned mode, const char *const *sources)
{
    struct filter f = {.msf = {.imsf_multiaddr.s_addr = htonl(testnet_addr(GROUP)), .imsf_fmode = mode}};
    struct in_addr *list = (struct in_addr *)((uint8_t *)&f + IP_MSFILTER_SIZE(0));

    for (; sources[f.msf.imsf_numsrc]; f.msf.imsf_numsrc++)
        list[f.msf.imsf_numsrc].s_addr = htonl(testnet_addr(sources[f.msf.imsf_numsrc]));
    return f;
}

static int set_filter(int fd, unsigned mode, const char *const *sources)
{
    struct filter f = filter_of(mode, sources);

    return sys_setsockopt(files, fd, SOL_IP, IP_MSFILTER, &f, (socklen_t)IP_MSFILTER_SIZE(f.msf.imsf_numsrc));
}

TEST("RFC 3678 4.1.2: a group that is joined for a source is heard from that source alone")
{
    int fd = udp_socket();

    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S1);
    assert_true(card_hears(GROUP));
    assert_true(hears(fd, S1));
    assert_false(hears(fd, S2));
    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S2);
    assert_true(hears(fd, S2));
    change_source(fd, IP_DROP_SOURCE_MEMBERSHIP, S1);
    assert_false(hears(fd, S1));
    change_source(fd, IP_DROP_SOURCE_MEMBERSHIP, S2); /* the last: that is leaving */
    assert_false(card_hears(GROUP));
    assert_int_equal(membership(fd, IP_DROP_MEMBERSHIP, GROUP), -EADDRNOTAVAIL);
}

TEST("RFC 3678 4.1.1: of a group that is joined as a whole single sources can be blocked")
{
    int fd = udp_socket(), other = udp_socket();

    join(fd, GROUP);
    join(other, GROUP);
    change_source(fd, IP_BLOCK_SOURCE, S1);
    assert_false(hears(fd, S1));
    assert_int_equal(receive(other, 0), 1); /* each socket has a filter of its own */
    assert_true(hears(fd, S2));
    change_source(fd, IP_UNBLOCK_SOURCE, S1);
    assert_true(hears(fd, S1));
}

static struct sockaddr_storage storage_of(const char *addr)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(testnet_addr(addr))};
    struct sockaddr_storage storage = {0};

    memcpy(&storage, &sin, sizeof(sin));
    return storage;
}

static int group_option(int fd, int name, const char *group)
{
    struct group_req req = {.gr_interface = (uint32_t)t->dev->ifindex, .gr_group = storage_of(group)};

    return sys_setsockopt(files, fd, SOL_IP, name, &req, sizeof(req));
}

static int group_source_option(int fd, int name, const char *group, const char *source)
{
    struct group_source_req req = {.gsr_interface = (uint32_t)t->dev->ifindex,
                                   .gsr_group = storage_of(group),
                                   .gsr_source = storage_of(source)};

    return sys_setsockopt(files, fd, SOL_IP, name, &req, sizeof(req));
}

TEST("RFC 3678 5.1: the options for any address family do the same: join, block, unblock, leave")
{
    int fd = udp_socket();

    assert_int_equal(group_option(fd, MCAST_JOIN_GROUP, GROUP), 0);
    assert_true(hears(fd, S1));
    assert_int_equal(group_source_option(fd, MCAST_BLOCK_SOURCE, GROUP, S1), 0);
    assert_false(hears(fd, S1));
    assert_true(hears(fd, S2));
    assert_int_equal(group_source_option(fd, MCAST_UNBLOCK_SOURCE, GROUP, S1), 0);
    assert_true(hears(fd, S1));
    assert_int_equal(group_option(fd, MCAST_LEAVE_GROUP, GROUP), 0);
    assert_false(card_hears(GROUP));
    assert_int_equal(group_source_option(fd, MCAST_JOIN_SOURCE_GROUP, GROUP, S1), 0);
    assert_true(hears(fd, S1));
    assert_false(hears(fd, S2));
    assert_int_equal(group_source_option(fd, MCAST_LEAVE_SOURCE_GROUP, GROUP, S1), 0);
    assert_false(card_hears(GROUP));
}

TEST("RFC 3678 5.1: another address family, no such device, too short, a stream: each has its error")
{
    int fd = udp_socket(), tcp = sys_socket(files, AF_INET, SOCK_STREAM, 0);
    struct group_req req = {.gr_interface = 99, .gr_group = storage_of(GROUP)};
    struct group_source_req source = {.gsr_group = storage_of(GROUP), .gsr_source = storage_of(S1)};

    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, MCAST_JOIN_GROUP, &req, sizeof(req)), -ENODEV);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, MCAST_JOIN_GROUP, &req, sizeof(req) - 1), -EINVAL);
    req.gr_group.ss_family = AF_INET6;
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, MCAST_JOIN_GROUP, &req, sizeof(req)), -EINVAL);
    source.gsr_source.ss_family = AF_INET6;
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, MCAST_JOIN_SOURCE_GROUP, &source, sizeof(source)),
                     -EADDRNOTAVAIL);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, MCAST_JOIN_SOURCE_GROUP, &source, 16), -EINVAL);
    assert_int_equal(group_option(tcp, MCAST_JOIN_GROUP, GROUP), -EPROTO);
    assert_int_equal(group_option(fd, MCAST_LEAVE_GROUP, GROUP), -EADDRNOTAVAIL);
}

TEST("who never joined hears what members want, and no more; a raw socket is filtered as well")
{
    int member = udp_socket(), other = udp_socket();
    int raw = sys_socket(files, AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_UDP);

    change_source(member, IP_ADD_SOURCE_MEMBERSHIP, S1);
    assert_true(hears(other, S1));
    assert_true(receive(raw, 0) > 0);
    assert_false(hears(other, S2));
    assert_int_equal(receive(raw, 0), -EAGAIN);
    assert_int_equal(source_option(raw, IP_ADD_SOURCE_MEMBERSHIP, GROUP, S3), 0);
    datagram_from(S1, "x");
    assert_int_equal(receive(raw, 0), -EAGAIN);
    datagram_from(S3, "x");
    assert_true(receive(raw, 0) > 0);
}

TEST(
    "source options have their errors: no member, the other mode, twice, never, no group, too short, a stream")
{
    int fd = udp_socket(), tcp = sys_socket(files, AF_INET, SOCK_STREAM, 0);
    struct ip_mreq_source mreqs = {.imr_multiaddr.s_addr = htonl(testnet_addr(GROUP))};

    assert_int_equal(source_option(fd, IP_BLOCK_SOURCE, GROUP, S1), -EINVAL);
    assert_int_equal(source_option(fd, IP_UNBLOCK_SOURCE, GROUP, S1), -EINVAL);
    assert_int_equal(source_option(fd, IP_DROP_SOURCE_MEMBERSHIP, GROUP, S1), -EINVAL);
    assert_int_equal(source_option(fd, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.9", S1), -EINVAL);
    assert_int_equal(source_option(fd, IP_ADD_SOURCE_MEMBERSHIP, GROUP, "0.0.0.0"), -EINVAL);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, &mreqs, 8), -EINVAL);
    assert_int_equal(source_option(tcp, IP_ADD_SOURCE_MEMBERSHIP, GROUP, S1), -EPROTO);
    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S1);
    assert_int_equal(source_option(fd, IP_ADD_SOURCE_MEMBERSHIP, GROUP, S1), -EADDRNOTAVAIL);
    assert_int_equal(source_option(fd, IP_DROP_SOURCE_MEMBERSHIP, GROUP, S2), -EADDRNOTAVAIL);
    assert_int_equal(source_option(fd, IP_BLOCK_SOURCE, GROUP, S1), -EINVAL);
    leave(fd, GROUP);
    join(fd, GROUP);
    change_source(fd, IP_BLOCK_SOURCE, S1);
    assert_int_equal(source_option(fd, IP_ADD_SOURCE_MEMBERSHIP, GROUP, S2), -EINVAL);
    assert_int_equal(source_option(fd, IP_UNBLOCK_SOURCE, GROUP, S2), -EADDRNOTAVAIL);
}

TEST("net.ipv4.igmp_max_msf bounds the sources of one filter")
{
    int fd = udp_socket();
    char source[32];

    for (int i = 1; i <= 10; i++) {
        snprintf(source, sizeof(source), "10.0.1.%d", i);
        change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, source);
    }
    assert_int_equal(source_option(fd, IP_ADD_SOURCE_MEMBERSHIP, GROUP, S1), -ENOBUFS);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.igmp_max_msf", "2"), 0);
    assert_int_equal(set_filter(fd, MCAST_INCLUDE, SOURCES(S1, S2, S3)), -ENOBUFS);
    assert_int_equal(set_filter(fd, MCAST_INCLUDE, SOURCES(S1, S2)), 0);
    assert_int_equal(sysctl_set(t->net, "net.ipv4.igmp_max_msf", "12"), 0);
    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S3);
}

TEST("IP_MSFILTER sets and reads a whole filter; one that includes nobody leaves")
{
    struct filter f;
    struct in_addr *list = (struct in_addr *)((uint8_t *)&f + IP_MSFILTER_SIZE(0));
    socklen_t len = sizeof(f);
    int fd = udp_socket();

    assert_int_equal(set_filter(fd, MCAST_EXCLUDE, SOURCES(S1)), -EINVAL);
    assert_int_equal(set_filter(fd, MCAST_INCLUDE, NO_SOURCES), -EADDRNOTAVAIL);
    join(fd, GROUP);
    assert_int_equal(set_filter(fd, MCAST_EXCLUDE, SOURCES(S1, S2, S1)), 0);
    assert_int_equal(set_filter(fd, 7, SOURCES(S1)), -EINVAL);
    assert_false(hears(fd, S2));
    assert_true(hears(fd, S3));

    f = filter_of(7, SOURCES("1.1.1.1", "1.1.1.2", "1.1.1.3"));
    assert_int_equal(sys_getsockopt(files, fd, SOL_IP, IP_MSFILTER, &f, &len), 0);
    assert_int_equal(len, IP_MSFILTER_SIZE(2));
    assert_int_equal(f.msf.imsf_fmode, MCAST_EXCLUDE);
    assert_int_equal(f.msf.imsf_numsrc, 2);
    assert_int_equal(list[0].s_addr, htonl(testnet_addr(S1)));
    assert_int_equal(list[1].s_addr, htonl(testnet_addr(S2)));
    f = filter_of(7, SOURCES("1.1.1.1")); /* room for one: the first, and how many there are */
    len = sizeof(f);
    assert_int_equal(sys_getsockopt(files, fd, SOL_IP, IP_MSFILTER, &f, &len), 0);
    assert_int_equal(len, IP_MSFILTER_SIZE(1));
    assert_int_equal(f.msf.imsf_numsrc, 2);
    len = 8;
    assert_int_equal(sys_getsockopt(files, fd, SOL_IP, IP_MSFILTER, &f, &len), -EINVAL);

    assert_int_equal(set_filter(fd, MCAST_INCLUDE, SOURCES(S2)), 0);
    assert_true(hears(fd, S2));
    assert_false(hears(fd, S3));
    assert_int_equal(set_filter(fd, MCAST_INCLUDE, NO_SOURCES), 0);
    assert_false(card_hears(GROUP));
    len = sizeof(f);
    assert_int_equal(sys_getsockopt(files, fd, SOL_IP, IP_MSFILTER, &f, &len), -EADDRNOTAVAIL);
}

TEST("RFC 3376 5.1: sources that come and go are told as ALLOW and BLOCK, each twice")
{
    int fd = udp_socket();

    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S1);
    assert_report(5, SOURCES(S1));
    testnet_advance_ms(t, 1001);
    assert_report(5, SOURCES(S1));
    testnet_advance_ms(t, 20000);
    assert_silence();
    assert_int_equal(set_filter(fd, MCAST_INCLUDE, SOURCES(S2, S3)), 0);
    assert_report2(5, SOURCES(S2, S3), 6, SOURCES(S1));
    testnet_advance_ms(t, 1001);
    assert_report2(5, SOURCES(S2, S3), 6, SOURCES(S1));
    leave(fd, GROUP);
    assert_report(6, SOURCES(S2, S3));
    testnet_advance_ms(t, 1001);
    assert_report(6, SOURCES(S2, S3));
    testnet_advance_ms(t, 20000);
    assert_silence();
}

TEST("RFC 3376 5.1: in the mode that excludes a blocked source is BLOCK, an unblocked one ALLOW")
{
    int fd = udp_socket();

    join(fd, GROUP);
    settle();
    change_source(fd, IP_BLOCK_SOURCE, S1);
    assert_report(6, SOURCES(S1));
    settle();
    change_source(fd, IP_UNBLOCK_SOURCE, S1);
    assert_report(5, SOURCES(S1));
    change_source(fd, IP_BLOCK_SOURCE, S2); /* while S1 is still due once */
    assert_report2(5, SOURCES(S1), 6, SOURCES(S2));
    testnet_advance_ms(t, 1001);
    assert_report(6, SOURCES(S2));
    testnet_advance_ms(t, 20000);
    assert_silence();
}

TEST("RFC 3376 5.1: the other mode is told with its whole list, and single changes in between with it")
{
    int fd = udp_socket();

    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S1);
    settle();
    assert_int_equal(set_filter(fd, MCAST_EXCLUDE, SOURCES(S2)), 0);
    assert_report(4, SOURCES(S2));
    change_source(fd, IP_BLOCK_SOURCE, S3);
    assert_report(4, SOURCES(S2, S3));
    testnet_advance_ms(t, 1001);
    assert_report(6, SOURCES(S3)); /* has been told but once */
    testnet_advance_ms(t, 20000);
    assert_silence();
    assert_int_equal(set_filter(fd, MCAST_INCLUDE, SOURCES(S3)), 0);
    assert_report(3, SOURCES(S3));
    settle();
}

TEST("RFC 3376 3.2: of many sockets' filters the group's is what any of them wants")
{
    int a = udp_socket(), b = udp_socket(), c = udp_socket();

    change_source(a, IP_ADD_SOURCE_MEMBERSHIP, S1);
    settle();
    change_source(b, IP_ADD_SOURCE_MEMBERSHIP, S1); /* wanted already: nothing to tell */
    assert_silence();
    change_source(b, IP_ADD_SOURCE_MEMBERSHIP, S2);
    assert_report(5, SOURCES(S2));
    settle();
    join(c, GROUP); /* everybody */
    assert_report(4, NO_SOURCES);
    settle();
    assert_int_equal(set_filter(c, MCAST_EXCLUDE, SOURCES(S1, S3)), 0);
    assert_report(6, SOURCES(S3)); /* S1 is wanted by a and b */
    settle();
    assert_int_equal(set_filter(a, MCAST_EXCLUDE, SOURCES(S1)), 0);
    assert_report(5, SOURCES(S3)); /* wanted by a; S1 by b */
    settle();
    leave(b, GROUP);
    assert_report(6, SOURCES(S1));
    settle();
    leave(a, GROUP);
    assert_report(6, SOURCES(S3));
    settle();
    assert_int_equal(sys_close(files, c), 0);
    assert_report(3, NO_SOURCES);
    settle();
}

TEST("RFC 3376 5.2: queries are answered by the filter as it is; about sources, by those that are wanted")
{
    uint8_t asked[20] = {0x11, 10, 0, 0, 239, 1, 2, 3, 2, 0, 0, 2, 10, 0, 0, 2, 10, 0, 0, 3};
    int fd = udp_socket();

    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S1);
    settle();
    query_v3(NULL, 10, 2);
    testnet_advance_ms(t, 1001);
    assert_report(1, SOURCES(S1));
    query_v3(GROUP, 10, 2);
    testnet_advance_ms(t, 1001);
    assert_report(1, SOURCES(S1));
    query_with(asked, sizeof(asked), GROUP, 1);
    testnet_advance_ms(t, 1001);
    assert_report(1, SOURCES(S1));
    assert_int_equal(set_filter(fd, MCAST_EXCLUDE, SOURCES(S1)), 0);
    settle();
    query_v3(NULL, 10, 2);
    testnet_advance_ms(t, 1001);
    assert_report(2, SOURCES(S1));
    query_with(asked, sizeof(asked), GROUP, 1);
    testnet_advance_ms(t, 1001);
    assert_report(1, SOURCES(S2));
    asked[19] = 2; /* none that is wanted: nothing to say */
    query_with(asked, sizeof(asked), GROUP, 1);
    testnet_advance_ms(t, 5000);
    assert_silence();
}

TEST("a query from a router that no filter names is answered all the same")
{
    int fd = udp_socket();

    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S3);
    settle();
    query_v3(GROUP, 10, 2); /* from S1 */
    testnet_advance_ms(t, 1001);
    assert_report(1, SOURCES(S3));
}

TEST("RFC 3376 7.2.1: an older querier learns of the group as a whole, and of no source")
{
    int fd = udp_socket();

    join(fd, "239.1.2.4");
    settle();
    query_old(NULL, 10);
    settle();
    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S1);
    assert_int_equal(said(), 0x16);
    testnet_advance_ms(t, 10001);
    testnet_drop_sent(t);
    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S2);
    assert_int_equal(set_filter(fd, MCAST_EXCLUDE, SOURCES(S2)), 0);
    testnet_advance_ms(t, 10001);
    assert_silence();
    leave(fd, GROUP);
    assert_int_equal(said(), 0x17);
}

TEST(
    "RFC 3376 4.2.16: lists too long for the link go on in more reports; of what is excluded the rest is left out")
{
    unsigned reports = 0, sources = 0;
    int fd = udp_socket();
    char source[32];

    assert_int_equal(dev_set_mtu(t->dev, 68), 0); /* 44 bytes of IGMP: 7 sources */
    for (int i = 1; i <= 10; i++) {
        snprintf(source, sizeof(source), "10.0.1.%d", i);
        change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, source);
    }
    settle();
    query_v3(GROUP, 10, 2);
    testnet_advance_ms(t, 1001);
    while (said()) {
        reports++;
        sources += testnet_u16(message + 10);
        assert_true(message_len <= 44);
    }
    assert_int_equal(reports, 2);
    assert_int_equal(sources, 10);
    assert_int_equal(set_filter(fd, MCAST_EXCLUDE,
                                SOURCES("10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4", "10.0.1.5",
                                        "10.0.1.6", "10.0.1.7", "10.0.1.8", "10.0.1.9")),
                     0);
    assert_int_equal(said(), 0x22);
    assert_int_equal(testnet_u16(message + 10), 7);
    assert_silence();
}

TEST("a link that comes up is told of the sources; a device that goes takes its groups along")
{
    struct ip_mreq_source mreqs = {.imr_multiaddr.s_addr = htonl(testnet_addr(GROUP)),
                                   .imr_interface.s_addr = htonl(t->local),
                                   .imr_sourceaddr.s_addr = htonl(testnet_addr(S2))};
    int fd = udp_socket();

    change_source(fd, IP_ADD_SOURCE_MEMBERSHIP, S1);
    settle();
    dev_close(t->dev);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, &mreqs, sizeof(mreqs)), 0);
    assert_silence();
    assert_int_equal(dev_open(t->dev), 0);
    assert_report(5, SOURCES(S1, S2));
    settle();
    struct testnet *port = testnet_add_port(t, "10.0.7.1/24", 0);
    mreqs.imr_interface.s_addr = htonl(testnet_addr("10.0.7.1"));
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, &mreqs, sizeof(mreqs)), 0);
    testnet_remove_port(port);
    mreqs.imr_interface.s_addr = htonl(t->local);
    assert_int_equal(sys_setsockopt(files, fd, SOL_IP, IP_DROP_SOURCE_MEMBERSHIP, &mreqs, sizeof(mreqs)), 0);
}

TEST("each allocation may fail while filters change: an error, and the filter is what it was")
{
    int fd = udp_socket();

    join(fd, GROUP);
    for (unsigned n = 1; n < 12; n++) {
        host_fail_allocation(n);
        int err = set_filter(fd, MCAST_EXCLUDE, SOURCES(S1, S2));
        host_fail_allocation(0);
        assert_int_equal(hears(fd, S2), err != 0);
        assert_int_equal(hears(fd, S3), 1);
        assert_int_equal(set_filter(fd, MCAST_EXCLUDE, NO_SOURCES), 0);
        settle();
    }
    leave(fd, GROUP);
    for (unsigned n = 1; n < 20; n++) {
        host_fail_allocation(n);
        int err = source_option(fd, IP_ADD_SOURCE_MEMBERSHIP, GROUP, S1);
        host_fail_allocation(0);
        assert_int_equal(card_hears(GROUP), err == 0);
        assert_int_equal(membership(fd, IP_DROP_MEMBERSHIP, GROUP), err ? -EADDRNOTAVAIL : 0);
        settle();
    }
}

/* What a set of sockets wants, asked of them one by one. */
static bool any_wants(const unsigned *modes, const unsigned *masks, unsigned count, unsigned source)
{
    for (unsigned i = 0; i < count; i++)
        if (modes[i] <= 1 && ((masks[i] >> source & 1) == modes[i])) /* MCAST_INCLUDE is 1 */
            return true;
    return false;
}

TEST("property: after random changes routers that obey the reports send just what some socket wants")
{
    unsigned modes[4] = {2, 2, 2, 2}, masks[4] = {0}, router_mode = MCAST_INCLUDE, router_mask = 0;
    int fds[4];

    host_random_seed(32);
    for (int i = 0; i < 4; i++)
        fds[i] = udp_socket();
    for (int round = 0; round < 2000; round++) {
        unsigned i = (unsigned)host_random() % 4, mask = (unsigned)host_random() % 16,
                 mode = (unsigned)host_random() % 3;
        struct filter f = filter_of(mode, NO_SOURCES);
        struct in_addr *list = (struct in_addr *)((uint8_t *)&f + IP_MSFILTER_SIZE(0));

        if (mode == MCAST_INCLUDE && !mask)
            mode = 2;
        if (modes[i] == 2 && mode != 2)
            join(fds[i], GROUP);
        if (modes[i] != 2 && mode == 2)
            leave(fds[i], GROUP);
        for (unsigned b = 0; b < 4; b++)
            if (mode != 2 && mask >> b & 1)
                list[f.msf.imsf_numsrc++].s_addr = htonl(0x0a000002 + b);
        if (mode != 2)
            assert_int_equal(sys_setsockopt(files, fds[i], SOL_IP, IP_MSFILTER, &f,
                                            (socklen_t)IP_MSFILTER_SIZE(f.msf.imsf_numsrc)),
                             0);
        modes[i] = mode;
        masks[i] = mask;
        testnet_advance_ms(t, host_random() % 1200);
        while (said()) { /* RFC 3376 6.4.2, without its timers: one router, and we are all there is */
            size_t at = 8;
            for (unsigned records = testnet_u16(message + 6); records; records--) {
                unsigned type = message[at], n = testnet_u16(message + at + 2), listed = 0;
                for (unsigned k = 0; k < n; k++)
                    listed |= 1u << (testnet_u32(message + at + 8 + 4 * k) - 0x0a000002);
                at += 8 + 4 * n;
                if (type == 3 || type == 4) {
                    router_mode = type == 3 ? MCAST_INCLUDE : MCAST_EXCLUDE;
                    router_mask = listed;
                } else if ((type == 5) == (router_mode == MCAST_INCLUDE)) {
                    router_mask |= listed;
                } else {
                    router_mask &= ~listed;
                }
            }
        }
        for (unsigned b = 0; b < 4; b++)
            assert_int_equal((router_mask >> b & 1) == router_mode, any_wants(modes, masks, 4, b));
    }
}

TEST("fuzz: thousands of damaged IGMP messages break and leak nothing")
{
    int fd = udp_socket();

    host_random_seed(3376);
    join(fd, GROUP);
    for (int i = 0; i < 5000; i++) {
        uint8_t m[60];
        for (size_t b = 0; b < sizeof(m); b++)
            m[b] = (uint8_t)(host_random() % 3 ? 0 : host_random());
        m[0] = (uint8_t[]){0x11, 0x12, 0x16, 0x17, 0x22}[host_random() % 5];
        m[2] = m[3] = 0;
        query_with(m, host_random() % 61, host_random() % 2 ? GROUP : "224.0.0.1", 1);
        testnet_advance_ms(t, host_random() % 3000);
        testnet_drop_sent(t);
        if (host_random() % 8 == 0) {
            leave(fd, GROUP);
            join(fd, GROUP);
        }
    }
    datagram_to(GROUP, "x");
    assert_int_equal(receive(fd, 0), 1);
}

TEST_FIXTURE(setup, teardown)
