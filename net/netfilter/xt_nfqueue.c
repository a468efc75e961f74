/*
 * xt_nfqueue.c - -j NFQUEUE: a program decides about the packet (nf_queue.c).
 */
#include <errno.h>
#include <string.h>

#include "net/netfilter/xt_extensions.h"

struct xt_nfqueue {
    uint16_t number;
    bool numbered, bypass;
};

static int xt_nfqueue_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_nfqueue *q = data;
    uint32_t number;

    if (!strcmp(option, "--queue-bypass")) {
        q->bypass = true;
        return xt_parse_no_invert(in, option, invert) ? -EINVAL : 1;
    }
    if (strcmp(option, "--queue-num"))
        return 0;
    if (q->numbered)
        return xt_parse_error(in, "--queue-num stands here twice; a packet waits in one queue");
    if (xt_parse_no_invert(in, option, invert) || xt_parse_u32(in, 0, 65535, &number))
        return -EINVAL;
    q->number = (uint16_t)number;
    q->numbered = true;
    return 1;
}

static int xt_nfqueue_apply(const void *data, struct xt_packet *p)
{
    const struct xt_nfqueue *q = data;

    return (int)(NF_QUEUE_NR(q->number) | (q->bypass ? NF_QUEUE_BYPASS : 0));
}

static void xt_nfqueue_print(struct xt_text *out, const void *data)
{
    const struct xt_nfqueue *q = data;

    xt_print(out, " --queue-num %u%s", q->number, q->bypass ? " --queue-bypass" : "");
}

static void xt_nfqueue_list(struct xt_text *out, const void *data)
{
    const struct xt_nfqueue *q = data;

    xt_print(out, " NFQUEUE num %u%s", q->number, q->bypass ? " bypass" : "");
}

/* Not in table nat: it sees the first packet of a connection only, and a verdict there decides nothing. */
const struct xt_target xt_nfqueue_target = {
    .name = "NFQUEUE",
    .size = sizeof(struct xt_nfqueue),
    .tables = 1 << XT_RAW | 1 << XT_MANGLE | 1 << XT_FILTER,
    .target = xt_nfqueue_apply,
    .parse = xt_nfqueue_parse,
    .print = xt_nfqueue_print,
    .list = xt_nfqueue_list,
};
