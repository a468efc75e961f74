/*
 * xt_extensions.h - every match and target there is, for the lists in x_tables.c.
 */
#ifndef NET_NETFILTER_XT_EXTENSIONS_H
#define NET_NETFILTER_XT_EXTENSIONS_H

#include "net/netfilter/x_tables.h"

extern const struct xt_match xt_tcp_match, xt_udp_match, xt_icmp_match, xt_multiport_match, xt_limit_match,
    xt_hashlimit_match, xt_mark_match, xt_mac_match, xt_ttl_match, xt_length_match, xt_set_match,
    xt_comment_match, xt_tos_match, xt_dscp_match, xt_addrtype_match, xt_pkttype_match, xt_conntrack_match,
    xt_state_match, xt_connlimit_match, xt_connmark_match;

extern const struct xt_target xt_reject_target, xt_log_target, xt_mark_target, xt_ttl_target, xt_tos_target,
    xt_dscp_target, xt_tcpmss_target, xt_notrack_target, xt_ct_target, xt_dnat_target, xt_snat_target,
    xt_redirect_target, xt_masquerade_target, xt_nfqueue_target, xt_connmark_target, xt_set_target;

#endif
