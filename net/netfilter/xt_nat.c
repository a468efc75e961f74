/*
 * xt_nat.c - the targets of table nat: DNAT, SNAT, REDIRECT, MASQUERADE.
 *
 * Called for the first packet of a connection, by way of nf_nat_core.c; each decides one half of it
 * (nf_nat_setup) and accepts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "net/ipv4/route.h"
#include "net/netfilter/nf_nat.h"
#include "net/netfilter/xt_extensions.h"

#define NAT_AT_DST (1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_OUT)
#define NAT_AT_SRC (1 << NF_INET_POST_ROUTING | 1 << NF_INET_LOCAL_IN)

#define LOOPBACK_HOST cpu_to_be32(0x7f000001)

struct xt_nat {
    struct nf_nat_range range;
    bool persistent, random, random_fully; /* as written */
};

/* --- reading --- */

/* "5000" or "5000-5010" up to the end of the word; false: neither. */
static bool nat_read_ports(const char *text, struct nf_nat_range *range)
{
    unsigned long from, to;
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    from = to = strtoul(text, &end, 10);
    if (*end == '-') {
        if (end[1] < '0' || end[1] > '9')
            return false;
        to = strtoul(end + 1, &end, 10);
    }
    if (*end || !from || to > 65535 || from > to)
        return false;
    range->flags |= NF_NAT_RANGE_PORTS;
    range->min_port = (uint16_t)from;
    range->max_port = (uint16_t)to;
    return true;
}

static bool nat_read_addr(const char *text, size_t len, be32 *addr)
{
    char dotted[INET_ADDRSTRLEN];

    if (!len || len >= sizeof(dotted))
        return false;
    memcpy(dotted, text, len);
    dotted[len] = '\0';
    return inet_pton(AF_INET, dotted, addr) == 1;
}

/* a[-b][:p[-q]] or :p[-q] */
static bool nat_read_range(const char *word, struct nf_nat_range *range)
{
    size_t len = strcspn(word, ":");
    const char *dash = memchr(word, '-', len);

    if (word[len] && !nat_read_ports(word + len + 1, range))
        return false;
    if (!len)
        return word[0] != '\0';
    if (!nat_read_addr(word, dash ? (size_t)(dash - word) : len, &range->min_addr))
        return false;
    range->max_addr = range->min_addr;
    if (dash && !nat_read_addr(dash + 1, len - (size_t)(dash + 1 - word), &range->max_addr))
        return false;
    range->flags |= NF_NAT_RANGE_ADDRS;
    return be32_to_cpu(range->min_addr) <= be32_to_cpu(range->max_addr);
}

/* The word behind an option that stands once and is not negated; NULL: it was told what is wrong. */
static const char *nat_parse_word(struct xt_parse *in, const char *option, bool invert,
                                  const struct nf_nat_range *range)
{
    if (xt_parse_no_invert(in, option, invert))
        return NULL;
    if (range->flags & (NF_NAT_RANGE_ADDRS | NF_NAT_RANGE_PORTS)) {
        xt_parse_error(in, "%s stands here twice; write one range", option);
        return NULL;
    }
    return xt_parse_word(in);
}

static int nat_parse_to(struct xt_parse *in, const char *option, bool invert, struct xt_nat *nat)
{
    const char *word = nat_parse_word(in, option, invert, &nat->range);

    if (!word)
        return -EINVAL;
    if (!nat_read_range(word, &nat->range))
        return xt_parse_error(in,
                              "\"%s\" is no range of addresses and ports; write 10.0.0.5, 10.0.0.5-10.0.0.9, "
                              "10.0.0.5:80, 10.0.0.5:8000-8010 or :8080",
                              word);
    return 1;
}

static int nat_parse_ports(struct xt_parse *in, const char *option, bool invert, struct xt_nat *nat)
{
    const char *word = nat_parse_word(in, option, invert, &nat->range);

    if (!word)
        return -EINVAL;
    if (!nat_read_ports(word, &nat->range))
        return xt_parse_error(in, "\"%s\" is no range of ports; write 8080 or 8000-8010", word);
    return 1;
}

