/*
 * xt_ipheader.c - matches and targets on the IPv4 header's own fields: length, TTL, TOS and DSCP.
 *
 * Whoever writes to a header makes it its own first (skb_cow_head) and mends the checksum by the difference
 * (RFC 1624).
 */
#include <errno.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/core/checksum.h"
#include "net/netfilter/iptables_parse.h"
#include "net/netfilter/xt_extensions.h"

static struct iphdr *xt_ip_writable(struct sk_buff *skb)
{
    return skb_cow_head(skb, 0) ? NULL : (struct iphdr *)skb->data;
}

/* --- length --- */

struct xt_length {
    uint32_t from, to;
    bool invert, asked;
};

static int xt_length_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_length *l = data;

    if (strcmp(option, "--length"))
        return 0;
    l->asked = true;
    l->invert = invert;
    return xt_parse_range(in, 65535, &l->from, &l->to, ':') ? -EINVAL : 1;
}

static int xt_length_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return ((struct xt_length *)data)->asked ? 0 : xt_parse_error(in, "-m length needs --length FROM:TO");
}

static bool xt_length_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_length *l = data;

    return (p->skb->len >= l->from && p->skb->len <= l->to) != l->invert;
}

static void xt_length_print(struct xt_text *out, const void *data)
{
    const struct xt_length *l = data;

    xt_print(out, "%s --length %u", l->invert ? " !" : "", l->from);
    if (l->to != l->from)
        xt_print(out, ":%u", l->to);
}

static void xt_length_list(struct xt_text *out, const void *data)
{
    const struct xt_length *l = data;

    xt_print(out, " length %s%u", l->invert ? "!" : "", l->from);
    if (l->to != l->from)
        xt_print(out, ":%u", l->to);
}

const struct xt_match xt_length_match = {
    .name = "length",
    .size = sizeof(struct xt_length),
    .match = xt_length_match_packet,
    .parse = xt_length_parse,
    .check = xt_length_check,
    .print = xt_length_print,
    .list = xt_length_list,
};

/* --- ttl --- */

enum { XT_TTL_NONE, XT_TTL_EQ, XT_TTL_LT, XT_TTL_GT, XT_TTL_SET, XT_TTL_DEC, XT_TTL_INC };
static const char *const xt_ttl_options[] = {"",          "--ttl-eq",  "--ttl-lt", "--ttl-gt",
                                             "--ttl-set", "--ttl-dec", "--ttl-inc"};

struct xt_ttl {
    uint8_t what, ttl;
    bool invert;
};

static int xt_ttl_read(struct xt_parse *in, const char *option, unsigned first, unsigned last,
                       struct xt_ttl *t)
{
    for (unsigned i = first; i <= last; i++) {
        uint32_t ttl;

        if (strcmp(option, xt_ttl_options[i]) && !(i == XT_TTL_EQ && !strcmp(option, "--ttl")))
            continue;
        if (t->what)
            return xt_parse_error(in, "%s is one option too many; write a second rule", option);
        if (xt_parse_u32(in, 0, 255, &ttl))
            return -EINVAL;
        t->what = (uint8_t)i;
        t->ttl = (uint8_t)ttl;
        return 1;
    }
    return 0;
}

static int xt_ttl_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_ttl *t = data;
    int ret = xt_ttl_read(in, option, XT_TTL_EQ, XT_TTL_GT, t);

    if (ret == 1)
        t->invert = invert;
    return ret == 1 && invert && t->what != XT_TTL_EQ ? xt_parse_no_invert(in, option, true) : ret;
}

static int xt_ttl_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return ((struct xt_ttl *)data)->what ? 0
                                         : xt_parse_error(in, "-m ttl needs --ttl-eq, --ttl-lt or --ttl-gt");
}

static bool xt_ttl_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_ttl *t = data;
    uint8_t ttl = ((const struct iphdr *)p->skb->data)->ttl;

    if (t->what == XT_TTL_EQ)
        return (ttl == t->ttl) != t->invert;
    return t->what == XT_TTL_LT ? ttl < t->ttl : ttl > t->ttl;
}

static void xt_ttl_print(struct xt_text *out, const void *data)
{
    const struct xt_ttl *t = data;

    xt_print(out, "%s %s %u", t->invert ? " !" : "", xt_ttl_options[t->what], t->ttl);
}

const struct xt_match xt_ttl_match = {
    .name = "ttl",
    .size = sizeof(struct xt_ttl),
    .match = xt_ttl_match_packet,
    .parse = xt_ttl_parse,
    .check = xt_ttl_check,
    .print = xt_ttl_print,
};

