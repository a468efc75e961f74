/*
 * test_conntrack_tcp.c - TCP as connection tracking follows it (net/netfilter/nf_conntrack_tcp.c), segment by
 * segment.
 */
#include "tests/unit/ct_net.h"

static void set(const char *name, const char *value)
{
    assert_int_equal(sysctl_set(ct.net, name, value), 0);
}

static enum tcp_conntrack tcp_state(void)
{
    return (enum tcp_conntrack)ct.conn->tcp.state;
}

TEST("a connection is followed from SYN to TIME_WAIT, with the timeout of each state")
{
    static const struct {
        bool from_a;
        uint8_t flags;
        uint32_t seq, ack;
        enum tcp_conntrack state;
        unsigned timeout_s;
    } steps[] = {
        {true, CT_SYN, ISS_A, 0, TCP_CONNTRACK_SYN_SENT, 120},
        {false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, TCP_CONNTRACK_SYN_RECV, 60},
        {true, CT_ACK, ISS_A + 1, ISS_B + 1, TCP_CONNTRACK_ESTABLISHED, 432000},
        {true, CT_FIN | CT_ACK, ISS_A + 1, ISS_B + 1, TCP_CONNTRACK_FIN_WAIT, 120},
        {false, CT_ACK, ISS_B + 1, ISS_A + 2, TCP_CONNTRACK_CLOSE_WAIT, 60},
        {false, CT_FIN | CT_ACK, ISS_B + 1, ISS_A + 2, TCP_CONNTRACK_LAST_ACK, 30},
        {true, CT_ACK, ISS_A + 2, ISS_B + 2, TCP_CONNTRACK_TIME_WAIT, 120},
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        ct_valid_tcp(steps[i].from_a, steps[i].flags, steps[i].seq, steps[i].ack, 5000, 0);
        assert_string_equal(nf_ct_tcp_state_name(tcp_state()), nf_ct_tcp_state_name(steps[i].state));
        assert_int_equal(nf_ct_expires_in_ms(ct.conn), steps[i].timeout_s * 1000);
    }
    host_advance_ms(120001);
    assert_int_equal(ct.n->count, 0);
}

TEST("both ends may close at once, and either may close first or keep sending after the other")
{
    ct_handshake();
    ct_valid_tcp(true, CT_FIN | CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 0);
    ct_valid_tcp(false, CT_FIN | CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 0);
    ct_valid_tcp(true, CT_ACK, ISS_A + 2, ISS_B + 2, 5000, 0);
    ct_valid_tcp(false, CT_ACK, ISS_B + 2, ISS_A + 2, 5000, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_TIME_WAIT);
    nf_ct_kill_if(ct.net, NULL, NULL);
    ct_handshake();
    ct_valid_tcp(false, CT_FIN | CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 0);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 2, 5000, 1000);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_CLOSE_WAIT);
    ct_valid_tcp(false, CT_ACK, ISS_B + 2, ISS_A + 1001, 5000, 0);
    ct_valid_tcp(false, CT_FIN | CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 0); /* again: its ACK was lost */
    assert_int_equal(tcp_state(), TCP_CONNTRACK_CLOSE_WAIT);
    ct_valid_tcp(true, CT_FIN | CT_ACK, ISS_A + 1001, ISS_B + 2, 5000, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_LAST_ACK);
}

TEST("RFC 9293 figure 7: both may open at once")
{
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_valid_tcp(false, CT_SYN, ISS_B, 0, 5000, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_SYN_SENT2);
    ct_valid_tcp(true, CT_SYN | CT_ACK, ISS_A, ISS_B + 1, 5000, 0);
    ct_valid_tcp(false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, 5000, 0);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 100);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_ESTABLISHED);
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 101, 5000, 100);
}

