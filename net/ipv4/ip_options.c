/*
 * ip_options.c - IPv4 options (RFC 791 3.1, RFC 1812 5.2.4).
 *
 * Off the ordinary packet's way: only headers above 20 bytes come here. Checked once by ip_rcv_core(), then
 * ip_forward() has record route and timestamps filled in, and an echo reply carries them back. Source routing
 * is refused on purpose; router alert needs nothing, for nobody here listens to it; all others pass
 * untouched.
 */
#include "net/ipv4/ip_options.h"

#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/time.h"
#include "net/core/checksum.h"
#include "net/ipv4/route.h"

#define OPTION_LEN     1 /* offsets into an option; pointers count from 1 */
#define OPTION_POINTER 2
#define TS_FLAGS       3 /* overflow << 4 | flag */
#define TS_ONLY        0
#define TS_AND_ADDR    1
#define TS_PRESPEC     3
#define DAY_MS         86400000u

/* One option other than END and NOP, `room` bytes to the header's end: its length; 0 and *at if it is
 * malformed. */
static unsigned ip_option_len(const uint8_t *option, unsigned room, unsigned *at)
{
    unsigned len = room >= 2 ? option[OPTION_LEN] : 0;

    *at = OPTION_LEN;
    if (len < 2 || len > room)
        return 0;
    /* Those that hold a pointer hold it in the third byte, and it starts at 4 (5 for timestamps). */
    *at = OPTION_POINTER;
    if (option[0] == IPOPT_RR && (len < 3 || option[OPTION_POINTER] < 4))
        return 0;
    if (option[0] == IPOPT_TS && (len < 4 || option[OPTION_POINTER] < 5))
        return 0;
    return len;
}

enum skb_drop_reason ip_options_check(const uint8_t *options, unsigned room, unsigned *at)
{
    const uint8_t *option = options;

    while (room > 0) {
        unsigned len = 1, inside = 0;

        if (*option == IPOPT_END)
            break;
        *at = (unsigned)(option - options);
        if (*option == IPOPT_LSRR || *option == IPOPT_SSRR)
            return SKB_DROP_REASON_IP_SRCROUTE;
        if (*option != IPOPT_NOP)
            len = ip_option_len(option, room, &inside);
        if (!len) {
            *at += inside;
            return SKB_DROP_REASON_IP_OPTIONS;
        }
        option += len;
        room -= len;
    }
    return SKB_NOT_DROPPED_YET;
}

/* --- filling in --- */

/* Milliseconds since midnight UT, by a clock of whole seconds. */
static uint32_t ip_timestamp(void)
{
    return (uint32_t)((uint64_t)ktime_get_real_seconds() * 1000 % DAY_MS);
}

static void ip_record_route(uint8_t *option, be32 addr)
{
    unsigned at = option[OPTION_POINTER] - 1u;

    if (at + 4 > option[OPTION_LEN]) /* full: goes on as it is */
        return;
    memcpy(option + at, &addr, 4);
    option[OPTION_POINTER] = (uint8_t)(option[OPTION_POINTER] + 4);
}

static void ip_record_time(struct net *net, uint8_t *option, be32 addr)
{
    unsigned flag = option[TS_FLAGS] & 15, at = option[OPTION_POINTER] - 1u;
    unsigned need = flag == TS_ONLY ? 4 : 8;

    if (flag != TS_ONLY && flag != TS_AND_ADDR && flag != TS_PRESPEC)
        return;
    if (at + need > option[OPTION_LEN]) {
        if (option[TS_FLAGS] >> 4 < 15) /* one more host that found no room */
            option[TS_FLAGS] = (uint8_t)(option[TS_FLAGS] + 0x10);
        return;
    }
    if (flag == TS_PRESPEC) {
        be32 asked;

        memcpy(&asked, option + at, 4);
        if (inet_addr_type(net, NULL, asked) != RTN_LOCAL)
            return;
    } else if (flag == TS_AND_ADDR) {
        memcpy(option + at, &addr, 4);
    }
    put_unaligned_be32(ip_timestamp(), option + at + need - 4);
    option[OPTION_POINTER] = (uint8_t)(option[OPTION_POINTER] + need);
}

/* Options that ip_options_check() has found right. */
static void ip_options_fill(struct net *net, uint8_t *option, unsigned room, be32 addr)
{
    while (room > 0 && *option != IPOPT_END) {
        unsigned len = *option == IPOPT_NOP ? 1 : option[OPTION_LEN];

        if (*option == IPOPT_RR)
            ip_record_route(option, addr);
        else if (*option == IPOPT_TS)
            ip_record_time(net, option, addr);
        option += len;
        room -= len;
    }
}

void ip_options_update(struct sk_buff *skb, be32 addr)
{
    struct iphdr *iph = ip_hdr(skb);

    if (!addr)
        return;
    ip_options_fill(skb->net, (uint8_t *)(iph + 1), ip_hdrlen(iph) - (unsigned)sizeof(*iph), addr);
    iph->check = (__force sum16)0;
    iph->check = ip_fast_csum(iph, ip_hdrlen(iph) / 4);
}

unsigned ip_options_echo(const struct sk_buff *request, be32 addr, uint8_t options[IP_OPTIONS_MAX])
{
    const struct iphdr *iph = ip_hdr(request);
    const uint8_t *option = (const uint8_t *)(iph + 1);
    unsigned room = ip_hdrlen(iph) - (unsigned)sizeof(*iph), out = 0;

    while (room > 0 && *option != IPOPT_END) {
        unsigned len = *option == IPOPT_NOP ? 1 : option[OPTION_LEN];

        if (*option == IPOPT_RR || *option == IPOPT_TS) {
            memcpy(options + out, option, len);
            out += len;
        }
        option += len;
        room -= len;
    }
    memset(options + out, IPOPT_END, ALIGN_UP(out, 4u) - out);
    out = ALIGN_UP(out, 4u);
    ip_options_fill(request->net, options, out, addr);
    return out;
}
