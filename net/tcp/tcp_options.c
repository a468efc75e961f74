/*
 * tcp_options.c - the options of a TCP header, read and written (RFC 9293 3.2, RFC 7323 2.2).
 *
 * Timestamps and SACK blocks are read from every segment once, into struct tcp_seg; the rest only a SYN may
 * say. A malformed option ends the reading: what came before it counts, nothing after it does.
 */
#include "net/tcp/tcp_internal.h"

/* RFC 7413 4.1.1: no cookie, or one of 4 to 16 bytes, an even number. */
static void tcp_parse_fastopen(const uint8_t *cookie, unsigned len, bool exp,
                               struct tcp_options_received *opt)
{
    if (len % 2 || len > 16 || len == 2)
        return;
    opt->fastopen_len = (int8_t)len;
    opt->fastopen = cookie;
    opt->fastopen_exp = exp;
}

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
    case TCPOPT_SACK_PERM:
        opt->sack_ok |= len == TCPOLEN_SACK_PERM;
        break;
    case TCPOPT_FASTOPEN:
        tcp_parse_fastopen(p + TCPOLEN_FASTOPEN_BASE, len - TCPOLEN_FASTOPEN_BASE, false, opt);
        break;
    case TCPOPT_EXP: /* RFC 7413 appendix B: clients of before it had a number of its own */
        if (len >= TCPOLEN_EXP_BASE && get_unaligned_be16(p + 2) == TCPOPT_EXP_FASTOPEN)
            tcp_parse_fastopen(p + TCPOLEN_EXP_BASE, len - TCPOLEN_EXP_BASE, true, opt);
        break;
    default: /* RFC 9293 3.1 MUST-6: unknown ones are skipped */
        break;
    }
}

/* The next option at or behind *p, of which *left bytes are left; *p and *left move behind it. NULL: no more.
 */
static inline const uint8_t *tcp_next_option(const uint8_t **p, unsigned *left)
{
    while (*left && **p == TCPOPT_NOP) {
        ++*p;
        --*left;
    }
    const uint8_t *option = *p;
    if (*left < 2 || option[0] == TCPOPT_EOL || option[1] < 2 || option[1] > *left) /* MUST-7 */
        return NULL;
    *left -= option[1];
    *p += option[1];
    return option;
}

void tcp_parse_options(const struct sk_buff *skb, const struct tcp_seg *seg, struct tcp_options_received *opt)
{
    const uint8_t *p = (const uint8_t *)tcp_hdr(skb) + TCP_HEADER_LEN, *option;
    unsigned left = seg->hdr_len - TCP_HEADER_LEN;

    *opt = (struct tcp_options_received){.fastopen_len = -1};
    while ((option = tcp_next_option(&p, &left)))
        tcp_parse_option(option, option[1], opt);
}

static void tcp_read_timestamp(const uint8_t *option, struct tcp_seg *seg)
{
    seg->saw_tstamp = true;
    seg->tsval = get_unaligned_be32(option + 2);
    seg->tsecr = get_unaligned_be32(option + 6);
}

/* Whether the blocks make sense is for tcp_sacktag.c to see, which knows what was sent. */
static void tcp_read_sacks(const uint8_t *option, struct tcp_seg *seg)
{
    unsigned len = option[1] - TCPOLEN_SACK_BASE;

    if (!len || len % TCPOLEN_SACK_BLOCK || len / TCPOLEN_SACK_BLOCK > TCP_MAX_SACKS)
        return;
    seg->num_sacks = (uint8_t)(len / TCPOLEN_SACK_BLOCK);
    option += TCPOLEN_SACK_BASE;
    for (unsigned i = 0; i < seg->num_sacks; i++, option += TCPOLEN_SACK_BLOCK)
        seg->sacks[i] = (struct tcp_sack_block){get_unaligned_be32(option), get_unaligned_be32(option + 4)};
}

#define TCP_TSTAMP_ALIGNED                                                                                   \
    ((uint32_t)TCPOPT_NOP << 24 | TCPOPT_NOP << 16 | TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP)

