/*
 * xt_tcpudp.c - the matches that come with -p tcp and -p udp: ports, flags, options.
 *
 * Ports that are not negated are compared by the evaluator itself (xt_match.ports); what is asked here is the
 * rest.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/netfilter/iptables_parse.h"
#include "net/netfilter/xt_extensions.h"
#include "net/netfilter/xt_ports.h"
#include "net/tcp/tcp.h"

struct xt_tcp {
    struct xt_port_range sport, dport;
    bool has_sport, has_dport, not_sport, not_dport;
    bool has_flags, not_flags, not_option;
    uint8_t flags_mask, flags;
    uint8_t option; /* 0: not asked */
};

/* --- ports as text --- */

static const struct {
    const char *name;
    uint16_t port;
} xt_services[] = {
    {"ftp-data", 20}, {"ftp", 21},     {"ssh", 22},    {"telnet", 23}, {"smtp", 25},
    {"domain", 53},   {"bootps", 67},  {"bootpc", 68}, {"tftp", 69},   {"http", 80},
    {"pop3", 110},    {"sunrpc", 111}, {"ntp", 123},   {"imap2", 143}, {"imap", 143},
    {"snmp", 161},    {"bgp", 179},    {"ldap", 389},  {"https", 443}, {"syslog", 514},
};

static int xt_port_number(const char *text, size_t len, uint16_t *port)
{
    char word[16];
    uint64_t number;

    if (!len || len >= sizeof(word))
        return -EINVAL;
    memcpy(word, text, len);
    word[len] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(xt_services); i++) {
        if (!strcmp(word, xt_services[i].name)) {
            *port = xt_services[i].port;
            return 0;
        }
    }
    if (xt_parse_number(word, 65535, &number))
        return -EINVAL;
    *port = (uint16_t)number;
    return 0;
}

int xt_ports_parse(struct xt_parse *in, const char *text, size_t len, struct xt_port_range *range)
{
    const char *colon = memchr(text, ':', len);
    size_t first = colon ? (size_t)(colon - text) : len, second = colon ? len - first - 1 : 0;

    *range = (struct xt_port_range){0, UINT16_MAX};
    if ((!colon || first) && xt_port_number(text, first, &range->from))
        return xt_parse_error(in, "\"%.*s\" is no port; write a number up to 65535, or from:to",
                              (int)min(len, 40ul), text);
    if (!colon)
        range->to = range->from;
    else if (second && xt_port_number(colon + 1, second, &range->to))
        return xt_parse_error(in, "\"%.*s\" is no port; write a number up to 65535, or from:to",
                              (int)min(len, 40ul), text);
    if (range->from > range->to)
        return xt_parse_error(in, "\"%.*s\" ends before it begins; write the smaller port first",
                              (int)min(len, 40ul), text);
    return 0;
}

void xt_ports_print(struct xt_text *out, const struct xt_port_range *range)
{
    if (range->from == range->to)
        xt_print(out, "%u", range->from);
    else
        xt_print(out, "%u:%u", range->from, range->to);
}

static int xt_tcp_ports_option(struct xt_parse *in, const char *option, bool invert, bool *has, bool *negated,
                               struct xt_port_range *range)
{
    const char *word;

    if (*has)
        return xt_parse_error(in, "%s stands twice; write -m multiport for several ports", option);
    word = xt_parse_word(in);
    if (!word || xt_ports_parse(in, word, strlen(word), range))
        return -EINVAL;
    *has = true;
    *negated = invert;
    return 1;
}

/* --- flags as text --- */

static const struct {
    const char *name;
    uint8_t flag;
} xt_tcp_flag_names[] = {{"FIN", TCPHDR_FIN}, {"SYN", TCPHDR_SYN}, {"RST", TCPHDR_RST}, {"PSH", TCPHDR_PSH},
                         {"ACK", TCPHDR_ACK}, {"URG", TCPHDR_URG}, {"ECE", TCPHDR_ECE}, {"CWR", TCPHDR_CWR}};

#define XT_TCP_ALL 0x3f /* FIN to URG: what "ALL" has always meant */