/* --random, --random-fully, --persistent: what all four have. */
static int nat_parse_flag(struct xt_parse *in, const char *option, bool invert, struct xt_nat *nat)
{
    if (!strcmp(option, "--random")) {
        nat->random = true;
        nat->range.flags |= NF_NAT_RANGE_RANDOM;
    } else if (!strcmp(option, "--random-fully")) {
        nat->random_fully = true;
        nat->range.flags |= NF_NAT_RANGE_RANDOM;
    } else if (!strcmp(option, "--persistent")) {
        nat->persistent = true;
        nat->range.flags |= NF_NAT_RANGE_PERSISTENT;
    } else {
        return 0;
    }
    return xt_parse_no_invert(in, option, invert) ? -EINVAL : 1;
}

static int xt_dnat_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    if (!strcmp(option, "--to-destination"))
        return nat_parse_to(in, option, invert, data);
    return nat_parse_flag(in, option, invert, data);
}

static int xt_snat_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    if (!strcmp(option, "--to-source"))
        return nat_parse_to(in, option, invert, data);
    return nat_parse_flag(in, option, invert, data);
}

static int xt_ports_only_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    if (!strcmp(option, "--to-ports"))
        return nat_parse_ports(in, option, invert, data);
    if (!strcmp(option, "--persistent"))
        return 0;
    return nat_parse_flag(in, option, invert, data);
}

static int nat_check_ports(struct xt_parse *in, const struct xt_rule *rule, const struct xt_nat *nat)
{
    uint8_t protocol = xt_rule_protocol(rule);

    if ((nat->range.flags & NF_NAT_RANGE_PORTS) && protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
        return xt_parse_error(in, "ports need -p tcp or -p udp in the same rule");
    return 0;
}

static int xt_ports_only_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return nat_check_ports(in, rule, data);
}

static int nat_check_to(struct xt_parse *in, const struct xt_rule *rule, const struct xt_nat *nat,
                        const char *needs)
{
    if (!(nat->range.flags & (NF_NAT_RANGE_ADDRS | NF_NAT_RANGE_PORTS)))
        return xt_parse_error(in, "%s", needs);
    return nat_check_ports(in, rule, nat);
}

static int xt_dnat_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return nat_check_to(in, rule, data, "-j DNAT needs --to-destination, as --to-destination 10.0.0.5:80");
}

static int xt_snat_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return nat_check_to(in, rule, data, "-j SNAT needs --to-source, as --to-source 192.0.2.1");
}

/* --- writing --- */