void tcp_parse_segment_options(const struct tcphdr *th, struct tcp_seg *seg)
{
    const uint8_t *p = (const uint8_t *)th + TCP_HEADER_LEN, *option;
    unsigned left = seg->hdr_len - TCP_HEADER_LEN;

    seg->saw_tstamp = false;
    seg->num_sacks = 0;
    if (!left)
        return;
    if (left == TCPOLEN_TSTAMP_ALIGNED && get_unaligned_be32(p) == TCP_TSTAMP_ALIGNED) {
        tcp_read_timestamp(p + 2, seg);
        return;
    }
    while ((option = tcp_next_option(&p, &left))) {
        if (option[0] == TCPOPT_TIMESTAMP && option[1] == TCPOLEN_TIMESTAMP)
            tcp_read_timestamp(option, seg);
        else if (option[0] == TCPOPT_SACK)
            tcp_read_sacks(option, seg);
    }
}

unsigned tcp_write_timestamp(uint8_t *p, uint32_t tsval, uint32_t tsecr)
{
    p[0] = p[1] = TCPOPT_NOP;
    p[2] = TCPOPT_TIMESTAMP;
    p[3] = TCPOLEN_TIMESTAMP;
    put_unaligned_be32(tsval, p + 4);
    put_unaligned_be32(tsecr, p + 8);
    return TCPOLEN_TSTAMP_ALIGNED;
}

unsigned tcp_write_sacks(uint8_t *p, const struct tcp_sack_block *blocks, unsigned count)
{
    p[0] = p[1] = TCPOPT_NOP;
    p[2] = TCPOPT_SACK;
    p[3] = (uint8_t)(TCPOLEN_SACK_BASE + count * TCPOLEN_SACK_BLOCK);
    for (unsigned i = 0; i < count; i++) {
        put_unaligned_be32(blocks[i].start_seq, p + 4 + i * TCPOLEN_SACK_BLOCK);
        put_unaligned_be32(blocks[i].end_seq, p + 8 + i * TCPOLEN_SACK_BLOCK);
    }
    return 4 + count * TCPOLEN_SACK_BLOCK;
}

static unsigned tcp_write_fastopen(uint8_t *p, const uint8_t *cookie, bool exp)
{
    unsigned len = TCPOLEN_FASTOPEN_BASE + TCPOLEN_FASTOPEN_COOKIE;

    if (exp) {
        p[0] = TCPOPT_EXP;
        p[1] = TCPOLEN_EXP_BASE + TCPOLEN_FASTOPEN_COOKIE;
        p[2] = TCPOPT_EXP_FASTOPEN >> 8;
        p[3] = TCPOPT_EXP_FASTOPEN & 0xff;
        __builtin_memcpy(p + TCPOLEN_EXP_BASE, cookie, TCPOLEN_FASTOPEN_COOKIE);
        return TCPOLEN_EXP_BASE + TCPOLEN_FASTOPEN_COOKIE;
    }
    p[0] = TCPOPT_FASTOPEN;
    p[1] = (uint8_t)len;
    __builtin_memcpy(p + TCPOLEN_FASTOPEN_BASE, cookie, TCPOLEN_FASTOPEN_COOKIE);
    p[len] = p[len + 1] = TCPOPT_NOP;
    return len + 2;
}

/* In Linux's order, which is the one middleboxes have seen: MSS, SACK-permitted, timestamp, window scale,
 * Fast Open's cookie. */
unsigned tcp_write_syn_options(uint8_t *p, const struct tcp_syn_options *opt)
{
    unsigned n = 4;

    p[0] = TCPOPT_MSS;
    p[1] = TCPOLEN_MSS;
    put_unaligned_be16(opt->mss, p + 2);
    if (opt->tstamp_ok)
        n += tcp_write_timestamp(p + n, opt->tsval, opt->tsecr);
    if (opt->sack_ok) {
        uint8_t *at = opt->tstamp_ok ? p + 4 : p + n + 2; /* in place of the NOPs, or behind two of its own */
        if (!opt->tstamp_ok) {
            p[n] = p[n + 1] = TCPOPT_NOP;
            n += 4;
        }
        at[0] = TCPOPT_SACK_PERM;
        at[1] = TCPOLEN_SACK_PERM;
    }
    if (opt->wscale >= 0) {
        p[n] = TCPOPT_NOP;
        p[n + 1] = TCPOPT_WINDOW;
        p[n + 2] = TCPOLEN_WINDOW;
        p[n + 3] = (uint8_t)opt->wscale;
        n += 4;
    }
    if (opt->fastopen_cookie)
        n += tcp_write_fastopen(p + n, opt->fastopen_cookie, opt->fastopen_exp);
    return n;
}
