/*
 * xt_log.c - -j LOG: one line of the kernel log for a packet, in the shape Linux gives it.
 *
 *     prefix IN=eth0 OUT= MAC=... SRC=10.0.0.2 DST=10.0.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF
 * PROTO=TCP SPT=1024 DPT=22 WINDOW=512 RES=0x00 SYN URGP=0
 *
 * A serial console is slow and a flood is not: beyond a burst of LOG_BURST lines LOG_PER_SECOND a second are
 * written, and how many were not is said with the next one.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/log.h"
#include "net/ethernet/ethernet.h"
#include "net/netfilter/iptables_parse.h"
#include "net/netfilter/xt_extensions.h"
#include "net/netfilter/xt_rate.h"
#include "net/tcp/tcp.h"

#define LOG_PREFIX_MAX    30 /* with the NUL, as in Linux */
#define LOG_LEVEL_DEFAULT 4
#define LOG_BURST         50
#define LOG_PER_SECOND    20
#define LOG_LINE          240

struct xt_log {
    char prefix[LOG_PREFIX_MAX];
    uint8_t level;
    bool has_level, sequence;
};

/* --- the line --- */

struct xt_log_line {
    size_t len;
    char text[LOG_LINE];
};

static void __printf(2, 3) log_add(struct xt_log_line *line, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line->text + line->len, sizeof(line->text) - line->len, format, args);
    va_end(args);
    line->len += min((size_t)max(len, 0), sizeof(line->text) - 1 - line->len);
}

static void log_add_mac(struct xt_log_line *line, const struct xt_packet *p)
{
    const uint8_t *header = skb_mac_header(p->skb);

    if (!p->state->in || p->state->hook == NF_INET_LOCAL_OUT)
        return;
    log_add(line, "MAC=");
    if (p->state->in->hard_header_len == ETH_HLEN && header + ETH_HLEN <= p->skb->data)
        for (unsigned i = 0; i < ETH_HLEN; i++)
            log_add(line, "%s%02x", i ? ":" : "", header[i]);
    log_add(line, " ");
}

static void log_add_ip(struct xt_log_line *line, const struct iphdr *iph)
{
    uint32_t s = be32_to_cpu(iph->saddr), d = be32_to_cpu(iph->daddr);
    uint16_t frag = be16_to_cpu(iph->frag_off);

    log_add(line, "SRC=%u.%u.%u.%u DST=%u.%u.%u.%u ", s >> 24, s >> 16 & 255, s >> 8 & 255, s & 255, d >> 24,
            d >> 16 & 255, d >> 8 & 255, d & 255);
    log_add(line, "LEN=%u TOS=0x%02X PREC=0x%02X TTL=%u ID=%u ", be16_to_cpu(iph->tot_len), iph->tos & 0x1e,
            iph->tos & 0xe0, iph->ttl, be16_to_cpu(iph->id));
    log_add(line, "%s%s", frag & IP_DF ? "DF " : "", frag & IP_MF ? "MF " : "");
    if (frag & IP_OFFSET)
        log_add(line, "FRAG:%u ", frag & IP_OFFSET);
}

static void log_add_tcp(struct xt_log_line *line, const struct xt_log *l, const struct xt_packet *p)
{
    static const char *const flags[] = {"FIN ", "SYN ", "RST ", "PSH ", "ACK ", "URG ", "ECE ", "CWR "};
    static const uint8_t order[] = {7, 6, 5, 4, 3, 2, 1, 0};
    struct tcphdr buf;
    const struct tcphdr *th = xt_transport(p, sizeof(buf), &buf);

    if (!th) {
        log_add(line, "INCOMPLETE [%u bytes] ", p->skb->len - p->thoff);
        return;
    }
    log_add(line, "SPT=%u DPT=%u ", be16_to_cpu(th->source), be16_to_cpu(th->dest));
    if (l->sequence)
        log_add(line, "SEQ=%u ACK=%u ", be32_to_cpu(th->seq), be32_to_cpu(th->ack_seq));
    log_add(line, "WINDOW=%u RES=0x%02x ", be16_to_cpu(th->window), th->doff_res & 15);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++)
        if (th->flags >> order[i] & 1)
            log_add(line, "%s", flags[order[i]]);
    log_add(line, "URGP=%u ", be16_to_cpu(th->urg_ptr));
}

static void log_add_udp(struct xt_log_line *line, const struct xt_packet *p)
{
    uint8_t buf[8];
    const uint8_t *uh = xt_transport(p, sizeof(buf), buf);

    if (uh)
        log_add(line, "SPT=%u DPT=%u LEN=%u ", get_unaligned_be16(uh), get_unaligned_be16(uh + 2),
                get_unaligned_be16(uh + 4));
    else
        log_add(line, "INCOMPLETE [%u bytes] ", p->skb->len - p->thoff);
}

static void log_add_icmp(struct xt_log_line *line, const struct xt_packet *p)
{
    uint8_t buf[8];
    const uint8_t *header = xt_transport(p, sizeof(buf), buf);

    if (!header) {
        log_add(line, "INCOMPLETE [%u bytes] ", p->skb->len - p->thoff);
        return;
    }
    log_add(line, "TYPE=%u CODE=%u ", header[0], header[1]);
    if (header[0] == 8 || header[0] == 0)
        log_add(line, "ID=%u SEQ=%u ", get_unaligned_be16(header + 4), get_unaligned_be16(header + 6));
}

