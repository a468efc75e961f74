/*
 * iptables_rule.c - the words of one rule become a struct xt_rule.
 *
 * First everything is read into a draft; options nobody here knows are offered to the matches named so far,
 * the last one first, then to the target, then to the match that comes with the protocol. Then the draft is
 * checked as a whole and packed. Until that is done nothing outside has changed.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/slab.h"
#include "net/netfilter/iptables_parse.h"

static const struct {
    uint8_t number;
    const char *name;
} xt_protocols[] = {
    {IPPROTO_TCP, "tcp"},   {IPPROTO_UDP, "udp"}, {IPPROTO_ICMP, "icmp"}, {IPPROTO_IGMP, "igmp"},
    {IPPROTO_IPIP, "ipip"}, {IPPROTO_GRE, "gre"}, {IPPROTO_ESP, "esp"},   {IPPROTO_AH, "ah"},
    {89, "ospf"},           {112, "vrrp"},        {IPPROTO_SCTP, "sctp"}, {IPPROTO_UDPLITE, "udplite"},
    {IPPROTO_DCCP, "dccp"},
};

const char *xt_protocol_name(uint8_t protocol)
{
    for (size_t i = 0; i < ARRAY_SIZE(xt_protocols); i++)
        if (xt_protocols[i].number == protocol)
            return xt_protocols[i].name;
    return NULL;
}

/* --- what every rule may say --- */

static int xt_twice(struct xt_parse *in, const char *option)
{
    return xt_parse_error(in, "%s stands twice in this rule; write it once", option);
}

static int xt_parse_addresses(struct xt_parse *in, const char *option, bool invert, struct xt_addresses *list)
{
    const char *word;
    char *text, *next;

    if (list->nr)
        return xt_twice(in, option);
    if (xt_parse_take(in, "!"))
        return xt_parse_error(in, "the \"!\" stands in front of %s; write \"! %s ADDRESS\"", option, option);
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    text = in->words[in->at - 1];
    for (char *c = strchr(text, ','); c; c = strchr(c + 1, ','))
        list->nr++;
    list->nr++;
    if (list->nr > XT_LIST_MAX)
        return xt_parse_error(in, "more than %d addresses; write a set (ipset) and -m set", XT_LIST_MAX);
    if (invert && list->nr > 1)
        return xt_parse_error(in,
                              "a list of addresses cannot be negated; write a set (ipset) and ! --match-set");
    list->invert = invert;
    for (unsigned i = 0; i < list->nr; i++, text = next + 1) {
        int err;

        next = strchr(text, ',');
        if (next)
            *next = '\0';
        err = xt_parse_addr_text(in, text, &list->addr[i], &list->mask[i]);
        if (next)
            *next = ','; /* the line may be read again for the next address */
        if (err)
            return err;
        if (!next)
            break;
    }
    return 0;
}

static int xt_parse_src(struct xt_parse *in, const char *option, bool invert)
{
    return xt_parse_addresses(in, option, invert, &in->draft.src);
}

static int xt_parse_dst(struct xt_parse *in, const char *option, bool invert)
{
    return xt_parse_addresses(in, option, invert, &in->draft.dst);
}

static int xt_parse_interface(struct xt_parse *in, const char *option, bool invert, struct xt_interface *i)
{
    const char *name = xt_parse_word(in);
    uint8_t mask[16] = {0};
    size_t len, compared;

    if (!name)
        return -EINVAL;
    len = strlen(name);
    if (!len || len >= IFNAMSIZ || !strcmp(name, "!"))
        return xt_parse_error(
            in, "\"%s\" is no name of a device; write one like eth0, or eth+ for all of them", name);
    compared = name[len - 1] == '+' ? len - 1 : len + 1; /* with the NUL, unless anything may follow */
    memset(mask, 0xff, compared);
    memset(i->name, 0, sizeof(i->name));
    memcpy(i->name, name, min(compared, len));
    memcpy(i->mask, mask, sizeof(i->mask));
    i->invert = invert;
    return 0;
}

