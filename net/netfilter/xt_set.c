/*
 * xt_set.c - -m set: is the packet's source or destination in a set of addresses (ip_set.c)?
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/netfilter/ip_set.h"
#include "net/netfilter/xt_extensions.h"

struct xt_set {
    struct ip_set *set; /* one reference */
    char name[IP_SET_NAME];
    uint8_t nr_dirs;
    bool dst[2]; /* address, port: of the destination */
    bool invert;
};

static int xt_set_dirs(struct xt_parse *in, struct xt_set *s)
{
    const char *word = xt_parse_word(in);

    if (!word)
        return -EINVAL;
    for (s->nr_dirs = 0; s->nr_dirs < 2;) {
        size_t len = strcspn(word, ",");

        if (len != 3 || (strncmp(word, "src", 3) && strncmp(word, "dst", 3)))
            break;
        s->dst[s->nr_dirs++] = *word == 'd';
        if (!word[3])
            return 1;
        word += 4;
    }
    return xt_parse_error(
        in, "\"%.40s\" is no side of a packet; write src, dst, or both for address and port: src,dst", word);
}

static int xt_set_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_set *s = data;
    const char *name;

    if (strcmp(option, "--match-set"))
        return 0;
    if (s->nr_dirs)
        return xt_parse_error(in, "--match-set stands twice; write -m set again in front of it");
    name = xt_parse_word(in);
    if (!name)
        return -EINVAL;
    if (strlcpy(s->name, name, sizeof(s->name)) >= sizeof(s->name) || !ip_set_find(xt_parse_net(in), name))
        return xt_parse_error(in, "there is no set \"%.40s\"; make it first: create %.40s hash:ip", name,
                              name);
    s->invert = invert;
    return xt_set_dirs(in, s);
}

static int xt_set_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_set *s = data;
    unsigned needed;

    if (!s->nr_dirs)
        return xt_parse_error(in, "-m set needs --match-set NAME src or dst");
    s->set = ip_set_find(xt_parse_net(in), s->name);
    if (!s->set)
        return xt_parse_error(in, "there is no set \"%s\"", s->name);
    needed = s->set->type == IP_SET_IP_PORT ? 2 : 1;
    if (s->nr_dirs != needed)
        return xt_parse_error(in,
                              needed == 2
                                  ? "set %s holds addresses with ports; write two sides: src,dst or dst,dst"
                                  : "set %s holds addresses alone; write one side: src or dst",
                              s->name);
    s->set->references++;
    return 0;
}

static void xt_set_release(struct net *net, void *data)
{
    ((struct xt_set *)data)->set->references--;
}

/* true: the packet has ports; the asked one in *port. */
static bool xt_set_port(struct xt_packet *p, bool dst, uint16_t *port)
{
    uint8_t protocol = ((const struct iphdr *)p->skb->data)->protocol, buf[4];
    const uint8_t *ports;

    if (p->fragoff || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP))
        return false;
    ports = xt_transport(p, sizeof(buf), buf);
    if (!ports)
        return false;
    *port = get_unaligned_be16(ports + (dst ? 2 : 0));
    return true;
}

static bool xt_set_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_set *s = data;
    const struct iphdr *iph = (const struct iphdr *)p->skb->data;
    uint16_t port = 0;
    bool in_set = true;

    if (s->nr_dirs == 2)
        in_set = xt_set_port(p, s->dst[1], &port);
    in_set = in_set && ip_set_test(s->set, s->dst[0] ? iph->daddr : iph->saddr, iph->protocol, port);
    return in_set != s->invert;
}

static void xt_set_print(struct xt_text *out, const void *data)
{
    const struct xt_set *s = data;

    xt_print(out, "%s --match-set %s %s", s->invert ? " !" : "", s->set->name, s->dst[0] ? "dst" : "src");
    if (s->nr_dirs == 2)
        xt_print(out, ",%s", s->dst[1] ? "dst" : "src");
}

static void xt_set_list(struct xt_text *out, const void *data)
{
    const struct xt_set *s = data;

    xt_print(out, "%s match-set %s %s", s->invert ? " !" : "", s->set->name, s->dst[0] ? "dst" : "src");
    if (s->nr_dirs == 2)
        xt_print(out, ",%s", s->dst[1] ? "dst" : "src");
}

const struct xt_match xt_set_match = {
    .name = "set",
    .size = sizeof(struct xt_set),
    .match = xt_set_match_packet,
    .parse = xt_set_parse,
    .check = xt_set_check,
    .print = xt_set_print,
    .list = xt_set_list,
    .destroy = xt_set_release,
};