static void nat_print_addr(struct xt_text *out, be32 addr)
{
    uint32_t a = be32_to_cpu(addr);

    xt_print(out, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void nat_print_ports(struct xt_text *out, const struct nf_nat_range *range)
{
    xt_print(out, "%u", range->min_port);
    if (range->max_port != range->min_port)
        xt_print(out, "-%u", range->max_port);
}

static void nat_print_flags(struct xt_text *out, const struct xt_nat *nat)
{
    if (nat->random)
        xt_print(out, " --random");
    if (nat->random_fully)
        xt_print(out, " --random-fully");
    if (nat->persistent)
        xt_print(out, " --persistent");
}

static void nat_print_to(struct xt_text *out, const char *option, const struct xt_nat *nat)
{
    const struct nf_nat_range *range = &nat->range;

    xt_print(out, " %s ", option);
    if (range->flags & NF_NAT_RANGE_ADDRS) {
        nat_print_addr(out, range->min_addr);
        if (range->max_addr != range->min_addr) {
            xt_print(out, "-");
            nat_print_addr(out, range->max_addr);
        }
    }
    if (range->flags & NF_NAT_RANGE_PORTS) {
        xt_print(out, ":");
        nat_print_ports(out, range);
    }
    nat_print_flags(out, nat);
}

static void xt_dnat_print(struct xt_text *out, const void *data)
{
    nat_print_to(out, "--to-destination", data);
}

static void xt_snat_print(struct xt_text *out, const void *data)
{
    nat_print_to(out, "--to-source", data);
}

static void xt_ports_only_print(struct xt_text *out, const void *data)
{
    const struct xt_nat *nat = data;

    if (nat->range.flags & NF_NAT_RANGE_PORTS) {
        xt_print(out, " --to-ports ");
        nat_print_ports(out, &nat->range);
    }
    nat_print_flags(out, nat);
}

/* --- deciding --- */

/* The connection of a first packet; NULL: there is nothing to decide (untracked, invalid). */
static struct nf_conn *nat_conn(const struct xt_packet *p)
{
    enum ip_conntrack_info info;
    struct nf_conn *ct = nf_ct_get(p->skb, &info);

    return ct && info == IP_CT_NEW && !(ct->status & IPS_CONFIRMED) ? ct : NULL;
}

static int nat_decide(const struct xt_packet *p, const struct nf_nat_range *range)
{
    struct nf_conn *ct = nat_conn(p);

    if (ct)
        nf_nat_setup(ct, range, nf_nat_hook_manip(p->state->hook));
    return NF_ACCEPT;
}

static int xt_nat_apply(const void *data, struct xt_packet *p)
{
    return nat_decide(p, &((const struct xt_nat *)data)->range);
}

/* To this machine: the address of the device it came in by; what we send ourselves, to ourselves. */
static int xt_redirect_apply(const void *data, struct xt_packet *p)
{
    struct nf_nat_range range = ((const struct xt_nat *)data)->range;
    const struct iphdr *iph = (const struct iphdr *)p->skb->data;
    be32 addr =
        p->state->hook == NF_INET_LOCAL_OUT ? LOOPBACK_HOST : inet_select_addr(p->state->in, iph->saddr);

    if (!addr)
        return NF_DROP; /* the device has none: nobody is there to be redirected to */
    range.flags |= NF_NAT_RANGE_ADDRS;
    range.min_addr = range.max_addr = addr;
    return nat_decide(p, &range);
}

/* From the address this machine itself would use on the way out. */
static int xt_masquerade_apply(const void *data, struct xt_packet *p)
{
    struct nf_nat_range range = ((const struct xt_nat *)data)->range;
    const struct iphdr *iph = (const struct iphdr *)p->skb->data;
    const struct rtable *rt = skb_rtable(p->skb);
    struct nf_conn *ct = nat_conn(p);
    be32 addr;

    if (!ct || !iph->saddr) /* a client of DHCP has no address to be hidden */
        return NF_ACCEPT;
    addr = inet_select_addr((struct net_device *)p->state->out, rt && rt->gateway ? rt->gateway : iph->daddr);
    if (!addr)
        return NF_DROP;
    range.flags |= NF_NAT_RANGE_ADDRS;
    range.min_addr = range.max_addr = addr;
    ct->masq_ifindex = p->state->out->ifindex;
    return nat_decide(p, &range);
}

const struct xt_target xt_dnat_target = {
    .name = "DNAT",
    .size = sizeof(struct xt_nat),
    .tables = 1 << XT_NAT,
    .hooks = NAT_AT_DST,
    .target = xt_nat_apply,
    .parse = xt_dnat_parse,
    .check = xt_dnat_check,
    .print = xt_dnat_print,
};

const struct xt_target xt_snat_target = {
    .name = "SNAT",
    .size = sizeof(struct xt_nat),
    .tables = 1 << XT_NAT,
    .hooks = NAT_AT_SRC,
    .target = xt_nat_apply,
    .parse = xt_snat_parse,
    .check = xt_snat_check,
    .print = xt_snat_print,
};

const struct xt_target xt_redirect_target = {
    .name = "REDIRECT",
    .size = sizeof(struct xt_nat),
    .tables = 1 << XT_NAT,
    .hooks = NAT_AT_DST,
    .target = xt_redirect_apply,
    .parse = xt_ports_only_parse,
    .check = xt_ports_only_check,
    .print = xt_ports_only_print,
};

const struct xt_target xt_masquerade_target = {
    .name = "MASQUERADE",
    .size = sizeof(struct xt_nat),
    .tables = 1 << XT_NAT,
    .hooks = 1 << NF_INET_POST_ROUTING,
    .target = xt_masquerade_apply,
    .parse = xt_ports_only_parse,
    .check = xt_ports_only_check,
    .print = xt_ports_only_print,
};