TEST("all 64 combinations of flags: those RFC 9293 does not know are invalid, in every state")
{
    for (unsigned flags = 0; flags < 64; flags++) {
        unsigned kind = flags & (CT_SYN | CT_FIN | CT_RST | CT_ACK);
        bool sane = kind == CT_SYN || kind == (CT_SYN | CT_ACK) || kind == CT_RST ||
                    kind == (CT_RST | CT_ACK) || kind == (CT_FIN | CT_ACK) || kind == CT_ACK;

        nf_ct_kill_if(ct.net, NULL, NULL);
        ct_tcp(true, (uint8_t)flags, ISS_A, 0, 5000, 0);
        assert_int_equal(ct.tracked, kind == CT_SYN || kind == CT_ACK); /* picked up, by default */
        nf_ct_kill_if(ct.net, NULL, NULL);
        ct_handshake();
        ct_tcp(true, (uint8_t)flags, ISS_A + 1, ISS_B + 1, 5000, 0);
        if (!sane)
            assert_true(ct_invalid());
    }
}

TEST("a segment beyond the receiver's window is invalid, one at its edge and one in front of it are not")
{
    ct_handshake();
    ct_valid_tcp(true, CT_ACK, ISS_A + 1 + 4000, ISS_B + 1, 5000, 1000);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 1000);     /* what was lost, again */
    ct_valid_tcp(true, CT_ACK, ISS_A + 1 + 5000, ISS_B + 1, 5000, 1); /* a probe of the closed window */
    ct_invalid_tcp(true, CT_ACK, ISS_A + 1 + 5002, ISS_B + 1, 5000, 10);
    ct_invalid_tcp(true, CT_ACK, ISS_A + 1 + 0x40000000, ISS_B + 1, 5000, 10);
    ct_invalid_tcp(true, CT_ACK, ISS_A - 6000, ISS_B + 1, 5000, 10);
    ct_valid_tcp(true, CT_ACK, ISS_A, ISS_B + 1, 5000, 1); /* keep-alive (RFC 1122 4.2.3.6) */
}

TEST("an acknowledgement of what was never sent, or of long ago, is invalid")
{
    ct_handshake();
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 1000);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1001, 5000, 0);
    ct_invalid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1002, 5000, 0);
    ct_invalid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1001 - 66010, 5000, 0);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 0); /* late, but possible */
}

/* SYN and SYN-ACK, the first with these four bytes of options, the second with them if `both`. */
static void offer(const uint8_t *options, bool both)
{
    ct_tcp_options(true, CT_SYN, ISS_A, 0, 5000, 0, options, 4);
    ct_tcp_options(false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, 5000, 0, options, both ? 4 : 0);
}

static const uint8_t scale7[] = {1, 3, 3, 7};

TEST("RFC 7323: windows are scaled if both have offered it, and not if one has")
{
    for (int both = 0; both < 2; both++) {
        offer(scale7, both);
        ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 100, 0);
        ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 1, 100, 0);
        ct_tcp(true, CT_ACK, ISS_A + 1 + 12700, ISS_B + 1, 100, 100);
        assert_int_equal(ct.tracked, both);
        nf_ct_kill_if(ct.net, NULL, NULL);
    }
}

TEST("options of no length, or longer than the header, are none: no window is scaled, and nobody reads on")
{
    static const uint8_t broken[][4] = {{3, 0, 7, 0}, {3, 1, 7, 0}, {3, 5, 7, 0}, {3, 255, 7, 0},
                                        {1, 1, 1, 3}, {8, 0, 3, 3}, {0, 3, 3, 7}, {3, 4, 7, 7}};

    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        offer(broken[i], true);
        ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 100, 0);
        ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 1, 100, 0);
        ct_invalid_tcp(true, CT_ACK, ISS_A + 1 + 12700, ISS_B + 1, 100, 100);
        nf_ct_kill_if(ct.net, NULL, NULL);
    }
}

TEST("RFC 2018: data beyond a hole that was acknowledged selectively moves the window with it")
{
    static const uint8_t permitted[] = {1, 1, 4, 2};
    uint8_t sack[12] = {1, 1, 5, 10};

    offer(permitted, true);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 0);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1 + 1000, ISS_B + 1, 5000, 4000);
    put_unaligned_be32(ISS_A + 1001, sack + 4);
    put_unaligned_be32(ISS_A + 5001, sack + 8);
    assert_true(ct_tcp_options(false, CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 0, sack, sizeof(sack)) &&
                ct.tracked);
    put_unaligned_be32(ISS_A + 5002, sack + 8); /* never sent */
    assert_true(ct_tcp_options(false, CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 0, sack, sizeof(sack)) &&
                !ct.tracked);
}

