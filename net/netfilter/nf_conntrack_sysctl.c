/*
 * nf_conntrack_sysctl.c - the settings of connection tracking: net.netfilter.*, times in seconds as Linux has
 * them.
 */
#include "net/netfilter/nf_conntrack_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* --- figures to be read only --- */

static int nf_ct_get_count(struct net *net, char *buf, size_t size)
{
    return snprintf(buf, size, "%u", net->ct->count);
}

static int nf_ct_get_buckets(struct net *net, char *buf, size_t size)
{
    return snprintf(buf, size, "%u", net->ct->hash ? net->ct->buckets : 0);
}

/* --- tracking without a rule that asks for it --- */

static int nf_ct_get_always(struct net *net, char *buf, size_t size)
{
    return snprintf(buf, size, "%d", net->ct->sysctl_always);
}

static int nf_ct_set_always(struct net *net, const char *value)
{
    bool on = !strcmp(value, "1");
    int err = 0;

    if (!on && strcmp(value, "0") != 0)
        return -EINVAL;
    if (on == !!net->ct->sysctl_always)
        return 0;
    if (on)
        err = nf_ct_get_use(net);
    else
        nf_ct_put_use(net);
    if (!err)
        net->ct->sysctl_always = on;
    return err;
}

static const struct sysctl_text nf_ct_count_text = {.get = nf_ct_get_count};
static const struct sysctl_text nf_ct_buckets_text = {.get = nf_ct_get_buckets};
static const struct sysctl_text nf_ct_always_text = {.get = nf_ct_get_always, .set = nf_ct_set_always};

/* --- all of them --- */

static void nf_ct_default_timeouts(struct netns_ct *n)
{
    static const int tcp[TCP_CONNTRACK_MAX] = {
        [TCP_CONNTRACK_SYN_SENT] = 120,       [TCP_CONNTRACK_SYN_RECV] = 60,
        [TCP_CONNTRACK_ESTABLISHED] = 432000, [TCP_CONNTRACK_FIN_WAIT] = 120,
        [TCP_CONNTRACK_CLOSE_WAIT] = 60,      [TCP_CONNTRACK_LAST_ACK] = 30,
        [TCP_CONNTRACK_TIME_WAIT] = 120,      [TCP_CONNTRACK_CLOSE] = 10,
        [TCP_CONNTRACK_SYN_SENT2] = 120,
    };

    memcpy(n->timeout_tcp, tcp, sizeof(tcp));
    n->timeout_tcp_max_retrans = n->timeout_tcp_unacked = 300;
    n->timeout_udp = 30;
    n->timeout_udp_stream = 120;
    n->timeout_icmp = 30;
    n->timeout_generic = 600;
}

void nf_ct_register_sysctls(struct net *net)
{
    struct netns_ct *n = net->ct;
    int *tcp = n->timeout_tcp;
    const int longest = INT_MAX / 1000;
    const struct sysctl_entry entries[] = {
        {"net.netfilter.nf_conntrack_max", &n->sysctl_max, 1, 1, 4194304},
        {"net.netfilter.nf_conntrack_count", (void *)&nf_ct_count_text, SYSCTL_TEXT, 0, 0},
        {"net.netfilter.nf_conntrack_buckets", (void *)&nf_ct_buckets_text, SYSCTL_TEXT, 0, 0},
        {"net.netfilter.nf_conntrack_always", (void *)&nf_ct_always_text, SYSCTL_TEXT, 0, 0},
        {"net.netfilter.nf_conntrack_checksum", &n->sysctl_checksum, 1, 0, 1},
        {"net.netfilter.nf_conntrack_log_invalid", &n->sysctl_log_invalid, 1, 0, 255},
        {"net.netfilter.nf_conntrack_tcp_loose", &n->sysctl_tcp_loose, 1, 0, 1},
        {"net.netfilter.nf_conntrack_tcp_be_liberal", &n->sysctl_tcp_be_liberal, 1, 0, 1},
        {"net.netfilter.nf_conntrack_tcp_max_retrans", &n->sysctl_tcp_max_retrans, 1, 1, 255},
        {"net.netfilter.nf_conntrack_tcp_timeout_syn_sent", &tcp[TCP_CONNTRACK_SYN_SENT], 1, 1, longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_syn_recv", &tcp[TCP_CONNTRACK_SYN_RECV], 1, 1, longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_established", &tcp[TCP_CONNTRACK_ESTABLISHED], 1, 1,
         longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_fin_wait", &tcp[TCP_CONNTRACK_FIN_WAIT], 1, 1, longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_close_wait", &tcp[TCP_CONNTRACK_CLOSE_WAIT], 1, 1, longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_last_ack", &tcp[TCP_CONNTRACK_LAST_ACK], 1, 1, longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_time_wait", &tcp[TCP_CONNTRACK_TIME_WAIT], 1, 1, longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_close", &tcp[TCP_CONNTRACK_CLOSE], 1, 1, longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_max_retrans", &n->timeout_tcp_max_retrans, 1, 1, longest},
        {"net.netfilter.nf_conntrack_tcp_timeout_unacknowledged", &n->timeout_tcp_unacked, 1, 1, longest},
        {"net.netfilter.nf_conntrack_udp_timeout", &n->timeout_udp, 1, 1, longest},
        {"net.netfilter.nf_conntrack_udp_timeout_stream", &n->timeout_udp_stream, 1, 1, longest},
        {"net.netfilter.nf_conntrack_icmp_timeout", &n->timeout_icmp, 1, 1, longest},
        {"net.netfilter.nf_conntrack_generic_timeout", &n->timeout_generic, 1, 1, longest},
        {NULL, NULL, 0, 0, 0},
    };
    _Static_assert(ARRAY_SIZE(entries) <= NF_CT_SYSCTL_MAX, "room for all settings");

    n->sysctl_checksum = 1;
    n->sysctl_tcp_loose = 1;
    n->sysctl_tcp_max_retrans = 3;
    nf_ct_default_timeouts(n);
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        n->sysctl_entries[i] = entries[i];
    register_sysctl(net, &n->sysctl, n->sysctl_entries);
}
