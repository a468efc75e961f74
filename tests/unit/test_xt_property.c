/*
 * test_xt_property.c - random rule sets and random packets: the evaluator against a second one, written here
 * in the plainest way; and texts with random damage.
 */
#include "tests/unit/xt_test.h"

#include "net/ipv4/ip.h"

#define CHAINS 5 /* FORWARD and four of the user's; each jumps to later ones only */
#define RULES  8

enum { SAY_NOTHING, SAY_ACCEPT, SAY_DROP, SAY_RETURN, SAY_JUMP, SAY_GOTO, SAY_MARK, SAYS };

struct range {
    bool asked, invert;
    unsigned from, to;
};

struct net_range {
    bool asked, invert;
    uint32_t addr;
    unsigned prefix;
};

struct model_rule {
    struct net_range src, dst;
    bool has_proto, not_proto, has_in, not_in, has_out, not_out, has_frag, not_frag;
    unsigned proto;
    const char *in, *out;
    struct range sport, dport, multi, ttl, mark;
    bool syn, not_syn;
    int says, to;
    uint32_t set_mark;
    uint64_t packets;
};

struct model {
    struct model_rule rules[CHAINS][RULES];
    unsigned count[CHAINS];
    bool policy_drop;
    uint64_t policy_packets;
};

struct model_packet {
    uint32_t src, dst;
    unsigned proto, fragoff, sport, dport, flags, ttl, payload;
    uint32_t mark;
    bool nonsense;
};

static const char *const chain_names[CHAINS] = {"FORWARD", "A", "B", "C", "D"};
static const unsigned protos[] = {6, 17, 1, 112};
static uint64_t rng;