static int xt_ttl_parse_target(struct xt_parse *in, const char *option, bool invert, void *data)
{
    int ret = xt_ttl_read(in, option, XT_TTL_SET, XT_TTL_INC, data);

    return ret == 1 && invert ? xt_parse_no_invert(in, option, true) : ret;
}

static int xt_ttl_check_target(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    const struct xt_ttl *t = data;

    if (!t->what)
        return xt_parse_error(in, "-j TTL needs --ttl-set, --ttl-dec or --ttl-inc");
    return t->what == XT_TTL_SET || t->ttl
               ? 0
               : xt_parse_error(in, "%s 0 changes nothing", xt_ttl_options[t->what]);
}

static int xt_ttl_apply(const void *data, struct xt_packet *p)
{
    const struct xt_ttl *t = data;
    const struct iphdr *now = (const struct iphdr *)p->skb->data;
    int ttl = t->what == XT_TTL_SET ? t->ttl : t->what == XT_TTL_DEC ? now->ttl - t->ttl : now->ttl + t->ttl;
    struct iphdr *iph;

    ttl = ttl < 0 ? 0 : ttl > 255 ? 255 : ttl;
    if (ttl == now->ttl)
        return XT_CONTINUE;
    iph = xt_ip_writable(p->skb);
    if (!iph)
        return NF_DROP;
    csum_replace2(&iph->check, cpu_to_be16(iph->ttl << 8), cpu_to_be16(ttl << 8));
    iph->ttl = (uint8_t)ttl;
    return XT_CONTINUE;
}

const struct xt_target xt_ttl_target = {
    .name = "TTL",
    .size = sizeof(struct xt_ttl),
    .tables = 1 << XT_MANGLE,
    .target = xt_ttl_apply,
    .parse = xt_ttl_parse_target,
    .check = xt_ttl_check_target,
    .print = xt_ttl_print,
};

/* --- tos and dscp: the same byte, of which dscp is the upper six bits (RFC 2474 3) --- */

struct xt_tos {
    uint8_t value, mask;
    bool invert, asked;
};

#define XT_DSCP_MASK 0xfc

static const struct {
    const char *name;
    uint8_t dscp;
} xt_dscp_classes[] = {
    {"CS0", 0},   {"BE", 0},    {"CS1", 8},   {"AF11", 10}, {"AF12", 12}, {"AF13", 14},
    {"CS2", 16},  {"AF21", 18}, {"AF22", 20}, {"AF23", 22}, {"CS3", 24},  {"AF31", 26},
    {"AF32", 28}, {"AF33", 30}, {"CS4", 32},  {"AF41", 34}, {"AF42", 36}, {"AF43", 38},
    {"CS5", 40},  {"EF", 46},   {"CS6", 48},  {"CS7", 56},
};

/* "0x10" or "0x10/0x3f" */
static int xt_tos_value(struct xt_parse *in, struct xt_tos *t)
{
    uint32_t value, mask;
    const char *word = xt_parse_word(in), *slash;
    uint64_t v, m = 0xff;
    char first[8];

    if (!word)
        return -EINVAL;
    slash = strchr(word, '/');
    strlcpy(first, word, sizeof(first));
    if (slash && (size_t)(slash - word) < sizeof(first))
        first[slash - word] = '\0';
    if (xt_parse_number(first, 255, &v) || (slash && xt_parse_number(slash + 1, 255, &m)))
        return xt_parse_error(in, "\"%.40s\" is no TOS; write a number up to 255, or number/mask", word);
    value = (uint32_t)v;
    mask = (uint32_t)m;
    *t = (struct xt_tos){.value = (uint8_t)value, .mask = (uint8_t)mask, .asked = true};
    return 1;
}

static int xt_dscp_value(struct xt_parse *in, struct xt_tos *t)
{
    uint32_t dscp;

    if (xt_parse_u32(in, 0, 63, &dscp))
        return -EINVAL;
    *t = (struct xt_tos){.value = (uint8_t)(dscp << 2), .mask = XT_DSCP_MASK, .asked = true};
    return 1;
}

static int xt_dscp_class(struct xt_parse *in, struct xt_tos *t)
{
    const char *word = xt_parse_word(in);

    if (!word)
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_SIZE(xt_dscp_classes); i++) {
        if (!strcmp(word, xt_dscp_classes[i].name)) {
            *t = (struct xt_tos){
                .value = (uint8_t)(xt_dscp_classes[i].dscp << 2), .mask = XT_DSCP_MASK, .asked = true};
            return 1;
        }
    }
    return xt_parse_error(in, "\"%.40s\" is no class; write EF, BE, CS0 to CS7 or AF11 to AF43", word);
}

