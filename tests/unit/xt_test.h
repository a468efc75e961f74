/*
 * xt_test.h - for tests of the firewall: a stack, commands as text, packets that fit a rule or do not.
 */
#ifndef TESTS_UNIT_XT_TEST_H
#define TESTS_UNIT_XT_TEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

#include "kernel/byteorder.h"
#include "net/netfilter/iptables_parse.h"
#include "net/tcp/tcp.h"
#include "tests/host/host.h"
#include "tests/host/testnet.h"

static struct testnet *t;
static char said[400000]; /* what the last command answered */
static size_t said_len;

static void xt_hear(const char *text, size_t len, void *ctx)
{
    assert_true(said_len + len < sizeof(said));
    memcpy(said + said_len, text, len);
    said_len += len;
    said[said_len] = '\0';
}

static struct xt_text *xt_listen(void)
{
    static struct xt_text text;

    said_len = 0;
    said[0] = '\0';
    xt_text_init(&text, xt_hear, NULL);
    return &text;
}

__attribute__((format(printf, 1, 2), unused)) static int ipt(const char *format, ...)
{
    char line[XT_LINE_MAX + 100];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    return xt_command(t->net, line, xt_listen());
}

__attribute__((unused)) static int ipset(const char *line)
{
    return ip_set_command(t->net, line, xt_listen());
}

__attribute__((unused)) static int restore(const char *text)
{
    return xt_restore(t->net, text, strlen(text), xt_listen());
}

__attribute__((unused)) static const char *save(bool counters)
{
    struct xt_text *out = xt_listen();

    xt_print_save(t->net, counters, out);
    xt_text_flush(out);
    return said;
}

/* --- packets --- */

static uint8_t frame[70000];
static size_t frame_len;

__attribute__((unused)) static void udp_packet(const struct testnet_ip *ip, uint16_t sport, uint16_t dport,
                                               size_t len)
{
    static uint8_t payload[2000];

    frame_len = testnet_build_udp(t, frame, ip, sport, dport, payload, len);
}

__attribute__((unused)) static void icmp_packet(const struct testnet_ip *ip, uint8_t type, uint8_t code)
{
    uint8_t payload[40] = {0x45, 0, 0, 28};

    frame_len = testnet_build_icmp(t, frame, ip, type, code, 0, payload, sizeof(payload));
}

__attribute__((unused)) static void tcp_packet(const struct testnet_ip *ip, uint16_t sport, uint16_t dport,
                                               uint8_t flags, const void *options, size_t options_len)
{
    struct testnet_ip tcp = *ip;
    uint8_t segment[64] = {0};

    tcp.protocol = 6;
    put_unaligned_be16(sport, segment);
    put_unaligned_be16(dport, segment + 2);
    put_unaligned_be32(1000, segment + 4);
    put_unaligned_be32(flags & TCPHDR_ACK ? 5000 : 0, segment + 8);
    segment[12] = (uint8_t)((20 + options_len) / 4 << 4);
    segment[13] = flags;
    put_unaligned_be16(512, segment + 14);
    if (options_len)
        memcpy(segment + 20, options, options_len);
    testnet_fix_csum(segment, 20 + options_len, 16, ip->saddr ? ip->saddr : t->peer,
                     ip->daddr ? ip->daddr : t->local, 6);
    frame_len = testnet_build_ip(t, frame, &tcp, segment, 20 + options_len);
}

/* The packet arrives: whether a rule dropped it. */
__attribute__((unused)) static bool dropped(void)
{
    uint64_t before = t->net->drops[SKB_DROP_REASON_NETFILTER_DROP];

    testnet_inject(t, frame, frame_len);
    return t->net->drops[SKB_DROP_REASON_NETFILTER_DROP] != before;
}

/* Whether the packet fits this rule, asked where it comes in. */
__attribute__((format(printf, 1, 2), unused)) static bool fits(const char *format, ...)
{
    char rule[1000];
    va_list args;
    bool result;

    va_start(args, format);
    vsnprintf(rule, sizeof(rule), format, args);
    va_end(args);
    if (ipt("-t raw -A PREROUTING %s -j DROP", rule)) {
        fprintf(stderr, "%s: %s", rule, said);
        fail();
    }
    result = dropped();
    assert_int_equal(ipt("-t raw -F"), 0);
    return result;
}

__attribute__((unused)) static int xt_setup(void **state)
{
    t = testnet_create("10.0.0.1/24");
    return 0;
}

__attribute__((unused)) static int xt_teardown(void **state)
{
    return testnet_destroy(t);
}

#endif
