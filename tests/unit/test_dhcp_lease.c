/*
 * test_dhcp_lease.c - the DHCP client (net/apps/dhcp.c) and its lease, from the first renewal to the end, and
 * the link under it. Sections are those of RFC 2131.
 */
#include "kernel/shutdown.h"
#include "tests/unit/dhcp_server.h"

/* --- the life of a lease (4.4.5) --- */

static void assert_renewal(const struct heard *m, const char *to)
{
    assert_string_equal(sent.from, OFFERED);
    assert_string_equal(sent.to, to);
    assert_client_address(m, OFFERED);
    assert_false(has_option(m, OPTION_REQUESTED)); /* 4.3.2: neither of these */
    assert_false(has_option(m, OPTION_SERVER));
    assert_false(wants_broadcast(m));
}

/* So long after it, to the millisecond and a little. */
static void assert_at(const struct heard *m, const struct heard *since, uint64_t seconds)
{
    assert_in_range(m->at_ms - since->at_ms, seconds * 1000, seconds * 1000 + 2);
}

TEST("4.4.5: at T1, half of the lease, the client asks its server to renew it, again and again")
{
    struct heard asked = get_lease(&usual), m;
    for (int i = 0; i < 3; i++) {
        m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
        assert_at(&m, &asked, LEASE_S / 2);
        assert_renewal(&m, SERVER);
        assert_false(sent.to_everybody);
        assert_int_not_equal(xid_of(&m), xid_of(&asked));
        assert_int_equal(secs_of(&m), 0);
        answer(&m, DHCP_ACK, &usual);
        assert_address(OFFERED, 24);
        assert_default_route(SERVER);
        asked = m;
    }
    assert_int_equal(sent.arp_probes, 0);
}

TEST("4.4.5: a lease counts from when its REQUEST was sent, not from when the answer came")
{
    start_client("dhcp.probe=0");
    struct heard m = expect_message(DHCP_DISCOVER, 0);
    answer(&m, DHCP_OFFER, &usual);
    struct heard asked = expect_message(DHCP_REQUEST, 0);
    host_advance_ms(800);
    answer(&asked, DHCP_ACK, &usual);
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, LEASE_S / 2);
}

TEST("4.4.5: the server's own T1 and T2 count; if they are out of order the usual ones do")
{
    struct terms terms = usual;
    terms.t1_s = 100;
    terms.t2_s = 200;
    struct heard asked = get_lease(&terms), m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, 100);
    terms.t1_s = 500; /* behind T2: half of T2 in its place */
    terms.t2_s = 400;
    answer(&m, DHCP_ACK, &terms);
    asked = m;
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, 200);
    terms.t1_s = LEASE_S + 1; /* both behind the end */
    terms.t2_s = LEASE_S + 2;
    answer(&m, DHCP_ACK, &terms);
    asked = m;
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, LEASE_S / 2);
}

TEST("4.4.5: unanswered at T1, it asks everybody at T2; at the end the address goes and all starts anew")
{
    struct heard asked = get_lease(&usual), m = expect_message(DHCP_REQUEST, 1000 * LEASE_S), last;
    assert_at(&m, &asked, LEASE_S / 2);
    unsigned renewals = 0, rebinds = 0;
    do { /* at half of what is left until T2, but a minute apart at least */
        last = m;
        m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
        renewals++;
        if (!sent.to_everybody)
            assert_true(m.at_ms - last.at_ms >= 60000);
    } while (!sent.to_everybody);
    assert_int_equal(renewals, 6);
    assert_at(&m, &asked, LEASE_S / 8 * 7);
    for (;;) {
        assert_renewal(&m, BROADCAST);
        assert_address(OFFERED, 24); /* to the last second */
        last = m;
        if (!host_run_until(hears, &m, 1000 * LEASE_S * NSEC_PER_MSEC) || type_of(&m) != DHCP_REQUEST)
            break;
        rebinds++;
        assert_true(m.at_ms - last.at_ms >= 60000);
    }
    assert_int_equal(rebinds, 3);
    assert_int_equal(type_of(&m), DHCP_DISCOVER);
    assert_at(&m, &asked, LEASE_S);
    assert_string_equal(sent.from, "0.0.0.0");
    assert_client_address(&m, "0.0.0.0");
    assert_no_address();
    answer(&m, DHCP_OFFER, &usual);
    m = expect_message(DHCP_REQUEST, 0);
    answer(&m, DHCP_ACK, &usual);
    assert_address(OFFERED, 24);
}

TEST("4.4.5: in RENEWING only its own server may answer, in REBINDING any")
{
    struct terms second = usual;
    second.server = "10.0.0.2";
    assert_int_equal(inet_addr_add(server->dev, inet_addr(second.server), 24), 0);
    get_lease(&usual);
    struct heard m = expect_message(DHCP_REQUEST, 1000 * LEASE_S), asked;
    answer(&m, DHCP_ACK, &second);
    answer(&m, DHCP_NAK, &second);
    assert_address(OFFERED, 24);
    do
        asked = expect_message(DHCP_REQUEST, 1000 * LEASE_S); /* goes on: it was not renewed */
    while (!sent.to_everybody);
    answer(&asked, DHCP_ACK, &second);
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, LEASE_S / 2);
    assert_renewal(&m, "10.0.0.2");
}

