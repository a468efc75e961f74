/*
 * xt_icmp.c - the match that comes with -p icmp: type and code, by number or by the name iptables gives them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/netfilter/iptables_parse.h"
#include "net/netfilter/xt_extensions.h"

#define XT_ICMP_ANY 255 /* as type */

struct xt_icmp {
    uint8_t type, code_from, code_to;
    bool invert, asked;
};

static const struct {
    const char *name;
    uint8_t type, code_from, code_to;
} xt_icmp_names[] = {
    {"any", XT_ICMP_ANY, 0, 255},
    {"echo-reply", 0, 0, 255},
    {"pong", 0, 0, 255},
    {"destination-unreachable", 3, 0, 255},
    {"network-unreachable", 3, 0, 0},
    {"host-unreachable", 3, 1, 1},
    {"protocol-unreachable", 3, 2, 2},
    {"port-unreachable", 3, 3, 3},
    {"fragmentation-needed", 3, 4, 4},
    {"source-route-failed", 3, 5, 5},
    {"network-unknown", 3, 6, 6},
    {"host-unknown", 3, 7, 7},
    {"network-prohibited", 3, 9, 9},
    {"host-prohibited", 3, 10, 10},
    {"TOS-network-unreachable", 3, 11, 11},
    {"TOS-host-unreachable", 3, 12, 12},
    {"communication-prohibited", 3, 13, 13},
    {"host-precedence-violation", 3, 14, 14},
    {"precedence-cutoff", 3, 15, 15},
    {"source-quench", 4, 0, 255},
    {"redirect", 5, 0, 255},
    {"network-redirect", 5, 0, 0},
    {"host-redirect", 5, 1, 1},
    {"TOS-network-redirect", 5, 2, 2},
    {"TOS-host-redirect", 5, 3, 3},
    {"echo-request", 8, 0, 255},
    {"ping", 8, 0, 255},
    {"router-advertisement", 9, 0, 255},
    {"router-solicitation", 10, 0, 255},
    {"time-exceeded", 11, 0, 255},
    {"ttl-exceeded", 11, 0, 255},
    {"ttl-zero-during-transit", 11, 0, 0},
    {"ttl-zero-during-reassembly", 11, 1, 1},
    {"parameter-problem", 12, 0, 255},
    {"ip-header-bad", 12, 0, 0},
    {"required-option-missing", 12, 1, 1},
    {"timestamp-request", 13, 0, 255},
    {"timestamp-reply", 14, 0, 255},
    {"address-mask-request", 17, 0, 255},
    {"address-mask-reply", 18, 0, 255},
};

/* "8" or "3/1" */
static int xt_icmp_parse_numbers(const char *word, struct xt_icmp *i)
{
    const char *slash = strchr(word, '/');
    char type[8];
    uint64_t number, code = 0;

    strlcpy(type, word, sizeof(type));
    if (slash && (size_t)(slash - word) < sizeof(type))
        type[slash - word] = '\0';
    if (xt_parse_number(type, 255, &number) || (slash && xt_parse_number(slash + 1, 255, &code)))
        return -EINVAL;
    i->type = (uint8_t)number;
    i->code_from = (uint8_t)code;
    i->code_to = slash ? (uint8_t)code : 255;
    return 0;
}

static int xt_icmp_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_icmp *i = data;
    const char *word;

    if (strcmp(option, "--icmp-type"))
        return 0;
    if (i->asked)
        return xt_parse_error(in, "--icmp-type stands twice; write a second rule");
    word = xt_parse_word(in);
    if (!word)
        return -EINVAL;
    i->asked = true;
    i->invert = invert;
    for (size_t n = 0; n < ARRAY_SIZE(xt_icmp_names); n++) {
        if (!strcmp(word, xt_icmp_names[n].name)) {
            i->type = xt_icmp_names[n].type;
            i->code_from = xt_icmp_names[n].code_from;
            i->code_to = xt_icmp_names[n].code_to;
            return 1;
        }
    }
    if (xt_icmp_parse_numbers(word, i))
        return xt_parse_error(
            in, "\"%.40s\" is no ICMP type; write a name like echo-request, a number, or type/code: 3/1",
            word);
    return 1;
}

static bool xt_icmp_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_icmp *i = data;
    uint8_t buf[2];
    const uint8_t *header;
    bool fits;

    if (p->fragoff)
        return false;
    header = xt_transport(p, sizeof(buf), buf);
    if (!header) {
        p->hotdrop = true;
        return false;
    }
    fits = i->type == XT_ICMP_ANY ||
           (header[0] == i->type && header[1] >= i->code_from && header[1] <= i->code_to);
    return !i->asked || fits != i->invert;
}

static void xt_icmp_number(struct xt_text *out, const struct xt_icmp *i, const char *between)
{
    if (i->type == XT_ICMP_ANY)
        xt_print(out, "any");
    else if (i->code_from == i->code_to)
        xt_print(out, "%u%s%u", i->type, between, i->code_from);
    else
        xt_print(out, "%u", i->type);
}

static void xt_icmp_print(struct xt_text *out, const void *data)
{
    const struct xt_icmp *i = data;

    if (!i->asked)
        return;
    xt_print(out, "%s --icmp-type ", i->invert ? " !" : "");
    xt_icmp_number(out, i, "/");
}

static void xt_icmp_list(struct xt_text *out, const void *data)
{
    const struct xt_icmp *i = data;

    if (!i->asked)
        return;
    xt_print(out, " %sicmptype ", i->invert ? "!" : "");
    xt_icmp_number(out, i, " code ");
}

const struct xt_match xt_icmp_match = {
    .name = "icmp",
    .proto = IPPROTO_ICMP,
    .size = sizeof(struct xt_icmp),
    .match = xt_icmp_match_packet,
    .parse = xt_icmp_parse,
    .print = xt_icmp_print,
    .list = xt_icmp_list,
};