static int xt_parse_in(struct xt_parse *in, const char *option, bool invert)
{
    const char *chain = in->draft.of->name;

    if (in->draft.has_in)
        return xt_twice(in, option);
    if (in->draft.of->builtin && (!strcmp(chain, "OUTPUT") || !strcmp(chain, "POSTROUTING")))
        return xt_parse_error(in, "%s cannot be used in %s, where packets go out; write -o", option, chain);
    in->draft.has_in = true;
    return xt_parse_interface(in, option, invert, &in->draft.in);
}

static int xt_parse_out(struct xt_parse *in, const char *option, bool invert)
{
    const char *chain = in->draft.of->name;

    if (in->draft.has_out)
        return xt_twice(in, option);
    if (in->draft.of->builtin && (!strcmp(chain, "INPUT") || !strcmp(chain, "PREROUTING")))
        return xt_parse_error(in, "%s cannot be used in %s, where packets come in; write -i", option, chain);
    in->draft.has_out = true;
    return xt_parse_interface(in, option, invert, &in->draft.out);
}

static int xt_parse_protocol(struct xt_parse *in, const char *option, bool invert)
{
    struct xt_draft *d = &in->draft;
    const char *word;
    uint64_t number;

    if (d->has_protocol)
        return xt_twice(in, option);
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    d->has_protocol = true;
    d->not_protocol = invert;
    for (size_t i = 0; i < ARRAY_SIZE(xt_protocols); i++) {
        if (!strcmp(word, xt_protocols[i].name)) {
            d->protocol = xt_protocols[i].number;
            return 0;
        }
    }
    if (strcmp(word, "all") && (xt_parse_number(word, 255, &number) || strchr(word, 'x')))
        return xt_parse_error(in, "\"%s\" is no protocol; write tcp, udp, icmp, all or a number up to 255",
                              word);
    d->protocol = strcmp(word, "all") ? (uint8_t)number : 0;
    if (!d->protocol && invert)
        return xt_parse_error(in, "no packet has no protocol; leave out \"! -p all\"");
    d->has_protocol = d->protocol != 0;
    return 0;
}

static int xt_parse_fragment(struct xt_parse *in, const char *option, bool invert)
{
    in->draft.has_frag = true;
    in->draft.not_frag = invert;
    return 0;
}

static int xt_parse_set_counters(struct xt_parse *in, const char *option, bool invert)
{
    const char *word;

    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    if (xt_parse_number(word, UINT64_MAX, &in->draft.packets))
        return xt_parse_error(in, "\"%s\" is no number of packets; write -c PACKETS BYTES", word);
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    if (xt_parse_number(word, UINT64_MAX, &in->draft.bytes))
        return xt_parse_error(in, "\"%s\" is no number of bytes; write -c PACKETS BYTES", word);
    return 0;
}

/* --- -m and -j --- */

static struct xt_match_entry *xt_draft_add_match(struct xt_parse *in, const struct xt_match *match)
{
    struct xt_draft *d = &in->draft;
    struct xt_match_entry *m = &d->matches[d->nr_matches];

    if (d->nr_matches == XT_MATCHES_MAX) {
        xt_parse_error(in, "more than %d matches in one rule; split it", XT_MATCHES_MAX);
        return NULL;
    }
    m->match = match;
    m->in_line = m->checked = false;
    m->data = kzalloc(match->size ? match->size : 1);
    if (!m->data) {
        xt_parse_nomem(in);
        return NULL;
    }
    d->nr_matches++;
    return m;
}

static int xt_parse_match(struct xt_parse *in, const char *option, bool invert)
{
    const char *name = xt_parse_word(in);
    const struct xt_match *match;

    if (!name)
        return -EINVAL;
    match = xt_find_match(name);
    if (!match)
        return xt_parse_error(in, "there is no match \"%s\"; see the README for those there are", name);
    return xt_draft_add_match(in, match) ? 0 : in->err;
}

static bool xt_parse_verdict(const char *name, int *verdict)
{
    static const struct {
        const char *name;
        int verdict;
    } verdicts[] = {{"ACCEPT", NF_ACCEPT}, {"DROP", NF_DROP}, {"RETURN", XT_RETURN}, {"QUEUE", NF_QUEUE}};

    for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
        if (!strcmp(name, verdicts[i].name)) {
            *verdict = verdicts[i].verdict;
            return true;
        }
    }
    return false;
}