static void log_add_transport(struct xt_log_line *line, const struct xt_log *l, const struct xt_packet *p)
{
    uint8_t protocol = ((const struct iphdr *)p->skb->data)->protocol;

    switch (protocol) {
    case IPPROTO_TCP:
        log_add(line, "PROTO=TCP ");
        break;
    case IPPROTO_UDP:
        log_add(line, "PROTO=UDP ");
        break;
    case IPPROTO_ICMP:
        log_add(line, "PROTO=ICMP ");
        break;
    default:
        log_add(line, "PROTO=%u ", protocol);
        return;
    }
    if (p->fragoff)
        return;
    if (protocol == IPPROTO_TCP)
        log_add_tcp(line, l, p);
    else if (protocol == IPPROTO_UDP)
        log_add_udp(line, p);
    else
        log_add_icmp(line, p);
}

static bool log_allows(struct xt_log_limit *limit)
{
    uint64_t cost = NSEC_PER_SEC / LOG_PER_SECOND;
    struct xt_bucket bucket = {.stamp = limit->stamp, .credit_ns = limit->credit_ns};
    bool allowed = xt_bucket_take(&bucket, cost, cost * LOG_BURST);

    limit->stamp = bucket.stamp;
    limit->credit_ns = bucket.credit_ns;
    if (!allowed)
        limit->suppressed++;
    return allowed;
}

static int xt_log_packet(const void *data, struct xt_packet *p)
{
    const struct xt_log *l = data;
    struct xt_log_limit *limit = &p->state->net->xt->log;
    struct xt_log_line line = {.len = 0};

    if (!log_allows(limit))
        return XT_CONTINUE;
    if (limit->suppressed)
        pr_warn("LOG: %u lines left out, to keep the console readable", limit->suppressed);
    limit->suppressed = 0;
    log_add(&line, "%sIN=%s OUT=%s ", l->prefix, p->state->in ? p->state->in->name : "",
            p->state->out ? p->state->out->name : "");
    log_add_mac(&line, p);
    log_add_ip(&line, (const struct iphdr *)p->skb->data);
    log_add_transport(&line, l, p);
    if (p->skb->mark)
        log_add(&line, "MARK=0x%x ", p->skb->mark);
    printk(l->level < LOG_ERR ? LOG_ERR : (enum log_level)l->level, "%s", line.text);
    return XT_CONTINUE;
}

/* --- text --- */

static const char *const log_levels[] = {"emerg",   "alert",  "crit", "error",
                                         "warning", "notice", "info", "debug"};

static int log_parse_level(struct xt_parse *in, struct xt_log *l)
{
    const char *word = xt_parse_word(in);
    uint64_t number = 0;

    if (!word)
        return -EINVAL;
    while (number < ARRAY_SIZE(log_levels) && strcmp(word, log_levels[number]))
        number++;
    if (number == ARRAY_SIZE(log_levels) && xt_parse_number(word, 7, &number))
        return xt_parse_error(
            in, "\"%.40s\" is no level; write 0 to 7, or error, warning, notice, info, debug", word);
    l->level = (uint8_t)number;
    l->has_level = true;
    return 1;
}

static int xt_log_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_log *l = data;
    const char *word;

    if (strncmp(option, "--log-", 6))
        return 0;
    if (xt_parse_no_invert(in, option, invert))
        return -EINVAL;
    if (!strcmp(option, "--log-level"))
        return log_parse_level(in, l);
    if (!strcmp(option, "--log-tcp-sequence")) {
        l->sequence = true;
        return 1;
    }
    if (strcmp(option, "--log-prefix"))
        return 0;
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    if (strlcpy(l->prefix, word, sizeof(l->prefix)) >= sizeof(l->prefix))
        return xt_parse_error(in, "a prefix has at most %d characters; write a shorter one",
                              LOG_PREFIX_MAX - 1);
    return 1;
}

static int xt_log_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_log *l = data;

    if (!l->has_level)
        l->level = LOG_LEVEL_DEFAULT;
    return 0;
}

static void xt_log_print(struct xt_text *out, const void *data)
{
    const struct xt_log *l = data;

    if (*l->prefix) {
        xt_print(out, " --log-prefix ");
        xt_print_quoted(out, l->prefix);
    }
    if (l->level != LOG_LEVEL_DEFAULT)
        xt_print(out, " --log-level %u", l->level);
    if (l->sequence)
        xt_print(out, " --log-tcp-sequence");
}

static void xt_log_list(struct xt_text *out, const void *data)
{
    const struct xt_log *l = data;

    xt_print(out, " LOG flags %u level %u", l->sequence, l->level);
    if (*l->prefix)
        xt_print(out, " prefix \"%s\"", l->prefix);
}

const struct xt_target xt_log_target = {
    .name = "LOG",
    .size = sizeof(struct xt_log),
    .target = xt_log_packet,
    .parse = xt_log_parse,
    .check = xt_log_check,
    .print = xt_log_print,
    .list = xt_log_list,
};