TEST("nf_conntrack_tcp_be_liberal lets segments out of the window pass")
{
    ct_handshake();
    set("net.netfilter.nf_conntrack_tcp_be_liberal", "1");
    ct_valid_tcp(true, CT_ACK, ISS_A + 1 + 0x40000000, ISS_B + 1, 5000, 10);
}

TEST("a connection is picked up in the middle, unless nf_conntrack_tcp_loose is 0; never by FIN or RST")
{
    ct_valid_tcp(true, CT_ACK, 70000, 90000, 500, 100);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_ESTABLISHED);
    assert_true(nf_ct_expires_in_ms(ct.conn) <= 300000); /* until somebody answers */
    ct_valid_tcp(false, CT_ACK, 90000, 70100, 500, 10);
    ct_valid_tcp(true, CT_ACK, 70100, 90010, 500, 3000000 / 100);
    assert_int_equal(ct.info, IP_CT_ESTABLISHED);
    assert_true(ct.conn->status & IPS_ASSURED);
    nf_ct_kill_if(ct.net, NULL, NULL);
    ct_invalid_tcp(true, CT_FIN | CT_ACK, 70000, 90000, 500, 0);
    ct_invalid_tcp(true, CT_RST, 70000, 90000, 500, 0);
    ct_invalid_tcp(true, CT_SYN | CT_ACK, 70000, 90000, 500, 0);
    set("net.netfilter.nf_conntrack_tcp_loose", "0");
    ct_invalid_tcp(true, CT_ACK, 70000, 90000, 500, 100);
    ct_handshake();
}

TEST("each segment of a connection picked up in the middle may draw a reset, also behind the first and a FIN")
{
    ct_valid_tcp(true, CT_ACK, 70000, 90000, 500, 100);
    ct_valid_tcp(true, CT_ACK, 70100, 90000, 500, 100);
    ct_valid_tcp(false, CT_RST, 90000, 0, 0, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_CLOSE);
    ct_valid_tcp(false, CT_RST, 90000, 0, 0, 0);
    nf_ct_kill_if(ct.net, NULL, NULL);
    ct_valid_tcp(true, CT_ACK, 70000, 90000, 500, 100);
    ct_valid_tcp(true, CT_FIN | CT_ACK, 70100, 90000, 500, 0);
    ct_valid_tcp(false, CT_RST, 90000, 0, 0, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_CLOSE);
}

TEST("RFC 5961: only a reset with the number its receiver waits for closes; others in the window pass")
{
    ct_handshake();
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 1000);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1001, 5000, 0);
    ct_valid_tcp(false, CT_RST, ISS_B + 1000, 0, 0, 0); /* in answer to something late */
    assert_int_equal(tcp_state(), TCP_CONNTRACK_ESTABLISHED);
    ct_invalid_tcp(false, CT_RST, ISS_B + 1001 + 5002, 0, 0, 0);
    ct_valid_tcp(false, CT_RST, ISS_B + 1001 + 2000, 0, 0, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_ESTABLISHED);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1001, 5000, 0); /* challenged */
    assert_int_equal(nf_ct_expires_in_ms(ct.conn), 432000000);
    ct_valid_tcp(false, CT_RST, ISS_B + 1001, 0, 0, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_CLOSE);
    assert_int_equal(nf_ct_expires_in_ms(ct.conn), 10000);
}

TEST("a refused SYN leaves nothing; a reset that does not acknowledge the SYN is invalid")
{
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_invalid_tcp(false, CT_RST | CT_ACK, 0, ISS_A + 2, 0, 0);
    ct_invalid_tcp(false, CT_RST, 0, 0, 0, 0);
    assert_int_equal(ct.n->count, 1);
    ct_valid_tcp(false, CT_RST | CT_ACK, 0, ISS_A + 1, 0, 0);
    assert_int_equal(ct.n->count, 0);
}

TEST("a forged SYN-ACK changes nothing: the true one is still valid, with its scale")
{
    ct_tcp_options(true, CT_SYN, ISS_A, 0, 5000, 0, scale7, sizeof(scale7));
    ct_invalid_tcp(false, CT_SYN | CT_ACK, 12345, ISS_A + 77, 100, 0);
    ct_tcp_options(false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, 100, 0, scale7, sizeof(scale7));
    assert_true(ct.tracked);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 0);
    ct_invalid_tcp(false, CT_SYN | CT_ACK, 12345, ISS_A + 77, 100, 0);
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 1, 100, 1000);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1 + 12000, ISS_B + 1001, 5000, 500);
}

