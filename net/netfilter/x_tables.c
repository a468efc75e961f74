/*
 * x_tables.c - the names behind -m and -j: one line for each match and each target.
 */
#include "net/netfilter/x_tables.h"

#include <string.h>

#include "net/netfilter/xt_extensions.h"
#include "net/netfilter/xt_rules.h"

static const struct xt_match *const xt_matches[] = {
    &xt_tcp_match,       &xt_udp_match,       &xt_icmp_match,  &xt_multiport_match, &xt_limit_match,
    &xt_hashlimit_match, &xt_mark_match,      &xt_mac_match,   &xt_ttl_match,       &xt_length_match,
    &xt_set_match,       &xt_comment_match,   &xt_tos_match,   &xt_dscp_match,      &xt_addrtype_match,
    &xt_pkttype_match,   &xt_conntrack_match, &xt_state_match, &xt_connlimit_match, &xt_connmark_match,
};

static const struct xt_target *const xt_targets[] = {
    &xt_reject_target,     &xt_log_target,     &xt_mark_target,     &xt_ttl_target,
    &xt_tos_target,        &xt_dscp_target,    &xt_tcpmss_target,   &xt_notrack_target,
    &xt_ct_target,         &xt_dnat_target,    &xt_snat_target,     &xt_redirect_target,
    &xt_masquerade_target, &xt_nfqueue_target, &xt_connmark_target, &xt_set_target,
};

const struct xt_match *xt_find_match(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(xt_matches); i++)
        if (!strcmp(xt_matches[i]->name, name))
            return xt_matches[i];
    return NULL;
}

const struct xt_target *xt_find_target(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(xt_targets); i++)
        if (!strcmp(xt_targets[i]->name, name))
            return xt_targets[i];
    return NULL;
}

uint8_t xt_rule_protocol(const struct xt_rule *rule)
{
    return rule->protocol & rule->protocol_mask;
}