static unsigned below(unsigned n)
{
    rng = rng * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((rng >> 33) % n);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

/* --- a random model, and its text --- */

static struct range random_range(unsigned percent, unsigned most)
{
    struct range r = {.asked = chance(percent), .invert = chance(25), .from = below(most + 1)};

    r.to = chance(50) ? r.from : r.from + below(most + 1 - r.from);
    return r;
}

static struct net_range random_net(void)
{
    static const unsigned prefixes[] = {0, 7, 23, 24, 29, 30, 31, 32};
    struct net_range n = {.asked = chance(40), .invert = chance(25), .prefix = prefixes[below(8)]};

    n.addr = 0x0a000000u | below(2) << 8 | below(8);
    n.addr = n.prefix ? n.addr & ~0u << (32 - n.prefix) : 0;
    return n;
}

static struct model_rule random_rule(unsigned chain)
{
    static const char *const devices[] = {"eth0", "lo", "eth+", "l+", "eth1"};
    struct model_rule r = {.src = random_net(), .dst = random_net()};

    r.has_proto = chance(60);
    r.proto = protos[below(4)];
    r.not_proto = chance(20);
    r.has_in = chance(20);
    r.not_in = chance(30);
    r.in = devices[below(5)];
    r.has_out = chance(20);
    r.not_out = chance(30);
    r.out = devices[below(5)];
    r.has_frag = chance(5);
    r.not_frag = chance(50);
    r.ttl = random_range(10, 3);
    r.ttl.to = r.ttl.from;
    r.mark = random_range(15, 3);
    if (r.has_proto && !r.not_proto && r.proto != 112 && r.proto != 1) {
        r.sport = random_range(30, 5);
        r.dport = random_range(40, 5);
        r.multi = random_range(15, 5);
        r.syn = r.proto == 6 && chance(20);
        r.not_syn = chance(50);
    }
    r.says = (int)below(SAYS);
    if (r.says == SAY_JUMP || r.says == SAY_GOTO) {
        if (chain + 1 == CHAINS)
            r.says = SAY_ACCEPT;
        else
            r.to = (int)(chain + 1 + below(CHAINS - chain - 1));
    }
    r.set_mark = below(4);
    return r;
}

static void add(char *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsprintf(text + strlen(text), format, args);
    va_end(args);
}

static void write_net(char *text, const char *option, const struct net_range *n)
{
    if (n->asked)
        add(text, "%s %s %u.%u.%u.%u/%u", n->invert ? " !" : "", option, n->addr >> 24, n->addr >> 16 & 255,
            n->addr >> 8 & 255, n->addr & 255, n->prefix);
}

static void write_range(char *text, const char *option, const struct range *r)
{
    if (r->asked && r->from == r->to)
        add(text, "%s %s %u", r->invert ? " !" : "", option, r->from);
    else if (r->asked)
        add(text, "%s %s %u:%u", r->invert ? " !" : "", option, r->from, r->to);
}

static void write_rule(char *text, unsigned chain, const struct model_rule *r)
{
    static const char *const says[] = {"",   "-j ACCEPT", "-j DROP",           "-j RETURN",
                                       "-j", "-g",        "-j MARK --set-mark"};

    add(text, "-A %s", chain_names[chain]);
    write_net(text, "-s", &r->src);
    write_net(text, "-d", &r->dst);
    if (r->has_in)
        add(text, "%s -i %s", r->not_in ? " !" : "", r->in);
    if (r->has_out)
        add(text, "%s -o %s", r->not_out ? " !" : "", r->out);
    if (r->has_proto)
        add(text, "%s -p %u", r->not_proto ? " !" : "", r->proto);
    if (r->has_frag)
        add(text, "%s -f", r->not_frag ? " !" : "");
    if (r->ttl.asked) {
        add(text, " -m ttl");
        write_range(text, "--ttl-eq", &r->ttl);
    }
    if (r->mark.asked)
        add(text, " -m mark%s --mark %u", r->mark.invert ? " !" : "", r->mark.from);
    if (r->multi.asked) {
        add(text, " -m multiport");
        write_range(text, "--ports", &r->multi);
    }
    write_range(text, "--sport", &r->sport);
    write_range(text, "--dport", &r->dport);
    if (r->syn)
        add(text, "%s --syn", r->not_syn ? " !" : "");
    add(text, " %s", says[r->says]);
    if (r->says == SAY_JUMP || r->says == SAY_GOTO)
        add(text, " %s", chain_names[r->to]);
    if (r->says == SAY_MARK)
        add(text, " %u", r->set_mark);
    add(text, "\n");
}

static void random_model(struct model *m, char *text)
{
    memset(m, 0, sizeof(*m));
    m->policy_drop = chance(50);
    sprintf(text, "*filter\n:FORWARD %s [0:0]\n:A -\n:B -\n:C -\n:D -\n", m->policy_drop ? "DROP" : "ACCEPT");
    for (unsigned c = 0; c < CHAINS; c++) {
        m->count[c] = below(RULES + 1);
        for (unsigned i = 0; i < m->count[c]; i++) {
            m->rules[c][i] = random_rule(c);
            write_rule(text, c, &m->rules[c][i]);
        }
    }
    add(text, "COMMIT\n");
}

/* --- what should become of a packet --- */

static bool in_net(const struct net_range *n, uint32_t addr)
{
    bool in = true;

    for (unsigned bit = 0; bit < n->prefix; bit++)
        in = in && (addr >> (31 - bit) & 1) == (n->addr >> (31 - bit) & 1);
    return !n->asked || in != n->invert;
}

static bool in_range(const struct range *r, unsigned value)
{
    return !r->asked || (value >= r->from && value <= r->to) != r->invert;
}

static bool device_is(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    return pattern[len - 1] == '+' ? !strncmp(pattern, name, len - 1) : !strcmp(pattern, name);
}

static bool model_fits(const struct model_rule *r, struct model_packet *p)
{
    bool ports = r->sport.asked || r->dport.asked || r->multi.asked || r->syn, syn;

    if (!in_net(&r->src, p->src) || !in_net(&r->dst, p->dst))
        return false;
    if (r->has_proto && (p->proto == r->proto) == r->not_proto)
        return false;
    if (r->has_in && device_is(r->in, "eth0") == r->not_in)
        return false;
    if (r->has_out && device_is(r->out, "lo") == r->not_out)
        return false;
    if (r->has_frag && (p->fragoff != 0) == r->not_frag)
        return false;
    if (!in_range(&r->ttl, p->ttl))
        return false;
    if (r->mark.asked && (p->mark == r->mark.from) == r->mark.invert)
        return false;
    if (!ports)
        return true;
    if (p->fragoff) {
        bool whole = r->multi.asked || p->proto == 17; /* those do not know of flags to write over */

        p->nonsense = !whole && p->fragoff == 1;
        return false;
    }
    if (r->multi.asked && (((p->sport >= r->multi.from && p->sport <= r->multi.to) ||
                            (p->dport >= r->multi.from && p->dport <= r->multi.to)) == r->multi.invert))
        return false;
    if (!in_range(&r->sport, p->sport) || !in_range(&r->dport, p->dport))
        return false;
    syn = (p->flags & 0x17) == 0x02;
    return !r->syn || syn != r->not_syn;
}

static int model_chain(struct model *m, unsigned chain, struct model_packet *p)
{
    for (unsigned i = 0; i < m->count[chain]; i++) {
        struct model_rule *r = &m->rules[chain][i];
        int verdict;

        if (!model_fits(r, p)) {
            if (p->nonsense)
                return SAY_DROP;
            continue;
        }
        r->packets++;
        switch (r->says) {
        case SAY_ACCEPT:
        case SAY_DROP:
        case SAY_RETURN:
            return r->says;
        case SAY_JUMP:
        case SAY_GOTO:
            verdict = model_chain(m, (unsigned)r->to, p);
            if (verdict != SAY_RETURN || r->says == SAY_GOTO)
                return verdict;
            break;
        case SAY_MARK:
            p->mark = r->set_mark;
            break;
        default:
            break;
        }
    }
    return SAY_RETURN;
}

static bool model_accepts(struct model *m, struct model_packet *p)
{
    int verdict = model_chain(m, 0, p);

    if (verdict != SAY_RETURN)
        return verdict == SAY_ACCEPT;
    m->policy_packets++;
    return !m->policy_drop;
}

/* --- packets --- */

static struct model_packet random_packet(void)
{
    struct model_packet p = {.src = 0x0a000000u | below(3) << 8 | below(8),
                             .dst = 0x0a000000u | below(3) << 8 | below(8)};

    p.proto = protos[below(4)];
    p.sport = below(7);
    p.dport = below(7);
    p.ttl = below(5);
    p.mark = below(4);
    p.flags = chance(50) ? 2 : below(64);
    p.fragoff = chance(15) ? 1 + below(3) : 0;
    return p;
}

static struct sk_buff *build(const struct model_packet *p)
{
    struct sk_buff *skb = alloc_skb(t->net, 200);
    uint8_t *h = skb_put(skb, 40);

    memset(h, 0, 40);
    h[0] = 0x45;
    put_unaligned_be16(40, h + 2);
    put_unaligned_be16((uint16_t)p->fragoff, h + 6);
    h[8] = (uint8_t)p->ttl;
    h[9] = (uint8_t)p->proto;
    put_unaligned_be32(p->src, h + 12);
    put_unaligned_be32(p->dst, h + 16);
    put_unaligned_be16((uint16_t)p->sport, h + 20);
    put_unaligned_be16((uint16_t)p->dport, h + 22);
    h[32] = 0x50;
    h[33] = (uint8_t)p->flags;
    skb->mark = p->mark;
    skb_reset_network_header(skb);
    return skb;
}

static void counters_agree(const struct model *m)
{
    struct xt_table *table = t->net->xt->tables[XT_FILTER];

    for (unsigned c = 0; c < CHAINS; c++) {
        const struct xt_chain *chain = xt_chain_find(table, chain_names[c]);

        assert_int_equal(chain->nr_rules, m->count[c]);
        for (unsigned i = 0; i < m->count[c]; i++) {
            assert_int_equal(chain->rules[i].packets, m->rules[c][i].packets);
            assert_int_equal(chain->rules[i].bytes, 40 * m->rules[c][i].packets);
        }
    }
    assert_int_equal(xt_chain_find(table, "FORWARD")->packets, m->policy_packets);
}

TEST("random rule sets say of random packets what a second, plain evaluator says")
{
    struct nf_hook_state at_hook = {
        .hook = NF_INET_FORWARD, .net = t->net, .in = t->dev, .out = t->net->loopback_dev};
    static char text[100000];
    static struct model m;

    rng = 20240607;
    for (unsigned round = 0; round < 400; round++) {
        random_model(&m, text);
        if (restore(text))
            fail_msg("%s in\n%s", said, text);
        for (unsigned i = 0; i < 100; i++) {
            struct model_packet p = random_packet();
            struct sk_buff *skb = build(&p);
            bool wanted = model_accepts(&m, &p);
            int got = xt_do_table(skb, &at_hook, XT_FILTER);

            if (got != (wanted ? NF_ACCEPT : NF_DROP) || (!p.nonsense && skb->mark != p.mark))
                fail_msg("round %u: packet %u.%u > %u proto %u frag %u: %d\n%s", round, p.src & 255, p.sport,
                         p.dst & 255, p.proto, p.fragoff, got, text);
            consume_skb(skb);
        }
        counters_agree(&m);
    }
}

TEST("random rule sets are saved, read and saved again as they were")
{
    static char text[100000];
    static struct model m;

    rng = 7;
    for (unsigned round = 0; round < 200; round++) {
        random_model(&m, text);
        assert_int_equal(restore(text), 0);
        char *first = strdup(save(true));
        if (restore(first))
            fail_msg("%s in\n%s", said, first);
        assert_string_equal(save(true), first);
        free(first);
    }
}

TEST("a text with random damage is refused, or read as something that can be saved and read again")
{
    static const char good[] =
        "create s hash:net maxelem 9\nadd s 10.0.0.0/8\n*filter\n:INPUT DROP [1:2]\n:A -\n:A2 -\n"
        "[1:2] -A INPUT -s 10.0.0.0/8,10.2.0.0/16 ! -i eth+ -p tcp -m tcp --dport 1:80 --syn -j A\n"
        "-A A -m set --match-set s src -m limit --limit 5/min -m comment --comment \"x y\" -j LOG --log-prefix \"p \"\n"
        "-A A -p icmp --icmp-type 3/1 -m hashlimit --hashlimit-upto 1/s --hashlimit-mode srcip --hashlimit-name h -g A2\n"
        "-I A 1 -p udp -m multiport --ports 1,2:3 -j REJECT --reject-with host-unreach\n-D A 1\n"
        "-A A -m mark --mark 1/2 -m mac --mac-source 00:01:02:03:04:05 -m ttl --ttl-lt 3 -m length --length :9\nCOMMIT\n";
    char text[sizeof(good) + 8];
    unsigned right = 0;

    if (restore(good))
        fail_msg("%s", said);
    rng = 99;
    for (unsigned round = 0; round < 6000; round++) {
        size_t len = sizeof(good) - 1;

        memcpy(text, good, len);
        for (unsigned i = below(4) + 1; i; i--) {
            size_t at = below((unsigned)len);

            if (chance(50))
                text[at] = " !-\"'\\,:/[]*0\n9azA\t"[below(20)];
            else if (chance(50))
                text[at] = (char)below(256);
            else
                memmove(text + at, text + at + 1, --len - at);
        }
        if (xt_restore(t->net, text, len, xt_listen())) {
            assert_int_equal(strncmp(said, "line ", 5), 0);
            assert_int_equal(said[said_len - 1], '\n');
            continue;
        }
        right++;
        char *first = strdup(save(true));
        if (restore(first))
            fail_msg("%s in\n%s", said, first);
        assert_string_equal(save(true), first);
        free(first);
    }
    assert_in_range(right, 1, 5999);
}

TEST_FIXTURE(xt_setup, xt_teardown)
