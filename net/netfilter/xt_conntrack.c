/*
 * xt_conntrack.c - -m conntrack and -m state: what tracking knows of the packet's connection.
 *
 * A rule with one of them keeps tracking in the hooks as long as it stands.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "net/netfilter/nf_conntrack.h"
#include "net/netfilter/xt_extensions.h"

/* --ctstate: bits */
#define CT_STATE_INVALID     0x01
#define CT_STATE_NEW         0x02
#define CT_STATE_ESTABLISHED 0x04
#define CT_STATE_RELATED     0x08
#define CT_STATE_UNTRACKED   0x10
#define CT_STATE_SNAT        0x20
#define CT_STATE_DNAT        0x40

/* --ctstatus: bits */
#define CT_STATUS_NONE       0x01
#define CT_STATUS_SEEN_REPLY 0x02
#define CT_STATUS_ASSURED    0x04
#define CT_STATUS_CONFIRMED  0x08

struct ct_name {
    const char *name;
    uint8_t bit;
};

static const struct ct_name ct_states[] = {
    {"INVALID", CT_STATE_INVALID},     {"NEW", CT_STATE_NEW},
    {"RELATED", CT_STATE_RELATED},     {"ESTABLISHED", CT_STATE_ESTABLISHED},
    {"UNTRACKED", CT_STATE_UNTRACKED}, {"SNAT", CT_STATE_SNAT},
    {"DNAT", CT_STATE_DNAT},           {NULL, 0}};
static const struct ct_name ct_statuses[] = {{"NONE", CT_STATUS_NONE},
                                             {"SEEN_REPLY", CT_STATUS_SEEN_REPLY},
                                             {"ASSURED", CT_STATUS_ASSURED},
                                             {"CONFIRMED", CT_STATUS_CONFIRMED},
                                             {NULL, 0}};

/* Addresses and ports of the two tuples, in the order of enum ct_end. */
enum ct_end { CT_ORIG_SRC, CT_ORIG_DST, CT_REPL_SRC, CT_REPL_DST, CT_ENDS };

static const char *const ct_addr_options[CT_ENDS] = {"--ctorigsrc", "--ctorigdst", "--ctreplsrc",
                                                     "--ctrepldst"};
static const char *const ct_port_options[CT_ENDS] = {"--ctorigsrcport", "--ctorigdstport", "--ctreplsrcport",
                                                     "--ctrepldstport"};

#define CT_ASK_STATE  0x0001
#define CT_ASK_PROTO  0x0002
#define CT_ASK_STATUS 0x0004
#define CT_ASK_DIR    0x0008
#define CT_ASK_EXPIRE 0x0010
#define CT_ASK_ADDR   0x0020 /* << enum ct_end */
#define CT_ASK_PORT   0x0200 /* << enum ct_end */

struct xt_conntrack {
    uint16_t asks, invert; /* CT_ASK_* */
    uint8_t states, statuses, protocol, dir;
    uint32_t expire_from, expire_to; /* seconds */
    struct {
        be32 addr, mask;
        uint16_t port_from, port_to;
    } end[CT_ENDS];
};

/* --- reading --- */

/* "NEW,ESTABLISHED" as bits; 0 if one is not in the table. */
static uint8_t ct_read_names(const char *word, const struct ct_name *names)
{
    uint8_t bits = 0;

    while (*word) {
        size_t len = strcspn(word, ",");
        const struct ct_name *n = names;

        while (n->name && (strlen(n->name) != len || strncmp(n->name, word, len) != 0))
            n++;
        if (!n->name)
            return 0;
        bits |= n->bit;
        word += len;
        word += *word == ',';
    }
    return bits;
}

