/*
 * xt_mac.c - -m mac and -m pkttype: what the link layer knows of a received packet.
 */
#include <errno.h>
#include <string.h>

#include "net/ethernet/ethernet.h"
#include "net/netfilter/xt_extensions.h"

struct xt_mac {
    uint8_t addr[ETH_ALEN];
    bool invert, asked;
};

static int xt_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool xt_mac_read(const char *word, uint8_t *addr)
{
    for (unsigned i = 0; i < ETH_ALEN; i++, word += 3) {
        int high = xt_hex_digit(word[0]), low = high < 0 ? -1 : xt_hex_digit(word[1]);

        if (low < 0 || word[2] != (i < ETH_ALEN - 1 ? ':' : '\0'))
            return false;
        addr[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int xt_mac_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_mac *m = data;
    const char *word;

    if (strcmp(option, "--mac-source"))
        return 0;
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    if (!xt_mac_read(word, m->addr))
        return xt_parse_error(in, "\"%.40s\" is no link address; write it as 02:00:00:ab:cd:ef", word);
    m->asked = true;
    m->invert = invert;
    return 1;
}

static int xt_mac_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return ((struct xt_mac *)data)->asked ? 0 : xt_parse_error(in, "-m mac needs --mac-source ADDRESS");
}

/* Packets of our own, and those of lo, have no sender on a link: they fit neither way. */
static bool xt_mac_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_mac *m = data;
    const struct net_device *dev = p->state->in;
    const uint8_t *header = skb_mac_header(p->skb);

    if (!dev || dev->hard_header_len != ETH_HLEN || dev->flags & DEV_IFF_LOOPBACK ||
        header + ETH_HLEN > p->skb->data)
        return false;
    return !memcmp(header + ETH_ALEN, m->addr, ETH_ALEN) != m->invert;
}

static void xt_mac_address(struct xt_text *out, const struct xt_mac *m)
{
    const uint8_t *a = m->addr;

    xt_print(out, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void xt_mac_print(struct xt_text *out, const void *data)
{
    xt_print(out, "%s --mac-source ", ((const struct xt_mac *)data)->invert ? " !" : "");
    xt_mac_address(out, data);
}

static void xt_mac_list(struct xt_text *out, const void *data)
{
    xt_print(out, " MAC%s ", ((const struct xt_mac *)data)->invert ? " !" : "");
    xt_mac_address(out, data);
}

const struct xt_match xt_mac_match = {
    .name = "mac",
    .size = sizeof(struct xt_mac),
    .match = xt_mac_match_packet,
    .parse = xt_mac_parse,
    .check = xt_mac_check,
    .print = xt_mac_print,
    .list = xt_mac_list,
};

/* --- pkttype --- */

struct xt_pkttype {
    uint8_t type;
    bool invert, asked;
};

static const char *const xt_pkttype_names[] = {"unicast", "broadcast", "multicast",
                                               NULL}; /* PACKET_HOST ... */

static int xt_pkttype_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_pkttype *t = data;
    int type;

    if (strcmp(option, "--pkt-type"))
        return 0;
    type = xt_parse_name(in, "type of packet", xt_pkttype_names);
    if (type < 0)
        return type;
    *t = (struct xt_pkttype){.type = (uint8_t)type, .invert = invert, .asked = true};
    return 1;
}

static int xt_pkttype_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return ((struct xt_pkttype *)data)->asked ? 0 : xt_parse_error(in, "-m pkttype needs --pkt-type");
}

static bool xt_pkttype_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_pkttype *t = data;

    return (p->skb->pkt_type == t->type) != t->invert;
}

static void xt_pkttype_print(struct xt_text *out, const void *data)
{
    const struct xt_pkttype *t = data;

    xt_print(out, "%s --pkt-type %s", t->invert ? " !" : "", xt_pkttype_names[t->type]);
}

static void xt_pkttype_list(struct xt_text *out, const void *data)
{
    const struct xt_pkttype *t = data;

    xt_print(out, " PKTTYPE %s= %s", t->invert ? "!" : "", xt_pkttype_names[t->type]);
}

const struct xt_match xt_pkttype_match = {
    .name = "pkttype",
    .size = sizeof(struct xt_pkttype),
    .match = xt_pkttype_match_packet,
    .parse = xt_pkttype_parse,
    .check = xt_pkttype_check,
    .print = xt_pkttype_print,
    .list = xt_pkttype_list,
};