TEST("a SYN, a SYN-ACK sent again are valid at any time, and change nothing")
{
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_valid_tcp(false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, 5000, 0);
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_valid_tcp(false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, 5000, 0);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 4000);
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 4001, 5000, 0);
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_valid_tcp(false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, 5000, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_ESTABLISHED);
    ct_valid_tcp(true, CT_ACK, ISS_A + 4001, ISS_B + 1, 5000, 4000);
}

TEST("RFC 5961 4: a client that has lost its memory and connects anew is not shut out")
{
    ct_handshake();
    ct_valid_tcp(true, CT_SYN, 777000, 0, 5000, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_ESTABLISHED);
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 1, 5000, 0); /* challenge */
    ct_valid_tcp(true, CT_RST, ISS_A + 1, 0, 0, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_CLOSE);
    ct_valid_tcp(true, CT_SYN, 777000, 0, 5000, 0);
    assert_int_equal(ct.info, IP_CT_NEW);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_SYN_SENT);
    assert_int_equal(ct.n->count, 1);
}

TEST("... nor one whose server has forgotten too: its SYN-ACK opens the connection once more")
{
    ct_handshake();
    ct_valid_tcp(true, CT_SYN, 777000, 0, 5000, 0);
    ct_valid_tcp(false, CT_SYN | CT_ACK, 333000, 777001, 5000, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_SYN_RECV);
    ct_valid_tcp(true, CT_ACK, 777001, 333001, 5000, 100);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_ESTABLISHED);
    ct_valid_tcp(true, CT_SYN, 999000, 0, 5000, 0);
    ct_valid_tcp(false, CT_RST | CT_ACK, 0, 999001, 0, 0); /* or there is nobody any more */
    assert_int_equal(ct.n->count, 0);
}

TEST("RFC 9293 figure 9: a half-open peer's ACK to a SYN, and the reset it draws, pass")
{
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_valid_tcp(false, CT_ACK, 55000, 66000, 5000, 0);
    ct_valid_tcp(true, CT_RST, 66000, 0, 0, 0);
    ct_valid_tcp(true, CT_SYN, ISS_A, 0, 5000, 0);
    ct_valid_tcp(false, CT_SYN | CT_ACK, ISS_B, ISS_A + 1, 5000, 0);
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_ESTABLISHED);
}

TEST("the same ports may be used again after TIME_WAIT's SYN (RFC 9293 3.10.7.4)")
{
    ct_handshake();
    ct_valid_tcp(true, CT_FIN | CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 0);
    ct_valid_tcp(false, CT_FIN | CT_ACK, ISS_B + 1, ISS_A + 2, 5000, 0);
    ct_valid_tcp(true, CT_ACK, ISS_A + 2, ISS_B + 2, 5000, 0);
    assert_int_equal(tcp_state(), TCP_CONNTRACK_TIME_WAIT);
    uint32_t id = ct.conn->id;
    ct_valid_tcp(true, CT_SYN, ISS_A + 100000, 0, 5000, 0);
    assert_int_not_equal(ct.conn->id, id);
    assert_int_equal(ct.info, IP_CT_NEW);
    assert_int_equal(ct.n->count, 1);
}

TEST("data nobody acknowledges shortens the entry's life to five minutes, an answer gives it back")
{
    ct_handshake();
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 100);
    assert_int_equal(nf_ct_expires_in_ms(ct.conn), 300000);
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 101, 5000, 0);
    assert_int_equal(nf_ct_expires_in_ms(ct.conn), 432000000);
}

TEST("a train of segments in one buffer (GRO) is one segment to tracking")
{
    ct_handshake();
    ct_valid_tcp(true, CT_ACK, ISS_A + 1, ISS_B + 1, 5000, 4500);
    ct_valid_tcp(false, CT_ACK, ISS_B + 1, ISS_A + 4501, 5000, 0);
    assert_int_equal(ct.conn->tcp.side[0].end, ISS_A + 4501);
}

TEST_FIXTURE(ct_setup, ct_teardown)