static int ct_parse_states(struct xt_parse *in, const char *option, const struct ct_name *names,
                           uint8_t *bits)
{
    const char *word = xt_parse_word(in);

    if (!word)
        return -EINVAL;
    *bits = ct_read_names(word, names);
    if (*bits)
        return 0;
    if (names == ct_statuses)
        return xt_parse_error(
            in, "\"%s\" is no list for %s; write NONE, SEEN_REPLY, ASSURED, CONFIRMED, with commas", word,
            option);
    return xt_parse_error(
        in,
        "\"%s\" is no list for %s; write INVALID, NEW, ESTABLISHED, RELATED, UNTRACKED, SNAT, "
        "DNAT, with commas and no blanks",
        word, option);
}

static int ct_parse_protocol(struct xt_parse *in, uint8_t *protocol)
{
    static const struct ct_name names[] = {
        {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmp", IPPROTO_ICMP}};
    const char *word = xt_parse_word(in);
    char *end;

    if (!word)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(word, names[i].name)) {
            *protocol = names[i].bit;
            return 0;
        }
    }
    unsigned long number = strtoul(word, &end, 10);
    if (*end || end == word || number > 255)
        return xt_parse_error(in, "\"%s\" is no protocol; write tcp, udp, icmp or a number up to 255", word);
    *protocol = (uint8_t)number;
    return 0;
}

static int ct_parse_dir(struct xt_parse *in, uint8_t *dir)
{
    static const char *const names[] = {"ORIGINAL", "REPLY", NULL};
    int index = xt_parse_name(in, "direction", names);

    *dir = (uint8_t)index;
    return index < 0 ? index : 0;
}

static int ct_parse_ports(struct xt_parse *in, uint16_t *from, uint16_t *to)
{
    uint32_t first = 0, last = 0;
    int err = xt_parse_range(in, 65535, &first, &last, ':');

    *from = (uint16_t)first;
    *to = (uint16_t)last;
    return err;
}

/* What the option asks for, and its value: a bit of CT_ASK_*; 0: none of ours; < 0. */
static int ct_parse_option(struct xt_parse *in, const char *option, struct xt_conntrack *m)
{
    int err = 0, ask = 0;

    if (!strcmp(option, "--ctstate")) {
        ask = CT_ASK_STATE;
        err = ct_parse_states(in, option, ct_states, &m->states);
    } else if (!strcmp(option, "--ctproto")) {
        ask = CT_ASK_PROTO;
        err = ct_parse_protocol(in, &m->protocol);
    } else if (!strcmp(option, "--ctstatus")) {
        ask = CT_ASK_STATUS;
        err = ct_parse_states(in, option, ct_statuses, &m->statuses);
    } else if (!strcmp(option, "--ctdir")) {
        ask = CT_ASK_DIR;
        err = ct_parse_dir(in, &m->dir);
    } else if (!strcmp(option, "--ctexpire")) {
        ask = CT_ASK_EXPIRE;
        err = xt_parse_range(in, 2147483, &m->expire_from, &m->expire_to, ':');
    }
    for (int i = 0; !ask && i < CT_ENDS; i++) {
        if (!strcmp(option, ct_addr_options[i])) {
            ask = CT_ASK_ADDR << i;
            err = xt_parse_addr(in, &m->end[i].addr, &m->end[i].mask);
        } else if (!strcmp(option, ct_port_options[i])) {
            ask = CT_ASK_PORT << i;
            err = ct_parse_ports(in, &m->end[i].port_from, &m->end[i].port_to);
        }
    }
    return err ? -EINVAL : ask;
}

static int xt_conntrack_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_conntrack *m = data;
    int ask = ct_parse_option(in, option, m);

    if (ask <= 0)
        return ask;
    if (m->asks & ask)
        return xt_parse_error(in, "%s stands here twice; write -m conntrack again in front of the second",
                              option);
    m->asks |= (uint16_t)ask;
    if (invert && ask == CT_ASK_DIR)
        return xt_parse_no_invert(in, option, invert) ? -EINVAL : 1;
    if (invert)
        m->invert |= (uint16_t)ask;
    return 1;
}

static int xt_conntrack_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    if (!((struct xt_conntrack *)data)->asks)
        return xt_parse_error(in, "-m conntrack needs an option, as --ctstate ESTABLISHED,RELATED");
    return nf_ct_get_use(xt_parse_net(in));
}

