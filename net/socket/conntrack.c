/*
 * conntrack.c - tracked connections as a program sees them (skiff/conntrack.h).
 */
#include <skiff/conntrack.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "kernel/byteorder.h"
#include "kernel/task.h"
#include "net/netfilter/nf_conntrack.h"
#include "net/socket/socket.h"

static struct net *conntrack_net(void)
{
    struct task *task = current_task();

    return task && task->files ? task->files->net : NULL;
}

static struct skiff_conn_tuple show_tuple(const struct nf_conntrack_tuple *t)
{
    return (struct skiff_conn_tuple){.src = (__force uint32_t)t->src,
                                     .dst = (__force uint32_t)t->dst,
                                     .src_port = be16_to_cpu(t->src_port),
                                     .dst_port = be16_to_cpu(t->dst_port)};
}

static void show_conn(struct skiff_conn *to, const struct nf_conn *ct)
{
    const struct nf_conntrack_tuple *t = nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL);

    *to = (struct skiff_conn){
        .original = show_tuple(t),
        .reply = show_tuple(nf_ct_tuple(ct, IP_CT_DIR_REPLY)),
        .id = ct->id,
        .mark = ct->mark,
        .flags = ct->status & (IPS_SEEN_REPLY | IPS_ASSURED | IPS_SRC_NAT | IPS_DST_NAT),
        .timeout_s = (uint32_t)(nf_ct_expires_in_ms(ct) / 1000),
        .protocol = t->protocol,
    };
    _Static_assert(SKIFF_CONN_SEEN_REPLY == IPS_SEEN_REPLY && SKIFF_CONN_ASSURED == IPS_ASSURED &&
                       SKIFF_CONN_SRC_NAT == IPS_SRC_NAT && SKIFF_CONN_DST_NAT == IPS_DST_NAT,
                   "the same bits");
    if (t->protocol == IPPROTO_TCP)
        snprintf(to->state, sizeof(to->state), "%s", nf_ct_tcp_state_name((enum tcp_conntrack)ct->tcp.state));
}

int conntrack_list(struct net *net, struct skiff_conn *conns, int max, uint64_t *cursor)
{
    const struct nf_conn *ct;
    int count = 0;

    while (count < max && (ct = nf_ct_next(net, cursor)))
        show_conn(&conns[count++], ct);
    return count;
}

static bool match_filter(struct nf_conn *ct, void *ctx)
{
    const struct skiff_conn_filter *f = ctx;
    const struct nf_conntrack_tuple *t = nf_ct_tuple(ct, IP_CT_DIR_ORIGINAL);
    struct skiff_conn_tuple is = show_tuple(t), want = f->original;

    return (!f->id || f->id == ct->id) && (!f->protocol || f->protocol == t->protocol) &&
           (!want.src || want.src == is.src) && (!want.dst || want.dst == is.dst) &&
           (!want.src_port || want.src_port == is.src_port) &&
           (!want.dst_port || want.dst_port == is.dst_port);
}

int conntrack_delete(struct net *net, const struct skiff_conn_filter *filter)
{
    struct skiff_conn_filter all = {.id = 0}, f = filter ? *filter : all;

    return (int)nf_ct_kill_if(net, match_filter, &f);
}

void conntrack_stats(struct net *net, struct skiff_conntrack_stats *stats)
{
    const struct nf_ct_stats *s = &net->ct->stats;

    *stats = (struct skiff_conntrack_stats){
        .found = s->found,
        .invalid = s->invalid,
        .insert = s->insert,
        .insert_failed = s->insert_failed,
        .drop = s->drop,
        .early_drop = s->early_drop,
        .icmp_error = s->icmp_error,
        .clash_resolve = s->clash_resolve,
        .untracked = s->untracked,
        .count = net->ct->count,
        .max = (uint32_t)net->ct->sysctl_max,
    };
}

int skiff_conntrack_list(struct skiff_conn *conns, int max, uint64_t *cursor)
{
    struct net *net = conntrack_net();

    return net ? conntrack_list(net, conns, max, cursor) : 0;
}

int skiff_conntrack_delete(const struct skiff_conn_filter *filter)
{
    struct net *net = conntrack_net();

    return net ? conntrack_delete(net, filter) : 0;
}

void skiff_conntrack_stats(struct skiff_conntrack_stats *stats)
{
    struct net *net = conntrack_net();

    *stats = (struct skiff_conntrack_stats){.count = 0};
    if (net)
        conntrack_stats(net, stats);
}