TEST("4.4.5: a NAK to a renewal takes the address and its route away")
{
    get_lease(&usual);
    struct heard m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_address(OFFERED, 24);
    answer(&m, DHCP_NAK, &usual);
    assert_no_address();
    expect_message(DHCP_DISCOVER, 1100);
}

TEST("a renewal may bring another router, and another address")
{
    struct terms terms = usual;
    get_lease(&terms);
    terms.router = "10.0.0.254";
    struct heard m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    answer(&m, DHCP_ACK, &terms);
    assert_address(OFFERED, 24);
    assert_default_route("10.0.0.254");
    terms.addr = OTHER;
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    answer(&m, DHCP_ACK, &terms);
    assert_address(OTHER, 24);
    assert_default_route("10.0.0.254");
    assert_null(inet_addr_find(client->net, client->dev, inet_addr(OFFERED)));
}

TEST("3.3: a lease of 0xffffffff seconds has no end and is never renewed")
{
    struct terms terms = usual;
    terms.lease_s = DHCP_INFINITE;
    terms.t1_s = 10;
    get_lease(&terms);
    expect_silence(400ull * 24 * 3600 * 1000);
    assert_address(OFFERED, 24);
    assert_default_route(SERVER);
}

/* --- the end of the machine --- */

static const char *went;

static void goes(const char *how)
{
    went = how;
}

static void end_machine(enum shutdown_kind kind)
{
    went = NULL;
    host_catch_end(goes);
    shutdown_start(kind);
    host_advance_ms(5000);
    assert_non_null(went);
    host_catch_end(NULL);
}

TEST("4.4.6: a machine that is switched off gives its address back, to its server alone")
{
    struct heard request = get_lease(&usual);
    end_machine(SHUTDOWN_POWER_OFF);
    struct heard m = expect_message(DHCP_RELEASE, 0);
    assert_client_address(&m, OFFERED);
    assert_address_option(&m, OPTION_SERVER, SERVER);
    assert_false(has_option(&m, OPTION_REQUESTED));
    assert_false(has_option(&m, OPTION_PARAMETERS));
    assert_false(has_option(&m, OPTION_HOSTNAME));
    assert_int_not_equal(xid_of(&m), xid_of(&request));
    assert_int_equal(secs_of(&m), 0);
    assert_false(wants_broadcast(&m));
    assert_string_equal(sent.from, OFFERED);
    assert_string_equal(sent.to, SERVER);
    assert_string_equal(went, "switched off");
}

TEST("4.4.6: a machine that starts anew keeps its lease, and one without a lease has none to give back")
{
    get_lease(&usual);
    unsigned count = sent.count;
    end_machine(SHUTDOWN_RESTART);
    assert_int_equal(sent.count, count);
    assert_string_equal(went, "restarted");
    start_client("dhcp.probe=0");
    expect_message(DHCP_DISCOVER, 80000);
    end_machine(SHUTDOWN_POWER_OFF);
    struct heard m;
    while (hears(&m))
        assert_int_equal(type_of(&m), DHCP_DISCOVER);
}

/* --- the link --- */

TEST("without a link nothing is sent; half a second after it comes the client asks")
{
    netif_carrier_off(client->dev);
    start_client("dhcp.probe=0");
    expect_silence(60000);
    assert_int_equal(sent.count, 0);
    netif_carrier_on(client->dev);
    struct heard m = expect_message(DHCP_DISCOVER, 500);
    assert_int_equal(secs_of(&m), 0);
    agree(&usual);
    assert_address(OFFERED, 24);
}

TEST("a link that goes away while the client asks, or while it renews, costs some time only")
{
    start_client("dhcp.probe=0");
    expect_message(DHCP_DISCOVER, 0);
    netif_carrier_off(client->dev);
    expect_silence(20000);
    netif_carrier_on(client->dev);
    struct heard asked = agree(&usual);
    assert_address(OFFERED, 24);
    netif_carrier_off(client->dev);
    expect_silence(1000 * (LEASE_S / 2 + 10));
    assert_address(OFFERED, 24);
    assert_default_route(SERVER);
    netif_carrier_on(client->dev);
    struct heard m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_true(m.at_ms - asked.at_ms < 1000 * LEASE_S / 8 * 7);
    assert_renewal(&m, SERVER);
    answer(&m, DHCP_ACK, &usual);
    asked = m;
    m = expect_message(DHCP_REQUEST, 1000 * LEASE_S);
    assert_at(&m, &asked, LEASE_S / 2);
}

TEST_FIXTURE(setup, teardown)
