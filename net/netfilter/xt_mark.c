/*
 * xt_mark.c - -m mark and -j MARK: a number that rules hang on a packet, for later rules and queues.
 */
#include "net/netfilter/xt_mark.h"

#include <errno.h>
#include <string.h>

#include "net/netfilter/iptables_parse.h"
#include "net/netfilter/xt_extensions.h"

struct xt_mark {
    uint32_t mark, mask;
    bool invert, asked;
};

int xt_mark_value(struct xt_parse *in, uint32_t *mark, uint32_t *mask)
{
    const char *word = xt_parse_word(in), *slash;
    char first[16];
    uint64_t value, bits = UINT32_MAX;

    if (!word)
        return -EINVAL;
    slash = strchr(word, '/');
    strlcpy(first, word, sizeof(first));
    if (slash && (size_t)(slash - word) < sizeof(first))
        first[slash - word] = '\0';
    if (xt_parse_number(first, UINT32_MAX, &value) ||
        (slash && xt_parse_number(slash + 1, UINT32_MAX, &bits)))
        return xt_parse_error(in, "\"%.40s\" is no mark; write a number, or number/mask: 0x10/0xff", word);
    *mark = (uint32_t)value;
    *mask = (uint32_t)bits;
    return 0;
}

/* --- match --- */

static int xt_mark_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_mark *m = data;

    if (strcmp(option, "--mark"))
        return 0;
    m->asked = true;
    m->invert = invert;
    return xt_mark_value(in, &m->mark, &m->mask) ? -EINVAL : 1;
}

static int xt_mark_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return ((struct xt_mark *)data)->asked ? 0 : xt_parse_error(in, "-m mark needs --mark NUMBER");
}

static bool xt_mark_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_mark *m = data;

    return ((p->skb->mark & m->mask) == m->mark) != m->invert;
}

void xt_mark_print_value(struct xt_text *out, uint32_t mark, uint32_t mask)
{
    xt_print(out, "0x%x", mark);
    if (mask != UINT32_MAX)
        xt_print(out, "/0x%x", mask);
}

static void xt_mark_print(struct xt_text *out, const void *data)
{
    const struct xt_mark *m = data;

    xt_print(out, "%s --mark ", m->invert ? " !" : "");
    xt_mark_print_value(out, m->mark, m->mask);
}

static void xt_mark_list(struct xt_text *out, const void *data)
{
    const struct xt_mark *m = data;

    xt_print(out, " mark match %s", m->invert ? "!" : "");
    xt_mark_print_value(out, m->mark, m->mask);
}

const struct xt_match xt_mark_match = {
    .name = "mark",
    .size = sizeof(struct xt_mark),
    .match = xt_mark_match_packet,
    .parse = xt_mark_parse,
    .check = xt_mark_check,
    .print = xt_mark_print,
    .list = xt_mark_list,
};

/* --- target: mark = (mark & ~mask) ^ value --- */

int xt_mark_change(struct xt_parse *in, const char *option, bool invert, uint32_t *mark, uint32_t *mask)
{
    bool set = !strcmp(option, "--set-mark"), set_xor = !strcmp(option, "--set-xmark");
    bool bit_and = !strcmp(option, "--and-mark"), bit_or = !strcmp(option, "--or-mark");

    if (!set && !set_xor && !bit_and && !bit_or && strcmp(option, "--xor-mark"))
        return 0;
    if (xt_parse_no_invert(in, option, invert) || xt_mark_value(in, mark, mask))
        return -EINVAL;
    if (set) {
        *mask |= *mark;
    } else if (bit_and) {
        *mask = ~*mark;
        *mark = 0;
    } else if (bit_or) {
        *mask = *mark;
    } else if (!set_xor) {
        *mask = 0;
    }
    return 1;
}

static int xt_mark_parse_target(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_mark *m = data;
    uint32_t mark, mask;
    int err = xt_mark_change(in, option, invert, &mark, &mask);

    if (err != 1)
        return err;
    if (m->asked)
        return xt_parse_error(in, "MARK has one value; %s is one too many", option);
    *m = (struct xt_mark){.mark = mark, .mask = mask, .asked = true};
    return 1;
}

static int xt_mark_check_target(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    return ((struct xt_mark *)data)->asked ? 0 : xt_parse_error(in, "-j MARK needs --set-mark NUMBER");
}

static int xt_mark_apply(const void *data, struct xt_packet *p)
{
    const struct xt_mark *m = data;

    p->skb->mark = (p->skb->mark & ~m->mask) ^ m->mark;
    return XT_CONTINUE;
}

static void xt_mark_print_target(struct xt_text *out, const void *data)
{
    const struct xt_mark *m = data;

    xt_print(out, " --set-xmark 0x%x/0x%x", m->mark, m->mask);
}

static void xt_mark_list_target(struct xt_text *out, const void *data)
{
    const struct xt_mark *m = data;

    if (m->mask == UINT32_MAX)
        xt_print(out, " MARK set 0x%x", m->mark);
    else
        xt_print(out, " MARK xset 0x%x/0x%x", m->mark, m->mask);
}

const struct xt_target xt_mark_target = {
    .name = "MARK",
    .size = sizeof(struct xt_mark),
    .target = xt_mark_apply,
    .parse = xt_mark_parse_target,
    .check = xt_mark_check_target,
    .print = xt_mark_print_target,
    .list = xt_mark_list_target,
};