static int xt_tcp_parse_flags(struct xt_parse *in, uint8_t *flags)
{
    const char *word = xt_parse_word(in);

    *flags = 0;
    while (word && *word) {
        size_t len = strcspn(word, ","), i = 0;

        while (i < ARRAY_SIZE(xt_tcp_flag_names) && (len != 3 || strncmp(word, xt_tcp_flag_names[i].name, 3)))
            i++;
        if (i < ARRAY_SIZE(xt_tcp_flag_names))
            *flags |= xt_tcp_flag_names[i].flag;
        else if (len == 3 && !strncmp(word, "ALL", 3))
            *flags |= XT_TCP_ALL;
        else if (len != 4 || strncmp(word, "NONE", 4))
            break;
        word += len + (word[len] == ',');
        if (!*word)
            return 0;
    }
    return word ? xt_parse_error(
                      in,
                      "\"%.40s\" are no flags; write SYN, ACK, FIN, RST, URG, PSH with commas between, ALL "
                      "or NONE",
                      word)
                : -EINVAL;
}

static void xt_tcp_print_flags(struct xt_text *out, uint8_t flags)
{
    unsigned n = 0;

    if (!flags)
        xt_print(out, " NONE");
    for (size_t i = 0; i < ARRAY_SIZE(xt_tcp_flag_names); i++)
        if (flags & xt_tcp_flag_names[i].flag)
            xt_print(out, "%s%s", n++ ? "," : " ", xt_tcp_flag_names[i].name);
}

/* --- tcp --- */

static int xt_tcp_parse_rest(struct xt_parse *in, const char *option, bool invert, struct xt_tcp *t)
{
    uint32_t number;

    if (!strcmp(option, "--tcp-flags")) {
        if (xt_tcp_parse_flags(in, &t->flags_mask) || xt_tcp_parse_flags(in, &t->flags))
            return -EINVAL;
    } else if (!strcmp(option, "--syn")) {
        t->flags_mask = TCPHDR_SYN | TCPHDR_RST | TCPHDR_ACK | TCPHDR_FIN;
        t->flags = TCPHDR_SYN;
    } else if (!strcmp(option, "--tcp-option")) {
        if (xt_parse_u32(in, 1, 255, &number))
            return -EINVAL;
        t->option = (uint8_t)number;
        t->not_option = invert;
        return 1;
    } else {
        return 0;
    }
    t->has_flags = true;
    t->not_flags = invert;
    return 1;
}

static int xt_udp_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_tcp *t = data;

    if (!strcmp(option, "--sport") || !strcmp(option, "--source-port"))
        return xt_tcp_ports_option(in, option, invert, &t->has_sport, &t->not_sport, &t->sport);
    if (!strcmp(option, "--dport") || !strcmp(option, "--destination-port"))
        return xt_tcp_ports_option(in, option, invert, &t->has_dport, &t->not_dport, &t->dport);
    return 0;
}

static int xt_tcp_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    int ret = xt_udp_parse(in, option, invert, data);

    return ret ? ret : xt_tcp_parse_rest(in, option, invert, data);
}

static bool xt_tcp_ports(const void *data, uint16_t ports[4])
{
    const struct xt_tcp *t = data;

    if (t->has_sport && !t->not_sport) {
        ports[0] = t->sport.from;
        ports[1] = t->sport.to;
    }
    if (t->has_dport && !t->not_dport) {
        ports[2] = t->dport.from;
        ports[3] = t->dport.to;
    }
    return !t->not_sport && !t->not_dport && !t->has_flags && !t->option;
}

static bool xt_port_fits(uint16_t port, bool asked, const struct xt_port_range *range, bool invert)
{
    return !asked || (port >= range->from && port <= range->to) != invert;
}

/* Options that run past the header end the search: they are TCP's own business. */
static bool xt_tcp_has_option(struct xt_packet *p, unsigned hdr_len, uint8_t wanted)
{
    uint8_t buf[60];
    const uint8_t *header = hdr_len >= sizeof(struct tcphdr) ? xt_transport(p, hdr_len, buf) : NULL;

    if (!header) {
        p->hotdrop = true;
        return false;
    }
    for (unsigned at = sizeof(struct tcphdr); at < hdr_len && header[at] != TCPOPT_EOL;) {
        if (header[at] == wanted)
            return true;
        if (header[at] == TCPOPT_NOP)
            at++;
        else if (at + 1 < hdr_len && header[at + 1] >= 2)
            at += header[at + 1];
        else
            break;
    }
    return false;
}

