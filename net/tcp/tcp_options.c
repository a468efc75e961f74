/*
 * tcp_options.c - the options of a TCP header, read and written (RFC 9293 3.2, RFC 7323 2.2).
 *
 * Only SYN segments carry options that matter so far; all others are skipped whatever they hold. A malformed
 * option ends the reading: what came before it counts, nothing after it does.
 */
#include "net/tcp/tcp_internal.h"

static void tcp_parse_option(const uint8_t *p, uint8_t len, struct tcp_options_received *opt)
{
    switch (p[0]) {
    case TCPOPT_MSS:
        if (len == TCPOLEN_MSS)
            opt->mss = get_unaligned_be16(p + 2);
        break;
    case TCPOPT_WINDOW:
        if (len != TCPOLEN_WINDOW)
            break;
        opt->wscale_ok = true;
        opt->wscale = min(p[2], (uint8_t)TCP_MAX_WSCALE); /* RFC 7323 2.3: use 14 */
        break;
    default: /* RFC 9293 3.1 MUST-6: unknown ones are skipped */
        break;
    }
}

void tcp_parse_options(const struct sk_buff *skb, const struct tcp_seg *seg, struct tcp_options_received *opt)
{
    const uint8_t *p = (const uint8_t *)tcp_hdr(skb) + TCP_HEADER_LEN;
    unsigned left = seg->hdr_len - TCP_HEADER_LEN;

    *opt = (struct tcp_options_received){0};
    while (left) {
        if (p[0] == TCPOPT_EOL)
            return;
        if (p[0] == TCPOPT_NOP) {
            p++;
            left--;
            continue;
        }
        if (left < 2 || p[1] < 2 || p[1] > left) /* MUST-7 */
            return;
        tcp_parse_option(p, p[1], opt);
        left -= p[1];
        p += p[1];
    }
}

unsigned tcp_write_syn_options(uint8_t *p, uint16_t mss, int wscale)
{
    p[0] = TCPOPT_MSS;
    p[1] = TCPOLEN_MSS;
    put_unaligned_be16(mss, p + 2);
    if (wscale < 0)
        return 4;
    p[4] = TCPOPT_NOP;
    p[5] = TCPOPT_WINDOW;
    p[6] = TCPOLEN_WINDOW;
    p[7] = (uint8_t)wscale;
    return 8;
}
