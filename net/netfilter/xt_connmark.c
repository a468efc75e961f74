/*
 * xt_connmark.c - -m connmark and -j CONNMARK: a number that rules hang on a connection, and that its packets
 * take from there or bring there.
 *
 * A packet that is not tracked matches nothing and changes nothing.
 */
#include <errno.h>
#include <string.h>

#include "net/netfilter/nf_conntrack.h"
#include "net/netfilter/xt_extensions.h"
#include "net/netfilter/xt_mark.h"

static struct nf_conn *connmark_conn(const struct xt_packet *p)
{
    enum ip_conntrack_info info;

    return nf_ct_get(p->skb, &info);
}

static void connmark_release(struct net *net, void *data)
{
    nf_ct_put_use(net);
}

/* --- match --- */

struct xt_connmark {
    uint32_t mark, mask;
    bool invert, asked;
};

static int xt_connmark_parse(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_connmark *m = data;

    if (strcmp(option, "--mark"))
        return 0;
    m->asked = true;
    m->invert = invert;
    return xt_mark_value(in, &m->mark, &m->mask) ? -EINVAL : 1;
}

static int xt_connmark_check(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    if (!((struct xt_connmark *)data)->asked)
        return xt_parse_error(in, "-m connmark needs --mark NUMBER");
    return nf_ct_get_use(xt_parse_net(in));
}

static bool xt_connmark_match_packet(const void *data, struct xt_packet *p)
{
    const struct xt_connmark *m = data;
    const struct nf_conn *ct = connmark_conn(p);

    return ct && ((ct->mark & m->mask) == m->mark) != m->invert;
}

static void xt_connmark_print(struct xt_text *out, const void *data)
{
    const struct xt_connmark *m = data;

    xt_print(out, "%s --mark ", m->invert ? " !" : "");
    xt_mark_print_value(out, m->mark, m->mask);
}

static void xt_connmark_list(struct xt_text *out, const void *data)
{
    const struct xt_connmark *m = data;

    xt_print(out, " connmark match %s", m->invert ? "!" : "");
    xt_mark_print_value(out, m->mark, m->mask);
}

const struct xt_match xt_connmark_match = {
    .name = "connmark",
    .size = sizeof(struct xt_connmark),
    .match = xt_connmark_match_packet,
    .parse = xt_connmark_parse,
    .check = xt_connmark_check,
    .print = xt_connmark_print,
    .list = xt_connmark_list,
    .destroy = connmark_release,
};

/* --- target --- */

enum connmark_mode { CONNMARK_NONE, CONNMARK_SET, CONNMARK_SAVE, CONNMARK_RESTORE };

struct xt_connmark_target {
    enum connmark_mode mode;
    bool masked;           /* a mask was written */
    uint32_t mark, ctmask; /* SET: connection = (connection & ~ctmask) ^ mark */
    uint32_t nfmask;       /* SAVE, RESTORE: these bits of the packet, ctmask: those of the connection */
};

static int connmark_set_mode(struct xt_parse *in, const char *option, struct xt_connmark_target *t,
                             enum connmark_mode mode)
{
    if (t->mode != CONNMARK_NONE)
        return xt_parse_error(in, "CONNMARK does one thing; write a second rule for %s", option);
    t->mode = mode;
    return 1;
}

/* --nfmask, --ctmask, or --mask for both. */
static int connmark_parse_mask(struct xt_parse *in, const char *option, struct xt_connmark_target *t)
{
    bool nf = !strcmp(option, "--nfmask"), ct = !strcmp(option, "--ctmask");
    uint32_t mask;

    if (!nf && !ct && strcmp(option, "--mask"))
        return 0;
    if (xt_parse_u32(in, 0, UINT32_MAX, &mask))
        return -EINVAL;
    if (!t->masked)
        t->nfmask = t->ctmask = UINT32_MAX;
    t->masked = true;
    if (!ct)
        t->nfmask = mask;
    if (!nf)
        t->ctmask = mask;
    return 1;
}