static int xt_state_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_conntrack *m = data;

    if (strcmp(option, "--state") != 0)
        return 0;
    m->asks = CT_ASK_STATE;
    m->invert = invert ? CT_ASK_STATE : 0;
    if (ct_parse_states(in, option, ct_states, &m->states))
        return -EINVAL;
    if (m->states & (CT_STATE_SNAT | CT_STATE_DNAT))
        return xt_parse_error(in, "--state does not know SNAT and DNAT; write -m conntrack --ctstate");
    return 1;
}

static int xt_state_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    if (!((struct xt_conntrack *)data)->asks)
        return xt_parse_error(in, "-m state needs --state, as --state ESTABLISHED,RELATED");
    return nf_ct_get_use(xt_parse_net(in));
}

static void xt_conntrack_destroy(struct net *net, void *data)
{
    nf_ct_put_use(net);
}

/* --- writing --- */

static void ct_print_names(struct xt_text *out, const struct ct_name *names, uint8_t bits)
{
    const char *separator = "";

    for (; names->name; names++) {
        if (!(bits & names->bit))
            continue;
        xt_print(out, "%s%s", separator, names->name);
        separator = ",";
    }
}

static bool ct_print_option(struct xt_text *out, const struct xt_conntrack *m, int ask, const char *option)
{
    if (!(m->asks & ask))
        return false;
    xt_print(out, "%s %s ", m->invert & ask ? " !" : "", option);
    return true;
}

static void ct_print_range(struct xt_text *out, uint32_t from, uint32_t to)
{
    xt_print(out, "%u", from);
    if (to != from)
        xt_print(out, ":%u", to);
}

static void xt_conntrack_print(struct xt_text *out, const void *data)
{
    const struct xt_conntrack *m = data;

    if (ct_print_option(out, m, CT_ASK_STATE, "--ctstate"))
        ct_print_names(out, ct_states, m->states);
    if (ct_print_option(out, m, CT_ASK_PROTO, "--ctproto"))
        xt_print(out, "%u", m->protocol);
    for (int i = 0; i < CT_ENDS; i++)
        if (ct_print_option(out, m, CT_ASK_ADDR << i, ct_addr_options[i]))
            xt_print_addr(out, m->end[i].addr, m->end[i].mask, true);
    for (int i = 0; i < CT_ENDS; i++)
        if (ct_print_option(out, m, CT_ASK_PORT << i, ct_port_options[i]))
            ct_print_range(out, m->end[i].port_from, m->end[i].port_to);
    if (ct_print_option(out, m, CT_ASK_STATUS, "--ctstatus"))
        ct_print_names(out, ct_statuses, m->statuses);
    if (ct_print_option(out, m, CT_ASK_EXPIRE, "--ctexpire"))
        ct_print_range(out, m->expire_from, m->expire_to);
    if (ct_print_option(out, m, CT_ASK_DIR, "--ctdir"))
        xt_print(out, "%s", m->dir == IP_CT_DIR_REPLY ? "REPLY" : "ORIGINAL");
}

static void xt_state_print(struct xt_text *out, const void *data)
{
    const struct xt_conntrack *m = data;

    if (ct_print_option(out, m, CT_ASK_STATE, "--state"))
        ct_print_names(out, ct_states, m->states);
}

/* --- asking --- */

static uint8_t ct_state_bits(const struct nf_conn *ct, enum ip_conntrack_info info)
{
    uint8_t bits = 0;

    if (!ct)
        return info == IP_CT_UNTRACKED ? CT_STATE_UNTRACKED : CT_STATE_INVALID;
    switch (info) {
    case IP_CT_NEW:
        bits = CT_STATE_NEW;
        break;
    case IP_CT_ESTABLISHED:
    case IP_CT_ESTABLISHED_REPLY:
        bits = CT_STATE_ESTABLISHED;
        break;
    case IP_CT_RELATED:
    case IP_CT_RELATED_REPLY:
        bits = CT_STATE_RELATED;
        break;
    case IP_CT_UNTRACKED:
        break;
    }
    if (ct->status & IPS_SRC_NAT)
        bits |= CT_STATE_SNAT;
    if (ct->status & IPS_DST_NAT)
        bits |= CT_STATE_DNAT;
    return bits;
}