static int xt_parse_target(struct xt_parse *in, const struct xt_target *target)
{
    struct xt_draft *d = &in->draft;
    unsigned table = 0;

    if (target->tables && !(target->tables >> in->table & 1)) {
        while (!(target->tables >> table & 1))
            table++;
        return xt_parse_error(in, "%s has no place in table %s; write it in table %s", target->name,
                              xt_table_names[in->table], xt_table_names[table]);
    }
    d->target_data = kzalloc(target->size ? target->size : 1);
    if (!d->target_data)
        return xt_parse_nomem(in);
    d->target = target;
    d->kind = XT_KIND_TARGET;
    return 0;
}

static int xt_parse_chain(struct xt_parse *in, const char *name, enum xt_rule_kind kind)
{
    struct xt_draft *d = &in->draft;

    d->chain = xt_chain_find(in->tables[in->table], name);
    if (!d->chain)
        return xt_parse_error(
            in, "there is no target and no chain \"%s\" in table %s; make the chain first: \":%s -\"", name,
            xt_table_names[in->table], name);
    if (d->chain->builtin)
        return xt_parse_error(in, "no rule can jump to %s; make a chain of your own for what both need",
                              name);
    d->kind = kind;
    return 0;
}

static int xt_parse_jump(struct xt_parse *in, const char *option, bool invert)
{
    struct xt_draft *d = &in->draft;
    const char *name;
    const struct xt_target *target;

    if (d->kind != XT_KIND_NONE)
        return xt_parse_error(in, "a rule has one -j or -g; write a second rule");
    name = xt_parse_word(in);
    if (!name)
        return -EINVAL;
    if (xt_parse_verdict(name, &d->verdict)) {
        if (in->table == XT_NAT && d->verdict == NF_DROP)
            return xt_parse_error(
                in, "table nat sees the first packet of a connection only; drop in table filter");
        d->kind = XT_KIND_VERDICT;
        return 0;
    }
    target = xt_find_target(name);
    return target ? xt_parse_target(in, target) : xt_parse_chain(in, name, XT_KIND_JUMP);
}

static int xt_parse_goto(struct xt_parse *in, const char *option, bool invert)
{
    const char *name;

    if (in->draft.kind != XT_KIND_NONE)
        return xt_parse_error(in, "a rule has one -j or -g; write a second rule");
    name = xt_parse_word(in);
    return name ? xt_parse_chain(in, name, XT_KIND_GOTO) : -EINVAL;
}

/* --- options --- */

static const struct xt_option {
    const char *names[4]; /* short, long, other */
    int (*parse)(struct xt_parse *in, const char *option, bool invert);
    bool can_invert;
} xt_options[] = {
    {{"-s", "--source", "--src"}, xt_parse_src, true},
    {{"-d", "--destination", "--dst"}, xt_parse_dst, true},
    {{"-i", "--in-interface"}, xt_parse_in, true},
    {{"-o", "--out-interface"}, xt_parse_out, true},
    {{"-p", "--protocol", "--proto"}, xt_parse_protocol, true},
    {{"-f", "--fragment"}, xt_parse_fragment, true},
    {{"-m", "--match"}, xt_parse_match, false},
    {{"-j", "--jump"}, xt_parse_jump, false},
    {{"-g", "--goto"}, xt_parse_goto, false},
    {{"-c", "--set-counters"}, xt_parse_set_counters, false},
};

static const struct xt_option *xt_find_option(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(xt_options); i++)
        for (unsigned n = 0; n < 4 && xt_options[i].names[n]; n++)
            if (!strcmp(word, xt_options[i].names[n]))
                return &xt_options[i];
    return NULL;
}

/* The match that comes with -p, if the rule has not named it. */
static struct xt_match_entry *xt_implied_match(struct xt_parse *in)
{
    struct xt_draft *d = &in->draft;
    const char *name = d->has_protocol && !d->not_protocol ? xt_protocol_name(d->protocol) : NULL;
    const struct xt_match *match = name ? xt_find_match(name) : NULL;