static int xt_connmark_parse_target(struct xt_parse *in, const char *option, bool invert, void *data)
{
    struct xt_connmark_target *t = data;
    uint32_t mark, mask;
    int err = xt_mark_change(in, option, invert, &mark, &mask);

    if (err == 1) {
        t->mark = mark;
        t->ctmask = mask;
        return connmark_set_mode(in, option, t, CONNMARK_SET);
    }
    if (err)
        return err;
    if (!strcmp(option, "--save-mark"))
        err = connmark_set_mode(in, option, t, CONNMARK_SAVE);
    else if (!strcmp(option, "--restore-mark"))
        err = connmark_set_mode(in, option, t, CONNMARK_RESTORE);
    else
        err = connmark_parse_mask(in, option, t);
    return err == 1 && xt_parse_no_invert(in, option, invert) ? -EINVAL : err;
}

static int xt_connmark_check_target(struct xt_parse *in, const struct xt_rule *rule, void *data)
{
    struct xt_connmark_target *t = data;

    if (t->mode == CONNMARK_NONE)
        return xt_parse_error(in, "-j CONNMARK needs --set-mark NUMBER, --save-mark or --restore-mark");
    if (t->mode == CONNMARK_SET && t->masked)
        return xt_parse_error(in,
                              "a mask goes with --save-mark or --restore-mark; write --set-mark 0x1/0xff");
    if (t->mode != CONNMARK_SET && !t->masked)
        t->nfmask = t->ctmask = UINT32_MAX;
    return nf_ct_get_use(xt_parse_net(in));
}

static int xt_connmark_apply(const void *data, struct xt_packet *p)
{
    const struct xt_connmark_target *t = data;
    struct nf_conn *ct = connmark_conn(p);
    struct sk_buff *skb = p->skb;

    if (!ct)
        return XT_CONTINUE;
    switch (t->mode) {
    case CONNMARK_NONE:
        break;
    case CONNMARK_SET:
        ct->mark = (ct->mark & ~t->ctmask) ^ t->mark;
        break;
    case CONNMARK_SAVE:
        ct->mark = (ct->mark & ~t->ctmask) ^ (skb->mark & t->nfmask);
        break;
    case CONNMARK_RESTORE:
        skb->mark = (skb->mark & ~t->nfmask) ^ (ct->mark & t->ctmask);
        break;
    }
    return XT_CONTINUE;
}

static void xt_connmark_print_target(struct xt_text *out, const void *data)
{
    const struct xt_connmark_target *t = data;

    if (t->mode == CONNMARK_SET)
        xt_print(out, " --set-xmark 0x%x/0x%x", t->mark, t->ctmask);
    else
        xt_print(out, " --%s-mark --nfmask 0x%x --ctmask 0x%x", t->mode == CONNMARK_SAVE ? "save" : "restore",
                 t->nfmask, t->ctmask);
}

static void xt_connmark_list_target(struct xt_text *out, const void *data)
{
    const struct xt_connmark_target *t = data;

    if (t->mode == CONNMARK_SET && t->ctmask == UINT32_MAX)
        xt_print(out, " CONNMARK set 0x%x", t->mark);
    else if (t->mode == CONNMARK_SET)
        xt_print(out, " CONNMARK xset 0x%x/0x%x", t->mark, t->ctmask);
    else
        xt_print(out, " CONNMARK %s nfmask 0x%x ctmask 0x%x", t->mode == CONNMARK_SAVE ? "save" : "restore",
                 t->nfmask, t->ctmask);
}

const struct xt_target xt_connmark_target = {
    .name = "CONNMARK",
    .size = sizeof(struct xt_connmark_target),
    .target = xt_connmark_apply,
    .parse = xt_connmark_parse_target,
    .check = xt_connmark_check_target,
    .print = xt_connmark_print_target,
    .list = xt_connmark_list_target,
    .destroy = connmark_release,
};
