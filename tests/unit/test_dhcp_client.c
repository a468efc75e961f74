/*
 * test_dhcp_client.c - the DHCP client (net/apps/dhcp.c) until it has an address, on virtual time. Sections
 * are those of RFC 2131.
 */
#include "tests/unit/dhcp_server.h"

/* --- getting an address (3.1) --- */

TEST("3.1: discover, offer, request, ack: then there are an address and a default route")
{
    start_client("dhcp.probe=0");
    struct heard discover = expect_message(DHCP_DISCOVER, 0);
    assert_string_equal(sent.from, "0.0.0.0");
    assert_string_equal(sent.to, BROADCAST);
    assert_true(sent.to_everybody);
    assert_true(wants_broadcast(&discover));
    assert_client_address(&discover, "0.0.0.0");
    assert_false(has_option(&discover, OPTION_SERVER));
    assert_true(has_option(&discover, OPTION_PARAMETERS));
    assert_no_address();
    answer(&discover, DHCP_OFFER, &usual);
    struct heard request = expect_message(DHCP_REQUEST, 0);
    assert_string_equal(sent.from, "0.0.0.0");
    assert_string_equal(sent.to, BROADCAST);
    assert_int_equal(xid_of(&request), xid_of(&discover));
    assert_client_address(&request, "0.0.0.0"); /* 4.3.2: in SELECTING */
    assert_address_option(&request, OPTION_REQUESTED, OFFERED);
    assert_address_option(&request, OPTION_SERVER, SERVER);
    assert_no_address();
    answer(&request, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
    assert_default_route(SERVER);
    expect_silence(1000 * LEASE_S / 2 - 1000);
}

TEST("3.1 step 3: a REQUEST has the secs of its DISCOVER, however late the offer was")
{
    start_client("");
    struct heard discover = expect_message(DHCP_DISCOVER, 0);
    for (int i = 0; i < 6; i++)
        discover = expect_message(DHCP_DISCOVER, 20000);
    assert_true(secs_of(&discover) >= 1);
    host_advance_ms(1500);
    answer(&discover, DHCP_OFFER, &usual);
    struct heard request = expect_message(DHCP_REQUEST, 0);
    assert_int_equal(secs_of(&request), secs_of(&discover));
    request = expect_message(DHCP_REQUEST, 2000);
    assert_int_equal(secs_of(&request), secs_of(&discover));
}

TEST("3.1: of two offers the first is taken, and another server's ACK or NAK does not count")
{
    struct terms second = usual;
    second.addr = OTHER;
    second.server = "10.0.0.2";
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    answer(&m, DHCP_OFFER, &usual);
    answer(&m, DHCP_OFFER, &second);
    m = expect_message(DHCP_REQUEST, 0);
    assert_address_option(&m, OPTION_SERVER, SERVER);
    answer(&m, DHCP_ACK, &second);
    answer(&m, DHCP_NAK, &second);
    second.addr = OFFERED;
    answer(&m, DHCP_ACK, &second);
    second.addr = OTHER;
    second.server = SERVER; /* the right one, but this was not what it had offered */
    answer(&m, DHCP_ACK, &second);
    assert_no_address();
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
}

TEST("the MTU the server gives is set, unless Ethernet or RFC 1122 3.3.3 forbid it")
{
    struct terms terms = usual;
    terms.mtu = 1400;
    get_lease(&terms);
    assert_int_equal(client->dev->mtu, 1400);
    stop_client();
    terms.mtu = 9000;
    terms.addr = OTHER;
    get_lease(&terms);
    assert_int_equal(client->dev->mtu, 1400);
}

TEST("hostname= is what the server is told; \"skiff\" without it, nothing if it is empty")
{
    static const char *const words[][2] = {{"", "skiff"}, {"hostname=boat", "boat"}, {"hostname=", NULL}};
    for (int i = 0; i < 3; i++) {
        size_t len = 0;
        start_client(words[i][0]);
        struct heard m = expect_message(DHCP_DISCOVER, 0);
        const uint8_t *name = option(&m, OPTION_HOSTNAME, &len);
        assert_int_equal(len, words[i][1] ? strlen(words[i][1]) : 0);
        if (words[i][1])
            assert_memory_equal(name, words[i][1], len);
        stop_client();
        while (hears(&m))
            ;
    }
}

/* --- messages that are lost, or not meant for us --- */

TEST("4.1: a DISCOVER without an answer is repeated, quickly at first, then at twice the time up to 64 s")
{
    static const unsigned wait_ms[] = {300,  300,  300,   300,   1000,  2000,
                                       4000, 8000, 16000, 32000, 64000, 64000};
    enum { COUNT = sizeof(wait_ms) / sizeof(wait_ms[0]) };
    start_client("");
    struct heard first = expect_message(DHCP_DISCOVER, 0), m;
    for (int i = 0; i < COUNT; i++) {
        m = expect_message(DHCP_DISCOVER, 80000);
        unsigned waited = (unsigned)(sent.at_ms[i + 1] - sent.at_ms[i]);
        assert_in_range(waited, wait_ms[i] * 7 / 8, wait_ms[i] * 9 / 8 + 1);
        assert_int_equal(xid_of(&m), xid_of(&first));
    }
    assert_int_equal(secs_of(&m), (m.at_ms - first.at_ms) / 1000);
}

TEST("RFC 3927 1.9: an address of our own making goes as soon as a server gives one")
{
    start_client("dhcp.probe=0");
    for (int i = 0; i < 10; i++)
        expect_message(DHCP_DISCOVER, 20000);
    assert_false(list_empty(&client->dev->ifa_list));
    agree(&usual);
    assert_address(OFFERED, 24);
    assert_true(list_first_entry(&client->dev->ifa_list, struct in_ifaddr, list)->list.next ==
                &client->dev->ifa_list);
    assert_default_route(SERVER);
}

TEST("4.1: a lost DISCOVER and a lost REQUEST cost some time only")
{
    sent.lose = 2;
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 1000);
    sent.lose = 1;
    answer(&m, DHCP_OFFER, &usual);
    m = expect_message(DHCP_REQUEST, 1200);
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
    assert_int_equal(sent.count, 5);
}