    if (!match)
        return NULL;
    for (unsigned i = 0; i < d->nr_matches; i++)
        if (d->matches[i].match == match)
            return NULL;
    return xt_draft_add_match(in, match);
}

/* 1: taken; 0: nobody knows it; < 0. */
static int xt_offer_option(struct xt_parse *in, const char *option, bool invert)
{
    struct xt_draft *d = &in->draft;
    struct xt_match_entry *m;
    int ret;

    for (unsigned i = d->nr_matches; i-- > 0;) {
        m = &d->matches[i];
        ret = m->match->parse ? m->match->parse(in, option, invert, m->data) : 0;
        if (ret)
            return ret;
    }
    ret = d->target && d->target->parse ? d->target->parse(in, option, invert, d->target_data) : 0;
    if (ret)
        return ret;
    m = xt_implied_match(in);
    if (!m)
        return in->err;
    ret = m->match->parse(in, option, invert, m->data);
    if (!ret) { /* it does not know it either */
        kfree(m->data);
        d->nr_matches--;
    }
    return ret;
}

static int xt_parse_option(struct xt_parse *in)
{
    bool invert = xt_parse_take(in, "!"), quoted;
    const char *option = xt_parse_word(in);
    const struct xt_option *known;
    int ret;

    if (!option)
        return -EINVAL;
    quoted = in->quoted[in->at - 1];
    if (quoted || option[0] != '-')
        return xt_parse_error(in, "\"%s\" is one word too many here; options begin with \"-\"", option);
    known = xt_find_option(option);
    if (known && invert && !known->can_invert)
        return xt_parse_no_invert(in, option, true);
    if (known)
        return known->parse(in, option, invert);
    ret = xt_offer_option(in, option, invert);
    if (ret < 0)
        return in->err          ? in->err
               : ret == -ENOMEM ? xt_parse_nomem(in)
                                : xt_parse_error(in, "%s does not fit here", option);
    if (!ret)
        return xt_parse_error(
            in, "nothing here knows the option %s; write -p or -m with the match it belongs to first",
            option);
    return 0;
}

/* --- check and pack --- */

static void xt_draft_release(struct xt_parse *in)
{
    struct xt_draft *d = &in->draft;

    for (unsigned i = 0; i < d->nr_matches; i++) {
        if (d->matches[i].checked && d->matches[i].match->destroy)
            d->matches[i].match->destroy(in->net, d->matches[i].data);
        kfree(d->matches[i].data);
    }
    kfree(d->target_data);
    d->nr_matches = 0;
    d->target_data = NULL;
}

/* Addresses, protocol and interfaces into the rule and its `more`. */
static void xt_pack_head(struct xt_draft *d, unsigned pick, struct xt_rule *rule, struct xt_rule_more *more)
{
    const struct xt_addresses *src = &d->src, *dst = &d->dst;
    unsigned s = src->nr ? pick % src->nr : 0, t = dst->nr ? pick / max(src->nr, 1u) % dst->nr : 0;
    be32 addr[2] = {src->addr[s], dst->addr[t]}, mask[2] = {src->mask[s], dst->mask[t]};

    *more = (struct xt_rule_more){.in = d->in, .out = d->out, .target = d->target};
    if (src->invert) {
        more->asks |= XT_ASK_NOT_SRC;
        more->not_src = addr[0];
        more->not_src_mask = mask[0];
        addr[0] = mask[0] = (__force be32)0;
    }
    if (dst->invert) {
        more->asks |= XT_ASK_NOT_DST;
        more->not_dst = addr[1];
        more->not_dst_mask = mask[1];
        addr[1] = mask[1] = (__force be32)0;
    }
    if (d->not_protocol) {
        more->asks |= XT_ASK_NOT_PROT;
        more->not_protocol = d->protocol;
    }
    more->asks |= (d->has_in ? XT_ASK_IN : 0) | (d->has_out ? XT_ASK_OUT : 0);
    if (d->has_frag)
        more->asks |= d->not_frag ? XT_ASK_NOT_FRAG : XT_ASK_FRAG;

    *rule = (struct xt_rule){.sport_span = UINT16_MAX, .dport_span = UINT16_MAX, .kind = (uint8_t)d->kind};
    memcpy(&rule->addrs, addr, sizeof(rule->addrs));
    memcpy(&rule->addrs_mask, mask, sizeof(rule->addrs_mask));
    if (d->has_protocol && !d->not_protocol) {
        rule->protocol = d->protocol;
        rule->protocol_mask = 0xff;
    }
    rule->packets = d->packets;
    rule->bytes = d->bytes;
    if (d->kind == XT_KIND_VERDICT)
        rule->verdict = d->verdict;
    else
        rule->chain = d->chain;
}

