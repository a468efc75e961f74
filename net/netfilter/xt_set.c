/*
 * xt_set.c - -m set: is the packet's source or destination in a set of addresses (ip_set.c)? And -j SET: it
 * goes in there, or out.
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

/* "NAME src,dst" behind `option`. */
static int xt_set_read(struct xt_parse *in, const char *option, struct xt_set *s)
{
    const char *name;

    if (s->nr_dirs)
        return xt_parse_error(in, "%s stands twice; write %s", option,
                              strcmp(option, "--match-set") ? "a second rule"
                                                            : "-m set again in front of it");
    name = xt_parse_word(in);
    if (!name)
        return -EINVAL;
    if (strlcpy(s->name, name, sizeof(s->name)) >= sizeof(s->name) || !ip_set_find(xt_parse_net(in), name))
        return xt_parse_error(in, "there is no set \"%.40s\"; make it first: create %.40s hash:ip", name,
                              name);
    return xt_set_dirs(in, s);
}

/* The rule refers to its set from now on. */
static int xt_set_bind(struct xt_parse *in, struct xt_set *s)
{
    struct ip_set *set = ip_set_find(xt_parse_net(in), s->name);
    unsigned needed;

    if (!set)
        return xt_parse_error(in, "there is no set \"%s\"", s->name);
    needed = ip_set_has_ports(set->type) ? 2 : 1;
    if (s->nr_dirs != needed)
        return xt_parse_error(in,
                              needed == 2
                                  ? "set %s holds addresses with ports; write two sides: src,dst or dst,dst"
                                  : "set %s holds addresses alone; write one side: src or dst",
                              s->name);
    s->set = set;
    set->references++;
    return 0;
}

static int xt_set_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_set *s = data;

    if (strcmp(option, "--match-set"))
        return 0;
    s->invert = invert;
    return xt_set_read(in, option, s);
}

static int xt_set_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_set *s = data;

    if (!s->nr_dirs)
        return xt_parse_error(in, "-m set needs --match-set NAME src or dst");
    return xt_set_bind(in, s);
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

static void xt_set_print_sides(struct xt_text *out, const struct xt_set *s)
{
    xt_print(out, "%s %s", s->set->name, s->dst[0] ? "dst" : "src");
    if (s->nr_dirs == 2)
        xt_print(out, ",%s", s->dst[1] ? "dst" : "src");
}

static void xt_set_print(struct xt_text *out, const void *data)
{
    const struct xt_set *s = data;

    xt_print(out, "%s --match-set ", s->invert ? " !" : "");
    xt_set_print_sides(out, s);
}

static void xt_set_list(struct xt_text *out, const void *data)
{
    const struct xt_set *s = data;

    xt_print(out, "%s match-set ", s->invert ? " !" : "");
    xt_set_print_sides(out, s);
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

/* --- target --- */

struct xt_set_change {
    struct xt_set add, del; /* each may be there */
    bool again;             /* one that is in there already begins its time anew */
    bool timed;
    uint32_t timeout_s;
};

static int xt_set_parse_target(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_set_change *c = data;

    if (!strcmp(option, "--exist"))
        c->again = true;
    else if (!strcmp(option, "--timeout"))
        c->timed = true;
    else if (strcmp(option, "--add-set") && strcmp(option, "--del-set"))
        return 0;
    if (xt_parse_no_invert(in, option, invert))
        return -EINVAL;
    if (!strcmp(option, "--add-set"))
        return xt_set_read(in, option, &c->add);
    if (!strcmp(option, "--del-set"))
        return xt_set_read(in, option, &c->del);
    if (!strcmp(option, "--timeout") && xt_parse_u32(in, 0, IP_SET_TIMEOUT_MAX, &c->timeout_s))
        return -EINVAL;
    return 1;
}

static void xt_set_release_target(struct net *net, void *data)
{
    struct xt_set_change *c = data;

    if (c->add.set)
        c->add.set->references--;
    if (c->del.set)
        c->del.set->references--;
}

static int xt_set_check_target(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_set_change *c = data;
    int err = 0;

    if (!c->add.nr_dirs && !c->del.nr_dirs)
        return xt_parse_error(in, "-j SET needs --add-set NAME src, or --del-set");
    if (!c->add.nr_dirs && (c->timed || c->again))
        return xt_parse_error(in, "--timeout and --exist say how a member is added; write --add-set too");
    if (c->add.nr_dirs)
        err = xt_set_bind(in, &c->add);
    if (!err && c->del.nr_dirs)
        err = xt_set_bind(in, &c->del);
    if (err)
        xt_set_release_target(xt_parse_net(in), c);
    return err;
}

/* The member that this side of the packet is; false: it has no ports. */
static bool xt_set_member(const struct xt_set *s, struct xt_packet *p, struct ip_set_key *key)
{
    const struct iphdr *iph = (const struct iphdr *)p->skb->data;
    uint16_t port = 0;

    if (s->nr_dirs == 2 && !xt_set_port(p, s->dst[1], &port))
        return false;
    *key = ip_set_key_of(s->set, s->dst[0] ? iph->daddr : iph->saddr, iph->protocol, port);
    return true;
}

/* A set that is full, or has no memory to grow, stays as it is: the packet goes on all the same. */
static int xt_set_apply(const void *data, struct xt_packet *p)
{
    const struct xt_set_change *c = data;
    struct ip_set_members *to = c->add.set ? c->add.set->members : NULL;
    struct ip_set_key key;

    if (to && xt_set_member(&c->add, p, &key))
        ip_set_add(to, &key, c->timed ? c->timeout_s : to->timeout_s, c->again);
    if (c->del.set && xt_set_member(&c->del, p, &key))
        ip_set_del(c->del.set->members, &key);
    return XT_CONTINUE;
}

static void xt_set_print_change(struct xt_text *out, const struct xt_set_change *c, const char *dashes)
{
    if (c->add.set) {
        xt_print(out, " %sadd-set ", dashes);
        xt_set_print_sides(out, &c->add);
        if (c->again)
            xt_print(out, " %sexist", dashes);
        if (c->timed)
            xt_print(out, " %stimeout %u", dashes, c->timeout_s);
    }
    if (c->del.set) {
        xt_print(out, " %sdel-set ", dashes);
        xt_set_print_sides(out, &c->del);
    }
}

static void xt_set_print_target(struct xt_text *out, const void *data)
{
    xt_set_print_change(out, data, "--");
}

static void xt_set_list_target(struct xt_text *out, const void *data)
{
    xt_set_print_change(out, data, "");
}

const struct xt_target xt_set_target = {
    .name = "SET",
    .size = sizeof(struct xt_set_change),
    .target = xt_set_apply,
    .parse = xt_set_parse_target,
    .check = xt_set_check_target,
    .print = xt_set_print_target,
    .list = xt_set_list_target,
    .destroy = xt_set_release_target,
};