TEST("3.1 step 5: a REQUEST nobody answers is sent four times, then all starts anew")
{
    start_client("");
    struct heard m = expect_message(DHCP_DISCOVER, 0), again;
    answer(&m, DHCP_OFFER, &usual);
    for (int i = 0; i < 4; i++)
        expect_message(DHCP_REQUEST, 10000);
    again = expect_message(DHCP_DISCOVER, 10000);
    assert_int_not_equal(xid_of(&again), xid_of(&m));
    assert_no_address();
}

/* Offers it, and then looks that it was not taken. */
static void assert_ignored(const struct answer *a)
{
    struct heard m;
    say_from(server_fd, a, BROADCAST);
    while (hears(&m))
        assert_int_equal(type_of(&m), DHCP_DISCOVER);
}

TEST("4.4.1: an offer to somebody else, damaged or without what it must have is as if it had not come")
{
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    const struct answer good = make_answer(&m, DHCP_OFFER, &usual);
    static const size_t decisive[] = {0,  1,  2,   4,  7,
                                      28, 33, 236, 239}; /* op, htype, hlen, xid, chaddr, cookie */
    for (size_t i = 0; i < sizeof(decisive) / sizeof(decisive[0]); i++) {
        struct answer bad = good;
        bad.bytes[decisive[i]] ^= 0x40;
        assert_ignored(&bad);
    }
    for (size_t len = 0; len < good.len; len++) {
        struct answer cut = good;
        cut.len = len;
        assert_ignored(&cut);
    }
    struct terms bad_terms = usual;
    bad_terms.lease_s = 0;
    struct answer no_lease = make_answer(&m, DHCP_OFFER, &bad_terms);
    assert_ignored(&no_lease);
    static const char *const no_hosts[] = {"0.0.0.0",  BROADCAST,   "10.0.0.255",
                                           "10.0.0.0", "127.0.0.1", "224.0.0.1"};
    for (size_t i = 0; i < sizeof(no_hosts) / sizeof(no_hosts[0]); i++) {
        bad_terms = usual;
        bad_terms.addr = no_hosts[i];
        struct answer no_host = make_answer(&m, DHCP_OFFER, &bad_terms);
        assert_ignored(&no_host);
    }
    struct answer early_ack = make_answer(&m, DHCP_ACK, &usual),
                  early_nak = make_answer(&m, DHCP_NAK, &usual);
    assert_ignored(&early_ack);
    assert_ignored(&early_nak);
    say_from(intruder_fd, &good, BROADCAST); /* not from a server's port */
    assert_int_equal(sent.count, 1);
    say_from(server_fd, &good, BROADCAST);
    expect_message(DHCP_REQUEST, 0);
}