/* The ports that a match asks for move into the rule's first line. */
static bool xt_pack_ports(struct xt_rule *rule, const struct xt_match_entry *m)
{
    uint16_t ports[4] = {0, UINT16_MAX, 0, UINT16_MAX};
    bool all;

    if (!m->match->ports || rule->flags & XT_RULE_PORTS)
        return false;
    all = m->match->ports(m->data, ports);
    rule->sport = ports[0];
    rule->sport_span = (uint16_t)(ports[1] - ports[0]);
    rule->dport = ports[2];
    rule->dport_span = (uint16_t)(ports[3] - ports[2]);
    if (rule->sport_span != UINT16_MAX || rule->dport_span != UINT16_MAX)
        rule->flags |= XT_RULE_PORTS;
    return all;
}

static int xt_draft_check(struct xt_parse *in, struct xt_rule *rule)
{
    struct xt_draft *d = &in->draft;

    for (unsigned i = 0; i < d->nr_matches; i++) {
        struct xt_match_entry *m = &d->matches[i];
        int err;

        if (m->match->proto && m->match->proto != xt_rule_protocol(rule))
            return xt_parse_error(in, "-m %s needs -p %s in the same rule", m->match->name,
                                  xt_protocol_name(m->match->proto));
        err = m->match->check ? m->match->check(in, rule, m->data) : 0;
        if (err)
            return err;
        m->checked = true;
        m->in_line = xt_pack_ports(rule, m);
        if (!m->in_line)
            rule->flags |= XT_RULE_SLOW;
    }
    if (!d->target)
        return 0;
    if (d->target->proto && d->target->proto != xt_rule_protocol(rule))
        return xt_parse_error(in, "-j %s needs -p %s in the same rule", d->target->name,
                              xt_protocol_name(d->target->proto));
    return d->target->check ? d->target->check(in, rule, d->target_data) : 0;
}

/* The draft is complete: *rule takes over what it owns. */
static int xt_draft_pack(struct xt_parse *in, unsigned pick, struct xt_rule *rule)
{
    struct xt_draft *d = &in->draft;
    struct xt_rule_more *more = kzalloc(sizeof(*more) + d->nr_matches * sizeof(more->matches[0]));
    int err;

    if (!more)
        return xt_parse_nomem(in);
    xt_pack_head(d, pick, rule, more);
    rule->line = in->line;
    err = xt_draft_check(in, rule);
    if (err) {
        kfree(more);
        return in->err          ? in->err
               : err == -ENOMEM ? xt_parse_nomem(in)
                                : xt_parse_error(in, "the rule does not fit");
    }
    if (more->asks)
        rule->flags |= XT_RULE_SLOW;
    if (!more->asks && !d->nr_matches && !d->target) {
        kfree(more);
        return 0;
    }
    more->nr_matches = (uint16_t)d->nr_matches;
    memcpy(more->matches, d->matches, d->nr_matches * sizeof(more->matches[0]));
    more->target_data = d->target_data;
    more->target_checked = d->target != NULL;
    rule->more = more;
    d->nr_matches = 0;
    d->target_data = NULL;
    return 0;
}

int xt_parse_rule(struct xt_parse *in, const struct xt_chain *chain, unsigned pick, unsigned *count,
                  struct xt_rule *rule)
{
    struct xt_draft *d = &in->draft;
    int err = 0;

    memset(d, 0, sizeof(*d));
    d->of = chain;
    while (!err && !xt_parse_done(in))
        err = xt_parse_option(in);
    *count = max(d->src.nr, 1u) * max(d->dst.nr, 1u);
    if (!err)
        err = xt_draft_pack(in, pick, rule);
    if (err)
        xt_draft_release(in);
    return err;
}
