/*
 * xt_multiport.c - -m multiport: up to 15 ports or ranges in one rule.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "net/netfilter/xt_extensions.h"
#include "net/netfilter/xt_ports.h"

#define MULTIPORT_MAX 15 /* a range counts as two, as in Linux */

enum { MULTIPORT_NONE, MULTIPORT_SOURCE, MULTIPORT_DESTINATION, MULTIPORT_EITHER };
static const char *const multiport_options[] = {"", "--sports", "--dports", "--ports"};

struct xt_multiport {
    uint8_t which, nr;
    bool invert;
    struct xt_port_range ranges[MULTIPORT_MAX];
};

static int multiport_read(struct xt_parse *in, struct xt_multiport *m)
{
    const char *word = xt_parse_word(in);
    unsigned places = 0;

    if (!word)
        return -EINVAL;
    for (m->nr = 0;; m->nr++) {
        size_t len = strcspn(word, ",");

        places += memchr(word, ':', len) ? 2 : 1;
        if (places > MULTIPORT_MAX)
            return xt_parse_error(in, "more than %d ports (a range counts as two); write a second rule",
                                  MULTIPORT_MAX);
        if (xt_ports_parse(in, word, len, &m->ranges[m->nr]))
            return -EINVAL;
        word += len;
        if (!*word++)
            break;
    }
    m->nr++;
    return 1;
}

static int xt_multiport_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_multiport *m = data;
    uint8_t which = MULTIPORT_NONE;

    if (!strcmp(option, "--sports") || !strcmp(option, "--source-ports"))
        which = MULTIPORT_SOURCE;
    else if (!strcmp(option, "--dports") || !strcmp(option, "--destination-ports"))
        which = MULTIPORT_DESTINATION;
    else if (!strcmp(option, "--ports"))
        which = MULTIPORT_EITHER;
    else
        return 0;
    if (m->which)
        return xt_parse_error(in, "-m multiport has one list; write -m multiport again in front of %s",
                              option);
    m->which = which;
    m->invert = invert;
    return multiport_read(in, m);
}

static int xt_multiport_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    const struct xt_multiport *m = data;
    uint8_t protocol = xt_rule_protocol(rule);

    if (!m->which)
        return xt_parse_error(in, "-m multiport needs --sports, --dports or --ports");
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
        return xt_parse_error(in, "-m multiport needs -p tcp or -p udp in the same rule");
    return 0;
}

static bool xt_multiport_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_multiport *m = data;
    uint8_t buf[4];
    const uint8_t *ports = p->fragoff ? NULL : xt_transport(p, sizeof(buf), buf);
    uint16_t sport, dport;

    if (!ports) {
        p->hotdrop = !p->fragoff;
        return false;
    }
    sport = get_unaligned_be16(ports);
    dport = get_unaligned_be16(ports + 2);
    for (unsigned i = 0; i < m->nr; i++) {
        const struct xt_port_range *r = &m->ranges[i];

        if ((m->which & MULTIPORT_SOURCE && sport >= r->from && sport <= r->to) ||
            (m->which & MULTIPORT_DESTINATION && dport >= r->from && dport <= r->to))
            return !m->invert;
    }
    return m->invert;
}

static void multiport_print_ranges(struct xt_text *out, const struct xt_multiport *m)
{
    for (unsigned i = 0; i < m->nr; i++) {
        xt_print(out, "%s", i ? "," : "");
        xt_ports_print(out, &m->ranges[i]);
    }
}

static void xt_multiport_print(struct xt_text *out, const void *data)
{
    const struct xt_multiport *m = data;

    xt_print(out, "%s %s ", m->invert ? " !" : "", multiport_options[m->which]);
    multiport_print_ranges(out, m);
}

static void xt_multiport_list(struct xt_text *out, const void *data)
{
    const struct xt_multiport *m = data;

    xt_print(out, " multiport %s %s", multiport_options[m->which] + 2, m->invert ? "!" : "");
    multiport_print_ranges(out, m);
}

const struct xt_match xt_multiport_match = {
    .name = "multiport",
    .size = sizeof(struct xt_multiport),
    .match = xt_multiport_match_packet,
    .parse = xt_multiport_parse,
    .check = xt_multiport_check,
    .print = xt_multiport_print,
    .list = xt_multiport_list,
};