TEST("4.4.1: an ACK with another xid or hardware address gives no lease")
{
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    answer(&m, DHCP_OFFER, &usual);
    m = expect_message(DHCP_REQUEST, 0);
    for (size_t at = 4; at < 34; at = at == 7 ? 28 : at + 1) {
        struct answer bad = make_answer(&m, DHCP_ACK, &usual);
        bad.bytes[at] ^= 1;
        say_from(server_fd, &bad, BROADCAST);
        assert_no_address();
    }
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
}

TEST("3.1 step 4: a NAK starts all anew, after a moment, with another xid")
{
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    answer(&m, DHCP_OFFER, &usual);
    struct heard request = expect_message(DHCP_REQUEST, 0);
    answer(&request, DHCP_NAK, &usual);
    expect_silence(900);
    m = expect_message(DHCP_DISCOVER, 200);
    assert_int_not_equal(xid_of(&m), xid_of(&request));
    assert_no_address();
    answer(&m, DHCP_OFFER, &usual);
    m = expect_message(DHCP_REQUEST, 0);
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
}

/* --- is the address free? (2.2, 3.1 step 5) --- */

TEST("3.1 step 5: the client asks the link before it uses its address")
{
    start_client("");
    agree(&usual);
    assert_false(inet_addr_find(client->net, client->dev, inet_addr(OFFERED)) &&
                 !inet_addr_find(client->net, client->dev, inet_addr(OFFERED))->tentative);
    host_advance_ms(PROBING_MS);
    assert_int_equal(sent.arp_probes, 3);
    assert_address(OFFERED, 24);
    assert_default_route(SERVER);
    assert_int_equal(sent.count, 2);
}

TEST("dhcp.probe=0: the address is used at once and the link is not asked")
{
    get_lease(&usual);
    host_advance_ms(PROBING_MS);
    assert_int_equal(sent.arp_probes, 0);
}

TEST("3.1 step 5: an address another host has is declined; ten seconds later all starts anew")
{
    struct terms free_one = usual;
    free_one.addr = OTHER;
    holder = sim_host_create("holder", wire, OFFERED "/24");
    start_client("");
    agree(&usual);
    struct heard decline = expect_message(DHCP_DECLINE, PROBING_MS);
    assert_no_address();
    assert_string_equal(sent.from, "0.0.0.0");
    assert_string_equal(sent.to, BROADCAST); /* 4.4.4 */
    assert_address_option(&decline, OPTION_REQUESTED, OFFERED);
    assert_address_option(&decline, OPTION_SERVER, SERVER);
    assert_client_address(&decline, "0.0.0.0"); /* and what table 5 says of a DECLINE: */
    assert_int_equal(secs_of(&decline), 0);
    assert_false(wants_broadcast(&decline));
    assert_false(has_option(&decline, OPTION_PARAMETERS));
    assert_false(has_option(&decline, OPTION_MAX_SIZE));
    expect_silence(9900);
    agree(&free_one);
    assert_true(ktime_get_ms() - decline.at_ms >= 10000);
    host_advance_ms(PROBING_MS);
    assert_address(OTHER, 24);
    assert_default_route(SERVER);
}

/* --- memory --- */

TEST("any one allocation that fails costs a retry, or keeps the client from starting; nothing is left over")
{
    bool failed = true;
    unsigned n = 1;
    for (; failed; n++) {
        struct heard m;
        cmdline_init("dhcp.probe=0");
        host_fail_allocation(n);
        if (task_create("dhcp", dhcp_main, (void *)"eth0", client->files))
            host_run();
        while (program_find("dhcp") && list_empty(&client->dev->ifa_list)) {
            if (!host_run_until(hears, &m, 100 * NSEC_PER_SEC))
                fail_msg("the client asks no more after allocation %u has failed", n);
            struct answer a = make_answer(&m, type_of(&m) == DHCP_DISCOVER ? DHCP_OFFER : DHCP_ACK, &usual);
            struct sockaddr_in all = {
                .sin_family = AF_INET, .sin_port = htons(DHCP_CLIENT_PORT), {INADDR_NONE}};
            sys_sendto(server->files, server_fd, a.bytes, a.len, 0, (void *)&all, sizeof(all)); /* may fail */
            host_run();
        }
        failed = host_allocation_failed();
        host_fail_allocation(0);
        if (!failed)
            assert_default_route(SERVER);
        stop_client();
        while (hears(&m))
            ;
        assert_int_equal(if_set_address(client->net, "eth0", 0, 0, false), 0);
    }
    assert_true(n > 20);
}

TEST_FIXTURE(setup, teardown)
