/*
 * xt_addrtype.c - -m addrtype: what kind of address source or destination is to this machine.
 */
#include <errno.h>
#include <string.h>

#include "net/ipv4/route.h"
#include "net/netfilter/xt_extensions.h"

/* The order of enum rt_type. */
static const char *const xt_addrtype_names[] = {"UNICAST", "LOCAL", "BROADCAST", "MULTICAST"};

struct xt_addrtype {
    uint8_t src, dst; /* bits 1 << enum rt_type; 0: not asked */
    bool not_src, not_dst, limit_in, limit_out;
};

static int xt_addrtype_read(struct xt_parse *in, const char *option, uint8_t *types)
{
    const char *word;

    if (*types)
        return xt_parse_error(in, "%s stands twice; write the types with commas between", option);
    word = xt_parse_word(in);
    while (word && *word) {
        size_t len = strcspn(word, ","), i = 0;

        while (i < ARRAY_SIZE(xt_addrtype_names) &&
               (strlen(xt_addrtype_names[i]) != len || strncmp(word, xt_addrtype_names[i], len)))
            i++;
        if (i == ARRAY_SIZE(xt_addrtype_names))
            break;
        *types |= (uint8_t)(1u << i);
        word += len + (word[len] == ',');
        if (!*word)
            return 1;
    }
    return word ? xt_parse_error(
                      in, "\"%.40s\" is no type of address; write UNICAST, LOCAL, BROADCAST, MULTICAST", word)
                : -EINVAL;
}

static int xt_addrtype_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_addrtype *a = data;

    if (!strcmp(option, "--src-type")) {
        a->not_src = invert;
        return xt_addrtype_read(in, option, &a->src);
    }
    if (!strcmp(option, "--dst-type")) {
        a->not_dst = invert;
        return xt_addrtype_read(in, option, &a->dst);
    }
    if (!strcmp(option, "--limit-iface-in"))
        a->limit_in = true;
    else if (!strcmp(option, "--limit-iface-out"))
        a->limit_out = true;
    else
        return 0;
    return xt_parse_no_invert(in, option, invert) ? -EINVAL : 1;
}

static int xt_addrtype_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    const struct xt_addrtype *a = data;

    if (!a->src && !a->dst)
        return xt_parse_error(in, "-m addrtype needs --src-type or --dst-type");
    return a->limit_in && a->limit_out ? xt_parse_error(in, "one device at a time: --limit-iface-in or -out")
                                       : 0;
}

static bool xt_addrtype_fits(struct xt_packet *p, struct net_device *dev, be32 addr, uint8_t types,
                             bool invert)
{
    return !types || (types >> inet_addr_type(p->state->net, dev, addr) & 1) != invert;
}

static bool xt_addrtype_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_addrtype *a = data;
    const struct iphdr *iph = (const struct iphdr *)p->skb->data;
    struct net_device *dev = a->limit_in ? p->state->in : a->limit_out ? p->state->out : NULL;

    return xt_addrtype_fits(p, dev, iph->saddr, a->src, a->not_src) &&
           xt_addrtype_fits(p, dev, iph->daddr, a->dst, a->not_dst);
}

static void xt_addrtype_types(struct xt_text *out, const char *option, uint8_t types, bool invert)
{
    if (!types)
        return;
    xt_print(out, "%s %s", invert ? " !" : "", option);
    for (unsigned i = 0, n = 0; i < ARRAY_SIZE(xt_addrtype_names); i++)
        if (types >> i & 1)
            xt_print(out, "%s%s", n++ ? "," : " ", xt_addrtype_names[i]);
}

static void xt_addrtype_print(struct xt_text *out, const void *data)
{
    const struct xt_addrtype *a = data;

    xt_addrtype_types(out, "--src-type", a->src, a->not_src);
    xt_addrtype_types(out, "--dst-type", a->dst, a->not_dst);
    if (a->limit_in)
        xt_print(out, " --limit-iface-in");
    if (a->limit_out)
        xt_print(out, " --limit-iface-out");
}

const struct xt_match xt_addrtype_match = {
    .name = "addrtype",
    .size = sizeof(struct xt_addrtype),
    .match = xt_addrtype_match_packet,
    .parse = xt_addrtype_parse,
    .check = xt_addrtype_check,
    .print = xt_addrtype_print,
};