static bool xt_tcp_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_tcp *t = data;
    struct tcphdr buf;
    const struct tcphdr *th;

    if (p->fragoff) { /* a second fragment that writes over the flags (RFC 1858 3) */
        p->hotdrop = p->fragoff == 1;
        return false;
    }
    th = xt_transport(p, sizeof(buf), &buf);
    if (!th) {
        p->hotdrop = true;
        return false;
    }
    if (!xt_port_fits(be16_to_cpu(th->source), t->has_sport, &t->sport, t->not_sport) ||
        !xt_port_fits(be16_to_cpu(th->dest), t->has_dport, &t->dport, t->not_dport))
        return false;
    if (t->has_flags && ((th->flags & t->flags_mask) == t->flags) == t->not_flags)
        return false;
    return !t->option || xt_tcp_has_option(p, (th->doff_res >> 4) * 4u, t->option) != t->not_option;
}

static bool xt_udp_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_tcp *t = data;
    uint8_t buf[8];
    const uint8_t *uh = p->fragoff ? NULL : xt_transport(p, sizeof(buf), buf);

    if (!uh) {
        p->hotdrop = !p->fragoff;
        return false;
    }
    return xt_port_fits(get_unaligned_be16(uh), t->has_sport, &t->sport, t->not_sport) &&
           xt_port_fits(get_unaligned_be16(uh + 2), t->has_dport, &t->dport, t->not_dport);
}

static void xt_tcp_print(struct xt_text *out, const void *data)
{
    const struct xt_tcp *t = data;

    if (t->has_sport) {
        xt_print(out, "%s --sport ", t->not_sport ? " !" : "");
        xt_ports_print(out, &t->sport);
    }
    if (t->has_dport) {
        xt_print(out, "%s --dport ", t->not_dport ? " !" : "");
        xt_ports_print(out, &t->dport);
    }
    if (t->option)
        xt_print(out, "%s --tcp-option %u", t->not_option ? " !" : "", t->option);
    if (t->has_flags) {
        xt_print(out, "%s --tcp-flags", t->not_flags ? " !" : "");
        xt_tcp_print_flags(out, t->flags_mask);
        xt_tcp_print_flags(out, t->flags);
    }
}

static void xt_list_port(struct xt_text *out, const char *name, bool asked, bool invert,
                         const struct xt_port_range *range)
{
    if (!asked)
        return;
    xt_print(out, " %s%s:%s", name, range->from == range->to ? "" : "s", invert ? "!" : "");
    xt_ports_print(out, range);
}

static void xt_tcp_list(struct xt_text *out, const char *name, const struct xt_tcp *t)
{
    xt_print(out, " %s", name);
    xt_list_port(out, "spt", t->has_sport, t->not_sport, &t->sport);
    xt_list_port(out, "dpt", t->has_dport, t->not_dport, &t->dport);
    if (t->option)
        xt_print(out, " option=%s%u", t->not_option ? "!" : "", t->option);
    if (t->has_flags)
        xt_print(out, " flags:%s0x%02X/0x%02X", t->not_flags ? "!" : "", t->flags_mask, t->flags);
}

static void xt_tcp_list_tcp(struct xt_text *out, const void *data)
{
    xt_tcp_list(out, "tcp", data);
}

static void xt_tcp_list_udp(struct xt_text *out, const void *data)
{
    xt_tcp_list(out, "udp", data);
}

const struct xt_match xt_tcp_match = {
    .name = "tcp",
    .proto = IPPROTO_TCP,
    .size = sizeof(struct xt_tcp),
    .match = xt_tcp_match_packet,
    .parse = xt_tcp_parse,
    .print = xt_tcp_print,
    .list = xt_tcp_list_tcp,
    .ports = xt_tcp_ports,
};

const struct xt_match xt_udp_match = {
    .name = "udp",
    .proto = IPPROTO_UDP,
    .size = sizeof(struct xt_tcp),
    .match = xt_udp_match_packet,
    .parse = xt_udp_parse,
    .print = xt_tcp_print,
    .list = xt_tcp_list_udp,
    .ports = xt_tcp_ports,
};