static int xt_tos_option(struct xt_parse *in, const char *option, bool invert, struct xt_tos *t,
                         int (*value)(struct xt_parse *in, struct xt_tos *t))
{
    int ret;

    if (t->asked)
        return xt_parse_error(in, "%s is one option too many", option);
    ret = value(in, t);
    t->invert = invert;
    return ret;
}

static int xt_tos_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    return strcmp(option, "--tos") ? 0 : xt_tos_option(in, option, invert, data, xt_tos_value);
}

static int xt_dscp_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    if (!strcmp(option, "--dscp"))
        return xt_tos_option(in, option, invert, data, xt_dscp_value);
    return strcmp(option, "--dscp-class") ? 0 : xt_tos_option(in, option, invert, data, xt_dscp_class);
}

static int xt_tos_parse_target(struct xt_parse *in, const char *option, bool invert, void *data)
{
    if (strcmp(option, "--set-tos"))
        return 0;
    return xt_parse_no_invert(in, option, invert) ? -EINVAL
                                                  : xt_tos_option(in, option, false, data, xt_tos_value);
}

static int xt_dscp_parse_target(struct xt_parse *in, const char *option, bool invert, void *data)
{
    bool number = !strcmp(option, "--set-dscp");

    if (!number && strcmp(option, "--set-dscp-class"))
        return 0;
    if (xt_parse_no_invert(in, option, invert))
        return -EINVAL;
    return xt_tos_option(in, option, false, data, number ? xt_dscp_value : xt_dscp_class);
}

static int xt_tos_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return ((struct xt_tos *)data)->asked
               ? 0
               : xt_parse_error(in, "the value is missing: --tos, --dscp, --set-tos or "
                                    "--set-dscp");
}

static bool xt_tos_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_tos *t = data;

    return ((((const struct iphdr *)p->skb->data)->tos & t->mask) == t->value) != t->invert;
}

static int xt_tos_apply(const void *data, struct xt_packet *p)
{
    const struct xt_tos *t = data;
    const struct iphdr *now = (const struct iphdr *)p->skb->data;
    uint8_t tos = (uint8_t)((now->tos & ~t->mask) | t->value);
    struct iphdr *iph;

    if (tos == now->tos)
        return XT_CONTINUE;
    iph = xt_ip_writable(p->skb);
    if (!iph)
        return NF_DROP;
    csum_replace2(&iph->check, cpu_to_be16(iph->tos), cpu_to_be16(tos));
    iph->tos = tos;
    return XT_CONTINUE;
}

static void xt_tos_print(struct xt_text *out, const void *data)
{
    const struct xt_tos *t = data;

    xt_print(out, "%s --tos 0x%02x/0x%02x", t->invert ? " !" : "", t->value, t->mask);
}

static void xt_dscp_print(struct xt_text *out, const void *data)
{
    const struct xt_tos *t = data;

    xt_print(out, "%s --dscp 0x%02x", t->invert ? " !" : "", t->value >> 2);
}

static void xt_tos_print_target(struct xt_text *out, const void *data)
{
    const struct xt_tos *t = data;

    xt_print(out, " --set-tos 0x%02x/0x%02x", t->value, t->mask);
}

static void xt_dscp_print_target(struct xt_text *out, const void *data)
{
    xt_print(out, " --set-dscp 0x%02x", ((const struct xt_tos *)data)->value >> 2);
}

const struct xt_match xt_tos_match = {
    .name = "tos",
    .size = sizeof(struct xt_tos),
    .match = xt_tos_match_packet,
    .parse = xt_tos_parse,
    .check = xt_tos_check,
    .print = xt_tos_print,
};

const struct xt_match xt_dscp_match = {
    .name = "dscp",
    .size = sizeof(struct xt_tos),
    .match = xt_tos_match_packet,
    .parse = xt_dscp_parse,
    .check = xt_tos_check,
    .print = xt_dscp_print,
};

const struct xt_target xt_tos_target = {
    .name = "TOS",
    .size = sizeof(struct xt_tos),
    .tables = 1 << XT_MANGLE,
    .target = xt_tos_apply,
    .parse = xt_tos_parse_target,
    .check = xt_tos_check,
    .print = xt_tos_print_target,
};

const struct xt_target xt_dscp_target = {
    .name = "DSCP",
    .size = sizeof(struct xt_tos),
    .tables = 1 << XT_MANGLE,
    .target = xt_tos_apply,
    .parse = xt_dscp_parse_target,
    .check = xt_tos_check,
    .print = xt_dscp_print_target,
};