static uint8_t ct_status_bits(const struct nf_conn *ct)
{
    uint8_t bits = 0;

    if (ct->status & IPS_SEEN_REPLY)
        bits |= CT_STATUS_SEEN_REPLY;
    if (ct->status & IPS_ASSURED)
        bits |= CT_STATUS_ASSURED;
    if (ct->status & IPS_CONFIRMED)
        bits |= CT_STATUS_CONFIRMED;
    return bits ? bits : CT_STATUS_NONE;
}

static bool ct_end_is(const struct xt_conntrack *m, const struct nf_conn *ct, int end, bool port)
{
    const struct nf_conntrack_tuple *t =
        nf_ct_tuple(ct, end < CT_REPL_SRC ? IP_CT_DIR_ORIGINAL : IP_CT_DIR_REPLY);
    bool src = end == CT_ORIG_SRC || end == CT_REPL_SRC;
    uint16_t p = be16_to_cpu(src ? t->src_port : t->dst_port);

    if (port)
        return p >= m->end[end].port_from && p <= m->end[end].port_to;
    return ((src ? t->src : t->dst) & m->end[end].mask) == m->end[end].addr;
}

/* One question about a packet's connection. */
static bool ct_answer(const struct xt_conntrack *m, const struct nf_conn *ct, enum ip_conntrack_info info,
                      unsigned ask)
{
    uint64_t expires_s;

    switch (ask) {
    case CT_ASK_PROTO:
        return nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL)->protocol == m->protocol;
    case CT_ASK_STATUS:
        return ct_status_bits(ct) & m->statuses;
    case CT_ASK_DIR:
        return nf_ct_info_dir(info) == m->dir;
    case CT_ASK_EXPIRE:
        expires_s = ct->status & IPS_CONFIRMED ? nf_ct_expires_in_ms(ct) / 1000 : 0;
        return expires_s >= m->expire_from && expires_s <= m->expire_to;
    default:
        break;
    }
    if (ask < CT_ASK_PORT)
        return ct_end_is(m, ct, __builtin_ctz(ask / CT_ASK_ADDR), false);
    return ct_end_is(m, ct, __builtin_ctz(ask / CT_ASK_PORT), true);
}

static bool xt_conntrack_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_conntrack *m = data;
    enum ip_conntrack_info info;
    const struct nf_conn *ct = nf_ct_get(p->skb, &info);
    unsigned left = m->asks;

    if (left & CT_ASK_STATE) {
        if (!(ct_state_bits(ct, info) & m->states) == !(m->invert & CT_ASK_STATE))
            return false;
        left &= ~CT_ASK_STATE;
    }
    if (left && !ct)
        return false; /* what cannot be asked is not answered, negated or not */
    for (; left; left &= left - 1) {
        unsigned ask = left & -left;
        if (ct_answer(m, ct, info, ask) == !!(m->invert & ask))
            return false;
    }
    return true;
}

const struct xt_match xt_conntrack_match = {
    .name = "conntrack",
    .size = sizeof(struct xt_conntrack),
    .match = xt_conntrack_match_packet,
    .parse = xt_conntrack_parse,
    .check = xt_conntrack_check,
    .print = xt_conntrack_print,
    .destroy = xt_conntrack_destroy,
};

const struct xt_match xt_state_match = {
    .name = "state",
    .size = sizeof(struct xt_conntrack),
    .match = xt_conntrack_match_packet,
    .parse = xt_state_parse,
    .check = xt_state_check,
    .print = xt_state_print,
    .destroy = xt_conntrack_destroy,
};
